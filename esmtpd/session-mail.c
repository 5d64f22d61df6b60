/* MAIL, RCPT, DATA: the message on its way to the gate. */
#include "config.h"
#include "esmtpd/session.h"

#include <stdlib.h>

enum {
	MULTI_RESULT = 558, /* EXDATA: some recipients got the message, perhaps */
	DATA_LEAST = 4096,  /* less than this, and no line: a slow client's, it can wait */
};

/* The word behind "with" in Received (RFC 3848, RFC 6531). */
static const char *with_word(const struct session *s, bool utf8)
{
	static const char *const words[2][4] = {
	    {"ESMTP", "ESMTPS", "ESMTPA", "ESMTPSA"},
	    {"UTF8SMTP", "UTF8SMTPS", "UTF8SMTPA", "UTF8SMTPSA"},
	};

	if (!s->esmtp)
		return "SMTP";
	return words[utf8][(s->secure ? 1 : 0) + (s->login ? 2 : 0)];
}

static void mail_answered(void *ctx, const struct gate_reply *r)
{
	struct session *s = ctx;

	if (r->code < 300)
		s->state = ST_MAIL;
	session_pass(s, r);
	if (s->state != ST_MAIL)
		session_reset(s);
	if (!s->penalised)
		session_wake(s);
}

/* When the message may leave (RFC 4865); 0: at once. */
static int64_t release_time(const struct smtp_mail *m)
{
	return m->hold_for ? clock_now() + m->hold_for : m->hold_until;
}

static void ask_mail(struct session *s, const struct smtp_mail *m)
{
	int64_t release = release_time(m), now = clock_now();
	struct gate_mail g = {
	    .sender = m->address,
	    .helo = str_of(s->helo),
	    .login = str_of(s->login),
	    .with = with_word(s, m->smtputf8),
	    .envid = m->envid,
	    .ret = m->ret,
	    .body8 = m->body >= SMTP_BODY_8BITMIME,
	    .binary = m->body == SMTP_BODY_BINARYMIME,
	    .security = m->security,
	    .requiretls = m->requiretls,
	    .release = release,
	    .by_mode = m->by.mode,
	    .by_trace = m->by.trace,
	    .by = m->by.mode ? (release > now ? release : now) + m->by.seconds : 0,
	    .smtputf8 = m->smtputf8,
	    .verp = m->verp,
	    .exdata = m->exdata || m->prdr,
	    .size = m->size,
	};
	struct buf tls;

	buf_init(&tls, 256);
	if (s->outer_tls)
		buf_addz(&tls, s->outer_tls);
	else if (s->secure)
		tls_describe(s->stream, &tls);
	g.tls = buf_str(&tls);
	gate_mail(s->txn, &g, mail_answered, s);
	buf_free(&tls);
	session_wait(s, GATE_ANSWER_MS);
}

/* FUTURERELEASE is for those who have said who they are. */
static enum smtp_reply_id hold_fault(const struct session *s, const struct smtp_mail *m)
{
	int64_t release = release_time(m);

	if (!release)
		return SMTP_R_NONE;
	if (!s->login)
		return SMTP_R_NEED_AUTH;
	return release > clock_now() + s->settings->hold_max ? SMTP_R_HOLD_TOO_LONG : SMTP_R_NONE;
}

void session_mail(struct session *s, struct str args)
{
	struct smtp_mail m;
	if (session_hold_mail(s, args))
		return;
	enum smtp_reply_id r = smtp_mail_parse(s->server->arena, args, session_extensions(s), &m);

	if (r == SMTP_R_NONE)
		r = hold_fault(s, &m);
	if (r == SMTP_R_NONE && s->settings->max_mails && ++s->mails > s->settings->max_mails)
		r = SMTP_R_TOO_MANY_MAILS;
	if (r != SMTP_R_NONE) {
		session_say(s, r);
		return;
	}
	session_set(&s->sender, m.address.n ? m.address : STR(""));
	s->utf8 = m.smtputf8;
	s->binary = m.body == SMTP_BODY_BINARYMIME;
	s->prdr = m.prdr;
	s->rcpts = 0;
	if (s->policy.size_limit && m.size > s->policy.size_limit) {
		session_say(s, SMTP_R_TOO_LARGE);
		session_reset(s);
		return;
	}
	ask_mail(s, &m);
}

