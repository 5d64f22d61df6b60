#include "config.h"

#include "tcpd/couriertls.h"
#include "tcpd/daemon.h"
#include "tcpd/words.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_GIVEN = UINT32_MAX };

static struct {
	const char *host, *port, *user, *verify, *protocol;
	uint32_t localfd, remotefd, statusfd, printfd;
	bool server, tcpd;
	char **program;
	int net, in, out;
	pid_t child;
	SSL *ssl;
	struct daemon_rights rights;
} me = {.localfd = NOT_GIVEN,
    .remotefd = NOT_GIVEN,
    .statusfd = NOT_GIVEN,
    .printfd = NOT_GIVEN,
    .in = 0,
    .out = 1};

static int usage(void)
{
	fprintf(stderr,
	    "usage: couriertls [-host=HOST -port=PORT | -remotefd=N | -tcpd] [-localfd=N]\n"
	    "       [-statusfd=N] [-printx509=N] [-server] [-user=USER] [-verify=DOMAIN]\n"
	    "       [-protocol=smtp|imap] [PROGRAM [ARGUMENT...]]\n");
	return EXIT_FAILURE;
}

/* The one line of a failure, for who waits at -statusfd or for people. */
static int fail(const char *why)
{
	char *line = mem_printf("couriertls: %s\n", why);
	int fd = me.statusfd == NOT_GIVEN ? STDERR_FILENO : (int)me.statusfd;
	if (file_write_all(fd, line, strlen(line)) < 0)
		fprintf(stderr, "%s", line);
	free(line);
	return EXIT_FAILURE;
}

static int fail_about(const char *what)
{
	char why[TLS_WHY_SIZE];
	snprintf(why, sizeof why, "%.200s: %s", what, strerror(errno));
	return fail(why);
}

/* ---- options -------------------------------------------------------------------------------- */

static int read_words(int argc, char **argv)
{
	const struct word_option options[] = {
	    {"host", WORD_TEXT, &me.host},
	    {"port", WORD_TEXT, &me.port},
	    {"localfd", WORD_NUMBER, &me.localfd},
	    {"remotefd", WORD_NUMBER, &me.remotefd},
	    {"statusfd", WORD_NUMBER, &me.statusfd},
	    {"printx509", WORD_NUMBER, &me.printfd},
	    {"server", WORD_FLAG, &me.server},
	    {"tcpd", WORD_FLAG, &me.tcpd},
	    {"user", WORD_TEXT, &me.user},
	    {"verify", WORD_TEXT, &me.verify},
	    {"protocol", WORD_TEXT, &me.protocol},
	};
	const struct words w = {options, ARRAY_LEN(options), NULL, NULL};
	const char *bad, *why;
	int at = words_take(&w, argc, argv, &bad, &why);
	if (at < 0) {
		fprintf(stderr, "couriertls: '%s': %s\n", bad, why);
		return -1;
	}
	me.program = at < argc ? argv + at : NULL;
	return 0;
}

static const char *wrong_together(void)
{
	int ways = (me.host != NULL) + (me.remotefd != NOT_GIVEN) + me.tcpd;
	if (ways != 1)
		return "say where the network is: -host and -port, -remotefd, or -tcpd";
	if (!me.host != !me.port)
		return "-host and -port belong together";
	if (me.protocol && (!tls_ask_known(me.protocol) || me.server))
		return "-protocol is smtp or imap, for a client";
	if (me.program && me.localfd != NOT_GIVEN)
		return "a program and -localfd exclude each other";
	if (me.tcpd && !me.program && me.localfd == NOT_GIVEN)
		return "-tcpd needs a program or -localfd";
	return NULL;
}

/* ---- descriptors ---------------------------------------------------------------------------- */

