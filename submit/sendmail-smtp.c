/*
 * sendmail -bs: SMTP on standard input and output, for programs that speak it through a pipe.  What
 * they say is trusted as much as what they would give to sendmail without it.  Lines may end with
 * LF alone, since no network is in between.
 */
#include "config.h"

#include "smtp/smtp.h"
#include "submit/sendmail.h"
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

struct dialogue {
	struct gate_sync *gate;
	struct arena *arena; /* of one command */
	struct str me;
	char *line;
	size_t line_room;
	bool quit, lost; /* lost: the gate is gone */
	bool hello, mail;
	bool utf8;
	size_t rcpts;
};

enum { COMMAND_ARENA_MAX = 256 * 1024, DATA_LINE_MAX = 16 * 1024 * 1024 };

static void put(struct dialogue *d, unsigned code, struct str enhanced, struct str text)
{
	struct buf out;
	(void)d;
	buf_init(&out, 128 * 1024);
	smtp_reply_put(&out, code, enhanced, text);
	fwrite(out.p, 1, out.n, stdout);
	fflush(stdout);
	buf_free(&out);
}

static void put_id(struct dialogue *d, enum smtp_reply_id id)
{
	const struct smtp_reply *r = smtp_reply(id);
	put(d, r->code, str_of(r->enhanced), str_of(r->text));
}

static void put_gate(struct dialogue *d, int result, const struct gate_reply *r)
{
	if (result < 0) {
		d->lost = true;
		put_id(d, SMTP_R_NO_GATE);
	} else
		put(d, r->code, r->enhanced, r->text);
}

/* The next line without its end; false at the end of input. */
static bool next_line(struct dialogue *d, struct str *line)
{
	ssize_t n = getline(&d->line, &d->line_room, stdin);
	if (n <= 0 || n > DATA_LINE_MAX)
		return false;
	if (n && d->line[n - 1] == '\n')
		n--;
	if (n && d->line[n - 1] == '\r')
		n--;
	*line = str_at(d->line, (size_t)n);
	return true;
}

static void forget(struct dialogue *d)
{
	if (d->mail && gate_sync_reset(d->gate) < 0)
		d->lost = true;
	d->mail = false;
	d->rcpts = 0;
}

static void on_helo(struct dialogue *d, struct str args)
{
	if (args.n == 0) {
		put_id(d, SMTP_R_BAD_HELO);
		return;
	}
	forget(d);
	d->hello = true;
	put(d, 250, STR_NONE, d->me.n ? d->me : STR("localhost"));
}

static void on_ehlo(struct dialogue *d, struct str args)
{
	struct buf text;
	if (args.n == 0) {
		put_id(d, SMTP_R_BAD_HELO);
		return;
	}
	forget(d);
	d->hello = true;
	buf_init(&text, 1024);
	buf_addf(&text,
	    "%.*s "
	    "Ok.\nPIPELINING\n8BITMIME\nSMTPUTF8\nSIZE\nDSN\nENHANCEDSTATUSCODES\nXVERP=Courier",
	    STR_FMT(d->me.n ? d->me : STR("localhost")));
	put(d, 250, STR_NONE, buf_str(&text));
	buf_free(&text);
}

enum {
	EXTENSIONS =
	    SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_DSN | SMTP_EXT_SMTPUTF8 | SMTP_EXT_VERP
};

static void on_mail(struct dialogue *d, struct str args)
{
	struct smtp_mail m;
	struct gate_reply r = {0};
	if (d->mail || !d->hello) {
		put_id(d, d->mail ? SMTP_R_NESTED_MAIL : SMTP_R_NEED_HELO);
		return;
	}
	enum smtp_reply_id bad = smtp_mail_parse(d->arena, args, EXTENSIONS, &m);
	if (bad != SMTP_R_NONE) {
		put_id(d, bad);
		return;
	}
	struct gate_mail mail = {
	    .sender = m.address,
	    .with = m.smtputf8 ? "UTF8SMTP" : "ESMTP",
	    .envid = m.envid,
	    .ret = m.ret,
	    .body8 = m.body == SMTP_BODY_8BITMIME,
	    .smtputf8 = m.smtputf8,
	    .verp = m.verp,
	    .size = m.size,
	};
	int result = gate_sync_mail(d->gate, &mail, &r);
	d->mail = result == 0 && r.code < 300;
	d->utf8 = m.smtputf8;
	put_gate(d, result, &r);
}

static void on_rcpt(struct dialogue *d, struct str args)
{
	struct smtp_rcpt rcpt;
	struct gate_reply r = {0};
	enum smtp_reply_id bad = d->mail
				     ? smtp_rcpt_parse(d->arena, args, EXTENSIONS, d->utf8, &rcpt)
				     : SMTP_R_NEED_MAIL;
	if (bad != SMTP_R_NONE) {
		put_id(d, bad);
		return;
	}
	struct gate_rcpt to = {rcpt.address, rcpt.orcpt, rcpt.notify};
	int result = gate_sync_rcpt(d->gate, &to, &r);
	d->rcpts += result == 0 && r.code < 300;
	put_gate(d, result, &r);
}

