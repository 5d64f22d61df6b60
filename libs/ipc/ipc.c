#include "config.h"

#include "ipc/ipc-private.h"

#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MESSAGES_A_TURN = 64 };

static void on_event(void *arg, int fd, int what);
static void report_close(void *arg);

int ipc_pair(int fds[2])
{
	int size = 1024 * 1024;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -1;
	for (int i = 0; i < 2; i++) { /* best effort: the kernel's own limit may be lower */
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
			(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	}
	return 0;
}

struct ipc *ipc_new(struct loop *l, int fd, const struct ipc_handlers *h, void *ctx)
{
	struct ipc *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->loop = l;
	c->fd = fd;
	c->h = h;
	c->ctx = ctx;
	c->last = &c->first;
	buf_init(&c->out, IPC_BODY_MAX + sizeof(struct ipc_header));
	if (l) {
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		c->watch = watch_new(l, fd, on_event, c);
		if (!c->watch) {
			buf_free(&c->out);
			free(c);
			return NULL;
		}
		watch_set(c->watch, WATCH_READ);
	}
	return c;
}

static void drop_waiting(struct ipc *c)
{
	while (c->first) {
		struct ipc_waiting *w = c->first;
		c->first = w->next;
		if (w->fd >= 0)
			close(w->fd);
		free(w);
	}
	c->last = &c->first;
	c->waiting_bytes = 0;
}

static void release(struct ipc *c)
{
	if (c->loop)
		loop_defer_cancel(c->loop, report_close, c);
	watch_free(c->watch);
	drop_waiting(c);
	buf_free(&c->out);
	free(c->in);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

void ipc_free(struct ipc *c)
{
	if (!c)
		return;
	if (c->in_callback) {
		c->dead = true;
		if (c->watch)
			watch_set(c->watch, 0);
		return;
	}
	release(c);
}

int ipc_fd(const struct ipc *c)
{
	return c->fd;
}

size_t ipc_pending(const struct ipc *c)
{
	return c->waiting_bytes;
}

static void report_close(void *arg)
{
	struct ipc *c = arg;
	c->close_due = false;
	bool nested = c->in_callback;
	c->in_callback = true;
	if (!c->dead)
		c->h->on_close(c->ctx, c);
	c->in_callback = nested;
	if (!nested && c->dead)
		release(c);
}

/* on_close never runs inside the call that noticed the end. */
static void end(struct ipc *c)
{
	if (c->closed)
		return;
	c->closed = true;
	if (c->watch)
		watch_set(c->watch, 0);
	drop_waiting(c);
	if (c->loop && loop_defer(c->loop, report_close, c) == 0)
		c->close_due = true;
}

static int wait_in_line(struct ipc *c, int fd)
{
	if (c->waiting_bytes + c->out.n > IPC_QUEUE_MAX) {
		end(c);
		errno = ENOBUFS;
		return -1;
	}
	struct ipc_waiting *w = malloc(sizeof *w + c->out.n);
	if (!w)
		return -1;
	w->next = NULL;
	w->fd = -1;
	if (fd >= 0 && (w->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) {
		free(w);
		return -1;
	}
	w->n = c->out.n;
	memcpy(w->data, c->out.p, w->n);
	*c->last = w;
	c->last = &w->next;
	c->waiting_bytes += w->n;
	watch_set(c->watch, WATCH_READ | WATCH_WRITE);
	return 0;
}

int ipc_send(struct ipc *c, int fd)
{
	struct ipc_header *h = (struct ipc_header *)(void *)c->out.p;
	if (c->out.failed) {
		errno = EMSGSIZE;
		return -1;
	}
	if (c->closed || c->dead) {
		errno = EPIPE;
		return -1;
	}
	h->has_fd = fd >= 0;
	h->length = (uint32_t)(c->out.n - sizeof *h);
	if (c->first)
		return wait_in_line(c, fd);
	if (descriptor_send(c->fd, c->out.p, c->out.n, fd) == 0)
		return 0;
	if (c->loop && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
		return wait_in_line(c, fd);
	int saved = errno;
	end(c);
	errno = saved;
	return -1;
}

int ipc_reply(struct ipc *c, uint16_t type, uint32_t id)
{
	ipc_compose(c, type, id);
	return ipc_send(c, -1);
}

/* 1 a message, 0 end of file or broken peer, -1 errno */
static int receive(struct ipc *c, struct ipc_msg *msg, int flags)
{
	size_t size = IPC_BODY_MAX + sizeof(struct ipc_header);
	struct ipc_header h = {0};
	int fd;
	bool cut;
	if (!c->in && !(c->in = malloc(size)))
		return -1;
	ssize_t got = descriptor_receive(c->fd, c->in, size, flags, &fd, &cut);
	if (got < 0)
		return errno == ECONNRESET ? 0 : -1;
	if ((size_t)got >= sizeof h)
		memcpy(&h, c->in, sizeof h);
	if ((size_t)got < sizeof h || h.magic != IPC_MAGIC || h.length != (size_t)got - sizeof h ||
	    cut) {
		if (fd >= 0)
			close(fd);
		if (got > 0)
			log_error(NULL, "dropping an edge: a frame of %zd bytes is not ours", got);
		return 0;
	}
	/* has_fd without one: we had no free descriptor; the handler sees fd -1 and says so */
	*msg = (struct ipc_msg){h.type, h.id, str_at(c->in + sizeof h, h.length), fd};
	return 1;
}

static void deliver_input(struct ipc *c)
{
	for (int i = 0; i < MESSAGES_A_TURN && !c->dead && !c->closed; i++) {
		struct ipc_msg m;
		int r = receive(c, &m, MSG_DONTWAIT);
		if (r < 0 &&
		    (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOMEM))
			return;
		if (r <= 0) {
			end(c);
			return;
		}
		c->h->on_msg(c->ctx, c, &m);
		if (m.fd >= 0)
			close(m.fd);
	}
}

static void deliver_output(struct ipc *c)
{
	while (c->first) {
		struct ipc_waiting *w = c->first;
		if (descriptor_send(c->fd, w->data, w->n, w->fd) < 0) {
			if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
				end(c);
			return;
		}
		c->first = w->next;
		if (!c->first)
			c->last = &c->first;
		c->waiting_bytes -= w->n;
		if (w->fd >= 0)
			close(w->fd);
		free(w);
	}
	watch_set(c->watch, WATCH_READ);
	if (c->h->on_drain)
		c->h->on_drain(c->ctx, c);
}

static void on_event(void *arg, int fd, int what)
{
	struct ipc *c = arg;
	c->in_callback = true;
	if (what & WATCH_WRITE)
		deliver_output(c);
	if ((what & WATCH_READ) && !c->dead && !c->closed)
		deliver_input(c);
	c->in_callback = false;
	if (c->dead)
		release(c);
}

/* Until there is something to read, or a signal: 0, or -1.  until: -1 for ever. */
static int await(const struct ipc *c, int64_t until)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	int64_t left = until < 0 ? -1 : until - clock_mono_ms();
	int r = poll(&p, 1, until < 0 ? -1 : left > 0 ? (int)left : 0);

	if (r == 0)
		errno = ETIMEDOUT;
	return r > 0 || (r < 0 && errno == EINTR) ? 0 : -1;
}

int ipc_recv(struct ipc *c, struct ipc_msg *m, int64_t ms)
{
	int64_t until = ms < 0 ? -1 : clock_mono_ms() + ms;
	for (;;) {
		if (ms != 0 && await(c, until) < 0)
			return -1;
		int r = receive(c, m, MSG_DONTWAIT);
		if (r >= 0)
			return r;
		bool nothing = errno == EAGAIN || errno == EWOULDBLOCK;
		if (!nothing && errno != EINTR)
			return -1;
		if (ms == 0 && nothing) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}
