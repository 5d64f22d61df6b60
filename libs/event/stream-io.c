/* The moving of bytes below a stream: filling, draining, handshake, and what to wait for. */
#include "config.h"

#include "event/event-private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_STEP = 16 * 1024 };

static ssize_t raw_read(struct stream *s, void *p, size_t n, int *want)
{
	if (s->io)
		return s->io->read(s->io_ctx, p, n, want);
	*want = WATCH_READ;
	return recv(s->fd, p, n, 0);
}

static ssize_t raw_write(struct stream *s, const void *p, size_t n, int *want)
{
	if (s->io)
		return s->io->write(s->io_ctx, p, n, want);
	*want = WATCH_WRITE;
	return send(s->fd, p, n, MSG_NOSIGNAL);
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void in_compact(struct stream *s)
{
	if (s->in_used == s->in.n) {
		buf_free(&s->in); /* an idle connection holds no memory */
		s->in_used = 0;
	} else if (s->in_used >= 4096 && s->in_used * 2 >= s->in.n) {
		buf_cut(&s->in, s->in_used);
		s->in_used = 0;
	}
}

int stream_fill(struct stream *s)
{
	in_compact(s);
	size_t held = s->in.n - s->in_used;
	if (held >= s->in.max)
		return 0;
	if (s->in_used) {
		buf_cut(&s->in, s->in_used);
		s->in_used = 0;
	}
	char block[READ_STEP];
	size_t room = s->in.max - held;
	int want = 0;
	ssize_t got = raw_read(s, block, room < sizeof block ? room : sizeof block, &want);
	if (got > 0) {
		if (!buf_add(&s->in, block, (size_t)got)) {
			errno = ENOMEM;
			stream_end_now(s, STREAM_ERROR);
			return -1;
		}
		s->read_wants_write = false;
		return 1;
	}
	if (got == 0) {
		s->eof = true;
		return 1;
	}
	if (would_block()) {
		s->read_wants_write = want == WATCH_WRITE;
		return 0;
	}
	stream_end_now(s, s->io && errno == EPROTO ? STREAM_TLS : STREAM_ERROR);
	return -1;
}

int stream_drain(struct stream *s)
{
	while (s->out_sent < s->out.n) {
		int want = 0;
		ssize_t done = raw_write(s, s->out.p + s->out_sent, s->out.n - s->out_sent, &want);
		if (done < 0 && would_block()) {
			s->write_wants_read = want == WATCH_READ;
			return 0;
		}
		if (done < 0) {
			stream_end_now(s, s->io && errno == EPROTO ? STREAM_TLS : STREAM_ERROR);
			return -1;
		}
		s->out_sent += (size_t)done;
	}
	s->write_wants_read = false;
	buf_free(&s->out);
	s->out_sent = 0;
	return 1;
}

int stream_shake(struct stream *s)
{
	int want = WATCH_READ;
	int r = s->io->handshake(s->io_ctx, &want);
	if (r == 0) {
		s->read_wants_write = want == WATCH_WRITE;
		s->shake_waits = want == 0;
		return 0;
	}
	if (r < 0) {
		stream_end_now(s, STREAM_TLS);
		return -1;
	}
	s->read_wants_write = false;
	s->state = STREAM_OPEN;
	return 1;
}

void stream_watch_update(struct stream *s)
{
	int what = 0;
	if (s->state == STREAM_ENDED || !s->watch)
		return;
	if (s->state == STREAM_HANDSHAKE) {
		what = s->shake_waits ? 0 : s->read_wants_write ? WATCH_WRITE : WATCH_READ;
	} else {
		bool reading = !s->paused && !s->eof && s->state == STREAM_OPEN &&
			       s->in.n - s->in_used < s->in.max;
		if (reading)
			what |= s->read_wants_write ? WATCH_WRITE : WATCH_READ;
		if (s->out_sent < s->out.n && !s->flush_due)
			what |= s->write_wants_read ? WATCH_READ : WATCH_WRITE;
	}
	watch_set(s->watch, what);
}
