#include "config.h"

#include "pop3d/pop3d.h"

#include <stdio.h>

static struct pop3_msg *message(struct pop3_session *s, uint64_t number)
{
	struct pop3_msg *m = number && number <= s->box.msgs.n ? &s->box.msgs.v[number - 1] : NULL;
	if (m && !m->deleted)
		return m;
	pop3_io_put(&s->io, "-ERR no such message\r\n");
	return NULL;
}

static void totals(const struct pop3_session *s, uint64_t *count, uint64_t *size)
{
	*count = *size = 0;
	for (size_t i = 0; i < s->box.msgs.n; i++)
		if (!s->box.msgs.v[i].deleted) {
			++*count;
			*size += s->box.msgs.v[i].id.size;
		}
}

static void capa(struct pop3_session *s)
{
	pop3_io_put(&s->io, "+OK here is what I can do\r\n"
			    "TOP\r\nUSER\r\nLOGIN-DELAY 10\r\nPIPELINING\r\nUIDL\r\nRESP-CODES\r\n"
			    "AUTH-RESP-CODE\r\nEXPIRE NEVER\r\nUTF8 USER\r\nLANG\r\n"
			    "IMPLEMENTATION Courier Mail Server\r\n.\r\n");
}

static void stat_(struct pop3_session *s)
{
	uint64_t count, size;
	totals(s, &count, &size);
	pop3_io_put(
	    &s->io, "+OK %llu %llu\r\n", (unsigned long long)count, (unsigned long long)size);
}

static void list_line(struct pop3_session *s, const struct pop3_msg *m, const char *before)
{
	pop3_io_put(&s->io, "%s%zu %llu\r\n", before, (size_t)(m - s->box.msgs.v) + 1,
	    (unsigned long long)m->id.size);
}

static void uidl_line(struct pop3_session *s, const struct pop3_msg *m, const char *before)
{
	struct buf id;
	buf_init(&id, 1024);
	if (m->enomem)
		buf_addz(&id, m->enomem);
	else
		sizelist_uidl(&m->id, &id);
	pop3_io_put(&s->io, "%s%zu %s\r\n", before, (size_t)(m - s->box.msgs.v) + 1, id.p);
	buf_free(&id);
}

static void listing(struct pop3_session *s, const struct pop3_command *c,
    void (*line)(struct pop3_session *, const struct pop3_msg *, const char *))
{
	if (c->has_number) {
		struct pop3_msg *m = message(s, c->number);
		if (m)
			line(s, m, "+OK ");
		return;
	}
	pop3_io_put(&s->io, "+OK the list follows\r\n");
	for (size_t i = 0; i < s->box.msgs.n; i++)
		if (!s->box.msgs.v[i].deleted)
			line(s, &s->box.msgs.v[i], "");
	pop3_io_put(&s->io, ".\r\n");
}

static void retr(struct pop3_session *s, const struct pop3_command *c)
{
	char ok[64];
	struct pop3_msg *m = message(s, c->number);
	if (!m)
		return;
	snprintf(ok, sizeof ok, "+OK %llu octets follow\r\n", (unsigned long long)m->id.size);
	if (pop3_send(s, m, UINT64_MAX, ok) < 0) {
		pop3_io_put(&s->io, "-ERR [SYS/TEMP] the message can't be read any more\r\n");
		return;
	}
	s->retr_bytes += m->id.size;
	pop3_box_seen(&s->box, m);
}

static void top(struct pop3_session *s, const struct pop3_command *c)
{
	struct pop3_msg *m = message(s, c->number);
	if (!m)
		return;
	uint64_t before = s->io.sent + s->io.output.n;
	if (pop3_send(s, m, c->lines, "+OK the top follows\r\n") < 0)
		pop3_io_put(&s->io, "-ERR [SYS/TEMP] the message can't be read any more\r\n");
	else
		s->top_bytes += s->io.sent + s->io.output.n - before;
}

static void dele(struct pop3_session *s, const struct pop3_command *c)
{
	struct pop3_msg *m = message(s, c->number);
	if (!m)
		return;
	m->deleted = true;
	pop3_io_put(&s->io, "+OK marked as deleted\r\n");
}

static void rset(struct pop3_session *s)
{
	for (size_t i = 0; i < s->box.msgs.n; i++)
		s->box.msgs.v[i].deleted = false;
	pop3_io_put(&s->io, "+OK nothing is deleted\r\n");
}

static void lang(struct pop3_session *s, const struct pop3_command *c)
{
	if (!c->word.n)
		pop3_io_put(&s->io, "+OK languages\r\ni-default Default\r\nen English\r\n.\r\n");
	else if (str_is(c->word, "*") || str_iis(c->word, "en") || str_iis(c->word, "i-default"))
		pop3_io_put(
		    &s->io, "+OK %s\r\n", str_iis(c->word, "i-default") ? "i-default" : "en");
	else
		pop3_io_put(&s->io, "-ERR there is no such language\r\n");
}

static void quit(struct pop3_session *s)
{
	char who[600];
	snprintf(who, sizeof who, "user=%s, ip=[%s], port=[%s]", s->user, s->peer_ip, s->peer_port);
	if (pop3_box_expunge(&s->box, s->log_deletions ? who : NULL))
		pop3_io_put(
		    &s->io, "-ERR [SYS/PERM] some deleted messages could not be removed\r\n");
	else
		pop3_io_put(&s->io, "+OK bye\r\n");
}

bool pop3_run(struct pop3_session *s, const struct pop3_command *c)
{
	if (c->verb == POP3_UNKNOWN || c->bad) {
		pop3_io_put(&s->io, c->bad ? "-ERR the arguments are wrong\r\n"
					   : "-ERR there is no such command\r\n");
		return true;
	}
	switch (c->verb) {
	case POP3_CAPA:
		capa(s);
		break;
	case POP3_DELE:
		dele(s, c);
		break;
	case POP3_LANG:
		lang(s, c);
		break;
	case POP3_LIST:
		listing(s, c, list_line);
		break;
	case POP3_RETR:
		retr(s, c);
		break;
	case POP3_RSET:
		rset(s);
		break;
	case POP3_STAT:
		stat_(s);
		break;
	case POP3_TOP:
		top(s, c);
		break;
	case POP3_UIDL:
		listing(s, c, uidl_line);
		break;
	case POP3_UTF8:
		s->utf8 = true;
		pop3_io_put(&s->io, "+OK UTF8 it is\r\n");
		break;
	case POP3_QUIT:
		quit(s);
		return false;
	case POP3_NOOP:
	case POP3_UNKNOWN:
		pop3_io_put(&s->io, "+OK\r\n");
		break;
	}
	return true;
}
