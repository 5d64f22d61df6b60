/*
 * From the journal to files: what the first attempt did not finish, and what would keep an old
 * segment from being let go.  Many at a time: files first, one sync for all, then a record for each
 * that says that the files are the truth now.
 */
#include "config.h"

#include "queue/store.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 256, ONE_BY_ONE = 3, RETRY_MS = 10 * 1000 };

struct item {
	uint64_t seq;
	struct buf control;
	bool body;
	int fd; /* segment */
	uint64_t body_at;
	uint32_t body_n;
	int64_t next;
	int error;
};

struct move_job {
	struct disk_job job; /* first */
	struct store *s;
	int msgs_dir;
	size_t n;
	struct item items[BATCH];
};

static void next_batch(struct store *s);

static int write_item(struct move_job *j, struct item *i, bool sync)
{
	if (i->body) {
		char *p = malloc(i->body_n + 1);
		if (!p)
			return -1;
		int r = file_pread_all(i->fd, p, i->body_n, (off_t)i->body_at);
		if (!r)
			r = store_write(j->msgs_dir, 'D', i->seq, str_at(p, i->body_n), 0, sync);
		int e = errno;
		free(p);
		errno = e;
		if (r)
			return -1;
	}
	return store_write(j->msgs_dir, 'C', i->seq, buf_str(&i->control), i->next, sync);
}

static void move_run(struct disk_job *job)
{
	struct move_job *j = (struct move_job *)job;
	bool each = j->n <= ONE_BY_ONE;
	for (size_t k = 0; k < j->n; k++) {
		struct item *i = &j->items[k];
		errno = ENOMEM;
		i->error =
		    write_item(j, i, each) || (each && store_sync_folder(j->msgs_dir, i->seq))
			? errno
			: 0;
	}
	if (each || store_sync_all(j->msgs_dir) == 0)
		return;
	for (size_t k = 0; k < j->n; k++)
		j->items[k].error = errno;
}

struct moved {
	struct store *s;
	uint64_t seq, length; /* how much of the control text the file has */
};

void store_behind(struct store *s, struct stored *m, uint64_t file_n)
{
	m->behind = true;
	m->file_n = file_n;
	s->n_behind++;
	if (!s->closing)
		timer_set(s->retry, RETRY_MS);
}

void store_not_behind(struct store *s, struct stored *m)
{
	if (!m->behind)
		return;
	m->behind = false;
	if (--s->n_behind == 0 && s->held && !s->closing) {
		struct segment *seg = s->held;
		s->held = NULL;
		store_release(s, seg);
	}
}

int store_catch_up(struct store *s, struct stored *m)
{
	if (m->tail.failed) {
		errno = ENOMEM; /* the next start finds it in the journal */
		return -1;
	}
	if (store_write_at(
		s->msgs_dir, m->seq, buf_str(&m->tail), m->file_n, m->parked ? m->next : 0))
		return -1;
	buf_free(&m->tail);
	store_not_behind(s, m);
	return 0;
}

/* What was appended while the files were written goes behind; the journal has it too. */
static void catch_up(struct store *s, struct stored *m, uint64_t length)
{
	size_t done = (size_t)(length - m->control_n);
	if (!m->tail.failed && m->tail.n <= done) {
		buf_free(&m->tail);
		return;
	}
	if (!m->tail.failed)
		buf_cut(&m->tail, done);
	store_behind(s, m, length);
	if (store_catch_up(s, m))
		store_trouble(s, "append to a control file", errno);
}

static void not_moved(struct store *s, struct stored *m)
{
	m->state = STORED_JOURNAL;
	if (m->removed) {
		m->datafile = true; /* whatever was made of the files goes too */
		store_remove_late(s, m);
	} else if (!s->closing)
		timer_set(s->retry, RETRY_MS);
}

static void moved_durable(void *ctx, int error, struct segment *seg UNUSED, uint64_t at UNUSED)
{
	struct moved *x = ctx;
	struct store *s = x->s;
	struct stored *m = store_get(s, x->seq);
	if (!error && m) {
		struct segment *old = m->segment;
		catch_up(s, m, x->length);
		m->state = STORED_FILE;
		m->datafile = true;
		m->segment = NULL;
		s->in_journal--;
		if (m->removed)
			store_remove_late(s, m);
		else if (m->parked && !m->appends && !m->behind)
			store_forget(s, m);
		if (!s->closing)
			journal_unlive(s->journal, old);
	} else if (m)
		not_moved(s, m);
	free(x);
}

static void say_moved(struct store *s, struct item *i)
{
	struct moved *x = malloc(sizeof *x);
	struct stored *m = store_get(s, i->seq);
	if (x && m) {
		*x = (struct moved){.s = s, .seq = i->seq, .length = i->control.n};
		struct journal_put p = {.type = JOURNAL_MOVED,
		    .id = i->seq,
		    .lazy = true,
		    .cb = moved_durable,
		    .ctx = x};
		if (journal_put(s->journal, &p) == 0)
			return;
	}
	free(x);
	if (m)
		not_moved(s, m);
}

static void again(struct store *s, struct stored *m, int error)
{
	store_trouble(s, "write the files of a deferred message", error);
	not_moved(s, m);
}

