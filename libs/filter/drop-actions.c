/* The actions of filters that are simple. */
#include "config.h"

#include "filter/drop-private.h"
#include "maildir/mbox-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void drop_echo(struct filter_run *r, struct str text)
{
	drop_say(filter_ctx(r), text, false);
}

int drop_log(struct filter_run *r, struct str text)
{
	struct drop *d = filter_ctx(r);
	if (d->log < 0)
		return 0; /* no log file was named */
	return file_write_all(d->log, text.p, text.n) < 0
		   ? filter_fail(r, "log: %s", strerror(errno))
		   : 0;
}

int drop_logfile(struct filter_run *r, struct str path)
{
	struct drop *d = filter_ctx(r);
	char *name = mem_strndup(path.p ? path.p : "", path.n);
	int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	int done = fd < 0 ? filter_fail(r, "cannot open \"%s\": %s", name, strerror(errno)) : 0;
	if (fd >= 0 && d->log >= 0)
		close(d->log);
	if (fd >= 0)
		d->log = fd;
	free(name);
	return done;
}

struct held {
	char *path; /* a dot-lock */
	int fd;     /* a kernel lock */
};

int drop_lock(struct filter_run *r, bool dot, struct str path, void **lock)
{
	struct lock_times t;
	struct held *h = mem_new(struct held);
	h->path = mem_strndup(path.p ? path.p : "", path.n);
	h->fd = -1;
	drop_lock_times(r, &t);
	int done;
	if (dot) {
		done = dotlock_take(h->path, &t, false);
	} else {
		h->fd = open(h->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		done = h->fd < 0 ? -1 : kernel_lock(h->fd, false, &t);
	}
	if (done == 0) {
		*lock = h;
		return 0;
	}
	filter_fail(r, "cannot lock \"%s\": %s", h->path, strerror(errno));
	if (h->fd >= 0)
		close(h->fd);
	free(h->path);
	free(h);
	return -1;
}

void drop_unlock(struct filter_run *r UNUSED, void *lock)
{
	struct held *h = lock;
	if (h->fd >= 0)
		close(h->fd);
	else
		dotlock_drop(h->path);
	free(h->path);
	free(h);
}

int drop_read_file(struct filter_run *r, struct str path, struct buf *out)
{
	char *name = mem_strndup(path.p ? path.p : "", path.n);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY), done = -1;
	if (fd >= 0)
		done = file_read_fd(fd, out);
	if (done < 0)
		filter_fail(r, "cannot read \"%s\": %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(name);
	return done < 0 ? -1 : 0;
}
