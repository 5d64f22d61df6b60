/* courierlogger: lines of text to the system's log. */
#include "config.h"

#include "event/event.h"
#include "tcpd/daemon.h"
#include "tcpd/words.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 1000, /* longer lines are cut into several records */
	KILL_MS = 8000,        /* from a stop to SIGKILL */
	AGAIN_MIN_MS = 1000,   /* pause before a program is started again; it doubles */
	AGAIN_MAX_MS = 60000,
	LASTED_MS = 60000, /* one that lived as long begins with the short pause again */
};

static struct {
	/* options */
	const char *name, *facility, *pidfile, *user, *group;
	bool droproot, respawn, start, stop, restart;
	char **program; /* NULL: standard input */
	/* at work */
	struct loop *loop;
	struct daemon_rights rights;
	struct watch *watch;
	struct timer *again, *kill;
	struct buf line;
	int in, out; /* the program's standard error */
	pid_t pid;
	int64_t began, pause;
	bool stopping;
	int status;
} me = {.in = -1, .out = -1, .pause = AGAIN_MIN_MS};

static int usage(void)
{
	fprintf(stderr,
	    "usage: courierlogger [-name=NAME] [-facility=FACILITY] [-pid=FILE] [-user=USER]\n"
	    "       [-group=GROUP] [-droproot] [[-respawn] [-start] PROGRAM [ARGUMENT...] |\n"
	    "       -stop | -restart]\n");
	return EXIT_FAILURE;
}

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "courierlogger: '%s': %s\n", what, why);
	return -1;
}

static int facility_of(const char *name)
{
	static const struct {
		const char *name;
		int value;
	} all[] = {{"auth", LOG_AUTH}, {"authpriv", LOG_AUTHPRIV}, {"console", LOG_USER},
	    {"cron", LOG_CRON}, {"daemon", LOG_DAEMON}, {"ftp", LOG_FTP}, {"kern", LOG_KERN},
	    {"lpr", LOG_LPR}, {"mail", LOG_MAIL}, {"news", LOG_NEWS}, {"security", LOG_AUTH},
	    {"user", LOG_USER}, {"uucp", LOG_UUCP}, {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},
	    {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},
	    {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i].value;
	return -1;
}

/* ---- lines ---------------------------------------------------------------------------------- */

/* The program chooses the text, so nothing of it but printable bytes reaches the log. */
static void record(struct str line)
{
	char text[LINE_MAX_BYTES + 1];
	size_t n = line.n < LINE_MAX_BYTES ? line.n : LINE_MAX_BYTES;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line.p[i];
		text[i] = c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	text[n] = 0;
	syslog(LOG_INFO, "%s", text);
}

static void take_lines(bool end)
{
	ptrdiff_t at;
	for (;;) {
		struct str all = buf_str(&me.line);
		at = str_chr(all, '\n');
		bool whole = at >= 0 && at <= LINE_MAX_BYTES;
		if (!whole && all.n <= LINE_MAX_BYTES)
			break;
		size_t n = whole ? (size_t)at : LINE_MAX_BYTES;
		record(str_head(all, n && all.p[n - 1] == '\r' ? n - 1 : n));
		buf_cut(&me.line, n + whole);
	}
	if (!end || me.line.n == 0)
		return;
	record(buf_str(&me.line));
	buf_clear(&me.line);
}

/* false: nothing comes any more. */
static bool read_some(int fd)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof chunk);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n > 0)
		buf_add(&me.line, chunk, (size_t)n);
	take_lines(n <= 0);
	return n > 0;
}

/* ---- the program ---------------------------------------------------------------------------- */

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void finish(void)
{
	loop_stop(me.loop);
}

/* What the program has written and nobody has read yet; its own children may hold the pipe open, so
 * the end of it is not waited for. */
