#include "config.h"

#include "imapd/io.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIPE_PIECE = 4096, OUTPUT_MAX = 1 << 20 };

void io_init(struct io *io, int in, int out)
{
	struct stat st;
	memset(io, 0, sizeof *io);
	io->in = in;
	io->out = out;
	io->out_is_socket = fstat(out, &st) == 0 && S_ISSOCK(st.st_mode);
	io->timeout_ms = 1800000;
	io->debug_fd = -1;
	buf_init(&io->output, OUTPUT_MAX);
}

void io_free(struct io *io)
{
	buf_free(&io->output);
}

void io_preload(struct io *io, struct str bytes)
{
	bytes = str_head(bytes, sizeof io->buffer);
	memcpy(io->buffer, bytes.p, bytes.n);
	io->at = 0;
	io->end = bytes.n;
}

bool io_pending(const struct io *io)
{
	return io->at < io->end;
}

/* A blocking pipe takes PIPE_BUF bytes at once when poll says it is writable; sockets are asked not
 * to block. */
static ssize_t write_some(struct io *io, const char *p, size_t n)
{
	if (io->out_is_socket)
		return send(io->out, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(io->out, p, n < PIPE_PIECE ? n : PIPE_PIECE);
}

static void send_all(struct io *io, const char *p, size_t n)
{
	bool ready = io->out_is_socket;
	while (n && !io->dead) {
		struct pollfd fd = {.fd = io->out, .events = POLLOUT};
		if (!ready && poll(&fd, 1, IO_WRITE_WAIT_MS) <= 0 && errno != EINTR) {
			io->dead = true;
			return;
		}
		ssize_t done = write_some(io, p, n);
		if (done < 0 && errno != EAGAIN && errno != EINTR)
			io->dead = true;
		ready = false;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
			io->sent += (uint64_t)done;
		}
	}
}

void io_flush(struct io *io)
{
	send_all(io, io->output.p, io->output.n);
	buf_clear(&io->output);
}

void io_put(struct io *io, struct str s)
{
	if (io->output.n + s.n > IO_FLUSH_AT)
		io_flush(io);
	if (s.n > IO_FLUSH_AT)
		send_all(io, s.p, s.n);
	else
		buf_adds(&io->output, s);
}

void io_putz(struct io *io, const char *z)
{
	io_put(io, str_of(z));
}

void io_putf(struct io *io, const char *fmt, ...)
{
	va_list ap;
	if (io->output.n > IO_FLUSH_AT)
		io_flush(io);
	va_start(ap, fmt);
	buf_vaddf(&io->output, fmt, ap);
	va_end(ap);
}

enum io_result io_wait(struct io *io, int other, int timeout_ms)
{
	struct pollfd fds[2] = {{.fd = io->in, .events = POLLIN}, {.fd = other, .events = POLLIN}};
	if (io_pending(io))
		return IO_OK;
	io_flush(io);
	if (io->dead)
		return IO_EOF;
	int64_t until = clock_mono_ms() + timeout_ms;
	for (;;) {
		int64_t left = until - clock_mono_ms();
		int n = poll(fds, other >= 0 ? 2 : 1, left > 0 ? (int)left : 0);
		if (n > 0 || (n == 0 && left <= 0))
			break;
		if (n < 0 && errno != EINTR)
			return IO_EOF;
	}
	if (fds[0].revents)
		return IO_OK;
	return other >= 0 && fds[1].revents ? IO_EVENT : IO_TIMEOUT;
}

static enum io_result fill(struct io *io)
{
	if (io_pending(io))
		return IO_OK;
	enum io_result r = io_wait(io, -1, io->timeout_ms);
	if (r != IO_OK)
		return r;
	ssize_t n;
	do
		n = read(io->in, io->buffer, sizeof io->buffer);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return IO_EOF;
	io->at = 0;
	io->end = (size_t)n;
	io->received += (uint64_t)n;
	if (io->debug_fd >= 0 && file_write_all(io->debug_fd, io->buffer, io->end) < 0)
		io->debug_fd = -1;
	return IO_OK;
}

enum io_result io_line(struct io *io, struct buf *line, size_t max)
{
	for (;;) {
		enum io_result r = fill(io);
		if (r != IO_OK)
			return r;
		const char *from = io->buffer + io->at;
		const char *lf = memchr(from, '\n', io->end - io->at);
		size_t n = lf ? (size_t)(lf - from) : io->end - io->at;
		io->at += lf ? n + 1 : n;
		if (line->n + n > max || !buf_add(line, from, n))
			return IO_TOO_LONG;
		if (!lf)
			continue;
		if (line->n && line->p[line->n - 1] == '\r')
			line->p[--line->n] = 0;
		return IO_OK;
	}
}

enum io_result io_some(struct io *io, size_t n, struct str *got)
{
	*got = STR_NONE;
	enum io_result r = fill(io);
	if (r != IO_OK)
		return r;
	*got = str_head(str_range(io->buffer + io->at, io->buffer + io->end), n);
	io->at += got->n;
	return IO_OK;
}

uint64_t crlf_size(struct str s)
{
	uint64_t extra = 0;
	for (const char *p = s.p, *end = s.p + s.n; p < end; p++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			break;
		extra += p == s.p || p[-1] != '\r';
	}
	return s.n + extra;
}

struct window {
	struct io *io;
	uint64_t skip, count;
};

static void put_window(struct window *w, struct str s)
{
	if (w->skip) {
		uint64_t n = s.n < w->skip ? s.n : w->skip;
		w->skip -= n;
		s = str_skip(s, n);
	}
	s = str_head(s, w->count < SIZE_MAX ? (size_t)w->count : SIZE_MAX);
	w->count -= s.n;
	if (s.n)
		io_put(w->io, s);
}

void io_put_crlf(struct io *io, struct str s, uint64_t skip, uint64_t count)
{
	struct window w = {io, skip, count};
	const char *from = s.p, *end = s.p + s.n;
	const char *p = from;
	while (p < end && w.count) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			break;
		if (p == s.p || p[-1] != '\r') {
			put_window(&w, str_range(from, p));
			put_window(&w, STR("\r\n"));
			from = p + 1;
		}
		p++;
	}
	if (w.count && from < end)
		put_window(&w, str_range(from, end));
}