static void move_done(struct disk_job *job)
{
	struct move_job *j = (struct move_job *)job;
	struct store *s = j->s;
	for (size_t k = 0; k < j->n; k++) {
		struct stored *m = store_get(s, j->items[k].seq);
		if (m && j->items[k].error)
			again(s, m, j->items[k].error);
		else if (m)
			say_moved(s, &j->items[k]);
		buf_free(&j->items[k].control);
	}
	free(j);
	s->moving = false;
	next_batch(s);
}

static bool fill_item(struct store *s, struct stored *m, struct item *i)
{
	*i = (struct item){.seq = m->seq,
	    .body = !m->datafile,
	    .fd = segment_fd(m->segment),
	    .body_at = m->at + m->control_n,
	    .body_n = m->body_n,
	    .next = m->next};
	buf_init(&i->control, ENVELOPE_TEXT_MAX);
	if (store_control(s, m, &i->control) == 0)
		return true;
	buf_free(&i->control);
	return false;
}

static void next_batch(struct store *s)
{
	if (s->moving || !s->to_move || s->closing)
		return;
	struct move_job *j = calloc(1, sizeof *j);
	if (!j) {
		timer_set(s->retry, RETRY_MS);
		return;
	}
	j->job.run = move_run;
	j->job.done = move_done;
	j->s = s;
	j->msgs_dir = s->msgs_dir;
	while (s->to_move && j->n < BATCH) {
		struct stored *m = s->to_move;
		s->to_move = m->next_move;
		if (!s->to_move)
			s->to_move_tail = &s->to_move;
		s->n_to_move--;
		if (fill_item(s, m, &j->items[j->n]))
			j->n++;
		else
			again(s, m, errno);
	}
	s->moving = true;
	disk_thread_post(s->files, &j->job);
}

static void start_soon(void *ctx)
{
	next_batch(ctx);
}

void store_move(struct store *s, struct stored *m)
{
	if (m->state != STORED_JOURNAL || m->removed || s->closing)
		return;
	m->state = STORED_MOVING;
	m->next_move = NULL;
	*s->to_move_tail = m;
	s->to_move_tail = &m->next_move;
	if (s->n_to_move++ == 0 && !s->moving && loop_defer(s->loop, start_soon, s))
		next_batch(s);
}

void store_move_oldest(struct store *s)
{
	if (journal_segments(s->journal) <= QUEUE_SEGMENTS_MAX)
		return;
	uint32_t oldest = journal_oldest(s->journal);
	struct str key;
	void *v;
	for (size_t at = 0; map_next(s->messages, &at, &key, &v);) {
		struct stored *m = v;
		if (m->state == STORED_JOURNAL && segment_number(m->segment) == oldest)
			store_move(s, m);
	}
}

void store_move_cancel(struct store *s)
{
	loop_defer_cancel(s->loop, start_soon, s);
}

/*
 * Where the file system tells the disk of each freed block at once, an unlink waits for it.  The
 * journal knows that the message is over: nothing else waits for the files to go.
 */
struct unlink_job {
	struct disk_job job; /* first */
	int msgs_dir;
	uint64_t seq;
};

static void unlink_run(struct disk_job *job)
{
	struct unlink_job *u = (struct unlink_job *)job;
	store_unlink(u->msgs_dir, u->seq);
}

static void unlink_done(struct disk_job *job)
{
	free(job);
}

void store_unlink_later(struct store *s, uint64_t seq)
{
	struct unlink_job *u = calloc(1, sizeof *u);
	if (!u) {
		store_unlink(s->msgs_dir, seq);
		return;
	}
	u->job.run = unlink_run;
	u->job.done = unlink_done;
	u->msgs_dir = s->msgs_dir;
	u->seq = seq;
	disk_thread_post(s->trash, &u->job);
}

/* Before a segment goes: everything its records did to files must be on the disk. */
struct release_job {
	struct disk_job job; /* first */
	struct store *s;
	struct segment *seg;
	int dir, error;
};

static void release_run(struct disk_job *job)
{
	struct release_job *r = (struct release_job *)job;
	r->error = store_sync_all(r->dir) ? errno : 0;
}

static void release_done(struct disk_job *job)
{
	struct release_job *r = (struct release_job *)job;
	if (r->error) /* it is kept: the next start reads it again */
		store_trouble(r->s, "sync the file system of the queue", r->error);
	else if (!r->s->closing) {
		journal_let_go(r->s->journal, r->seg);
		store_move_oldest(
		    r->s); /* the next one, when nothing more comes in to ask for it */
	}
	free(r);
}

void store_release(void *ctx, struct segment *seg)
{
	struct store *s = ctx;
	struct release_job *r = s->n_behind ? NULL : calloc(1, sizeof *r);
	if (!r) {
		s->held = seg;
		timer_set(s->retry, RETRY_MS);
		return;
	}
	r->job.run = release_run;
	r->job.done = release_done;
	r->s = s;
	r->seg = seg;
	r->dir = s->msgs_dir;
	disk_thread_post(s->trash, &r->job); /* behind what its records have removed */
}
