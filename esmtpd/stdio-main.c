/*
 * courieresmtpd: one SMTP session on standard input and output, under couriertcpd, inetd, systemd's
 * sockets or socat.  The session is the resident server's; the gate is asked over the socket that
 * every program may use, and believes what we say of the client only if it is root or the mail
 * system who calls.  Root's rights are gone before the first byte of the client is read.
 */
#include "config.h"

#include "dns/rdata.h"
#include "esmtpd/gate-socket.h"
#include "esmtpd/session.h"
#include "gate/client-env.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct config_component *const components[] = {
    &esmtpd_settings, &esmtpd_msa_settings, &esmtpd_ssl_settings, &auth_settings};

static int usage(void)
{
	fprintf(stderr, "usage: courieresmtpd [-C DIR] [-msa]\n");
	return EXIT_FAILURE;
}

/* ---- descriptors ---------------------------------------------------------------------------- */

static bool same(int a, int b)
{
	struct stat x, y;
	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* inetd makes the client our standard error, too: it shall not read the log. */
static void open_log(void)
{
	bool client = same(0, 2) || same(1, 2);
	log_open("courieresmtpd", client ? LOG_TO_SYSLOG : LOG_TO_STDERR, -1);
}

/* true: something came, or it is not its turn. */
static bool copy(int from, int to)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof bytes);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && file_write_all(to, bytes, (size_t)n) == 0;
}