/* Ours alone: no program gets them. */
static void keep_to_ourselves(uint32_t fd)
{
	if (fd != NOT_GIVEN && fd > 2)
		fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

/* Descriptors 0 and 1 are the network: nothing that is printed shall get there. */
static int take_tcpd(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	me.net = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (null < 0 || me.net < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -1;
	close(null);
	return 0;
}

static int open_network(void)
{
	char why[TLS_WHY_SIZE];
	keep_to_ourselves(me.remotefd);
	keep_to_ourselves(me.localfd);
	keep_to_ourselves(me.statusfd);
	keep_to_ourselves(me.printfd);
	if (me.tcpd && take_tcpd() < 0)
		return fail_about("-tcpd");
	if (me.remotefd != NOT_GIVEN)
		me.net = (int)me.remotefd;
	if (me.host && (me.net = tls_dial(me.host, me.port, why)) < 0)
		return fail(why);
	if (fcntl(me.net, F_GETFD) < 0)
		return fail_about("-remotefd");
	if (me.localfd != NOT_GIVEN) {
		me.in = me.out = (int)me.localfd;
		if (fcntl(me.in, F_GETFD) < 0)
			return fail_about("-localfd");
	}
	if (me.protocol && tls_ask_start(me.net, me.protocol, why) < 0)
		return fail(why);
	int flags = fcntl(me.net, F_GETFL);
	if (flags < 0 || fcntl(me.net, F_SETFL, flags | O_NONBLOCK) < 0)
		return fail_about("the network");
	return 0;
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static bool is_address(const char *name)
{
	ASN1_OCTET_STRING *ip = a2i_IPADDRESS(name);
	ERR_clear_error();
	ASN1_OCTET_STRING_free(ip);
	return ip != NULL;
}

static int set_name(SSL *ssl)
{
	const char *name = me.verify ? me.verify : me.host;
	bool literal = name && is_address(name);
	if (name && !me.server && !literal && SSL_set_tlsext_host_name(ssl, name) != 1)
		return -1;
	if (!me.verify)
		return 0;
	if (literal)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), me.verify) == 1 ? 0 : -1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, me.verify) == 1 ? 0 : -1;
}

static int begin_tls(void)
{
	char why[TLS_WHY_SIZE];
	SSL_CTX *ctx = tls_context(me.server, me.verify != NULL, why);
	if (!ctx)
		return fail(why);
	me.ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (!me.ssl || SSL_set_fd(me.ssl, me.net) != 1 || set_name(me.ssl) < 0)
		return fail("out of memory, or no good name for -verify");
	return tls_handshake(me.ssl, me.net, me.server, why) < 0 ? fail(why) : 0;
}

static void report(void)
{
	struct buf text;
	if (me.printfd != NOT_GIVEN) {
		buf_init(&text, 256 * 1024);
		tls_peer_print(me.ssl, &text);
		if (file_write_all((int)me.printfd, text.p, text.n) < 0)
			fprintf(stderr, "couriertls: -printx509: %s\n", strerror(errno));
		buf_free(&text);
		close((int)me.printfd);
	}
	if (me.statusfd != NOT_GIVEN)
		close((int)me.statusfd);
}

/* ---- the program ---------------------------------------------------------------------------- */

__attribute__((noreturn)) static void become(int fd)
{
	child_signals();
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0)
		_exit(1);
	execvp(me.program[0], me.program);
	fprintf(stderr, "couriertls: cannot run '%s': %s\n", me.program[0], strerror(errno));
	_exit(127);
}

static int start_program(void)
{
	int ends[2];
	if (!me.program)
		return 0;
	if (tls_peer_export(me.ssl) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail_about(me.program[0]);
	me.child = fork();
	if (me.child == 0)
		become(ends[1]);
	if (me.child < 0)
		return fail_about(me.program[0]);
	close(ends[1]);
	me.in = me.out = ends[0];
	return 0;
}

static int child_status(void)
{
	int status = 0;
	if (me.child <= 0)
		return EXIT_SUCCESS;
	close(me.in);
	while (waitpid(me.child, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILURE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int64_t idle_ms(void)
{
	const char *text = getenv("TLS_TIMEOUT");
	uint64_t seconds;
	return text && str_u64(str_of(text), &seconds) && seconds < 86400 ? (int64_t)seconds * 1000
									  : 0;
}

int main(int argc, char **argv)
{
	log_open("couriertls", LOG_TO_STDERR, -1);
	signal(SIGPIPE, SIG_IGN);
	if (read_words(argc, argv) < 0)
		return EXIT_FAILURE;
	const char *why = wrong_together();
	if (why) {
		fprintf(stderr, "couriertls: %s\n", why);
		return usage();
	}
	why = daemon_rights_find(me.user, NULL, &me.rights);
	if (why)
		return fail(why);
	if (open_network() || begin_tls() || start_program())
		return EXIT_FAILURE;
	if (daemon_rights_take(&me.rights) < 0)
		return fail_about("-user");
	report();
	tls_pump(me.ssl, me.net, me.in, me.out, idle_ms(), me.child <= 0);
	SSL_free(me.ssl);
	close(me.net);
	return child_status();
}
