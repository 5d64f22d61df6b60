/* courier start, stop, restart, reload. */
#include "config.h"

#include "courierd/courier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MAX_S = 90, STOP_MAX_S = 120 };

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "courier: %s: %s\n", what, why);
	return EXIT_FAILURE;
}

/* A part by its role's name, for people: "imapd" is what they call imaplogin. */
static const char *part_name(const char *name)
{
	if (strcmp(name, "imapd") == 0)
		return "imaplogin";
	return strcmp(name, "pop3d") == 0 ? "pop3login" : name;
}

static int part_request(const struct instance *in, const char *verb, const char *part)
{
	struct buf answer;
	buf_init(&answer, 4096);
	char *request = mem_printf("%s %s", verb, part_name(part));
	int r = EXIT_SUCCESS;
	if (ask(in, "courierd", request, &answer, START_MAX_S) < 0)
		r = fail(verb, errno == ENOENT || errno == ECONNREFUSED
				   ? "not running; courier start starts everything"
				   : strerror(errno));
	else if (!str_starts(buf_str(&answer), STR("ok")))
		r = fail(verb, answer.n ? answer.p : "no answer");
	free(request);
	buf_free(&answer);
	return r;
}

static _Noreturn void become_supervisor(const struct instance *in, int ready)
{
	char fd[16];
	snprintf(fd, sizeof fd, "%d", ready);
	setsid();
	int null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
	}
	/* nothing of the administrator's shell leaks into the mail system */
	static const char *const kept[] = {
	    "COURIER_DUMPABLE", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_PRELOAD"};
	char *values[ARRAY_LEN(kept)];
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		values[i] = geteuid() && getenv(kept[i]) ? mem_strdup(getenv(kept[i])) : NULL;
	clearenv();
	setenv("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", 1);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (values[i])
			setenv(kept[i], values[i], 1);
	if (in->home)
		execl(SBINDIR "/courierd", "courierd", "-r", fd, "-C", in->home, (char *)NULL);
	else
		execl(SBINDIR "/courierd", "courierd", "-r", fd, (char *)NULL);
	fprintf(stderr, "courier: cannot run %s: %s\n", SBINDIR "/courierd", strerror(errno));
	_exit(127);
}

/* The supervisor says "ok", or why not, on the pipe. */
static int wait_for_word(int fd)
{
	struct buf word;
	buf_init(&word, 1000);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int r = poll(&p, 1, START_MAX_S * 1000);
	if (r == 1)
		(void)file_read_fd(fd, &word);
	struct str said = str_trim(buf_str(&word));
	if (str_is(said, "ok"))
		r = EXIT_SUCCESS;
	else
		r = fail("not started", said.n   ? said.p
					: r == 0 ? "no word in time; see the log"
						 : "it died; see the log");
	buf_free(&word);
	return r;
}

int cmd_start(const struct instance *in, int argc, char **argv)
{
	int fds[2];
	if (argc > 1)
		return part_request(in, "start", argv[1]);
	if (pipe(fds) < 0)
		return fail("start", strerror(errno));
	pid_t pid = fork();
	if (pid < 0)
		return fail("start", strerror(errno));
	if (pid == 0) {
		close(fds[0]);
		become_supervisor(in, fds[1]);
	}
	close(fds[1]);
	int r = wait_for_word(fds[0]);
	close(fds[0]);
	return r;
}

/* Waits until the supervisor's lock is free: then everything is gone. */
static bool wait_until_gone(const struct instance *in)
{
	char *path = instance_path(in->run, "courierd.pid");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return true;
	bool gone = false;
	for (int i = 0; i < STOP_MAX_S * 50 && !gone; i++) {
		gone = flock(fd, LOCK_EX | LOCK_NB) == 0;
		if (!gone)
			usleep(20000);
	}
	close(fd);
	return gone;
}

int cmd_stop(const struct instance *in, int argc, char **argv)
{
	struct buf answer;
	if (argc > 1)
		return part_request(in, "stop", argv[1]);
	buf_init(&answer, 4096);
	int r = ask(in, "courierd", "stop", &answer, 10);
	buf_free(&answer);
	if (r < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
		fprintf(stderr, "courier: not running\n");
		return EXIT_SUCCESS;
	}
	if (r < 0)
		return fail("stop", strerror(errno));
	return wait_until_gone(in) ? EXIT_SUCCESS
				   : fail("stop", "not everything has ended; see the log");
}

int cmd_restart(const struct instance *in, int argc, char **argv)
{
	if (argc > 1)
		return part_request(in, "restart", argv[1]);
	int r = cmd_stop(in, argc, argv);
	return r ? r : cmd_start(in, argc, argv);
}

int cmd_reload(const struct instance *in, int argc, char **argv)
{
	struct buf answer;
	int r = cmd_check(in, 1, argv);
	if (r)
		return r;
	buf_init(&answer, 4096);
	if (ask(in, "courierd", "reload", &answer, 60) < 0)
		r = fail("reload",
		    errno == ENOENT || errno == ECONNREFUSED ? "not running" : strerror(errno));
	buf_free(&answer);
	return r;
}
