/*
 * AUTH (RFC 4954): the exchange is authdaemond's, we carry it.  A right answer comes with a ticket,
 * which the gate takes to authdaemond for the account: only when it has it the client hears yes.
 */
#include "config.h"
#include "esmtpd/session.h"

#include <stdlib.h>

enum { AUTH_WORDS_MAX = 1200 };

/* What AUTH may build on: a channel binding, and who the client's certificate is for. */
void session_auth_channel(struct session *s)
{
	struct buf b;

	if (!s->secure || s->outer_tls)
		return;
	buf_init(&b, 256);
	s->bindable = tls_channel_binding(s->stream, &b) && b.n;
	buf_clear(&b);
	if (s->settings->external && s->settings->external[0] &&
	    tls_peer_subject(s->stream, s->settings->external, &b) && b.n)
		session_set(&s->external, buf_str(&b));
	buf_free(&b);
}

/* A mechanism that wants a binding, where there is none to be had (TLS 1.2). */
static bool unbound(const struct session *s, struct str mechanism)
{
	return !s->bindable && str_ends(mechanism, STR("-PLUS"));
}

static void add_word(struct buf *out, struct str word)
{
	buf_addf(out, "%s%.*s", out->n ? " " : "", STR_FMT(word));
}

const char *session_auth_words(const struct session *s)
{
	struct str rest = str_of(s->secure ? s->settings->auth_tls : s->settings->auth), word;
	struct buf out;
	char *z;

	if (!s->server->auth || s->login)
		return "";
	buf_init(&out, AUTH_WORDS_MAX);
	while (str_word(&rest, &word))
		if (!unbound(s, word) && !str_is(word, "EXTERNAL"))
			add_word(&out, word);
	if (s->external)
		add_word(&out, STR("EXTERNAL"));
	z = arena_strz(s->server->arena, buf_str(&out));
	buf_free(&out);
	return z ? z : "";
}

static bool in_words(const char *words, struct str mechanism)
{
	struct str rest = str_of(words), word;

	while (str_word(&rest, &word))
		if (str_ieq(word, mechanism))
			return true;
	return false;
}

bool session_offers_auth(const struct session *s, struct str mechanism)
{
	return in_words(session_auth_words(s), mechanism);
}

void session_auth_cancel(struct session *s)
{
	if (s->sasl)
		auth_sasl_cancel(s->sasl);
	s->sasl = NULL;
	s->last_word = false;
	session_set(&s->auth_login, STR_NONE);
	session_set(&s->auth_ticket, STR_NONE);
	session_set(&s->auth_mechanism, STR_NONE);
}

static void challenge(struct session *s, struct str data)
{
	struct buf b;

	buf_init(&b, SMTP_AUTH_LINE_MAX);
	base64_encode(data, &b);
	/* longer than any line of a reply: it does not go through the ordinary way */
	if (b.failed || !buf_addz(&b, "\r\n")) {
		session_say(s, SMTP_R_AUTH_TEMPFAIL);
		session_auth_cancel(s);
		s->state = ST_READY;
	} else {
		buf_addf(&s->out, "%u ", smtp_reply(SMTP_R_CHALLENGE)->code);
		buf_adds(&s->out, buf_str(&b));
	}
	buf_free(&b);
}

/* What the gate says of the ticket. */
static void redeemed(void *ctx, const struct gate_reply *r)
{
	struct session *s = ctx;

	s->state = ST_READY;
	if (r->code < 300) {
		session_set(&s->login, str_of(s->auth_login));
		log_info(NULL, "auth,relay=%s,port=%u,session=%s,user=%s", s->peer_log,
		    s->peer_port, s->id, s->login);
	}
	session_auth_cancel(s);
	session_say(s, s->login ? SMTP_R_AUTH_OK : SMTP_R_AUTH_TEMPFAIL);
	if (!s->penalised)
		session_wake(s);
}

static void redeem(struct session *s)
{
	gate_auth(s->txn, str_of(s->auth_ticket), str_of(s->auth_mechanism), redeemed, s);
	session_wait(s, GATE_ANSWER_MS);
}

