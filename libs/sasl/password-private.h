/* The rows of password.c and the arms behind them. */
#ifndef COURIER_SASL_PASSWORD_PRIVATE_H
#define COURIER_SASL_PASSWORD_PRIVATE_H

#include "sasl/password.h"

struct password_scheme {
	const char *name;
	const char *prefix; /* in braces; NULL: none */
	const char
	    *start; /* of strings that name their scheme themselves; NULL: needs the prefix */
	enum password_verdict (*verify)(
	    const struct password_scheme *s, struct str value, struct str password);
	bool (*make)(const struct password_scheme *s, struct str password, struct buf *out);
};

#define PASSWORD_ARM(kind)                                                           \
	enum password_verdict password_##kind##_verify(                              \
	    const struct password_scheme *s, struct str value, struct str password); \
	bool password_##kind##_make(                                                 \
	    const struct password_scheme *s, struct str password, struct buf *out);
PASSWORD_ARM(crypt)
PASSWORD_ARM(argon2)
PASSWORD_ARM(digest)
PASSWORD_ARM(scram)
PASSWORD_ARM(plain)

bool password_same(struct str a, struct str b); /* constant time for equal lengths */

#endif