/* Input and output are two things: a session wants one socket. */
__attribute__((noreturn)) static void carry(int fd, pid_t session)
{
	struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	int status = 0;
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents && !copy(fd, 1))
			break;
		if (p[0].revents && !copy(0, fd)) {
			shutdown(fd, SHUT_WR);
			p[0].fd = -1;
		}
	}
	close(fd);
	while (waitpid(session, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

static int client_socket(void)
{
	struct stat st;
	int ends[2];
	if (same(0, 1) && fstat(0, &st) == 0 && S_ISSOCK(st.st_mode))
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid_t pid = fork();
	if (pid > 0) {
		close(ends[1]);
		carry(ends[0], pid);
	}
	close(ends[0]);
	return pid < 0 ? -1 : ends[1];
}

/* ---- who the client is ---------------------------------------------------------------------- */

static void set_port(struct sockaddr_storage *ss, const char *variable)
{
	uint64_t port;
	if (!str_u64(str_of(getenv(variable)), &port) || port > 65535)
		return;
	if (ss->ss_family == AF_INET)
		((struct sockaddr_in *)ss)->sin_port = htons((uint16_t)port);
	else
		((struct sockaddr_in6 *)ss)->sin6_port = htons((uint16_t)port);
}

enum { TLS_TEXT_MAX = 200 };

/* "TLSv1.3,256bits,CIPHER", in our own order; STR_NONE: it is not that.  Part of a header later. */
static struct str tls_text(struct str said)
{
	static char text[TLS_TEXT_MAX + 20];
	struct str version, bits, cipher = said;
	for (size_t i = 0; i < said.n; i++)
		if (!ascii_alnum((unsigned char)said.p[i]) && !memchr(".,_-", said.p[i], 4))
			return STR_NONE;
	if (said.n > TLS_TEXT_MAX || !str_split(&cipher, ',', &version) ||
	    !str_split(&cipher, ',', &bits) || !str_ends(bits, STR("bits")) || !cipher.n)
		return STR_NONE;
	snprintf(text, sizeof text, "%.*s %.*s %.*s bits", STR_FMT(version), STR_FMT(cipher),
	    STR_FMT(str_head(bits, bits.n - 4)));
	return str_of(text);
}

/* What couriertcpd says, else the socket. */
static void find_ends(int fd, struct session_ends *ends)
{
	socklen_t n = sizeof ends->peer;
	*ends = (struct session_ends){.peer.ss_family = AF_UNSPEC};
	if (dns_literal(str_of(getenv("TCPREMOTEIP")), &ends->peer))
		set_port(&ends->peer, "TCPREMOTEPORT");
	else
		getpeername(fd, (struct sockaddr *)&ends->peer, &n);
	n = sizeof ends->local;
	if (dns_literal(str_of(getenv("TCPLOCALIP")), &ends->local))
		set_port(&ends->local, "TCPLOCALPORT");
	else
		getsockname(fd, (struct sockaddr *)&ends->local, &n);
}

/* TLS that couriertls speaks in front of us.  Only who may say where a client comes from may say
 * this: root, and the user of an instance of its own, who has the gate's socket. */
static struct str client_tls(const struct instance *in)
{
	char *path = instance_path(in->run, "submit");
	struct stat st;
	bool may = geteuid() == 0 || (stat(path, &st) == 0 && st.st_uid == geteuid());
	free(path);
	return may ? tls_text(str_of(getenv("TLS_CONNECTED_PROTOCOL"))) : STR_NONE;
}

static struct str client_name(void)
{
	struct str name = str_of(getenv("TCPREMOTEHOST"));
	return name.n < DNS_NAME_SIZE && !str_has_ctl(name) ? name : STR_NONE;
}

/* ---- rights --------------------------------------------------------------------------------- */

/* The gate has seen who we were; hostile input is nothing for root. */
static int drop_root(void)
{
	struct passwd *pw = geteuid() == 0 ? getpwnam("courier-net") : NULL;
	if (geteuid() == 0 &&
	    (!pw || setgroups(0, NULL) < 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
		setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0 || setuid(0) == 0)) {
		log_error(NULL, "cannot become the user courier-net: %s",
		    pw ? strerror(errno) : "there is no such user");
		return -1;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* ---- the session ---------------------------------------------------------------------------- */

enum { LAST_BYTES_MS = 10, LAST_BYTES_TRIES = 1200 };

static struct {
	struct loop *loop;
	struct timer *timer;
	int fd;
	unsigned tries;
} end;

/* The stream closes the descriptor when the last reply has left it. */
static void look_at_end(void *ctx)
{
	(void)ctx;
	if (fcntl(end.fd, F_GETFD) < 0 || ++end.tries > LAST_BYTES_TRIES)
		loop_stop(end.loop);
	else
		timer_set(end.timer, LAST_BYTES_MS);
}

static void ended(struct esmtpd *e)
{
	(void)e;
	timer_set(end.timer, 0);
}

static int serve(const struct instance *in, struct config *c, const char *component, int fd)
{
	static struct esmtpd e;
	struct session_ends ends;
	struct buf env;
	buf_init(&env, CLIENT_ENV_MAX);
	if (!client_env(&env)) {
		log_error(NULL, "the environment is too long");
		return -1;
	}
	e = (struct esmtpd){.loop = loop_new(),
	    .arena = arena_new(COMMAND_ARENA_MAX),
	    .board = board_new(NULL),
	    .single = true,
	    .idle = ended};
	end.loop = e.loop;
	end.fd = fd;
	end.timer = e.loop ? timer_new(e.loop, look_at_end, NULL) : NULL;
	if (!end.timer || !e.arena || !e.board)
		return -1;
	e.gate = gate_socket_new(e.loop, in, buf_str(&env), client_name());
	e.doors[0] = (struct door){.name = strcmp(component, "esmtpd") == 0 ? "smtp" : "submission",
	    .component = component};
	e.doors[0].settings = door_settings_new(c, component);
	find_ends(fd, &ends);
	ends.tls = client_tls(in);
	esmtpd_admit(&e, &e.doors[0], fd, &ends);
	if (e.n_sessions == 0)
		return 0;
	return drop_root() < 0 ? -1 : loop_run(e.loop);
}

int main(int argc, char **argv)
{
	struct instance in;
	const char *dir = NULL, *component = "esmtpd";
	char *why;
	int at = 1;
	open_log();
	signal(SIGPIPE, SIG_IGN);
	if (at + 1 < argc && strcmp(argv[at], "-C") == 0) {
		dir = argv[at + 1];
		at += 2;
	}
	if (at < argc && strcmp(argv[at], "-msa") == 0) {
		component = "esmtpd-msa";
		at++;
	}
	if (at < argc)
		return usage();
	int fd = client_socket();
	if (fd < 0 || instance_find(&in, dir, &why) < 0) {
		log_error(NULL, "%s", fd < 0 ? strerror(errno) : why);
		return EXIT_FAILURE;
	}
	struct config *c = config_load(&in, components, ARRAY_LEN(components), NULL);
	return c && serve(&in, c, component, fd) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