static void fail(struct session *s, const struct auth_result *r)
{
	if (r->login.n)
		session_set(&s->command, str_of(arena_printf(s->server->arena, "%s %.*s",
					     s->command ? s->command : "AUTH", STR_FMT(r->login))));
	s->state = ST_READY;
	session_auth_cancel(s);
	session_say(s, r->verdict == AUTH_TEMPFAIL ? SMTP_R_AUTH_TEMPFAIL : SMTP_R_AUTH_FAILED);
}

/* True when the client has to be heard once more. */
static bool accepted(struct session *s, const struct auth_result *r)
{
	session_set(&s->auth_login, r->login);
	session_set(&s->auth_ticket, r->ticket);
	if (r->data.n) { /* the server's last word, which the client answers with nothing */
		s->last_word = true;
		challenge(s, r->data);
		return true;
	}
	redeem(s);
	return false;
}

static void answered(void *ctx, const struct auth_result *r)
{
	struct session *s = ctx;

	switch (r->verdict) {
	case AUTH_CONTINUE:
		challenge(s, r->data);
		break;
	case AUTH_OK:
		s->sasl = NULL;
		if (!accepted(s, r))
			return;
		break;
	default:
		s->sasl = NULL;
		fail(s, r);
	}
	if (!s->penalised)
		session_wake(s);
}

static void begin(struct session *s, struct str mechanism, struct str initial)
{
	struct buf binding;
	char *upper = arena_strz(s->server->arena, mechanism);

	for (char *c = upper; c && *c; c++)
		*c = (char)ascii_upper((unsigned char)*c);
	session_set(&s->auth_mechanism, str_of(upper));
	buf_init(&binding, 64);
	if (auth_offers_binding(str_of(session_auth_words(s))))
		tls_channel_binding(s->stream, &binding);
	s->state = ST_AUTH;
	if (str_is(str_of(upper), "EXTERNAL"))
		s->sasl = auth_sasl_external(s->server->auth, "smtp", str_of(s->external), initial,
		    str_of(s->peer), answered, s);
	else
		s->sasl = auth_sasl_start(s->server->auth, "smtp", str_of(upper), initial,
		    str_of(s->peer), s->secure, buf_str(&binding), answered, s);
	buf_free(&binding);
	if (!s->sasl) {
		s->state = ST_READY;
		session_say(s, SMTP_R_AUTH_TEMPFAIL);
		return;
	}
	session_wait(s, s->settings->command_ms);
}

void session_auth(struct session *s, struct str args)
{
	struct str mechanism = STR_NONE, initial = STR_NONE;
	enum smtp_reply_id r;

	if (!s->esmtp)
		r = SMTP_R_NEED_EHLO;
	else if (s->login)
		r = SMTP_R_AUTH_TWICE;
	else if (s->policy.tls_required && !s->secure)
		r = SMTP_R_NEED_TLS;
	else
		r = smtp_auth_parse(s->server->arena, args, &mechanism, &initial);
	if (r == SMTP_R_NONE && !session_offers_auth(s, mechanism)) {
		if (!s->secure && session_offers_tls(s) &&
		    in_words(s->settings->auth_tls, mechanism))
			r = SMTP_R_AUTH_NEEDS_TLS;
		else
			r = session_auth_words(s)[0] ? SMTP_R_BAD_MECHANISM : SMTP_R_NO_AUTH;
	}
	if (r != SMTP_R_NONE)
		session_say(s, r);
	else
		begin(s, mechanism, initial);
}

static void give_up(struct session *s, enum smtp_reply_id why)
{
	session_auth_cancel(s);
	s->state = ST_READY;
	session_say(s, why);
}

void session_auth_line(struct session *s, struct str line)
{
	struct buf raw;

	if (str_is(line, "*")) {
		give_up(s, SMTP_R_AUTH_CANCELLED);
		return;
	}
	if (s->last_word) {
		if (line.n)
			give_up(s, SMTP_R_AUTH_FAILED);
		else
			redeem(s);
		return;
	}
	buf_init(&raw, SMTP_AUTH_LINE_MAX);
	if (!base64_decode(line, &raw))
		give_up(s, SMTP_R_BAD_BASE64);
	else {
		auth_sasl_step(s->sasl, buf_str(&raw));
		session_wait(s, s->settings->command_ms);
	}
	mem_wipe(raw.p, raw.n);
	buf_free(&raw);
}
