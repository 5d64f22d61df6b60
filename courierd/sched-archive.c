/*
 * ARCHIVEDIR: a copy of each finished message, ARCHIVEDIR/YYYY.MM.DD/Cnnn and Dnnn.  Nothing waits
 * for it and nothing fails because of it; what goes wrong is logged.
 */
#include "config.h"

#include "courierd/sched-main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { COPY_AT_ONCE = 64 * 1024, NAME_SIZE = 32 };

static int put_control(struct scheduler *x, int day, const char *name, struct message *m)
{
	struct buf b;
	buf_init(&b, 2 * ENVELOPE_TEXT_MAX);
	int fd = queue_peek(x->queue, m->seq, &b) < 0 || !buf_adds(&b, buf_str(&m->out))
		     ? -1
		     : file_create(day, name, 0600);
	int r = fd < 0 ? -1 : file_write_all(fd, b.p, b.n);
	if (fd >= 0 && file_close(fd) < 0)
		r = -1;
	buf_free(&b);
	return r;
}

static int copy(int from, int to)
{
	char block[COPY_AT_ONCE];
	for (;;) {
		ssize_t n = read(from, block, sizeof block);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -1 : 0;
		if (file_write_all(to, block, (size_t)n) < 0)
			return -1;
	}
}

static int put_body(struct scheduler *x, int day, const char *name, uint64_t seq)
{
	int from = queue_body_fd(x->queue, seq);
	int to = from < 0 ? -1 : file_create(day, name, 0600);
	int r = to < 0 ? -1 : copy(from, to);
	if (to >= 0 && file_close(to) < 0)
		r = -1;
	if (from >= 0)
		close(from);
	return r;
}

static int open_day(const char *dir)
{
	char name[NAME_SIZE];
	struct tm tm;
	time_t now = (time_t)clock_now();
	localtime_r(&now, &tm);
	strftime(name, sizeof name, "%Y.%m.%d", &tm);
	int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return -1;
	int day = -1;
	if (mkdirat(top, name, 0700) == 0 || errno == EEXIST)
		day = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int e = errno;
	close(top);
	errno = e;
	return day;
}

void archive_message(struct scheduler *x, struct message *m)
{
	char name[NAME_SIZE];
	struct log_ctx ctx = {"id", m->id};
	if (!x->archive)
		return;
	int day = open_day(x->archive), r = day < 0 ? -1 : 0;
	snprintf(name, sizeof name, "D%llu", (unsigned long long)m->seq);
	if (!r)
		r = put_body(x, day, name, m->seq);
	name[0] = 'C';
	if (!r)
		r = put_control(x, day, name, m);
	if (r)
		log_error(&ctx, "cannot be put into the archive '%s': %m", x->archive);
	if (day >= 0)
		close(day);
}

void archive_configure(struct scheduler *x, struct str dir)
{
	free(x->archive);
	x->archive = dir.n ? mem_strndup(dir.p, dir.n) : NULL;
	x->core.archives = x->archive != NULL;
}
