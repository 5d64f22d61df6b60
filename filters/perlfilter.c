/*
 * perlfilter: the administrator's Perl script in processes that wait for messages.
 *
 * The script is compiled once, here; the processes are forks of this one, so a script that does not
 * compile is known before the filter says that it is ready.  Each takes a connection, gives its
 * descriptor to the script, and closes what is left of it.  A process that ends is replaced.
 * All end when standard input does; they see it by the end of a pipe that only we hold.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "event/event.h"
#include "filters/filter-settings.h"
#include "filters/filter-socket.h"
#include "filters/perlfilter-perl.h"

enum {
	PROCESSES_MAX = 200,
	SCRIPT_SECONDS = 600, /* a script that takes longer is ended */
	YOUNG_MS = 1000,      /* who dies earlier is not replaced at once */
};

struct process {
	pid_t pid; /* 0: none */
	int64_t began;
};

struct perlfilter {
	struct loop *loop;
	struct watch *input;
	struct signal_watch *child, *term;
	struct timer *refill;
	struct process processes[PROCESSES_MAX];
	size_t n;
	int listener;
	int life[2]; /* nobody ever writes; its end is ours */
	bool stopping;
};

/* ---- in a process ---------------------------------------------------------------------------- */

/* The script has closed the descriptor, or forgot to; the number may mean something else now. */
static void close_if_same(int fd, int copy)
{
	struct stat a, b;
	if (!fstat(fd, &a) && !fstat(copy, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		close(fd);
}

static void serve(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	if (copy < 0) {
		log_error(NULL, "cannot copy a descriptor: %m");
		close(fd);
		return;
	}
	alarm(SCRIPT_SECONDS);
	(void)perl_script_run(fd);
	alarm(0);
	close_if_same(fd, copy);
	close(copy);
}

/* Waits for work.  A connection, or -1 at the end. */
static int next_connection(const struct perlfilter *p)
{
	for (;;) {
		struct pollfd fds[] = {
		    {.fd = p->listener, .events = POLLIN}, {.fd = p->life[0], .events = POLLIN}};
		int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			log_error(NULL, "cannot take a connection: %m; waiting a moment");
			poll(NULL, 0, YOUNG_MS);
		}
		if (poll(fds, 2, -1) > 0 && fds[1].revents && !fds[0].revents)
			return -1;
	}
}

static _Noreturn void process(struct perlfilter *p)
{
	static const int caught[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGALRM};
	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		signal(caught[i], SIG_DFL);
	close(p->life[1]);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		_exit(EX_OSERR);
	close(null);
	for (int fd; (fd = next_connection(p)) >= 0;)
		serve(fd);
	perl_script_end();
	_exit(0);
}

/* ---- the parent ------------------------------------------------------------------------------ */

static void fill(void *ctx)
{
	struct perlfilter *p = ctx;
	for (size_t i = 0; i < p->n && !p->stopping; i++) {
		if (p->processes[i].pid)
			continue;
		pid_t pid = fork();
		if (pid == 0)
			process(p);
		if (pid < 0) {
			log_error(NULL, "cannot start a process: %m; waiting a moment");
			timer_set(p->refill, YOUNG_MS);
			return;
		}
		p->processes[i] = (struct process){pid, clock_mono_ms()};
	}
}

static size_t living(const struct perlfilter *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->processes[i].pid != 0;
	return n;
}

static void buried(struct perlfilter *p, struct process *c, int status)
{
	bool young = clock_mono_ms() - c->began < YOUNG_MS;
	if (p->stopping)
		log_debug(NULL, "process %d has ended", (int)c->pid);
	else if (WIFSIGNALED(status))
		log_error(NULL, "process %d died of signal %d%s; another one takes its place",
		    (int)c->pid, WTERMSIG(status),
		    WTERMSIG(status) == SIGALRM ? " (the script took too long)" : "");
	else
		log_warning(NULL, "process %d ended with status %d; another one takes its place",
		    (int)c->pid, WEXITSTATUS(status));
	c->pid = 0;
	if (!p->stopping && !timer_armed(p->refill))
		timer_set(p->refill, young ? YOUNG_MS : 0);
}

static void on_child(void *ctx, int signo UNUSED)
{
	struct perlfilter *p = ctx;
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		for (size_t i = 0; i < p->n; i++)
			if (p->processes[i].pid == pid)
				buried(p, &p->processes[i], status);
	if (p->stopping && !living(p))
		loop_stop(p->loop);
}

static void stop(struct perlfilter *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	timer_clear(p->refill);
	close(p->life[1]);
	if (!living(p))
		loop_stop(p->loop);
}

static void on_term(void *ctx, int signo UNUSED)
{
	struct perlfilter *p = ctx;
	stop(p);
	for (size_t i = 0; i < p->n; i++)
		if (p->processes[i].pid)
			kill(p->processes[i].pid, SIGTERM);
}

static void on_stdin(void *ctx, int fd, int what UNUSED)
{
	struct perlfilter *p = ctx;
	char junk[256];
	ssize_t n = read(fd, junk, sizeof junk);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	watch_set(p->input, 0);
	stop(p);
}

static int prepare(struct perlfilter *p, const struct instance *in, const struct config *c)
{
	const char *script = config_z(c, "perlfilter", "perlfilter", NULL);
	p->n = (size_t)config_int(c, "perlfilter", "perlfilter-numprocs", NULL);
	if (!*script) {
		log_error(NULL,
		    "'%s/filters/perlfilter' must hold one line, the path of a Perl script",
		    in->etc);
		return EX_CONFIG;
	}
	if (perl_script_load(script) < 0)
		return EX_CONFIG;
	p->listener = filter_socket_make(in, "perlfilter", filter_mode_all(c, "perlfilter"));
	if (p->listener < 0)
		return EX_CANTCREAT;
	if (pipe2(p->life, O_CLOEXEC) < 0) {
		log_error(NULL, "cannot make a pipe: %m");
		return EX_OSERR;
	}
	return 0;
}

static int watch_over(struct perlfilter *p)
{
	p->loop = loop_new();
	if (!p->loop)
		return EX_TEMPFAIL;
	p->input = watch_new(p->loop, STDIN_FILENO, on_stdin, p);
	p->child = signal_watch_new(p->loop, SIGCHLD, on_child, p);
	p->term = signal_watch_new(p->loop, SIGTERM, on_term, p);
	p->refill = timer_new(p->loop, fill, p);
	if (!p->input || !p->child || !p->term || !p->refill)
		return EX_TEMPFAIL;
	watch_set(p->input, WATCH_READ);
	filter_fds_ready();
	fill(p);
	return loop_run(p->loop) ? EX_OSERR : 0;
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&perlfilter_component};
	static struct perlfilter p;
	struct instance in;
	int status;
	filter_fds_reserve();
	struct config *c =
	    filter_begin(&in, "perlfilter", components, ARRAY_LEN(components), argc, argv, &status);
	if (!c)
		return status;
	status = prepare(&p, &in, c);
	if (!status)
		status = watch_over(&p);
	perl_script_end();
	config_drop(c);
	instance_free(&in);
	return status;
}
