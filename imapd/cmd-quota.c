/* QUOTA (RFC 2087): one root, "ROOT", for the whole Maildir. */
#include "config.h"

#include "imapd/session.h"

#include <errno.h>

static void put_quota(struct session *s)
{
	struct maildir_quota q;
	const char *sep = "";
	if (maildir_quota_read(".", &q) != 0) {
		io_putz(&s->io, "* QUOTA \"ROOT\" ()\r\n");
		return;
	}
	io_putz(&s->io, "* QUOTA \"ROOT\" (");
	if (q.bytes < 0)
		q.bytes = 0;
	if (q.count < 0)
		q.count = 0;
	if (q.max_bytes > 0) {
		io_putf(&s->io, "STORAGE %lld %lld", (long long)(q.bytes + 1023) / 1024,
		    (long long)(q.max_bytes + 1023) / 1024);
		sep = " ";
	}
	if (q.max_count > 0)
		io_putf(
		    &s->io, "%sMESSAGE %lld %lld", sep, (long long)q.count, (long long)q.max_count);
	io_putz(&s->io, ")\r\n");
}

void cmd_getquota(struct session *s, struct parser *p)
{
	struct str root;
	if (!parse_sp(p) || !parse_astring(p, &root) || !parse_end(p)) {
		reply_bad(s, "Quota root expected");
	} else if (!str_is(root, "ROOT")) {
		reply_no(s, "[NONEXISTENT] There is no such quota root");
	} else {
		put_quota(s);
		reply_ok(s, "GETQUOTA completed");
	}
}

void cmd_getquotaroot(struct session *s, struct parser *p)
{
	char *name;
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return;
	}
	if (!name_argument(s, p, &name))
		return;
	if (!parse_end(p)) {
		reply_bad(s, "One mailbox name expected");
		return;
	}
	io_putz(&s->io, "* QUOTAROOT ");
	put_name(s, name);
	io_putz(&s->io, name_folder(name) ? " \"ROOT\"\r\n" : "\r\n");
	if (name_folder(name))
		put_quota(s);
	reply_ok(s, "GETQUOTAROOT completed");
}

void cmd_setquota(struct session *s, struct parser *p)
{
	(void)p;
	reply_no(s, "[NOPERM] Quota is set by the administrator");
}