static void read_rest(void)
{
	int flags = fcntl(me.in, F_GETFL);
	ssize_t n;
	char chunk[4096];
	fcntl(me.in, F_SETFL, flags | O_NONBLOCK);
	while ((n = read(me.in, chunk, sizeof chunk)) > 0) {
		buf_add(&me.line, chunk, (size_t)n);
		take_lines(false);
	}
	take_lines(true);
	fcntl(me.in, F_SETFL, flags);
}

__attribute__((noreturn)) static void become(void)
{
	child_signals();
	if (dup2(me.out, 2) < 0)
		_exit(1);
	if (me.droproot && daemon_rights_take(&me.rights) < 0)
		_exit(1);
	close_range(3, ~0U, 0);
	execvp(me.program[0], me.program);
	static const char text[] = "cannot run the program\n";
	if (write(2, text, sizeof text - 1) < 0)
		_exit(126);
	_exit(127);
}

static int start_program(void)
{
	me.began = clock_mono_ms();
	me.pid = fork();
	if (me.pid == 0)
		become();
	if (me.pid > 0)
		return 0;
	syslog(LOG_ERR, "cannot start '%s': %m", me.program[0]);
	return -1;
}

static void start_again(void *ctx)
{
	(void)ctx;
	if (start_program() < 0)
		timer_set(me.again, AGAIN_MAX_MS);
}

static void ended(int status)
{
	me.pid = 0;
	me.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	read_rest();
	if (me.stopping || !me.respawn) {
		finish();
		return;
	}
	if (clock_mono_ms() - me.began > LASTED_MS)
		me.pause = AGAIN_MIN_MS;
	syslog(LOG_WARNING, "'%s' has ended (%d) and is started again in %d s", me.program[0],
	    me.status, (int)(me.pause / 1000));
	timer_set(me.again, me.pause);
	me.pause = me.pause * 2 > AGAIN_MAX_MS ? AGAIN_MAX_MS : me.pause * 2;
}

static void on_child(void *ctx, int signo)
{
	int status;
	pid_t pid;
	(void)ctx;
	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == me.pid)
			ended(status);
}

static void on_kill(void *ctx)
{
	(void)ctx;
	if (me.pid > 0)
		kill(me.pid, SIGKILL);
}

static void on_stop(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
	me.stopping = true;
	if (me.pid <= 0) {
		finish();
		return;
	}
	if (kill(me.pid, SIGTERM) < 0)
		syslog(LOG_ERR, "cannot stop process %d: %m", (int)me.pid);
	timer_set(me.kill, KILL_MS);
}

static void on_hangup(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
	if (me.pid > 0 && kill(me.pid, SIGHUP) < 0)
		syslog(LOG_ERR, "cannot signal process %d: %m", (int)me.pid);
}

static void on_input(void *ctx, int fd, int what)
{
	(void)ctx;
	(void)what;
	read_some(fd); /* the end is the program's own, see ended() */
}

/* ---- setup ---------------------------------------------------------------------------------- */

static int read_words(int argc, char **argv)
{
	const struct word_option options[] = {
	    {"name", WORD_TEXT, &me.name},
	    {"facility", WORD_TEXT, &me.facility},
	    {"pid", WORD_TEXT, &me.pidfile},
	    {"user", WORD_TEXT, &me.user},
	    {"group", WORD_TEXT, &me.group},
	    {"droproot", WORD_FLAG, &me.droproot},
	    {"respawn", WORD_FLAG, &me.respawn},
	    {"start", WORD_FLAG, &me.start},
	    {"stop", WORD_FLAG, &me.stop},
	    {"restart", WORD_FLAG, &me.restart},
	};
	const struct words w = {options, ARRAY_LEN(options), NULL, NULL};
	const char *bad, *why;
	int at = words_take(&w, argc, argv, &bad, &why);
	if (at < 0)
		return complain(bad, why);
	/* one word and nothing else is a name: so couriertcpd calls its logger */
	if (argc == 2 && at == 1)
		me.name = argv[1];
	else
		me.program = at < argc ? argv + at : NULL;
	me.start |= me.pidfile && !me.stop && !me.restart;
	return 0;
}

