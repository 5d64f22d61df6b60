#include "config.h"

#include "pop3d/pop3d.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

void pop3_io_init(struct pop3_io *io, int in, int out)
{
	int on = 1;
	*io = (struct pop3_io){.in = in, .out = out};
	buf_init(&io->input, POP3_INITIAL_MAX + 8192);
	buf_init(&io->output, 4 * POP3_OUTPUT);
	/* No socket, no Nagle. */
	if (setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
		errno = 0;
}

static bool ready(int fd, short what)
{
	struct pollfd p = {.fd = fd, .events = what};
	int r;
	do
		r = poll(&p, 1, POP3_IDLE_SECONDS * 1000);
	while (r < 0 && errno == EINTR);
	return r > 0;
}

void pop3_io_flush(struct pop3_io *io)
{
	size_t at = 0;
	while (!io->failed && at < io->output.n) {
		ssize_t n = write(io->out, io->output.p + at, io->output.n - at);
		if (n > 0)
			at += (size_t)n;
		else if (errno != EINTR && (errno != EAGAIN || !ready(io->out, POLLOUT)))
			io->failed = true;
	}
	io->sent += at;
	buf_clear(&io->output);
}

void pop3_io_room(struct pop3_io *io, size_t n)
{
	if (io->output.n + n > POP3_OUTPUT)
		pop3_io_flush(io);
}

void pop3_io_put(struct pop3_io *io, const char *fmt, ...)
{
	va_list ap;
	pop3_io_room(io, 1024);
	va_start(ap, fmt);
	buf_vaddf(&io->output, fmt, ap);
	va_end(ap);
}

/* More input: 1, 0 at the end, -2 after a long silence. What waits to go out goes first. */
static int fill(struct pop3_io *io)
{
	buf_cut(&io->input, io->at);
	io->at = 0;
	pop3_io_flush(io);
	char *to = buf_reserve(&io->input, 4096);
	if (!to || io->failed)
		return 0;
	for (;;) {
		if (!ready(io->in, POLLIN))
			return -2;
		ssize_t n = read(io->in, to, 4096);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return 0;
		io->input.n += (size_t)n;
		io->received += (uint64_t)n;
		return 1;
	}
}

int pop3_io_line(struct pop3_io *io, struct str *line)
{
	bool dropping = false;
	for (;;) {
		struct str left = str_skip(buf_str(&io->input), io->at);
		ptrdiff_t end = str_chr(left, '\n');
		if (end >= 0 && end < POP3_LINE_MAX && !dropping) {
			memcpy(io->line, left.p, (size_t)end);
			io->at += (size_t)end + 1;
			*line = str_at(io->line, (size_t)end);
			if (line->n && line->p[line->n - 1] == '\r')
				line->n--;
			return 1;
		}
		if (end >= 0) {
			io->at += (size_t)end + 1;
			return -1;
		}
		if (left.n >= POP3_LINE_MAX) {
			dropping = true;
			io->at += left.n;
		}
		int r = fill(io);
		if (r <= 0)
			return r;
	}
}
