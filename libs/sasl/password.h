/*
 * libs/sasl, password.h: stored passwords: checking them and making them.
 *
 * A stored password is a crypt(3) string (yescrypt, sha512-crypt, bcrypt, $1$, DES: all that the
 * system's libcrypt knows), an argon2 string ($argon2id$..., $argon2i$...), or a record with a
 * prefix in braces whose case does not matter:
 *
 *	{CRYPT}, {BLF-CRYPT}, {MD5-CRYPT}, {SHA256-CRYPT}, {SHA512-CRYPT}   a crypt(3) string
 *	{ARGON2I}, {ARGON2ID}                                            an argon2 string
 *	{MD5} {SHA} {SHA256} {SHA512}   base64 of the digest;  {MD5RAW}  in hexadecimal
 *	{SSHA} {SSHA256} {SSHA512}      base64 of digest(password, salt) and the salt
 *	{SCRAM-SHA-1} {SCRAM-SHA-256}   as sasl.h has them
 *	{PLAIN} {CLEARTEXT}             the password itself
 *
 * Checking takes as long as the record wants (argon2: a second and a gigabyte if it says so): call
 *it where nobody waits.  Comparisons take the same time wherever the difference is.
 */
#ifndef COURIER_SASL_PASSWORD_H
#define COURIER_SASL_PASSWORD_H

#include "base/base.h"

enum password_verdict {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,
	PASSWORD_UNKNOWN, /* this record can't be checked: no such scheme, or it is broken */
};

enum { PASSWORD_STORED_MAX = 1024 };

/* An empty record, "x", "*" and "!..." are never right. */
enum password_verdict password_verify(struct str stored, struct str password);

/*
 * A record of a new random salt.  scheme: "yescrypt", "bcrypt", "sha512-crypt", "sha256-crypt",
 * "md5-crypt", "argon2id", "argon2i", "crypt" (the default of libcrypt), "md5", "md5raw", "sha",
 * "ssha", "sha256", "sha512", "ssha256", "ssha512", "scram-sha-1", "scram-sha-256", "plain". False:
 * no such scheme, or the password can't be stored in it (errno EINVAL).
 */
bool password_make(const char *scheme, struct str password, struct buf *out);
bool password_scheme_known(const char *scheme);
const char *const *password_schemes(void); /* all of the above, NULL at the end */

/* The scheme of a record, as password_make wants it; NULL: unknown.  "Same scheme as before" when a
 * password is changed. */
const char *password_scheme_of(struct str stored);
/* The scheme for the password that takes a record's place: the same, but "crypt" for an unknown
 * one, one without a salt, and those that are old enough to be guessed ($1$, DES). */
const char *password_scheme_after(struct str stored);

/* A record that no password fits and that takes as long as one of the default scheme. */
struct str password_dummy(void);

#endif
