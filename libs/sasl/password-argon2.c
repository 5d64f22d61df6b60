#include "config.h"

#include "sasl/password-private.h"

#include <argon2.h>
#include <stdlib.h>

/* RFC 9106, section 4, the second recommended choice, with one lane: verifiers run side by side */
enum { PASSES = 3, MEMORY_KIB = 64 * 1024, LANES = 1, SALT = 16, TAG = 32, ENCODED_MAX = 256 };

static argon2_type type_of(const struct password_scheme *s)
{
	return strcmp(s->name, "argon2id") == 0 ? Argon2_id : Argon2_i;
}

enum password_verdict password_argon2_verify(
    const struct password_scheme *s, struct str value, struct str password)
{
	char *encoded = mem_strndup(value.p, value.n);
	int r = argon2_verify(encoded, password.p, password.n, type_of(s)); /* constant time */
	free(encoded);
	return r == ARGON2_OK                ? PASSWORD_RIGHT
	       : r == ARGON2_VERIFY_MISMATCH ? PASSWORD_WRONG
					     : PASSWORD_UNKNOWN;
}

bool password_argon2_make(const struct password_scheme *s, struct str password, struct buf *out)
{
	unsigned char salt[SALT];
	char encoded[ENCODED_MAX];
	random_bytes(salt, sizeof salt);
	int r = argon2_hash(PASSES, MEMORY_KIB, LANES, password.p, password.n, salt, sizeof salt,
	    NULL, TAG, encoded, sizeof encoded, type_of(s), ARGON2_VERSION_13);
	return r == ARGON2_OK && buf_addz(out, encoded);
}
