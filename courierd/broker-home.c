#include "config.h"

#include "courierd/broker.h"
#include "auth/home-copy.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Home folders at a first delivery.  The copy is made by a child, so that a slow disk holds nobody
 * up; questions about a home that is being made already wait for the same child.
 */
enum { HOME_SECONDS = 60, HOMES_MAX = 20 };

struct home_asker {
	struct home_asker *next;
	home_done done;
	void *ctx;
};

struct home {
	struct home *next;
	char *path;
	pid_t pid;
	struct home_asker *askers;
};

static _Noreturn void make(struct broker *b, const struct owner *o, const char *skeleton)
{
	struct home_plan p = {.skeleton = skeleton,
	    .home = o->home,
	    .uid = o->uid,
	    .gid = o->gid,
	    .give = b->limits.root};
	struct buf why;
	alarm(HOME_SECONDS);
	buf_init(&why, 1024);
	int r = home_copy(&p, &why);
	if (r < 0)
		log_error(&(struct log_ctx){"account", o->name}, "%s", why.p ? why.p : "no memory");
	else
		log_info(
		    &(struct log_ctx){"account", o->name}, "made the home folder '%s'", o->home);
	_exit(r < 0 ? 1 : 0);
}

static void wait_for(struct home *h, home_done done, void *ctx)
{
	struct home_asker *a = mem_new(struct home_asker);
	*a = (struct home_asker){h->askers, done, ctx};
	h->askers = a;
}

void home_make(struct broker *b, const struct owner *o, home_done done, void *ctx)
{
	const char *skeleton = config_z(b->config, "local", "AUTH_MKHOMEDIR_SKEL", NULL);
	size_t n = 0;
	for (struct home *h = b->homes; h; h = h->next, n++)
		if (!strcmp(h->path, o->home)) {
			wait_for(h, done, ctx);
			return;
		}
	if (skeleton[0] != '/' || n >= HOMES_MAX) {
		done(ctx, skeleton[0] == '/' ? "too many home folders are being made"
					     : "no home folders are made here");
		return;
	}
	pid_t pid = fork();
	if (pid == 0)
		make(b, o, skeleton);
	if (pid < 0) {
		done(ctx, "cannot start a process to make the home folder");
		return;
	}
	struct home *h = mem_new(struct home);
	*h = (struct home){.next = b->homes, .path = mem_strdup(o->home), .pid = pid};
	b->homes = h;
	wait_for(h, done, ctx);
}

bool home_reaped(struct broker *b, pid_t pid, int status)
{
	struct home **at = &b->homes;
	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	struct home *h = *at;
	if (!h)
		return false;
	*at = h->next;
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	while (h->askers) {
		struct home_asker *a = h->askers;
		h->askers = a->next;
		a->done(
		    a->ctx, good ? NULL : "the home folder could not be made; the log says why");
		free(a);
	}
	free(h->path);
	free(h);
	return true;
}
