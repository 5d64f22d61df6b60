#include "config.h"

#include "auth/auth-text.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int64_t seconds(const char *name, unsigned def)
{
	uint64_t n;
	return str_u64(str_of(secure_getenv(name)), &n) && n > 0 && n < 86400 ? (int64_t)n : def;
}

/* Until fd is ready for `events`, or the deadline (monotonic ms) is over. */
static int await(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	for (;;) {
		int64_t left = deadline - clock_mono_ms();
		int r = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (r > 0)
			return 0;
		if (r == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (errno != EINTR)
			return -1;
	}
}

static int open_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if ((size_t)snprintf(a.sun_path, sizeof a.sun_path, "%s", path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int64_t deadline = clock_mono_ms() + seconds("TIMEOUT_SOCK", 10) * 1000;
	while (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		/* EAGAIN: more wait than the kernel queues for a UNIX socket */
		if (errno == EAGAIN && clock_mono_ms() < deadline && usleep(20000) == 0)
			continue;
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int put_all(int fd, struct str text, int64_t deadline)
{
	while (text.n) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n >= 0)
			text = str_skip(text, (size_t)n);
		else if (await(fd, POLLOUT, deadline) < 0)
			return -1;
	}
	return 0;
}

static int get_all(int fd, struct buf *answer, int64_t deadline)
{
	char part[16384];
	for (;;) {
		ssize_t n = recv(fd, part, sizeof part, 0);
		if (n == 0)
			return 0;
		if (n > 0 && !buf_add(answer, part, (size_t)n)) {
			errno = EFBIG;
			return -1;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n < 0 && await(fd, POLLIN, deadline) < 0)
			return -1;
	}
}

int auth_text_ask(const struct instance *in, struct str request, struct buf *answer)
{
	char *path = instance_path(in->var, "authdaemon/socket");
	int fd = open_socket(path);
	free(path);
	buf_clear(answer);
	if (fd < 0)
		return -1;
	int r = put_all(fd, request, clock_mono_ms() + seconds("TIMEOUT_WRITE", 10) * 1000);
	if (r == 0)
		r = get_all(fd, answer, clock_mono_ms() + seconds("TIMEOUT_READ", 30) * 1000);
	int saved = errno;
	close(fd);
	errno = saved;
	return r;
}
