#include "config.h"

#include "queue/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#define VERSION_TEXT "courier queue 1\n"
enum { NFS_MAGIC = 0x6969, RESERVE = 65536, RETRY_MS = 10 * 1000 };

static int fail(struct queue_report *report, const char *what)
{
	int e = errno;
	report_line(report, "cannot %s: %s", what, strerror(e));
	errno = e;
	return -1;
}

static int folder(int dir, const char *name)
{
	if (mkdirat(dir, name, 0700) && errno != EEXIST)
		return -1;
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int open_folders(struct store *s, struct queue_report *report)
{
	struct statfs fs;
	if (mkdir(s->config.dir, 0700) && errno != EEXIST)
		return fail(report, "make the queue's folder");
	s->dir = open(s->config.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 || fstatfs(s->dir, &fs))
		return fail(report, "open the queue's folder");
	if (fs.f_type == NFS_MAGIC) {
		report_line(
		    report, "'%s' is on NFS: the queue needs a local file system", s->config.dir);
		errno = EOPNOTSUPP;
		return -1;
	}
	s->lock = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0 || flock(s->lock, LOCK_EX | LOCK_NB))
		return fail(report, "lock the queue (is another scheduler running?)");
	s->journal_dir = folder(s->dir, "journal");
	s->msgs_dir = folder(s->dir, "msgs");
	s->tmp_dir = folder(s->dir, "tmp");
	if (s->journal_dir < 0 || s->msgs_dir < 0 || s->tmp_dir < 0 || file_sync_dir(s->dir, "."))
		return fail(report, "make the folders of the queue");
	return 0;
}

static int check_version(struct store *s, struct queue_report *report)
{
	struct buf b;
	buf_init(&b, 256);
	int r = file_read(s->dir, "version", &b);
	if (r && errno == ENOENT)
		r = file_replace(s->dir, "version", VERSION_TEXT, sizeof VERSION_TEXT - 1, 0600);
	else if (!r && !str_is(buf_str(&b), VERSION_TEXT)) {
		report_line(report,
		    "the queue in '%s' was made by another release; its file 'version' does not "
		    "say \"%.*s\"",
		    s->config.dir, (int)(sizeof VERSION_TEXT - 2), VERSION_TEXT);
		errno = EINVAL;
		buf_free(&b);
		return -1;
	}
	buf_free(&b);
	return r ? fail(report, "read the queue's version") : 0;
}

/* Numbers are taken from the file in blocks; what was not given out is skipped at the next start.
 */
int store_reserve_more(struct store *s, uint64_t at_least)
{
	char text[32];
	uint64_t upto = at_least + RESERVE;
	int n = snprintf(text, sizeof text, "%llu\n", (unsigned long long)upto);
	if (file_replace(s->dir, "sequence", text, (size_t)n, 0600))
		return -1;
	s->reserved = upto;
	return 0;
}

static void top(void *ctx, uint64_t seq, int64_t next UNUSED)
{
	uint64_t *highest = ctx;
	if (seq > *highest)
		*highest = seq;
}

static int open_sequence(struct store *s, struct queue_report *report, uint64_t highest)
{
	struct buf b;
	uint64_t from = 0;
	buf_init(&b, 64);
	bool have = file_read(s->dir, "sequence", &b) == 0;
	if (have && !str_u64(str_trim(buf_str(&b)), &from))
		report_line(report, "the file 'sequence' is damaged; numbers go on after the "
				    "highest one in the queue");
	buf_free(&b);
	if (from <= highest) /* lost: leave a wide gap */
		from = have || highest ? highest + 16 * RESERVE : 1;
	s->next_seq = from;
	return store_reserve_more(s, from) ? fail(report, "write the file 'sequence'") : 0;
}

