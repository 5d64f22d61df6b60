/* Plain digests, with and without salt: weak, but there are old databases full of them. */
#include "config.h"

#include "sasl/password-private.h"

#include <openssl/evp.h>

enum { DIGEST_MAX = 64, SALT = 16 };

struct form {
	const char *scheme, *digest;
	bool hex, salted;
};

static const struct form forms[] = {
    {"md5", "MD5", false, false},
    {"md5raw", "MD5", true, false},
    {"sha", "SHA1", false, false},
    {"sha256", "SHA256", false, false},
    {"sha512", "SHA512", false, false},
    {"ssha", "SHA1", false, true},
    {"ssha256", "SHA256", false, true},
    {"ssha512", "SHA512", false, true},
};

static const struct form *form_of(const struct password_scheme *s)
{
	size_t i = 0;
	while (strcmp(forms[i].scheme, s->name) != 0)
		i++;
	return &forms[i];
}

/* The digest's length, 0 on failure. */
static size_t digest(
    const struct form *f, struct str password, struct str salt, unsigned char out[DIGEST_MAX])
{
	unsigned n = 0;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestInit_ex(c, EVP_get_digestbyname(f->digest), NULL) == 1 &&
		  EVP_DigestUpdate(c, password.p, password.n) == 1 &&
		  (salt.n == 0 || EVP_DigestUpdate(c, salt.p, salt.n) == 1) &&
		  EVP_DigestFinal_ex(c, out, &n) == 1;
	EVP_MD_CTX_free(c);
	return ok ? n : 0;
}

enum password_verdict password_digest_verify(
    const struct password_scheme *s, struct str value, struct str password)
{
	const struct form *f = form_of(s);
	unsigned char made[DIGEST_MAX];
	struct buf have;
	buf_init(&have, PASSWORD_STORED_MAX);
	bool ok = f->hex ? hex_decode(value, &have) : base64_decode(value, &have);
	size_t size = (size_t)EVP_MD_get_size(EVP_get_digestbyname(f->digest));
	enum password_verdict v = PASSWORD_UNKNOWN;
	if (ok && (f->salted ? have.n > size : have.n == size) &&
	    digest(f, password, str_skip(buf_str(&have), size), made))
		v = password_same(str_at(made, size), str_head(buf_str(&have), size))
			? PASSWORD_RIGHT
			: PASSWORD_WRONG;
	mem_wipe(made, sizeof made);
	buf_free(&have);
	return v;
}

bool password_digest_make(const struct password_scheme *s, struct str password, struct buf *out)
{
	const struct form *f = form_of(s);
	unsigned char made[DIGEST_MAX + SALT], salt[SALT];
	size_t salt_n = f->salted ? SALT : 0;
	random_bytes(salt, sizeof salt);
	size_t n = digest(f, password, str_at(salt, salt_n), made);
	if (n == 0)
		return false;
	memcpy(made + n, salt, salt_n);
	struct str all = str_at(made, n + salt_n);
	return f->hex ? hex_encode(all, out) : base64_encode(all, out);
}
