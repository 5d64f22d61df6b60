/*
 * How many TLS handshakes a server makes in a second:
 *
 *	make bench/tls-load
 *	tls-load [-s] [-r] [-2] [-g SIGALGS] [-c CLIENTS] [-t SECONDS] PORT
 *
 * on 127.0.0.1: connect, greeting, EHLO, STARTTLS, handshake, QUIT; with -s TLS from the first
 *byte. -r resumes the session of the first; -2: TLS 1.2.  Each client is a process with one
 *connection at a time.  One line: handshakes a second, how many of them were resumed, failures.
 */
#include "config.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/base.h"

struct counts {
	unsigned long long done, resumed, failed;
};

static struct {
	bool at_once, resume;
	uint16_t port;
	SSL_CTX *ctx;
	SSL_SESSION *session;
} load;

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
	if (!load.resume)
		return 0;
	SSL_SESSION_free(load.session);
	load.session = session;
	return 1;
}

static int connection(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(load.port)};
	struct timeval limit = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A whole reply, which comes in one piece or ends with its last line. */
static bool reply(int fd, SSL *ssl)
{
	char text[4096];
	size_t n = 0;

	for (;;) {
		ssize_t r = ssl ? SSL_read(ssl, text + n, (int)(sizeof text - n))
				: read(fd, text + n, sizeof text - n);
		size_t line;

		if (r <= 0)
			return false;
		n += (size_t)r;
		if (text[n - 1] != '\n' || n < 5)
			continue;
		for (line = n - 1; line > 0 && text[line - 1] != '\n'; line--)
			;
		if (text[line + 3] == ' ')
			return text[line] == '2';
	}
}

static bool say(int fd, const char *line)
{
	return write(fd, line, strlen(line)) == (ssize_t)strlen(line) && reply(fd, NULL);
}

static bool handshake(int fd, SSL *ssl)
{
	if (!load.at_once &&
	    (!reply(fd, NULL) || !say(fd, "EHLO load.example\r\n") || !say(fd, "STARTTLS\r\n")))
		return false;
	if (load.resume && load.session)
		SSL_set_session(ssl, load.session);
	if (SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1 || (load.at_once && !reply(fd, ssl)))
		return false;
	return SSL_write(ssl, "QUIT\r\n", 6) == 6 && reply(fd, ssl);
}

static void client(struct counts *c, int64_t until)
{
	while (clock_mono_ms() < until) {
		SSL *ssl = SSL_new(load.ctx);
		int fd = connection();

		if (ssl && fd >= 0 && handshake(fd, ssl)) {
			c->done++;
			c->resumed += SSL_session_reused(ssl) == 1;
		} else
			c->failed++;
		if (ssl)
			SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(ssl);
		if (fd >= 0)
			close(fd);
	}
}

static void run(int clients, int64_t seconds)
{
	struct counts *c = mmap(NULL, (size_t)clients * sizeof *c, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct counts sum = {0};
	int64_t begin = clock_mono_ms();

	if (c == MAP_FAILED)
		exit(EXIT_FAILURE);
	for (int i = 0; i < clients; i++)
		if (fork() == 0) {
			client(&c[i], begin + seconds * 1000);
			_exit(EXIT_SUCCESS);
		}
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < clients; i++) {
		sum.done += c[i].done;
		sum.resumed += c[i].resumed;
		sum.failed += c[i].failed;
	}
	printf("%.0f handshakes a second, %llu of %llu resumed, %llu failed\n",
	    (double)sum.done * 1000 / (double)(clock_mono_ms() - begin), sum.resumed, sum.done,
	    sum.failed);
}

static int usage(void)
{
	fputs(
	    "usage: tls-load [-s] [-r] [-2] [-g SIGALGS] [-c CLIENTS] [-t SECONDS] PORT\n", stderr);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	uint64_t clients = 8, seconds = 5, port;
	int opt;

	load.ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(
	    load.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(load.ctx, keep_session);
	while ((opt = getopt(argc, argv, "sr2g:c:t:")) != -1) {
		load.at_once |= opt == 's';
		load.resume |= opt == 'r';
		if (opt == '2')
			SSL_CTX_set_max_proto_version(load.ctx, TLS1_2_VERSION);
		if (opt == '?' ||
		    (opt == 'g' && SSL_CTX_set1_sigalgs_list(load.ctx, optarg) != 1) ||
		    (opt == 'c' && !str_u64(str_of(optarg), &clients)) ||
		    (opt == 't' && !str_u64(str_of(optarg), &seconds)))
			return usage();
	}
	if (optind + 1 != argc || !str_u64(str_of(argv[optind]), &port) || port > UINT16_MAX ||
	    clients < 1 || clients > 1000 || seconds < 1 || seconds > 3600)
		return usage();
	load.port = (uint16_t)port;
	run((int)clients, (int64_t)seconds);
	return EXIT_SUCCESS;
}