/* Sends what is collected on; false when the gate is gone. */
static bool flush(struct dialogue *d, struct buf *chunk)
{
	bool good = gate_sync_data(d->gate, buf_str(chunk)) == 0;
	buf_clear(chunk);
	return good;
}

static bool read_text(struct dialogue *d, bool *ended)
{
	struct buf chunk;
	struct str line;
	bool good = true;
	buf_init(&chunk, DATA_LINE_MAX + IPC_CHUNK);
	*ended = false;
	while (good && next_line(d, &line)) {
		*ended = str_is(line, ".");
		if (*ended)
			break;
		if (line.n && line.p[0] == '.')
			line = str_skip(line, 1);
		buf_adds(&chunk, line);
		buf_addc(&chunk, '\n');
		good = !chunk.failed && (chunk.n < IPC_CHUNK || flush(d, &chunk));
	}
	good = good && flush(d, &chunk);
	buf_free(&chunk);
	return good;
}

static void on_data(struct dialogue *d, struct str args)
{
	struct gate_reply r = {0};
	bool ended;
	if (args.n || !d->mail || d->rcpts == 0) {
		put_id(d, args.n ? SMTP_R_ARGUMENT : d->mail ? SMTP_R_NEED_RCPT : SMTP_R_NEED_MAIL);
		return;
	}
	put_id(d, SMTP_R_START_DATA);
	bool good = read_text(d, &ended);
	if (good && !ended) { /* the writer died: it was not told that anything is accepted */
		d->quit = true;
		return;
	}
	int result = good ? gate_sync_end(d->gate, &r) : -1;
	d->mail = false;
	d->rcpts = 0;
	put_gate(d, result, &r);
}

static void on_rset(struct dialogue *d, struct str args)
{
	(void)args;
	forget(d);
	put_id(d, SMTP_R_OK);
}

static void on_noop(struct dialogue *d, struct str args)
{
	(void)args;
	put_id(d, SMTP_R_OK);
}

static void look_up(struct dialogue *d, struct str args, bool expand)
{
	struct gate_reply r = {0};
	struct str address;
	bool utf8;
	enum smtp_reply_id bad = smtp_vrfy_parse(d->arena, args, &utf8, &address);
	if (bad != SMTP_R_NONE)
		put_id(d, bad);
	else
		put_gate(d, gate_sync_vrfy(d->gate, address, expand, &r), &r);
}

static void on_vrfy(struct dialogue *d, struct str args)
{
	look_up(d, args, false);
}

static void on_expn(struct dialogue *d, struct str args)
{
	look_up(d, args, true);
}

static void on_help(struct dialogue *d, struct str args)
{
	(void)args;
	put_id(d, SMTP_R_HELP);
}

static void on_quit(struct dialogue *d, struct str args)
{
	(void)args;
	d->quit = true;
	put_id(d, SMTP_R_BYE);
}

static void perform(struct dialogue *d, struct str line)
{
	static void (*const verbs[SMTP_VERBS])(struct dialogue * d, struct str args) = {
	    [SMTP_HELO] = on_helo,
	    [SMTP_EHLO] = on_ehlo,
	    [SMTP_MAIL] = on_mail,
	    [SMTP_RCPT] = on_rcpt,
	    [SMTP_DATA] = on_data,
	    [SMTP_RSET] = on_rset,
	    [SMTP_NOOP] = on_noop,
	    [SMTP_VRFY] = on_vrfy,
	    [SMTP_EXPN] = on_expn,
	    [SMTP_HELP] = on_help,
	    [SMTP_QUIT] = on_quit,
	};
	struct smtp_command c;
	smtp_command_parse(line, &c);
	if (verbs[c.verb])
		verbs[c.verb](d, c.args);
	else
		put_id(d, SMTP_R_UNKNOWN);
}

int sendmail_smtp(const struct instance *in, struct str me)
{
	struct gate_origin origin = {.source = "local"};
	struct dialogue d = {.me = me, .gate = gate_sync_open(in, &origin)};
	struct str line;
	if (!d.gate) {
		put_id(&d, SMTP_R_NO_GATE);
		return EX_TEMPFAIL;
	}
	d.arena = arena_new(COMMAND_ARENA_MAX);
	char *greeting = mem_printf("%.*s ESMTP", STR_FMT(me.n ? me : STR("localhost")));
	put(&d, 220, STR_NONE, str_of(greeting));
	free(greeting);
	while (d.arena && !d.quit && !d.lost && next_line(&d, &line)) {
		arena_reset(d.arena);
		perform(&d, line);
	}
	gate_sync_close(d.gate);
	arena_free(d.arena);
	free(d.line);
	return d.lost ? EX_TEMPFAIL : EX_OK;
}
