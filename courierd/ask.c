#include "config.h"

#include "courierd/courier.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const struct instance *in, const char *name, int timeout_s)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct timeval tv = {.tv_sec = timeout_s};
	if ((size_t)snprintf(un.sun_path, sizeof un.sun_path, "%s/%s", in->run, name) >=
	    sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	if (connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int ask(const struct instance *in, const char *socket_name, const char *request, struct buf *out,
    int timeout_s)
{
	int fd = connect_to(in, socket_name, timeout_s);
	if (fd < 0)
		return -1;
	bool bad = send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 ||
		   send(fd, "\n", 1, MSG_NOSIGNAL) < 0;
	(void)shutdown(fd, SHUT_WR);
	int r = bad ? -1 : file_read_fd(fd, out), saved = errno;
	close(fd);
	errno = saved;
	return r;
}

void json_string(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_addf(out, "\\u%04x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_addc(out, '"');
}
