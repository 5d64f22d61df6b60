#include "config.h"

#include "access/proxy.h"

#include <errno.h>
#include <sys/socket.h>

/* The next bytes, without those behind the header. */
static int take(int fd, char *bytes, size_t *n, struct proxy_header *h, enum proxy_verdict *v)
{
	ssize_t got = recv(fd, bytes + *n, PROXY_HEADER_MAX - *n, MSG_PEEK | MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return 0;
	if (got <= 0)
		return -1;
	*v = proxy_header_parse(str_at(bytes, *n + (size_t)got), h);
	if (*v == PROXY_BAD)
		return 1;
	size_t mine = *v == PROXY_MORE ? (size_t)got : h->used > *n ? h->used - *n : 0;
	if (recv(fd, bytes + *n, mine, MSG_DONTWAIT) != (ssize_t)mine)
		return -1;
	*n += mine;
	return *v == PROXY_MORE ? 2 : 1;
}

int proxy_header_take(
    int fd, char bytes[PROXY_HEADER_MAX], size_t *n, struct proxy_header *h, enum proxy_verdict *v)
{
	int r;
	do
		r = take(fd, bytes, n, h, v);
	while (r == 2);
	return r;
}
