/* IDLE (RFC 2177). */
#include "config.h"

#include "imapd/session.h"
#include "imapd/watch.h"

#include <errno.h>

/* Waits for DONE, reporting what happens meanwhile.  False: the session ends. */
static bool wait_for_line(struct session *s, struct watch *w)
{
	int64_t until = clock_mono_ms() + (int64_t)s->cfg.idle_timeout * 1000;
	for (;;) {
		/* a folder that is shared no more says nothing more */
		mailbox_refresh(s);
		if (!s->box)
			watch_close(w);
		if (s->box && mailbox_announce(s, true) < 0)
			return false;
		int64_t left = until - clock_mono_ms(), step = left;
		if (s->box && w->fd < 0 && step > (int64_t)s->cfg.idle_poll * 1000)
			step = (int64_t)s->cfg.idle_poll * 1000;
		switch (io_wait(&s->io, w->fd, step > 0 ? (int)step : 0)) {
		case IO_OK:
			return true;
		case IO_EVENT:
			watch_clear(w);
			s->box->f->force =
			    true; /* the clock need not have moved since the last look */
			break;
		case IO_TIMEOUT:
			if (left > 0 && step < left)
				break;
			io_putz(&s->io, "* BYE Idle for too long\r\n");
			s->timed_out = true;
			return false;
		default:
			return false;
		}
	}
}

static void idle(struct session *s)
{
	struct watch w = {.fd = -1};
	struct buf line;
	if (s->box)
		watch_open(&w, s->box->f->dir);
	if (s->box && s->box->source)
		watch_also(&w, s->box->source);
	if (s->box && w.fd < 0 && !s->unwatched) {
		s->unwatched = true;
		log_warning(NULL,
		    "IDLE looks every %d seconds, user=%s: the kernel watches no folder (%m); is "
		    "fs.inotify.max_user_instances large enough?",
		    s->cfg.idle_poll, s->user);
	}
	io_putz(&s->io, "+ entering idle mode\r\n");
	buf_init(&line, 256);
	if (!wait_for_line(s, &w) || io_line(&s->io, &line, 256) != IO_OK)
		s->logout = true;
	else if (str_iis(str_trim(buf_str(&line)), "DONE"))
		reply_ok(s, "IDLE completed");
	else
		reply_bad(s, "DONE expected");
	buf_free(&line);
	watch_close(&w);
}

void cmd_idle(struct session *s, struct parser *p)
{
	if (!parse_end(p))
		reply_bad(s, "IDLE takes no argument");
	else
		idle(s);
}