static const char *wrong_together(void)
{
	if ((me.start || me.stop || me.restart) && !me.pidfile)
		return "-start, -stop and -restart need -pid=FILE";
	if (me.stop + me.restart > 1 || ((me.stop || me.restart) && me.program))
		return "one of -start, -stop and -restart, please";
	if ((me.respawn || me.droproot) && !me.program && !me.stop && !me.restart)
		return "-respawn and -droproot are for a program";
	return NULL;
}

static int send_signal(void)
{
	if (daemon_signal(me.pidfile, me.stop ? SIGTERM : SIGHUP, me.stop) == 0)
		return EXIT_SUCCESS;
	complain(me.pidfile, strerror(errno));
	return EXIT_FAILURE;
}

static int open_source(void)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	me.in = ends[0];
	me.out = ends[1];
	me.watch = watch_new(me.loop, me.in, on_input, NULL);
	me.again = timer_new(me.loop, start_again, NULL);
	me.kill = timer_new(me.loop, on_kill, NULL);
	if (!me.watch || !me.again || !me.kill)
		return -1;
	watch_set(me.watch, WATCH_READ);
	return 0;
}

static int watch_signals(void)
{
	signal(SIGPIPE, SIG_IGN);
	return signal_watch_new(me.loop, SIGCHLD, on_child, NULL) &&
		       signal_watch_new(me.loop, SIGTERM, on_stop, NULL) &&
		       signal_watch_new(me.loop, SIGINT, on_stop, NULL) &&
		       signal_watch_new(me.loop, SIGHUP, on_hangup, NULL)
		   ? 0
		   : -1;
}

static int open_log(void)
{
	int facility = facility_of(me.facility ? me.facility : "mail");
	if (facility < 0)
		return complain(me.facility, "there is no such facility");
	openlog(me.name      ? me.name
		: me.program ? me.program[0]
			     : "courierlogger",
	    LOG_NDELAY | (me.start ? 0 : LOG_PID), facility);
	return 0;
}

/* Standard input may be a file, which no loop can wait for. */
static int run_input(void)
{
	while (read_some(STDIN_FILENO))
		;
	return EXIT_SUCCESS;
}

static int run_program(void)
{
	daemon_ready();
	return loop_run(me.loop) < 0 ? -1 : me.status;
}

static int run(void)
{
	buf_init(&me.line, 2 * LINE_MAX_BYTES + 8192);
	me.loop = me.program ? loop_new() : NULL;
	if (me.program && (!me.loop || open_source() < 0 || watch_signals() < 0))
		return complain("courierlogger", "out of memory or descriptors");
	if (me.pidfile && daemon_number(me.pidfile) < 0)
		return complain(me.pidfile, strerror(errno));
	if (me.program && start_program() < 0)
		return complain(me.program[0], strerror(errno));
	if (daemon_rights_take(&me.rights) < 0)
		return complain(me.user ? me.user : me.group, strerror(errno));
	return me.program ? run_program() : run_input();
}

int main(int argc, char **argv)
{
	if (read_words(argc, argv) < 0)
		return EXIT_FAILURE;
	const char *why = wrong_together();
	if (why) {
		fprintf(stderr, "courierlogger: %s\n", why);
		return usage();
	}
	if (me.stop || me.restart)
		return send_signal();
	why = daemon_rights_find(me.user, me.group, &me.rights);
	if (why || open_log() < 0)
		return why          ? complain(me.user ? me.user : me.group, why),
		       EXIT_FAILURE : EXIT_FAILURE;
	if (me.pidfile) {
		int r = daemon_lock(me.pidfile);
		if (r > 0)
			return EXIT_SUCCESS;
		if (r < 0 || (me.program && daemon_background() < 0))
			return complain(me.pidfile, strerror(errno)), EXIT_FAILURE;
	}
	int r = run();
	close_end(&me.in);
	close_end(&me.out);
	return r < 0 ? EXIT_FAILURE : r;
}
