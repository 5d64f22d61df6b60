/*
 * imapd: one session.  Started with a Maildir from a shell it serves standard input and output and
 * greets with PREAUTH; started by the broker as the mailbox's owner it takes over after the login:
 * the environment tells who logged in and which tag waits for its OK.
 */
#include "config.h"

#include "base/child.h"

#include "base/sandbox.h"
#include "imapd/outbox.h"
#include "imapd/share.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { COMMAND_TEXT_MAX = 2 << 20, INITIAL_MAX = 8192 };

static const char *env(const char *name)
{
	const char *v = getenv(name);
	return v && *v ? v : NULL;
}

/* Why no session can be: to the client, in the form it waits for, and to the log. */
static int refuse(const char *why)
{
	const char *tag = env("IMAP_LOGIN_TAG");
	char line[1024];
	log_error(NULL, "%s, user=%s", why, env("AUTHENTICATED") ? env("AUTHENTICATED") : "-");
	int n =
	    tag ? snprintf(line, sizeof line, "%.100s NO [UNAVAILABLE] %s\r\n* BYE\r\n", tag, why)
		: snprintf(line, sizeof line, "* BYE [UNAVAILABLE] %s\r\n", why);
	if (file_write_all(STDOUT_FILENO, line, (size_t)n) < 0)
		log_warning(NULL, "cannot tell the client: %m");
	return EX_TEMPFAIL;
}

static bool option_set(const char *name)
{
	struct str rest = str_of(env("OPTIONS")), item, key;
	while (str_split(&rest, ',', &item))
		if (str_split(&item, '=', &key) && str_is(key, name))
			return !str_is(item, "0") && item.n;
	return false;
}

/* A group's mailbox (maildir_share): it is another's on purpose. */
static bool is_shared(void)
{
	const mode_t shared = S_ISGID | S_IRWXG;
	struct stat st;
	return stat("tmp", &st) == 0 && (st.st_mode & shared) == shared;
}

/* NULL: all is well. */
static const char *check_home(const struct settings *cfg)
{
	struct stat home, box;
	const char *dir = env("HOME");
	if (!env("AUTHENTICATED"))
		return NULL;
	if (option_set("disableimap"))
		return "IMAP is not available for this account";
	bool has_home = dir && stat(dir, &home) == 0;
	if (has_home && (home.st_mode & S_ISVTX))
		return "This account is temporarily unavailable";
	if (!cfg->sanity_check)
		return NULL;
	if (has_home && home.st_uid != geteuid())
		return "The home directory belongs to another user";
	if (stat(".", &box) == 0 && box.st_uid != geteuid() && !is_shared())
		return "The mailbox belongs to another user";
	return NULL;
}

static const char *enter_maildir(const char *argument, const char *or_else)
{
	const char *dir = env("MAILDIR"), *home = env("HOME");
	if (!dir)
		dir = argument;
	if (!dir && env("AUTHENTICATED"))
		dir = or_else;
	if (!dir)
		return "No Maildir was given";
	if (env("AUTHENTICATED") && home && chdir(home) < 0)
		return "The home directory cannot be entered";
	if (chdir(dir) < 0)
		return "The Maildir cannot be entered";
	return maildir_exists(".") ? NULL : "This is no Maildir";
}

