#include "config.h"

#include "queue/journal-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ZEROS = 1024 * 1024 };

/* Real zeros and not only reserved blocks: a later sync then has no metadata to write. */
static int fill(int fd, size_t size)
{
	int e = posix_fallocate(fd, 0, (off_t)size);
	char *zeros = e ? NULL : calloc(1, ZEROS);
	if (!zeros) {
		errno = e ? e : ENOMEM;
		return -1;
	}
	int r = 0;
	for (size_t done = 0; !r && done < size; done += ZEROS)
		r = file_write_all(fd, zeros, size - done < ZEROS ? size - done : ZEROS);
	free(zeros);
	return r ? r : file_sync_full(fd);
}

/* An old segment under its new number: what it holds carries the old number and is no record. */
static int reuse(struct group *g, const char *name)
{
	int fd = openat(g->dirfd, g->spare, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || (size_t)st.st_size < g->size ||
	    file_rename(g->dirfd, g->spare, g->dirfd, name)) {
		close(fd);
		file_unlink(g->dirfd, g->spare);
		return -1;
	}
	return fd;
}

static int create(int dirfd, const char *name, size_t size)
{
	int fd = file_create(dirfd, ".new", 0600);
	if (fd < 0 && errno == EEXIST && file_unlink(dirfd, ".new") == 0)
		fd = file_create(dirfd, ".new", 0600);
	if (fd < 0)
		return -1;
	if (fill(fd, size) == 0 && file_rename(dirfd, ".new", dirfd, name) == 0)
		return fd;
	int e = errno;
	close(fd);
	file_unlink(dirfd, ".new");
	errno = e;
	return -1;
}

int segment_spare(int dirfd, const char *name, size_t size)
{
	int fd = create(dirfd, name, size);
	return fd < 0 ? -1 : file_close(fd);
}

static int make(struct group *g)
{
	char name[16], head[JOURNAL_SEGMENT_HEAD];
	journal_name(g->segment->number, name);
	int fd = -1;
	if (g->spare[0]) {
		g->spare_used = true;
		fd = reuse(g, name);
	}
	if (fd < 0)
		fd = create(g->dirfd, name, g->size);
	if (fd < 0)
		return -1;
	journal_segment_head(head, g->segment->number, g->size);
	if (pwrite(fd, head, sizeof head, 0) == (ssize_t)sizeof head && file_sync(fd) == 0 &&
	    file_sync_dir(g->dirfd, ".") == 0) {
		g->segment->fd = fd;
		return 0;
	}
	int e = errno;
	close(fd);
	file_unlink(g->dirfd, name);
	errno = e;
	return -1;
}

static int write_group(struct group *g)
{
	struct iovec *v = g->iov;
	int left = g->n_iov;
	off_t at = (off_t)g->at;
	while (left) {
		ssize_t n = pwritev(g->segment->fd, v, left, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return -1;
		}
		at += n;
		while (left && (size_t)n >= v->iov_len) {
			n -= (ssize_t)v->iov_len;
			v++;
			left--;
		}
		if (left) {
			v->iov_base = (char *)v->iov_base + n;
			v->iov_len -= (size_t)n;
		}
	}
	return 0;
}

void group_run(struct disk_job *job)
{
	struct group *g = (struct group *)job;
	if (g->seal && file_sync(g->seal->fd))
		g->error = errno;
	else if (g->fresh && make(g)) {
		g->error = errno;
		g->make_failed = true;
	} else if (write_group(g) || (g->sync && file_sync(g->segment->fd)))
		g->error = errno;
}

/* Names change in order of age, each durably: see journal.h. */
void segment_retire(struct disk_job *job)
{
	struct segment *s = (struct segment *)job;
	char name[16], spare[24];
	journal_name(s->number, name);
	snprintf(spare, sizeof spare, "spare.%s", name);
	s->kept_as_spare = s->keep_as_spare && file_rename(s->dirfd, name, s->dirfd, spare) == 0;
	if (!s->kept_as_spare)
		file_unlink(s->dirfd, name);
	file_sync_dir(s->dirfd, ".");
}
