#include "config.h"

#include "auth/auth-proto.h"

void auth_put_account(struct ipc *c, const struct auth_account *a)
{
	ipc_put_str(c, a->name);
	ipc_put_str(c, a->sysuser);
	ipc_put_u32(c, a->uid);
	ipc_put_u32(c, a->gid);
	ipc_put_str(c, a->home);
	ipc_put_str(c, a->maildir);
	ipc_put_str(c, a->quota);
	ipc_put_str(c, a->fullname);
	ipc_put_str(c, a->options);
}

void auth_get_account(struct ipc_reader *r, struct auth_account *a)
{
	a->name = ipc_get_str(r);
	a->sysuser = ipc_get_str(r);
	a->uid = ipc_get_u32(r);
	a->gid = ipc_get_u32(r);
	a->home = ipc_get_str(r);
	a->maildir = ipc_get_str(r);
	a->quota = ipc_get_str(r);
	a->fullname = ipc_get_str(r);
	a->options = ipc_get_str(r);
}

bool auth_full_name(struct str name, struct str domain, struct str separators, struct buf *out)
{
	if (!separators.n)
		separators = str_head(domain, 1);
	buf_adds(out, name);
	for (size_t i = 0; i < name.n; i++)
		if (memchr(separators.p, name.p[i], separators.n))
			return !out->failed;
	buf_adds(out, domain);
	return !out->failed;
}
