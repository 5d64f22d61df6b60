#include "config.h"

#include "sasl/sasl-private.h"

static enum sasl_status take_password(struct sasl_server *x, struct str password)
{
	/* A NUL would end the password for crypt(3): "x\0y" must not be taken for "x". */
	if (password.n == 0 || password.n > SASL_PASSWORD_MAX || memchr(password.p, 0, password.n))
		return SASL_FAILED;
	buf_adds(&x->password, password);
	return SASL_PASSWORD;
}

/* authzid NUL authcid NUL passwd.  Nobody may act for somebody else here. */
enum sasl_status sasl_plain_step(struct sasl_server *x, struct str in, struct buf *out UNUSED)
{
	struct str authzid, authcid;
	if (!in.p)
		return x->step++ == 0 ? SASL_MORE : SASL_FAILED;
	if (!str_split(&in, 0, &authzid) || !str_split(&in, 0, &authcid) || !sasl_name_ok(authcid))
		return SASL_FAILED;
	if (authzid.n && !str_eq(authzid, authcid))
		return SASL_FAILED;
	buf_adds(&x->user, authcid);
	return take_password(x, in);
}

/* Never standardised: two prompts; the user name may come as initial response. */
enum sasl_status sasl_login_step(struct sasl_server *x, struct str in, struct buf *out)
{
	if (x->step == 0 && !in.p) {
		x->step = 1;
		buf_addz(out, "Username:");
		return SASL_MORE;
	}
	if (x->step < 2) {
		if (!sasl_name_ok(in))
			return SASL_FAILED;
		x->step = 2;
		buf_adds(&x->user, in);
		buf_addz(out, "Password:");
		return SASL_MORE;
	}
	return take_password(x, in);
}
