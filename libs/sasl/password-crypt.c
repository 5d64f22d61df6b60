#include "config.h"

#include "sasl/password-private.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>

enum password_verdict password_crypt_verify(
    const struct password_scheme *s UNUSED, struct str value, struct str password)
{
	struct crypt_data *data = mem_zero(sizeof *data);
	char *setting = mem_strndup(value.p, value.n),
	     *phrase = mem_strndup(password.p, password.n);
	const char *got = crypt_rn(phrase, setting, data, sizeof *data);
	enum password_verdict v = !got                                ? PASSWORD_UNKNOWN
				  : password_same(str_of(got), value) ? PASSWORD_RIGHT
								      : PASSWORD_WRONG;
	mem_wipe(phrase, password.n);
	mem_wipe(data, sizeof *data);
	free(data);
	free(phrase);
	free(setting);
	return v;
}

static char *new_setting(const struct password_scheme *s)
{
	const char *prefix = strcmp(s->name, "crypt") == 0    ? NULL /* libcrypt's default */
			     : strcmp(s->name, "bcrypt") == 0 ? "$2b$"
							      : s->start;
	return crypt_gensalt_ra(prefix, 0, NULL, 0);
}

bool password_crypt_make(const struct password_scheme *s, struct str password, struct buf *out)
{
	char *setting = new_setting(s);
	if (!setting) {
		errno = EINVAL;
		return false;
	}
	struct crypt_data *data = mem_zero(sizeof *data);
	char *phrase = mem_strndup(password.p, password.n);
	const char *got = crypt_rn(phrase, setting, data, sizeof *data);
	bool ok = got && buf_addz(out, got);
	mem_wipe(phrase, password.n);
	mem_wipe(data, sizeof *data);
	free(data);
	free(phrase);
	free(setting);
	return ok;
}
