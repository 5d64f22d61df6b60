#include "config.h"

#include "imapd/watch.h"

#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

void watch_open(struct watch *w, const char *dir)
{
	static const char *const part[] = {"new", "cur", "courierimapkeywords"};
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(part) && w->fd >= 0; i++) {
		char *path = mem_printf("%s/%s", dir, part[i]);
		int r = inotify_add_watch(
		    w->fd, path, IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ONLYDIR);
		free(path);
		if (r < 0 && i < 2) {
			close(w->fd);
			w->fd = -1;
		}
	}
}

void watch_clear(struct watch *w)
{
	char events[4096] __attribute__((aligned(8)));
	while (w->fd >= 0 && read(w->fd, events, sizeof events) > 0)
		;
}

void watch_close(struct watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
