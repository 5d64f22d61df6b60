#include "config.h"

#include "sasl/password-private.h"

#include <openssl/crypto.h>

/*
 * The schemes.  `prefix` is what stands in braces; `start` what the crypt-like string begins with.
 * The first row that fits a record is its scheme.
 */
static const struct password_scheme schemes[] = {
    {"yescrypt", NULL, "$y$", password_crypt_verify, password_crypt_make},
    {"bcrypt", "BLF-CRYPT", "$2", password_crypt_verify, password_crypt_make},
    {"sha512-crypt", "SHA512-CRYPT", "$6$", password_crypt_verify, password_crypt_make},
    {"sha256-crypt", "SHA256-CRYPT", "$5$", password_crypt_verify, password_crypt_make},
    {"md5-crypt", "MD5-CRYPT", "$1$", password_crypt_verify, password_crypt_make},
    {"argon2id", "ARGON2ID", "$argon2id$", password_argon2_verify, password_argon2_make},
    {"argon2i", "ARGON2I", "$argon2i$", password_argon2_verify, password_argon2_make},
    {"md5", "MD5", NULL, password_digest_verify, password_digest_make},
    {"md5raw", "MD5RAW", NULL, password_digest_verify, password_digest_make},
    {"sha", "SHA", NULL, password_digest_verify, password_digest_make},
    {"sha256", "SHA256", NULL, password_digest_verify, password_digest_make},
    {"sha512", "SHA512", NULL, password_digest_verify, password_digest_make},
    {"ssha", "SSHA", NULL, password_digest_verify, password_digest_make},
    {"ssha256", "SSHA256", NULL, password_digest_verify, password_digest_make},
    {"ssha512", "SSHA512", NULL, password_digest_verify, password_digest_make},
    {"scram-sha-1", "SCRAM-SHA-1", NULL, password_scram_verify, password_scram_make},
    {"scram-sha-256", "SCRAM-SHA-256", NULL, password_scram_verify, password_scram_make},
    {"plain", "PLAIN", NULL, password_plain_verify, password_plain_make},
    {"plain", "CLEARTEXT", NULL, password_plain_verify, password_plain_make},
    /* last: any other crypt(3) string */
    {"crypt", "CRYPT", "", password_crypt_verify, password_crypt_make},
};

bool password_same(struct str a, struct str b)
{
	return a.n == b.n && CRYPTO_memcmp(a.p ? a.p : "", b.p ? b.p : "", a.n) == 0;
}

static const struct password_scheme *by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (strcasecmp(schemes[i].name, name) == 0)
			return &schemes[i];
	return NULL;
}

static const struct password_scheme *by_start(struct str stored)
{
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (schemes[i].start && str_starts(stored, str_of(schemes[i].start)))
			return &schemes[i];
	return NULL;
}

/* The scheme of a record, and what follows its prefix. */
static const struct password_scheme *split(struct str stored, struct str *value)
{
	*value = stored;
	if (stored.n == 0 || stored.p[0] != '{')
		return by_start(stored);
	ptrdiff_t close = str_chr(stored, '}');
	if (close < 0)
		return NULL;
	struct str prefix = str_range(stored.p + 1, stored.p + close);
	*value = str_skip(stored, (size_t)close + 1);
	if (str_iis(prefix, "CRYPT"))
		return by_start(*value);
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (schemes[i].prefix && str_iis(prefix, schemes[i].prefix))
			return &schemes[i];
	return NULL;
}

enum password_verdict password_verify(struct str stored, struct str password)
{
	struct str value;
	if (stored.n == 0 || stored.n > PASSWORD_STORED_MAX || memchr(stored.p, 0, stored.n) ||
	    (password.n && memchr(password.p, 0, password.n)))
		return PASSWORD_WRONG;
	if (str_is(stored, "x") || stored.p[0] == '*' || stored.p[0] == '!')
		return PASSWORD_WRONG; /* locked, or kept elsewhere */
	const struct password_scheme *s = split(stored, &value);
	return s ? s->verify(s, value, password) : PASSWORD_UNKNOWN;
}

bool password_make(const char *scheme, struct str password, struct buf *out)
{
	const struct password_scheme *s = by_name(scheme);
	if (!s || password.n == 0 || password.n > 1024 || memchr(password.p, 0, password.n))
		return false;
	if (s->prefix && !s->start)
		buf_addf(out, "{%s}", s->prefix);
	return s->make(s, password, out) && !out->failed;
}

bool password_scheme_known(const char *scheme)
{
	return by_name(scheme) != NULL;
}

const char *const *password_schemes(void)
{
	static const char *names[ARRAY_LEN(schemes) + 1];
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (n == 0 || strcmp(names[n - 1], schemes[i].name) != 0)
			names[n++] = schemes[i].name;
	names[n] = NULL;
	return names;
}

const char *password_scheme_of(struct str stored)
{
	struct str value;
	const struct password_scheme *s = stored.n ? split(stored, &value) : NULL;
	return s ? s->name : NULL;
}

const char *password_scheme_after(struct str stored)
{
	static const char *const no_more[] = {
	    "md5", "md5raw", "sha", "sha256", "sha512", "md5-crypt"};
	const char *scheme = password_scheme_of(stored);
	for (size_t i = 0; scheme && i < ARRAY_LEN(no_more); i++)
		if (strcmp(scheme, no_more[i]) == 0)
			return "crypt";
	return scheme ? scheme : "crypt";
}

struct str password_dummy(void)
{
	/* made once from random bytes that nobody has kept */
	return STR("$y$j9T$jU/k54OzluPFHHuOKAk4$IKno0YLzKYYkdmVS43U4GuKHapZKlJWkUMu8o6IF042");
}
