#include "config.h"

#include "event/event-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FINISH_MS = 10000, PRINTF_MAX = 1024 * 1024 };

static void flush_later(void *arg);
static void kick_later(void *arg);
static void overflowed(void *arg);

void stream_release(struct stream *s)
{
	loop_defer_cancel(s->loop, flush_later, s);
	loop_defer_cancel(s->loop, kick_later, s);
	loop_defer_cancel(s->loop, overflowed, s);
	watch_free(s->watch);
	timer_free(s->timer);
	buf_free(&s->in);
	buf_free(&s->out);
	if (s->io)
		s->io->free(s->io_ctx);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* A stream freed inside its own callback lives, dead, until that returns. */
static bool leave_callback(struct stream *s)
{
	s->in_callback = false;
	if (s->dead) {
		stream_release(s);
		return false;
	}
	return s->state != STREAM_ENDED;
}

void stream_end_now(struct stream *s, enum stream_end why)
{
	if (s->state == STREAM_ENDED)
		return;
	bool finishing = s->state == STREAM_FINISHING;
	s->state = STREAM_ENDED;
	s->half_closed = why == STREAM_EOF;
	if (s->watch)
		watch_set(s->watch, 0);
	if (s->timer)
		timer_clear(s->timer);
	if (finishing) {
		s->dead = true;
		return;
	}
	bool nested = s->in_callback;
	s->in_callback = true;
	s->h->on_close(s->ctx, s, why);
	s->in_callback = nested;
}

/* Runs on_input until the handler makes no more progress; then reports the end of file. */
bool stream_call_input(struct stream *s)
{
	while (s->state == STREAM_OPEN && !s->paused && !s->dead && s->in.n > s->in_used) {
		size_t before = s->in_used;
		const struct stream_handlers *h = s->h;
		s->h->on_input(s->ctx, s);
		if (s->dead || s->state != STREAM_OPEN)
			break;
		if (s->in_used == before && h == s->h)
			break;
	}
	if (s->state == STREAM_OPEN && !s->dead && s->eof && !s->paused) {
		stream_end_now(s, STREAM_EOF);
		return false;
	}
	return s->state != STREAM_ENDED && !s->dead;
}

static void after_drain(struct stream *s)
{
	if (s->state == STREAM_FINISHING) {
		if (s->io && s->io->shutdown)
			s->io->shutdown(s->io_ctx);
		s->state = STREAM_ENDED;
		s->dead = true;
	} else if (s->draining) {
		s->draining = false;
		if (s->h->on_drain)
			s->h->on_drain(s->ctx, s);
	}
}

static void do_input(struct stream *s)
{
	for (int turns = 0; turns < 16; turns++) {
		int r = stream_fill(s);
		if (r < 0 || !stream_call_input(s) || r == 0 || s->eof || s->paused)
			return;
		if (s->state != STREAM_OPEN)
			return;
		if (!s->io && turns == 0 && s->in.n == s->in_used)
			return; /* all taken: the kernel will tell when there is more */
	}
	/* TLS may hold bytes that the kernel no longer shows: come back */
	if (s->io && !s->kicked && loop_defer(s->loop, kick_later, s) == 0)
		s->kicked = true;
}

static void do_output(struct stream *s)
{
	if (s->out_sent < s->out.n && stream_drain(s) <= 0)
		return;
	after_drain(s);
}

static void on_event(void *arg, int fd, int what)
{
	struct stream *s = arg;
	s->in_callback = true;
	if (s->state == STREAM_HANDSHAKE) {
		if (stream_shake(s) == 1) {
			if (s->h->on_secure)
				s->h->on_secure(s->ctx, s);
			if (!s->dead && s->state == STREAM_OPEN)
				do_input(s);
		}
	} else {
		bool out = what & (s->write_wants_read ? WATCH_READ : WATCH_WRITE);
		bool in = what & (s->read_wants_write ? WATCH_WRITE : WATCH_READ);
		if (out && s->state != STREAM_ENDED)
			do_output(s);
		if (in && s->state == STREAM_OPEN && !s->dead && !s->paused && !s->eof)
			do_input(s);
	}
	if (leave_callback(s))
		stream_watch_update(s);
}

static void flush_later(void *arg)
{
	struct stream *s = arg;
	s->flush_due = false;
	if (s->state == STREAM_ENDED || s->state == STREAM_HANDSHAKE)
		return;
	s->in_callback = true;
	do_output(s);
	if (leave_callback(s))
		stream_watch_update(s);
}

static void kick_later(void *arg)
{
	struct stream *s = arg;
	s->kicked = false;
	if (s->state != STREAM_OPEN || s->paused)
		return;
	s->in_callback = true;
	if (stream_call_input(s) && s->io && !s->eof && !s->paused && s->state == STREAM_OPEN)
		do_input(s);
	if (leave_callback(s))
		stream_watch_update(s);
}

static void timed_out(void *arg)
{
	struct stream *s = arg;
	s->in_callback = true;
	stream_end_now(s, STREAM_TIMEOUT);
	if (leave_callback(s))
		stream_watch_update(s);
}

struct stream *stream_new(struct loop *l, int fd, size_t in_max, size_t out_max,
    const struct stream_handlers *h, void *ctx)
{
	struct stream *s = calloc(1, sizeof *s);
	int one = 1;
	if (!s)
		return NULL;
	s->loop = l;
	s->fd = fd;
	s->h = h;
	s->ctx = ctx;
	buf_init(&s->in, in_max);
	buf_init(&s->out, out_max);
	int flags = fcntl(fd, F_GETFL);
	if (!(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	/* fails on what is no TCP socket, and need not matter there */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	s->watch = watch_new(l, fd, on_event, s);
	if (!s->watch) {
		s->fd = -1;
		stream_release(s);
		return NULL;
	}
	stream_watch_update(s);
	return s;
}

void stream_handlers(struct stream *s, const struct stream_handlers *h, void *ctx)
{
	s->h = h;
	s->ctx = ctx;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	s->state = STREAM_ENDED;
	if (s->in_callback) {
		s->dead = true;
		watch_set(s->watch, 0);
		if (s->timer)
			timer_clear(s->timer);
		return;
	}
	stream_release(s);
}

static const struct stream_handlers no_handlers;

void stream_finish(struct stream *s)
{
	bool ended = s->state == STREAM_ENDED && !s->half_closed;
	if (ended || s->state == STREAM_HANDSHAKE || s->out_sent == s->out.n) {
		if (s->state == STREAM_OPEN && s->io && s->io->shutdown)
			s->io->shutdown(s->io_ctx);
		stream_free(s);
		return;
	}
	s->state = STREAM_FINISHING;
	s->h = &no_handlers;
	stream_timer(s, FINISH_MS);
	stream_watch_update(s);
}

int stream_detach(struct stream *s)
{
	int fd = s->fd;
	watch_free(s->watch);
	s->watch = NULL;
	s->fd = -1;
	s->state = STREAM_ENDED;
	if (s->in_callback)
		s->dead = true;
	else
		stream_release(s);
	return fd;
}

int stream_fd(const struct stream *s)
{
	return s->fd;
}

struct str stream_input(const struct stream *s)
{
	return str_at(s->in.p + s->in_used, s->in.n - s->in_used);
}

void stream_consume(struct stream *s, size_t n)
{
	size_t held = s->in.n - s->in_used;
	s->in_used += n < held ? n : held;
	if (!s->in_callback)
		stream_watch_update(s);
}

void stream_discard(struct stream *s)
{
	stream_consume(s, s->in.n - s->in_used);
}

void stream_pause(struct stream *s)
{
	s->paused = true;
	if (!s->in_callback)
		stream_watch_update(s);
}

void stream_resume(struct stream *s)
{
	if (!s->paused)
		return;
	s->paused = false;
	if (!s->kicked && (s->in.n > s->in_used || s->eof || s->io) &&
	    loop_defer(s->loop, kick_later, s) == 0)
		s->kicked = true;
	if (!s->in_callback)
		stream_watch_update(s);
}

bool stream_eof(const struct stream *s)
{
	return s->eof;
}

static void overflowed(void *arg)
{
	struct stream *s = arg;
	s->flush_due = false;
	if (s->state == STREAM_ENDED)
		return;
	s->in_callback = true;
	stream_end_now(s, STREAM_OVERFLOW);
	leave_callback(s);
}

void stream_write(struct stream *s, const void *p, size_t n)
{
	if (s->state == STREAM_ENDED || s->state == STREAM_FINISHING || n == 0)
		return;
	if (s->out_sent >= 65536 && s->out_sent * 2 >= s->out.n) {
		buf_cut(&s->out, s->out_sent);
		s->out_sent = 0;
	}
	s->draining = true;
	if (!buf_add(&s->out, p, n)) {
		loop_defer_cancel(s->loop, flush_later, s);
		s->flush_due = loop_defer(s->loop, overflowed, s) == 0;
		return;
	}
	if (!s->flush_due && loop_defer(s->loop, flush_later, s) == 0)
		s->flush_due = true;
}

void stream_put(struct stream *s, struct str text)
{
	stream_write(s, text.p, text.n);
}

void stream_printf(struct stream *s, const char *fmt, ...)
{
	struct buf b;
	va_list ap;
	buf_init(&b, PRINTF_MAX); /* what exceeds the stream's own limit ends it, below */
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	stream_put(s, buf_str(&b));
	buf_free(&b);
}

void stream_flush(struct stream *s)
{
	if (s->state != STREAM_OPEN || s->in_callback)
		return; /* inside a callback the deferred flush is as soon */
	loop_defer_cancel(s->loop, flush_later, s);
	flush_later(s);
}

size_t stream_output_pending(const struct stream *s)
{
	return s->out.n - s->out_sent;
}

void stream_timer(struct stream *s, int64_t ms)
{
	if (ms == 0) {
		if (s->timer)
			timer_clear(s->timer);
		return;
	}
	if (!s->timer)
		s->timer = timer_new(s->loop, timed_out, s);
	if (s->timer)
		timer_set(s->timer, ms);
}

const char *stream_error(const struct stream *s)
{
	return s->io && s->io->error ? s->io->error(s->io_ctx) : strerror(errno);
}

int stream_line(const struct stream *s, size_t max, bool strict, struct str *line, size_t *used)
{
	struct str in = stream_input(s);
	ptrdiff_t lf = str_chr(in, '\n');
	if (strict) {
		ptrdiff_t cr = str_chr(in, '\r');
		if (cr >= 0 && (size_t)cr + 1 == in.n && lf < 0)
			cr = -1; /* its LF may still come */
		if ((lf >= 0 && cr != lf - 1) || (lf < 0 && cr >= 0)) {
			*used = lf >= 0 ? (size_t)lf + 1 : (size_t)cr + 1;
			return -2;
		}
	}
	if (lf < 0)
		return in.n > max ? -1 : 0;
	size_t n = (size_t)lf;
	if (n && in.p[n - 1] == '\r')
		n--;
	*used = (size_t)lf + 1;
	if (n > max)
		return -1;
	*line = str_at(in.p, n);
	return 1;
}

static void begin_handshake(struct stream *s, const struct stream_io *ops, void *io)
{
	stream_discard(s);
	/* what was said in clear must leave in clear, before the first byte of the handshake */
	loop_defer_cancel(s->loop, flush_later, s);
	s->flush_due = false;
	if (s->out_sent < s->out.n)
		(void)stream_drain(s);
	s->io = ops;
	s->io_ctx = io;
	if (s->state != STREAM_OPEN)
		return;
	buf_free(&s->out);
	s->out_sent = 0;
	s->draining = false;
	s->state = STREAM_HANDSHAKE;
	s->paused = false;
	int want = WATCH_READ;
	int r = ops->handshake(io, &want);
	/* done or failed at once: a writable socket brings us back to say so */
	s->read_wants_write = r == 0 ? want == WATCH_WRITE : true;
	s->shake_waits = r == 0 && want == 0;
	stream_watch_update(s);
}

void stream_set_io(struct stream *s, const struct stream_io *ops, void *io)
{
	bool nested = s->in_callback;
	s->in_callback = true;
	begin_handshake(s, ops, io);
	s->in_callback = nested;
	if (!nested && s->dead)
		stream_release(s);
}

void stream_shake_again(struct stream *s)
{
	if (s->state == STREAM_HANDSHAKE)
		on_event(s, s->fd, 0);
}

void *stream_io(const struct stream *s)
{
	return s->io_ctx;
}
