/* The verbs: a table of who may say what when, and the small ones. */
#include "config.h"
#include "esmtpd/session.h"

#include <stdlib.h>

struct verb {
	enum smtp_verb verb;
	unsigned states;          /* where it is allowed */
	enum smtp_reply_id wrong; /* the answer elsewhere; SMTP_R_NONE: by what is missing */
	bool open;                /* also before the authentication and TLS that are required */
	bool idle;                /* does not get a message any further */
	void (*run)(struct session *s, struct str args);
};

static const char *take_helo(struct session *s, struct str args)
{
	if (!args.n)
		session_say(s, SMTP_R_NO_ARGUMENT);
	else if (!smtp_helo_ok(args))
		session_say(s, SMTP_R_BAD_HELO);
	else {
		session_reset(s);
		session_set(&s->helo, args);
		s->state = ST_READY;
		return s->policy.host;
	}
	return NULL;
}

static void helo(struct session *s, struct str args)
{
	const char *host = take_helo(s, args);
	char *text;

	if (!host)
		return;
	s->esmtp = false;
	text = arena_printf(s->server->arena, "%s %s", host, smtp_reply(SMTP_R_HELO)->text);
	session_say_text(s, SMTP_R_HELO, str_of(text));
}

static void ehlo(struct session *s, struct str args)
{
	const char *host = take_helo(s, args);
	struct buf b;

	if (!host)
		return;
	s->esmtp = true;
	session_auth_channel(s);
	buf_init(&b, SESSION_GROUP_MAX);
	buf_addf(&b, "%s %s\n", host, smtp_reply(SMTP_R_HELO)->text);
	if (session_auth_words(s)[0])
		buf_addf(&b, "AUTH %s\n", session_auth_words(s));
	if (session_offers_tls(s))
		buf_addz(&b, "STARTTLS\n");
	session_offer(s, &b);
	session_say_text(s, SMTP_R_HELO, buf_str(&b));
	buf_free(&b);
}

static void rset(struct session *s, struct str args)
{
	if (args.n) {
		session_say(s, SMTP_R_ARGUMENT);
		return;
	}
	session_reset(s);
	session_say(s, SMTP_R_OK);
}

static void noop(struct session *s, struct str args)
{
	session_say(s, SMTP_R_OK);
}

static void help(struct session *s, struct str args)
{
	session_say(s, SMTP_R_HELP);
}

static void quit(struct session *s, struct str args)
{
	session_reset(s);
	session_say(s, SMTP_R_BYE);
	s->last = true;
}

static void verified(void *ctx, const struct gate_reply *r)
{
	struct session *s = ctx;

	session_pass(s, r);
	if (!s->penalised)
		session_wake(s);
}

static void look_up(struct session *s, struct str args, bool expand)
{
	struct str address;
	bool utf8;
	enum smtp_reply_id r = smtp_vrfy_parse(s->server->arena, args, &utf8, &address);

	if (r != SMTP_R_NONE)
		session_say(s, r);
	else if (expand ? s->policy.no_expn : s->policy.no_vrfy)
		session_say(s, SMTP_R_CANNOT_VRFY);
	else {
		gate_vrfy(s->txn, address, expand, verified, s);
		session_wait(s, GATE_ANSWER_MS);
	}
}

static void vrfy(struct session *s, struct str args)
{
	look_up(s, args, false);
}

static void expn(struct session *s, struct str args)
{
	look_up(s, args, true);
}

enum {
	AFTER_HELO = ST_READY | ST_MAIL | ST_RCPT | ST_CHUNKS,
	ANY = ST_HELLO | AFTER_HELO,
};