/* A program that somebody left for the next login; gone when it succeeded. */
static void run_loginexec(void)
{
	int status;
	if (access("loginexec", X_OK) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		if (null >= 0) {
			dup2(null, STDIN_FILENO);
			dup2(STDERR_FILENO, STDOUT_FILENO);
		}
		execl("./loginexec", "loginexec", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		log_warning(NULL, "cannot run loginexec: %m");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		unlink("loginexec");
}

static void open_debug(struct session *s)
{
	const char *name = s->cfg.debug_file;
	if (*name && !strchr(name, '/'))
		s->io.debug_fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
}

static void preload(struct session *s)
{
	struct buf b;
	const char *initial = env("IMAP_INITIAL");
	buf_init(&b, INITIAL_MAX);
	if (initial && base64_decode(str_of(initial), &b))
		io_preload(&s->io, buf_str(&b));
	buf_free(&b);
}

static void greet(struct session *s)
{
	struct buf b;
	const char *tag = env("IMAP_LOGIN_TAG");
	buf_init(&b, 8192);
	capability_put(s, &b);
	if (tag)
		io_putf(&s->io, "%.100s OK [CAPABILITY %s] LOGIN Ok.\r\n", tag, b.p);
	else
		io_putf(&s->io, "* PREAUTH [CAPABILITY %s] Ready.\r\n", b.p);
	buf_free(&b);
}

static void session_init(struct session *s)
{
	int on = 1;
	io_init(&s->io, STDIN_FILENO, STDOUT_FILENO);
	s->io.timeout_ms = s->cfg.idle_timeout * 1000;
	/* replies leave whole: waiting for more to send would only delay them */
	setsockopt(STDOUT_FILENO, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	s->user = env("AUTHENTICATED") ? env("AUTHENTICATED") : "-";
	s->arena = arena_new(COMMAND_ARENA_MAX);
	s->started = clock_now();
	buf_init(&s->line, s->cfg.line_max + 16);
	buf_init(&s->text, COMMAND_TEXT_MAX);
	preload(s);
	open_debug(s);
}

static void log_end(struct session *s)
{
	log_info(NULL,
	    "%s, user=%s, ip=[%s], port=[%s], headers=%llu, body=%llu, rcvd=%llu, sent=%llu, "
	    "time=%lld%s",
	    s->timed_out ? "TIMEOUT"
	    : s->logout  ? "LOGOUT"
			 : "DISCONNECTED",
	    s->user, env("TCPREMOTEIP") ? env("TCPREMOTEIP") : "",
	    env("TCPREMOTEPORT") ? env("TCPREMOTEPORT") : "", (unsigned long long)s->header_bytes,
	    (unsigned long long)s->body_bytes, (unsigned long long)s->io.received,
	    (unsigned long long)s->io.sent, (long long)(clock_now() - s->started),
	    env("IMAP_TLS") ? ", starttls=1" : "");
}

static void log_start(const struct session *s)
{
	log_info(NULL, "LOGIN, user=%s, ip=[%s], port=[%s], protocol=IMAP%s", s->user,
	    env("TCPREMOTEIP") ? env("TCPREMOTEIP") : "",
	    env("TCPREMOTEPORT") ? env("TCPREMOTEPORT") : "",
	    env("IMAP_TLS") ? ", starttls=1" : "");
}

static void serve(struct session *s)
{
	greet(s);
	if (env("AUTHENTICATED"))
		log_start(s);
	io_flush(&s->io);
	trash_purge(s);
	while (command_next(s))
		;
	io_flush(&s->io);
	mailbox_close(s);
	arena_reset(s->arena);
	trash_purge(s);
	if (env("AUTHENTICATED"))
		log_end(s);
	io_free(&s->io);
	buf_free(&s->line);
	buf_free(&s->text);
	arena_free(s->arena);
}

static int usage(void)
{
	fputs("usage: imapd [-C DIR] [maildir]\n       imapd --version\n", stderr);
	return EX_USAGE;
}

static const char *options(int argc, char **argv, const char **instance, int *status)
{
	static const struct option longs[] = {{"version", no_argument, NULL, 'V'}, {0}};
	int c;
	while ((c = getopt_long(argc, argv, "C:", longs, NULL)) != -1) {
		if (c == 'C') {
			*instance = optarg;
		} else if (c == 'V') {
			puts(PACKAGE_STRING " imapd");
			*status = 0;
			return NULL;
		} else {
			*status = usage();
			return NULL;
		}
	}
	if (argc - optind > 1)
		*status = usage();
	return argv[optind];
}

/* From here on the session needs its Maildir, and what charset conversion loads. */
static void shut_in(const struct share *share)
{
	static const char *const own[] = {".", "/usr/lib", "/usr/share"};
	maildir_list folders = {0};
	tzset();
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		char *name = mem_strdup(own[i]);
		vec_push(&folders, name);
	}
	share_paths(share, &folders);
	if (sandbox_folders((const char *const *)folders.v, folders.n) < 0)
		log_warning(NULL, "the session is not shut into its Maildir: %m");
	maildir_list_free(&folders);
}

/* Not where a sanitizer keeps its books in the same memory. */
static void limit_memory(uint64_t bytes)
{
#ifndef COURIER_SANITIZED
	const struct rlimit limit = {bytes, bytes};
	if (bytes && setrlimit(RLIMIT_DATA, &limit) < 0)
		log_warning(NULL, "cannot limit the session's memory: %m");
#else
	(void)bytes;
#endif
}

static int start(struct session *s, const struct instance *in, const char *maildir)
{
	if (settings_load(&s->cfg, in) < 0)
		return refuse("The server's configuration has a fault");
	umask(s->cfg.umask);
	if (s->cfg.follow_links)
		maildir_follow_links(true);
	maildir_trash_name(s->cfg.trash);
	const char *fault = enter_maildir(maildir, s->cfg.maildir);
	if (!fault)
		fault = check_home(&s->cfg);
	if (fault)
		return refuse(fault);
	if (env("MAILDIRQUOTA") && maildir_quota_set(".", env("MAILDIRQUOTA")) < 0)
		log_warning(NULL, "cannot set the quota, user=%s: %m", env("AUTHENTICATED"));
	run_loginexec();
	if (outbox_start(s) < 0)
		log_warning(NULL, "mail put into the Outbox cannot be sent: %m");
	session_init(s);
	limit_memory(s->cfg.memory);
	s->share = share_open(&s->cfg, in, env("AUTHENTICATED"), env("OPTIONS"));
	shut_in(s->share);
	serve(s);
	share_close(&s->share);
	return 0;
}

int main(int argc, char **argv)
{
	static struct session s;
	struct instance in;
	char *why = NULL;
	const char *instance = NULL;
	int status = -1;
	const char *maildir = options(argc, argv, &instance, &status);
	if (status >= 0)
		return status;
	process_shut();
	signal(SIGPIPE, SIG_IGN);
	bool system = env("AUTHENTICATED") && !env("COURIER_HOME");
	log_open("imapd", system ? LOG_TO_SYSLOG : LOG_TO_STDERR, -1);
	charset_allow_iconv(true);
	if (instance_find(&in, instance, &why) < 0) {
		log_error(NULL, "%s", why);
		free(why);
		return refuse("The server is not configured");
	}
	status = start(&s, &in, maildir);
	if (s.cfg.config)
		settings_free(&s.cfg);
	instance_free(&in);
	return status;
}
