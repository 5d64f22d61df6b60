/* The process of a connection. */
#include "config.h"

#include "tcpd/tcpd.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENVIRONMENT_ARENA = 4 * 1024 * 1024 };

extern char **environ;

/* In the child: only calls that are safe between fork and exec. */
__attribute__((noreturn)) static void become(
    const struct tcpd *t, int fd, int stderr_fd, char **env)
{
	child_signals();
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || (stderr_fd >= 0 && dup2(stderr_fd, 2) < 0))
		_exit(1);
	close_range(3, ~0U, 0);
	execvpe(t->program[0], t->program, env);
	static const char text[] = "couriertcpd: cannot run the program\n";
	if (write(2, text, sizeof text - 1) < 0)
		_exit(126);
	_exit(127);
}

static int start(struct tcpd *t, struct tcpd_client *c, char **env)
{
	int stderr_fd = t->logger            ? logger_fd(t->logger)
			: t->stderr_fd == -1 ? c->fd
					     : t->stderr_fd;
	pid_t pid = fork();
	if (pid == 0)
		become(t, c->fd, stderr_fd, env);
	if (pid < 0)
		return -1;
	struct access_addr *counted = mem_new(struct access_addr);
	*counted = c->counted;
	if (!map_set(t->children, str_at(&pid, sizeof pid), counted))
		mem_alloc(SIZE_MAX / 2); /* its place would be lost: rather begin anew */
	return 0;
}

int tcpd_spawn(struct tcpd *t, struct tcpd_client *c)
{
	struct arena *a = arena_new(ENVIRONMENT_ARENA);
	char **env = a ? tcpd_environment(a, environ, buf_str(&c->env)) : NULL;
	int r = -1;
	if (env)
		r = start(t, c, env);
	else
		errno = ENOMEM;
	int e = errno;
	arena_free(a);
	errno = e;
	return r;
}

void tcpd_reap(struct tcpd *t)
{
	pid_t pid;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (t->logger && logger_reap(t->logger, pid))
			continue;
		struct access_addr *a = map_del(t->children, str_at(&pid, sizeof pid));
		if (!a)
			continue;
		tcpd_released(t, a);
		free(a);
	}
}

void tcpd_kill_all(struct tcpd *t)
{
	size_t at = 0;
	struct str key;
	void *value;
	pid_t pid;
	while (map_next(t->children, &at, &key, &value)) {
		memcpy(&pid, key.p, sizeof pid);
		kill(pid, SIGTERM);
	}
}
