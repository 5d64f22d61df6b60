/* What all sessions of a worker share: admission and the end. */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "esmtpd/session.h"

/* One line when it becomes tight, and one when nobody more gets in. */
static void note_load(struct esmtpd *e, const struct door_settings *d, uint32_t total)
{
	unsigned load = total >= d->max_total ? 2 : total > d->warn ? 1 : 0;

	if (load > e->load && load == 2)
		log_error(NULL,
		    "%u connections, which is the maximum: others are turned away; MAXDAEMONS "
		    "allows more",
		    total);
	else if (load > e->load)
		log_warning(
		    NULL, "%u connections; the maximum is %u (MAXDAEMONS)", total, d->max_total);
	if (load > e->load || total < d->warn - d->warn / 10)
		e->load = load;
}

/* It counts itself before it looks: of two workers that do so at a time at least one sees both.
 * over_ip: the address has its share, but the access table may allow it more. */
static enum smtp_reply_id enter(
    struct esmtpd *e, const struct door_settings *d, struct board_place place, bool *over_ip)
{
	struct board_count n = board_enter(e->board, place);

	note_load(e, d, n.total - 1);
	*over_ip = n.address > d->max_per_ip;
	if (n.total <= d->max_total && n.network <= d->max_per_net)
		return SMTP_R_NONE;
	board_leave(e->board, place);
	return n.total > d->max_total ? SMTP_R_TOO_MANY_CONNECTIONS : SMTP_R_TOO_MANY_HERE;
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

void esmtpd_admit(struct esmtpd *e, struct door *d, int fd, const struct session_ends *ends)
{
	struct board_place place = board_place(e->board, &ends->peer);
	bool over_ip = false;
	enum smtp_reply_id why =
	    e->draining || d->shut ? SMTP_R_SHUTDOWN : enter(e, d->settings, place, &over_ip);

	if (why == SMTP_R_NONE) {
		session_new(e, d, fd, ends, &place, over_ip);
		return;
	}
	log_warning(NULL, "%s: a connection was turned away: %s", d->name, smtp_reply(why)->text);
	turn_away(d, fd, why);
}

void esmtpd_connection(
    struct esmtpd *e, struct door *d, int fd, const struct sockaddr_storage *peer)
{
	struct session_ends ends = {.peer = *peer};
	socklen_t n = sizeof ends.local;

	if (getsockname(fd, (struct sockaddr *)&ends.local, &n) < 0) { /* gone again */
		close(fd);
		return;
	}
	if (e->draining || !proxy_take(e, d, fd, &ends))
		esmtpd_admit(e, d, fd, &ends);
}

void esmtpd_shut(struct esmtpd *e, struct door *d)
{
	struct session *next;

	d->shut = true;
	for (struct session *s = e->sessions; s; s = next) {
		next = s->next;
		if (s->door == d)
			session_drain(s);
	}
}

void esmtpd_drain(struct esmtpd *e, const char *door)
{
	e->draining = true;
	proxy_end_all(e);
	for (size_t i = 0; i < DOORS; i++)
		if (!door || strcmp(e->doors[i].name, door) == 0)
			esmtpd_shut(e, &e->doors[i]);
	if (e->n_sessions == 0 && e->idle)
		e->idle(e);
}
