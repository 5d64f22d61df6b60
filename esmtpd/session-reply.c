/* Replies: collected, counted, logged, delayed. */
#include "config.h"
#include "esmtpd/session.h"

#include <stdlib.h>

static void log_dialog(struct session *s, const char *arrow, struct str text)
{
	struct str line;

	while (str_split(&text, '\n', &line)) {
		while (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n)
			log_info(NULL, "dialog,session=%s %s %.*s", s->id, arrow, STR_FMT(line));
	}
}

static const char *or_empty(const char *z)
{
	return z ? z : "";
}

/* by_gate: it is about the addresses; else about the command.  What the original did not have comes
 * last. */
static void log_reply(struct session *s, bool by_gate, unsigned code, struct str text)
{
	struct str line = STR_NONE;

	str_split(&text, '\n', &line);
	if (by_gate && s->rcpt)
		log_record(LOG_LEVEL_ERROR, NULL,
		    "error,relay=%s,port=%u,from=<%s>,to=<%s>: %u %.*s,session=%s", s->peer_log,
		    s->peer_port, or_empty(s->sender), s->rcpt, code, STR_FMT(line), s->id);
	else if (by_gate && s->sender)
		log_record(LOG_LEVEL_ERROR, NULL,
		    "error,relay=%s,port=%u,from=<%s>: %u %.*s,session=%s", s->peer_log,
		    s->peer_port, s->sender, code, STR_FMT(line), s->id);
	else
		log_record(LOG_LEVEL_ERROR, NULL,
		    "error,relay=%s,port=%u,msg=\"%u %.*s\",cmd: %s,session=%s", s->peer_log,
		    s->peer_port, code, STR_FMT(line), or_empty(s->command), s->id);
}

/* The more errors, the longer the answer takes: 1, 2, 4, ... seconds. */
static void penalise(struct session *s)
{
	int64_t ms = 1000;

	s->errors++;
	if (!s->policy.tarpit)
		return;
	for (uint32_t i = 1; i < s->errors && ms < s->settings->tarpit_max_ms; i++)
		ms *= 2;
	s->penalised = true;
	session_wait(s, ms < s->settings->tarpit_max_ms ? ms : s->settings->tarpit_max_ms);
}

static void put(struct session *s, unsigned code, struct str enhanced, struct str text)
{
	size_t before = s->out.n;

	smtp_reply_put(&s->out, code, enhanced, text);
	if (s->out.failed) {
		session_abort(s);
		return;
	}
	if (s->settings->log_dialog)
		log_dialog(s, "<", str_skip(buf_str(&s->out), before));
	if (code == 421)
		s->last = true;
}

void session_say_text(struct session *s, enum smtp_reply_id id, struct str text)
{
	const struct smtp_reply *r = smtp_reply(id);

	put(s, r->code, str_of(r->enhanced), text);
	if (r->code < 400 || r->code == 421)
		return;
	log_reply(s, false, r->code, text);
	s->bad++;
	if (s->bad >= s->settings->max_bad && !s->last) {
		session_say(s, SMTP_R_TOO_MANY_ERRORS);
		return;
	}
	penalise(s);
}

void session_say(struct session *s, enum smtp_reply_id id)
{
	session_say_text(s, id, str_of(smtp_reply(id)->text));
}

void session_pass(struct session *s, const struct gate_reply *r)
{
	put(s, r->code, r->enhanced, r->text);
	if (r->code < 400)
		return;
	log_reply(s, true, r->code, r->text);
	if (r->code == 558) /* results of recipients, with their own codes */
		return;
	s->refused++;
	if (s->refused >= s->settings->max_refused && !s->last)
		session_say(s, SMTP_R_TOO_MANY_ERRORS);
	else if (r->code >= 500)
		penalise(s);
}

/*
 * What the gate says of each recipient, as PRDR has it: 353, a reply for each in the order of their
 * RCPTs, and a last one that says whether anybody has the message.
 */
void session_pass_each(struct session *s, const struct gate_reply *r)
{
	struct str rest = r->text, line;
	struct smtp_reply_line l;
	bool some = false, later = false;

	session_say(s, SMTP_R_EACH);
	while (str_split(&rest, '\n', &line)) {
		if (!smtp_reply_line_parse(line, &l))
			continue;
		buf_adds(&s->out, line);
		buf_addz(&s->out, "\r\n");
		some |= l.code < 300;
		later |= l.code >= 400 && l.code < 500;
		if (l.last && l.code >= 400)
			log_reply(s, true, l.code, l.text);
	}
	const struct smtp_reply *all = smtp_reply(some    ? SMTP_R_OK
						  : later ? SMTP_R_NOBODY_NOW
							  : SMTP_R_NOBODY);
	put(s, all->code, str_of(all->enhanced), str_of(all->text));
}

void session_flush(struct session *s)
{
	if (!s->out.n)
		return;
	stream_put(s->stream, buf_str(&s->out));
	buf_free(&s->out);
}
