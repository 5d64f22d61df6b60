/* A filter's process: three pipes, a fresh environment, and nothing else of ours. */
#include "config.h"

#include "filters/courierfilterd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct pipes {
	int in[2], ready[2], out[2];
};

static void close_pair(int fd[2])
{
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

static int open_pipes(struct pipes *p)
{
	*p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
	if (pipe2(p->in, O_CLOEXEC) == 0 && pipe2(p->ready, O_CLOEXEC) == 0 &&
	    pipe2(p->out, O_CLOEXEC) == 0 && fcntl(p->ready[0], F_SETFL, O_NONBLOCK) == 0 &&
	    fcntl(p->out[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	int saved = errno;
	close_pair(p->in);
	close_pair(p->ready);
	close_pair(p->out);
	errno = saved;
	return -1;
}

/* The names that the original's filters know, and where our own things are. */
static char **environment(const struct instance *in)
{
	static char *env[16];
	size_t n = 0;
	env[n++] = mem_strdup("PATH=" BINDIR ":/usr/local/bin:/usr/bin:/bin");
	env[n++] = mem_strdup("SHELL=/bin/sh");
	env[n++] = mem_printf("sysconfdir=%s", in->etc);
	env[n++] = mem_printf("localstatedir=%s", in->var);
	env[n++] = mem_strdup("prefix=" PREFIX);
	env[n++] = mem_strdup("exec_prefix=" PREFIX);
	env[n++] = mem_strdup("bindir=" BINDIR);
	env[n++] = mem_strdup("sbindir=" SBINDIR);
	env[n++] = mem_strdup("libexecdir=" LIBEXECDIR);
	if (in->home)
		env[n++] = mem_printf("COURIER_HOME=%s", in->home);
	env[n] = NULL;
	return env;
}

/* Each out of the way first: it may have the number that another shall get. */
static void place(struct pipes *p)
{
	int in = fcntl(p->in[0], F_DUPFD, 16), ready = fcntl(p->ready[1], F_DUPFD, 16);
	int out = fcntl(p->out[1], F_DUPFD, 16);
	if (in < 0 || ready < 0 || out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    dup2(in, 0) < 0 || dup2(ready, 3) < 0 || close_range(4, ~0U, 0) < 0)
		_exit(75);
}

static _Noreturn void child(const struct filter *f, struct pipes *p)
{
	const struct instance *in = service_instance(f->keeper->service);
	char *path = mem_printf("%s/filters/active/%s", in->etc, f->name);
	char *argv[] = {path, NULL}, **env = environment(in);
	place(p);
	child_signals();
	setsid();
	umask(007); /* sockets are for the group, too */
	if (chdir(in->var) < 0)
		_exit(75);
	execve(path, argv, env);
	dprintf(2, "cannot run '%s': %s\n", path, strerror(errno));
	_exit(127);
}

int filter_spawn(struct filter *f)
{
	struct pipes p;
	if (open_pipes(&p) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		child(f, &p);
	int saved = errno;
	close(p.in[0]);
	close(p.ready[1]);
	close(p.out[1]);
	if (pid < 0) {
		close(p.in[1]);
		close(p.ready[0]);
		close(p.out[0]);
		errno = saved;
		return -1;
	}
	f->pid = pid;
	f->input = p.in[1];
	f->ready = p.ready[0];
	f->output = p.out[0];
	return 0;
}
