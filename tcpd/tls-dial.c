#include "config.h"

#include "tcpd/couriertls.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASK_LINE_MAX = 1000, ASK_LINES = 100 };

int tls_dial(const char *host, const char *port, char why[TLS_WHY_SIZE])
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all;
	int fd = -1, e = getaddrinfo(host, port, &hints, &all);
	if (e) {
		snprintf(
		    why, TLS_WHY_SIZE, "'%.100s', port '%.40s': %s", host, port, gai_strerror(e));
		return -1;
	}
	for (struct addrinfo *a = all; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			continue;
		e = errno;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(all);
	if (fd < 0)
		snprintf(why, TLS_WHY_SIZE, "cannot connect to '%.100s', port '%.40s': %s", host,
		    port, strerror(e ? e : errno));
	return fd;
}

/* Byte by byte: what stands behind the last line belongs to TLS.  0 with the line, -1. */
static int read_line(int fd, int64_t until, char line[ASK_LINE_MAX])
{
	size_t n = 0;
	while (n < ASK_LINE_MAX - 1) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = until - clock_mono_ms();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0 || read(fd, line + n, 1) != 1)
			return -1;
		if (line[n++] == '\n') {
			line[n] = 0;
			return 0;
		}
	}
	return -1;
}

/* Until a line that begins with `good`, or with anything but `go_on`. */
static bool expect(int fd, int64_t until, const char *good, const char *go_on)
{
	char line[ASK_LINE_MAX];
	for (int i = 0; i < ASK_LINES && read_line(fd, until, line) == 0; i++) {
		if (str_istarts(str_of(line), str_of(good)))
			return true;
		if (!str_istarts(str_of(line), str_of(go_on)))
			return false;
	}
	return false;
}

static bool say(int fd, const char *text)
{
	return file_write_all(fd, text, strlen(text)) == 0;
}

static bool ask_smtp(int fd, int64_t until)
{
	return expect(fd, until, "220 ", "220-") && say(fd, "EHLO localhost\r\n") &&
	       expect(fd, until, "250 ", "250-") && say(fd, "STARTTLS\r\n") &&
	       expect(fd, until, "220 ", "220-");
}

static bool ask_imap(int fd, int64_t until)
{
	return expect(fd, until, "* OK", "* OK") && say(fd, "a1 STARTTLS\r\n") &&
	       expect(fd, until, "a1 OK", "* ");
}

static const struct {
	const char *name;
	bool (*ask)(int fd, int64_t until);
} protocols[] = {{"smtp", ask_smtp}, {"imap", ask_imap}};

bool tls_ask_known(const char *protocol)
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (strcmp(protocols[i].name, protocol) == 0)
			return true;
	return false;
}

int tls_ask_start(int fd, const char *protocol, char why[TLS_WHY_SIZE])
{
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
		if (strcmp(protocols[i].name, protocol) == 0 &&
		    protocols[i].ask(fd, clock_mono_ms() + TLS_HANDSHAKE_MS))
			return 0;
	snprintf(why, TLS_WHY_SIZE, "the server does not begin TLS (%s)", protocol);
	return -1;
}
