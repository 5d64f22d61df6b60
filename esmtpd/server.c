/* What all sessions of a worker share: admission and the end. */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "esmtpd/session.h"

static enum smtp_reply_id too_many(
    struct esmtpd *e, const struct door_settings *d, struct board_place place)
{
	struct board_count n = board_count(e->board, place);

	if (n.total >= d->max_total)
		return SMTP_R_TOO_MANY_CONNECTIONS;
	if (n.address >= d->max_per_ip || n.network >= d->max_per_net)
		return SMTP_R_TOO_MANY_HERE;
	return SMTP_R_NONE;
}

/* One line into a fresh socket's buffer, which has room; under TLS nobody could read it. */
static void turn_away(struct door *d, int fd, enum smtp_reply_id why)
{
	struct buf b;

	buf_init(&b, 1000);
	smtp_reply_put_id(&b, why);
	if (!d->settings->tls_at_once)
		(void)!send(fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(&b);
	close(fd);
}

void esmtpd_connection(struct esmtpd *e, struct door *d, int fd)
{
	struct sockaddr_storage peer = {0};
	socklen_t n = sizeof peer;
	struct board_place place;
	enum smtp_reply_id why;

	if (getpeername(fd, (struct sockaddr *)&peer, &n) < 0) { /* gone again */
		close(fd);
		return;
	}
	place = board_place(e->board, &peer);
	why = e->draining ? SMTP_R_SHUTDOWN : too_many(e, d->settings, place);
	if (why == SMTP_R_NONE) {
		session_new(e, d, fd, &peer, &place);
		return;
	}
	log_warning(NULL, "%s: a connection was turned away: %s", d->name, smtp_reply(why)->text);
	turn_away(d, fd, why);
}

void esmtpd_drain(struct esmtpd *e)
{
	struct session *next;

	e->draining = true;
	for (struct session *s = e->sessions; s; s = next) {
		next = s->next;
		session_drain(s);
	}
	if (e->n_sessions == 0 && e->idle)
		e->idle(e);
}
