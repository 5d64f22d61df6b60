#include "config.h"

#include "imapd/watch.h"

#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

static const uint32_t comings = IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE;

static bool add_in(struct watch *w, const char *dir, const char *name, uint32_t events)
{
	char *path = mem_printf("%s/%s", dir, name);
	int r = inotify_add_watch(w->fd, path, events | IN_ONLYDIR);
	free(path);
	return r >= 0;
}

static bool add(struct watch *w, const char *name, uint32_t events)
{
	return add_in(w, w->dir, name, events);
}

static bool add_keywords(struct watch *w)
{
	return add(w, "courierimapkeywords", IN_MOVED_TO | IN_DELETE);
}

void watch_open(struct watch *w, const char *dir)
{
	*w = (struct watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .dir = dir};
	if (w->fd < 0)
		return;
	w->keywords = add_keywords(w);
	if (!add(w, "new", comings) || !add(w, "cur", comings) ||
	    (!w->keywords && !add(w, ".", IN_CREATE)))
		watch_close(w);
}

void watch_also(struct watch *w, const char *dir)
{
	if (w->fd >= 0 && (!add_in(w, dir, "new", comings) || !add_in(w, dir, "cur", comings)))
		watch_close(w);
}

void watch_clear(struct watch *w)
{
	char events[4096] __attribute__((aligned(8)));
	while (w->fd >= 0 && read(w->fd, events, sizeof events) > 0)
		;
	if (w->fd >= 0 && !w->keywords)
		w->keywords = add_keywords(w);
}

void watch_close(struct watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