static const struct verb verbs[] = {
    {SMTP_EHLO, ANY, SMTP_R_SEQUENCE, true, true, ehlo},
    {SMTP_HELO, ANY, SMTP_R_SEQUENCE, true, true, helo},
    {SMTP_MAIL, ST_READY, SMTP_R_NONE, false, true, session_mail},
    {SMTP_RCPT, ST_MAIL | ST_RCPT, SMTP_R_NONE, false, false, session_rcpt},
    {SMTP_DATA, ST_RCPT, SMTP_R_NONE, false, false, session_data},
    {SMTP_BDAT, ST_RCPT | ST_CHUNKS, SMTP_R_NONE, false, false, NULL},
    {SMTP_RSET, ANY, SMTP_R_SEQUENCE, true, true, rset},
    {SMTP_NOOP, ANY, SMTP_R_SEQUENCE, true, true, noop},
    {SMTP_HELP, ANY, SMTP_R_SEQUENCE, true, true, help},
    {SMTP_QUIT, ANY, SMTP_R_SEQUENCE, true, false, quit},
    {SMTP_VRFY, AFTER_HELO, SMTP_R_NONE, false, true, vrfy},
    {SMTP_EXPN, AFTER_HELO, SMTP_R_NONE, false, true, expn},
    {SMTP_AUTH, ST_READY, SMTP_R_NONE, true, true, session_auth},
    {SMTP_STARTTLS, ANY, SMTP_R_SEQUENCE, true, true, session_starttls},
};

static enum smtp_reply_id what_is_missing(const struct session *s, enum smtp_verb v)
{
	if (s->state == ST_HELLO)
		return SMTP_R_NEED_HELO;
	if (s->state == ST_CHUNKS)
		return SMTP_R_CHUNKS_BEGUN;
	switch (v) {
	case SMTP_MAIL:
		return SMTP_R_NESTED_MAIL;
	case SMTP_RCPT:
		return SMTP_R_NEED_MAIL;
	case SMTP_DATA:
	case SMTP_BDAT:
		return s->state == ST_READY ? SMTP_R_NEED_MAIL
		       : s->refused         ? SMTP_R_NO_RCPTS
					    : SMTP_R_NEED_RCPT;
	default:
		return SMTP_R_SEQUENCE;
	}
}

static enum smtp_reply_id not_now(const struct session *s, const struct verb *v)
{
	if (!(s->state & v->states))
		return v->wrong != SMTP_R_NONE ? v->wrong : what_is_missing(s, v->verb);
	if (v->open)
		return SMTP_R_NONE;
	if (session_tls_missing(s) != SMTP_R_NONE)
		return session_tls_missing(s);
	return s->policy.auth_required && !s->login ? SMTP_R_NEED_AUTH : SMTP_R_NONE;
}

/* For the log.  What AUTH carries is nobody's business. */
static void remember(struct session *s, const struct smtp_command *c, struct str line)
{
	struct str shown = line, mechanism = STR_NONE, rest = c->args;

	if (str_iis(c->word, "AUTH")) {
		str_word(&rest, &mechanism);
		shown = str_of(arena_printf(s->server->arena, "AUTH %.*s", STR_FMT(mechanism)));
	}
	session_set(&s->command, shown);
	if (s->settings->log_dialog)
		log_info(NULL, "dialog,session=%s > %.*s", s->id, STR_FMT(shown));
}

void session_command(struct session *s, struct str line)
{
	struct smtp_command c;
	const struct verb *v = verbs;
	enum smtp_reply_id wrong;

	smtp_command_parse(line, &c);
	remember(s, &c, line);
	while (v < verbs + ARRAY_LEN(verbs) && v->verb != c.verb)
		v++;
	if (v == verbs + ARRAY_LEN(verbs)) {
		session_say(s, SMTP_R_UNKNOWN);
		return;
	}
	wrong = not_now(s, v);
	if (v->verb == SMTP_BDAT)
		session_bdat(s, c.args, wrong);
	else if (wrong != SMTP_R_NONE)
		session_say(s, wrong);
	else if (v->idle && ++s->idle > s->settings->max_idle)
		session_say(s, SMTP_R_TOO_MANY_IDLE);
	else
		v->run(s, c.args);
}
