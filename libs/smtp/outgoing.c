#include "smtp/outgoing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static socklen_t length_of(int family)
{
	return family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static void *address_in(struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)ss)->sin6_addr
					 : (void *)&((struct sockaddr_in *)ss)->sin_addr;
}

static bool parse(struct str ip, int family, struct sockaddr_storage *out)
{
	char z[INET6_ADDRSTRLEN];
	*out = (struct sockaddr_storage){.ss_family = (sa_family_t)family};
	if (ip.n >= sizeof z)
		return false;
	snprintf(z, sizeof z, "%.*s", STR_FMT(ip));
	return inet_pton(family, z, address_in(out)) == 1;
}

bool outgoing_is_address(struct str ip, int family)
{
	struct sockaddr_storage ss;
	return parse(ip, family, &ss);
}

static int bind_source(int fd, int family, struct str source)
{
	struct sockaddr_storage ss;
	if (!source.n || str_is(source, "0"))
		return 0;
	if (!parse(source, family, &ss)) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	return bind(fd, (struct sockaddr *)&ss, length_of(family));
}

int outgoing_connect(const struct sockaddr_storage *to, struct str source)
{
	int family = to->ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (bind_source(fd, family, source) == 0 &&
	    (connect(fd, (const struct sockaddr *)to, length_of(family)) == 0 ||
		errno == EINPROGRESS))
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int outgoing_error(int fd)
{
	int e = 0;
	socklen_t n = sizeof e;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0 ? errno : e;
}

void outgoing_name(const struct sockaddr_storage *to, const char *host, struct outgoing_name *out)
{
	struct sockaddr_storage ss = *to;
	char ip[INET6_ADDRSTRLEN] = "";
	inet_ntop(ss.ss_family, address_in(&ss), ip, sizeof ip);
	bool literal = host[0] == '[' || strcmp(host, ip) == 0;
	snprintf(out->host, sizeof out->host, "%s", literal ? ip : host);
	snprintf(out->remote, sizeof out->remote, "%s%s[%s]", literal ? "" : host,
	    literal ? "" : " ", ip);
}
