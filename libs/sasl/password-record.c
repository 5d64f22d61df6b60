/* SCRAM records and passwords kept as they are. */
#include "config.h"

#include "sasl/password-private.h"
#include "sasl/sasl.h"

static const char *hash_of(const struct password_scheme *s)
{
	return strcmp(s->name, "scram-sha-1") == 0 ? "sha1" : "sha256";
}

enum password_verdict password_scram_verify(
    const struct password_scheme *s, struct str value, struct str password)
{
	int r = sasl_scram_verify(hash_of(s), value, password);
	return r < 0 ? PASSWORD_UNKNOWN : r ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

bool password_scram_make(const struct password_scheme *s, struct str password, struct buf *out)
{
	unsigned char salt[SASL_SCRAM_SALT_SIZE];
	random_bytes(salt, sizeof salt);
	return sasl_scram_record(
	    hash_of(s), password, str_at(salt, sizeof salt), SASL_SCRAM_ITERATIONS, out);
}

enum password_verdict password_plain_verify(
    const struct password_scheme *s UNUSED, struct str value, struct str password)
{
	return password_same(value, password) ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

bool password_plain_make(
    const struct password_scheme *s UNUSED, struct str password, struct buf *out)
{
	return buf_adds(out, password);
}