static void rcpt_answered(void *ctx, const struct gate_reply *r)
{
	struct session *s = ctx;

	if (r->code < 300) {
		s->state = ST_RCPT;
		s->rcpts++;
	}
	session_pass(s, r);
	session_set(&s->rcpt, STR_NONE);
	if (!s->penalised)
		session_wake(s);
}

void session_rcpt(struct session *s, struct str args)
{
	struct smtp_rcpt m;
	enum smtp_reply_id r =
	    smtp_rcpt_parse(s->server->arena, args, session_extensions(s), s->utf8, &m);

	if (r == SMTP_R_NONE && s->policy.max_rcpts && s->rcpts >= s->policy.max_rcpts)
		r = SMTP_R_TOO_MANY_RCPTS;
	if (r != SMTP_R_NONE) {
		session_say(s, r);
		return;
	}
	session_set(&s->rcpt, m.address);
	gate_rcpt(s->txn,
	    &(struct gate_rcpt){.address = m.address, .orcpt = m.orcpt, .notify = m.notify},
	    rcpt_answered, s);
	session_wait(s, GATE_ANSWER_MS);
}

void session_data(struct session *s, struct str args)
{
	if (args.n) {
		session_say(s, SMTP_R_ARGUMENT);
		return;
	}
	if (s->binary) {
		session_say(s, SMTP_R_NEED_BDAT);
		return;
	}
	smtp_data_init(&s->data);
	s->oversize = false;
	s->state = ST_DATA;
	session_say(s, SMTP_R_START_DATA);
}

static void end_answered(void *ctx, const struct gate_reply *r)
{
	struct session *s = ctx;

	s->state = ST_READY; /* whatever it says, the message is the gate's or nobody's */
	if (r->code == MULTI_RESULT && s->prdr)
		session_pass_each(s, r);
	else
		session_pass(s, r);
	if (r->code < 300 || r->code == MULTI_RESULT) {
		s->server->accepted_messages++;
		log_info(NULL, "accepted,id=%.*s,relay=%s,port=%u,session=%s", STR_FMT(r->id),
		    s->peer_log, s->peer_port, s->id);
		s->idle = 0;
		s->refused = 0;
	}
	session_reset(s);
	if (!s->penalised)
		session_wake(s);
}

void session_end_message(struct session *s)
{
	gate_end(s->txn, end_answered, s);
	session_wait(s, GATE_ANSWER_MS);
}

/* A text that the gate shall not have. */
static void refuse_data(struct session *s, enum smtp_reply_id why)
{
	session_say(s, why);
	session_reset(s);
}

static void writable(void *ctx)
{
	struct session *s = ctx;

	if (s->congested) {
		s->congested = false;
		session_wake(s);
	}
}

void session_give(struct session *s, size_t n)
{
	if (s->policy.size_limit && s->data.size > s->policy.size_limit)
		s->oversize = true;
	if (n == 0 || s->data.bare || s->oversize)
		return;
	if (!gate_data(s->txn, str_at(s->server->chunk, n), writable, s)) {
		s->congested = true;
		session_wait(s, GATE_ANSWER_MS);
	}
}

bool session_data_input(struct session *s)
{
	struct str in = str_head(stream_input(s->stream), sizeof s->server->chunk);
	size_t n, used;

	if (s->data.done) { /* was only held up by congestion */
		session_end_message(s);
		return true;
	}
	if (in.n < DATA_LEAST && str_chr(in, '\n') < 0)
		return false;
	used = smtp_data_feed(&s->data, in, s->server->chunk, &n);
	stream_consume(s->stream, used);
	session_give(s, n);
	if (!s->data.done)
		return !s->waiting;
	if (s->data.bare)
		refuse_data(s, SMTP_R_BARE_DATA);
	else if (s->oversize)
		refuse_data(s, SMTP_R_TOO_LARGE);
	else if (!s->congested)
		session_end_message(s);
	return true;
}
