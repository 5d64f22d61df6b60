/* The one logger of all programs. */
#include "config.h"

#include "tcpd/tcpd.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { AGAIN_MS = 1000 };

struct logger {
	const char *program, *name;
	int out, in; /* both ends stay ours: what is written while it is started again waits */
	pid_t pid;
	struct timer *again;
};

static void start(void *ctx)
{
	struct logger *g = ctx;
	char *argv[] = {mem_strdup(g->program), mem_strdup(g->name), NULL};
	g->pid = fork();
	if (g->pid == 0) {
		child_signals();
		if (dup2(g->in, 0) < 0)
			_exit(1);
		close_range(3, ~0U, 0);
		execvp(argv[0], argv);
		_exit(127);
	}
	free(argv[0]);
	free(argv[1]);
	if (g->pid > 0)
		return;
	log_error(NULL, "cannot start '%s': %m", g->program);
	timer_set(g->again, AGAIN_MS);
}

struct logger *logger_new(struct loop *l, const char *program, const char *name)
{
	struct logger *g = mem_new(struct logger);
	int ends[2];
	*g = (struct logger){.program = program, .name = name};
	g->again = timer_new(l, start, g);
	if (!g->again || pipe2(ends, O_CLOEXEC) < 0) {
		timer_free(g->again);
		free(g);
		return NULL;
	}
	g->in = ends[0];
	g->out = ends[1];
	start(g);
	return g;
}

int logger_fd(const struct logger *g)
{
	return g->out;
}

bool logger_reap(struct logger *g, pid_t pid)
{
	if (pid != g->pid)
		return false;
	g->pid = 0;
	log_error(NULL, "the logger '%s' has ended and is started again", g->program);
	timer_set(g->again, AGAIN_MS);
	return true;
}