static void keep_spare(void *ctx, const char *name)
{
	struct names {
		char name[JOURNAL_SPARES][24];
		unsigned n;
	} *spares = ctx;
	if (spares->n < JOURNAL_SPARES)
		snprintf(spares->name[spares->n++], sizeof spares->name[0], "%s", name);
}

static void journal_trouble(void *ctx, const char *what, int error)
{
	store_trouble(ctx, what, error);
}

static void retry_files(struct store *s)
{
	struct str key;
	void *v;
	for (size_t at = 0; s->n_behind && map_next(s->messages, &at, &key, &v);) {
		struct stored *m = v;
		if (!m->behind || store_catch_up(s, m) || !m->parked || m->appends)
			continue;
		store_forget(s, m);
		at = 0;
	}
	if (s->n_behind) {
		timer_set(s->retry, RETRY_MS);
	} else if (s->held) {
		struct segment *seg = s->held;
		s->held = NULL;
		store_release(s, seg);
	}
}

static void retry_moves(void *ctx)
{
	struct store *s = ctx;
	struct str key;
	void *v;
	retry_files(s);
	for (size_t at = 0; map_next(s->messages, &at, &key, &v);) {
		struct stored *m = v;
		if (m->parked && m->state == STORED_JOURNAL && !m->removed)
			store_move(s, m);
	}
	store_move_oldest(s);
}

static int start(struct store *s, struct queue_report *report)
{
	struct {
		char name[JOURNAL_SPARES][24];
		unsigned n;
	} spares = {0};
	uint32_t first;
	uint64_t highest;
	static const struct journal_handlers handlers = {
	    .release = store_release, .trouble = journal_trouble};
	store_sweep(s->tmp_dir);
	if (store_replay(s, report, &first, &highest, keep_spare, &spares))
		return fail(report, "replay the journal");
	if (store_scan(s->msgs_dir, report, top, &highest))
		return fail(report, "read the folder msgs");
	if (open_sequence(s, report, highest))
		return -1;
	s->messages = map_new();
	s->retry = timer_new(s->loop, retry_moves, s);
	s->files = disk_thread_new(s->loop);
	s->trash = disk_thread_new(s->loop);
	size_t size = s->config.segment_size ? s->config.segment_size : QUEUE_SEGMENT_SIZE;
	if (s->messages && s->retry && s->files && s->trash)
		s->journal = journal_open(s->loop, s->journal_dir, first, size, &handlers, s);
	if (!s->journal)
		return fail(report, "start the journal");
	for (unsigned i = 0; i < spares.n; i++)
		journal_add_spare(s->journal, spares.name[i]);
	journal_warm(s->journal);
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void stored_free(void *p)
{
	struct stored *m = p;
	buf_free(&m->tail);
	buf_free(&m->flying);
	free(m);
}

/* Files first: what they have done is still written to the journal; then what that removes. */
void store_close(struct queue *q)
{
	struct store *s = (struct store *)q;
	s->closing = true;
	store_move_cancel(s);
	if (s->files)
		disk_thread_free(s->files);
	s->files = NULL;
	journal_close(s->journal);
	if (s->trash)
		disk_thread_free(s->trash);
	timer_free(s->retry);
	if (s->messages)
		map_free(s->messages, stored_free);
	close_fd(s->journal_dir);
	close_fd(s->msgs_dir);
	close_fd(s->tmp_dir);
	close_fd(s->lock);
	close_fd(s->dir);
	free(s);
}

struct queue *queue_open_disk(
    struct loop *l, const struct queue_disk_config *c, struct queue_report *report)
{
	struct store *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->queue.ops = &store_ops;
	s->loop = l;
	s->config = *c;
	s->dir = s->journal_dir = s->msgs_dir = s->tmp_dir = s->lock = -1;
	s->to_move_tail = &s->to_move;
	if (open_folders(s, report) == 0 && check_version(s, report) == 0 && start(s, report) == 0)
		return &s->queue;
	int e = errno;
	store_close(&s->queue);
	errno = e;
	return NULL;
}
