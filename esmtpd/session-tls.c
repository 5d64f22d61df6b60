/* STARTTLS (RFC 3207), and TLS from the first byte. */
#include "config.h"
#include "esmtpd/session.h"

bool session_offers_tls(const struct session *s)
{
	return !s->secure && s->settings->starttls && tls_server_usable(s->door->tls);
}

enum smtp_reply_id session_tls_missing(const struct session *s)
{
	if (!s->policy.tls_required || s->secure)
		return SMTP_R_NONE;
	return session_offers_tls(s) && s->settings->tls_fail == TLS_FAIL_NO ? SMTP_R_NEED_TLS
									     : SMTP_R_TLS_TEMPFAIL;
}

/* One time limit for the whole handshake: bytes that trickle in do not extend it. */
void session_secure(struct session *s)
{
	int64_t ms = s->door->tls ? tls_server_timeout(s->door->tls) : 0;

	s->state = ST_SECURING;
	timer_set(s->timer, ms < s->settings->command_ms ? ms : s->settings->command_ms);
	if (tls_accept(s->stream, s->door->tls, str_of(s->local)) < 0) {
		log_error(NULL, "tls,relay=%s,port=%u,session=%s: no certificate", s->peer_log,
		    s->peer_port, s->id);
		session_abort(s);
	}
}

void session_secured(struct session *s)
{
	s->secure = true;
	log_info(NULL, "tls,relay=%s,port=%u,protocol=%s,cipher=%s,bits=%d,resumed=%d,session=%s",
	    s->peer_log, s->peer_port, tls_version(s->stream), tls_cipher(s->stream),
	    tls_cipher_bits(s->stream), tls_resumed(s->stream), s->id);
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
	if (s->secure) {
		session_say(s, SMTP_R_TLS_TWICE);
		return;
	}
	if (!s->door->tls || !s->settings->starttls || s->settings->tls_fail == TLS_FAIL_HARD) {
		session_say(s, SMTP_R_NO_TLS);
		return;
	}
	if (!session_offers_tls(s) || s->settings->tls_fail == TLS_FAIL_SOFT) {
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
