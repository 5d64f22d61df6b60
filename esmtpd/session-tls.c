/* STARTTLS (RFC 3207), and TLS from the first byte. */
#include "config.h"
#include "esmtpd/session.h"

bool session_offers_tls(const struct session *s)
{
	return !s->secure && tls_server_usable(s->door->tls);
}

void session_secure(struct session *s)
{
	s->state = ST_SECURING;
	timer_set(s->timer, s->settings->command_ms);
	if (tls_accept(s->stream, s->door->tls) < 0) {
		log_error(NULL, "tls,relay=%s,port=%u,session=%s: no certificate", s->peer_log,
		    s->peer_port, s->id);
		session_abort(s);
	}
}

void session_secured(struct session *s)
{
	s->secure = true;
	if (s->settings->log_dialog) {
		struct buf b;

		buf_init(&b, 256);
		tls_describe(s->stream, &b);
		log_info(NULL, "dialog,session=%s TLS %.*s", s->id, STR_FMT(buf_str(&b)));
		buf_free(&b);
	}
	if (s->settings->tls_at_once) {
		session_greet(s);
		return;
	}
	session_forget(s); /* RFC 3207, section 4.2 */
	s->state = ST_HELLO;
	session_go(s);
}

/*
 * What was sent behind STARTTLS in clear may be an attacker's, to be taken for the client's own
 * words after the handshake: the connection is not worth going on with.
 */
void session_starttls(struct session *s, struct str args)
{
	if (args.n) {
		session_say(s, SMTP_R_ARGUMENT);
		return;
	}
	if (s->secure || !s->door->tls) {
		session_say(s, s->secure ? SMTP_R_TLS_TWICE : SMTP_R_NO_TLS);
		return;
	}
	if (!session_offers_tls(s)) {
		session_say(s, SMTP_R_TLS_TEMPFAIL);
		return;
	}
	if (stream_input(s->stream).n) {
		session_say(s, SMTP_R_PIPELINED_TLS);
		session_close(s);
		return;
	}
	session_reset(s);
	session_say(s, SMTP_R_START_TLS);
	session_flush(s);
	session_secure(s);
}
