/* Commands of any state. */
#include "config.h"

#include "imapd/condstore.h"
#include "unicode/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

/* Words that only make sense before login. */
static bool before_login(struct str word)
{
	return str_istarts(word, STR("AUTH=")) || str_iis(word, "STARTTLS") ||
	       str_iis(word, "LOGINDISABLED") || str_iis(word, "SASL-IR");
}

void capability_put(struct session *s, struct buf *out)
{
	struct str rest = str_of(s->cfg.capability), word;
	const char *sep = "";
	while (str_word(&rest, &word)) {
		if (before_login(word))
			continue;
		buf_addf(out, "%s%.*s", sep, STR_FMT(word));
		if (str_iis(word, "APPENDLIMIT") && s->cfg.append_max)
			buf_addf(out, "=%llu", (unsigned long long)s->cfg.append_max);
		sep = " ";
	}
	if (s->cfg.acl)
		buf_addz(out, " ACL ACL2=UNION");
	if (*s->cfg.id_fields)
		buf_addz(out, " ID");
	if (*s->cfg.outbox) {
		buf_addz(out, " XCOURIEROUTBOX=INBOX.");
		utf7_imap_encode(str_of(s->cfg.outbox), out);
	}
	if (s->cfg.move_expunge_to_trash)
		buf_addz(out, " XMAGICTRASH");
}

void cmd_capability(struct session *s, struct parser *p)
{
	struct buf b;
	if (!parse_end(p)) {
		reply_bad(s, "CAPABILITY takes no argument");
		return;
	}
	buf_init(&b, 8192);
	capability_put(s, &b);
	io_putf(&s->io, "* CAPABILITY %s\r\n", b.p);
	buf_free(&b);
	reply_ok(s, "CAPABILITY completed");
}

void cmd_noop(struct session *s, struct parser *p)
{
	if (parse_end(p))
		reply_ok(s, "NOOP completed");
	else
		reply_bad(s, "NOOP takes no argument");
}

void cmd_logout(struct session *s, struct parser *p)
{
	if (!parse_end(p)) {
		reply_bad(s, "LOGOUT takes no argument");
		return;
	}
	io_putz(&s->io, "* BYE Courier-IMAP server shutting down\r\n");
	reply_ok(s, "LOGOUT completed");
	s->logout = true;
}

void cmd_namespace(struct session *s, struct parser *p)
{
	if (!parse_end(p)) {
		reply_bad(s, "NAMESPACE takes no argument");
		return;
	}
	io_putz(&s->io, "* NAMESPACE ((\"INBOX.\" \".\")) NIL "
			"((\"#shared.\" \".\")(\"shared.\" \".\"))\r\n");
	reply_ok(s, "NAMESPACE completed");
}

/* "(" string SP nstring ... ")"; what the client says of itself goes to the log. */
static bool id_fields(struct parser *p, struct buf *out)
{
	struct str name, value;
	if (parse_word(p, "NIL"))
		return true;
	if (!parse_char(p, '('))
		return false;
	while (!parse_char(p, ')')) {
		if (!parse_string(p, &name) || !parse_sp(p))
			return false;
		if (parse_word(p, "NIL"))
			value = STR_NONE;
		else if (!parse_string(p, &value))
			return false;
		buf_addf(out, ", %.*s=\"%.*s\"", STR_FMT(name), STR_FMT(value));
		parse_sp(p);
	}
	return true;
}

static void put_id(struct session *s)
{
	uint64_t what = 0;
	struct utsname un;
	bool system = uname(&un) == 0;
	str_u64(str_of(s->cfg.id_fields), &what);
	io_putz(&s->io, "* ID (\"name\" \"Courier-IMAP\"");
	if (what & 1)
		io_putz(&s->io, " \"version\" \"" PACKAGE_VERSION "\"");
	if ((what & 2) && system)
		io_putf(&s->io, " \"os\" \"%s\"", un.sysname);
	if ((what & 4) && system)
		io_putf(&s->io, " \"os-version\" \"%s\"", un.release);
	io_putz(&s->io, ")\r\n");
}

void cmd_id(struct session *s, struct parser *p)
{
	struct buf said;
	if (!*s->cfg.id_fields) {
		reply_bad(s, "Command not understood");
		return;
	}
	buf_init(&said, 4096);
	if (parse_sp(p) && id_fields(p, &said) && parse_end(p)) {
		log_info(NULL, "ID, user=%s%s", s->user, said.p);
		put_id(s);
		reply_ok(s, "ID completed");
	} else {
		reply_bad(s, "ID takes NIL or a list of pairs");
	}
	buf_free(&said);
}

void cmd_enable(struct session *s, struct parser *p)
{
	struct str word;
	bool any = false, utf8 = false, condstore = false, qresync = false;
	while (parse_sp(p) && parse_atom(p, &word)) {
		any = true;
		utf8 |= str_iis(word, "UTF8=ACCEPT");
		condstore |= str_iis(word, "CONDSTORE");
		qresync |= str_iis(word, "QRESYNC");
	}
	if (!any || !parse_end(p)) {
		reply_bad(s, "ENABLE takes a list of capabilities");
		return;
	}
	io_putf(&s->io, "* ENABLED%s%s%s\r\n", utf8 ? " UTF8=ACCEPT" : "",
	    condstore ? " CONDSTORE" : "", qresync ? " QRESYNC" : "");
	s->utf8 |= utf8;
	s->qresync |= qresync;
	if (condstore || qresync)
		condstore_start(s); /* a folder that keeps none does not make it fail */
	reply_ok(s, "ENABLE completed");
}
