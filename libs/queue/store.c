#include "config.h"

#include "queue/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct stored *store_get(struct store *s, uint64_t seq)
{
	return map_get(s->messages, seq_key(&seq));
}

void store_forget(struct store *s, struct stored *m)
{
	map_del(s->messages, seq_key(&m->seq));
	store_not_behind(s, m);
	buf_free(&m->tail);
	buf_free(&m->flying);
	free(m);
}

void store_trouble(struct store *s, const char *what, int error)
{
	s->config.trouble(s->config.ctx, what, error);
}

static struct stored *add(struct store *s, uint64_t seq)
{
	struct stored *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->seq = seq;
	buf_init(&m->tail, ENVELOPE_TEXT_MAX);
	buf_init(&m->flying, ENVELOPE_TEXT_MAX);
	if (map_set(s->messages, seq_key(&seq), m))
		return m;
	buf_free(&m->tail);
	free(m);
	errno = ENOMEM;
	return NULL;
}

/* Commit */

struct commit_op {
	struct disk_job job; /* first: with a data file the file comes first */
	struct store *s;
	uint64_t seq, also_seq;
	struct buf control, also;
	char file[64];
	bool keep_file;
	int error;
	queue_answer cb;
	void *ctx;
};

static void commit_free(struct commit_op *op)
{
	buf_free(&op->control);
	buf_free(&op->also);
	free(op);
}

static void commit_finish(struct commit_op *op, int error)
{
	struct stored *m = store_get(op->s, op->seq);
	if (error && m)
		store_forget(op->s, m);
	if (op->cb)
		op->cb(op->ctx, error);
	commit_free(op);
}

static void committed(void *ctx, int error, struct segment *seg, uint64_t at)
{
	struct commit_op *op = ctx;
	struct store *s = op->s;
	struct stored *m = store_get(s, op->seq);
	if (m && !error) {
		m->state = STORED_JOURNAL;
		m->segment = seg;
		m->at = at;
		s->in_journal++;
		if (m->parked)
			store_move(s, m);
	} else if (m && m->datafile)
		store_unlink(s->msgs_dir, op->seq);
	commit_finish(op, error);
	store_move_oldest(s);
}

/* The record that goes with the message, e.g. "the report was made", is one of another message. */
static int put_also(struct store *s, uint64_t seq, struct str text)
{
	struct stored *m = store_get(s, seq);
	if (!m) {
		errno = ENOENT;
		return -1;
	}
	return queue_append_joined(s, m, text);
}

static int put_commit(struct commit_op *op, struct str control, struct str body)
{
	struct store *s = op->s;
	if (op->also.n && put_also(s, op->also_seq, buf_str(&op->also)))
		return -1;
	struct journal_put p = {.type = body.p ? JOURNAL_MESSAGE : JOURNAL_REFERENCE,
	    .id = op->seq,
	    .aux = (uint32_t)control.n,
	    .a = control,
	    .b = body,
	    .alive = true,
	    .cb = committed,
	    .ctx = op};
	return journal_put(s->journal, &p);
}

static void link_run(struct disk_job *job)
{
	struct commit_op *op = (struct commit_op *)job;
	struct store *s = op->s;
	char name[STORE_NAME_SIZE];
	store_name(name, 'D', op->seq);
	int fd = openat(s->tmp_dir, op->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 ? -1 : file_sync(fd);
	if (fd >= 0)
		close(fd);
	if (!r)
		r = store_folder(s->msgs_dir, op->seq);
	if (!r)
		r = op->keep_file ? file_link(s->tmp_dir, op->file, s->msgs_dir, name)
				  : file_rename(s->tmp_dir, op->file, s->msgs_dir, name);
	if (!r)
		r = store_sync_folder(s->msgs_dir, op->seq);
	op->error = r ? errno : 0;
}

static void link_done(struct disk_job *job)
{
	struct commit_op *op = (struct commit_op *)job;
	if (!op->error && put_commit(op, buf_str(&op->control), STR_NONE))
		op->error = errno;
	if (op->error) {
		store_unlink(op->s->msgs_dir, op->seq);
		if (!op->keep_file) /* nobody else names it any more */
			file_unlink(op->s->tmp_dir, op->file);
		commit_finish(op, op->error);
	}
}

static struct commit_op *commit_new(
    struct store *s, const struct queue_commit *c, queue_answer cb, void *ctx)
{
	struct commit_op *op = calloc(1, sizeof *op);
	if (!op)
		return NULL;
	op->s = s;
	op->seq = c->seq;
	op->also_seq = c->also_seq;
	buf_init(&op->control, ENVELOPE_TEXT_MAX);
	buf_init(&op->also, ENVELOPE_TEXT_MAX);
	op->keep_file = c->keep_file;
	op->cb = cb;
	op->ctx = ctx;
	if (c->file)
		snprintf(op->file, sizeof op->file, "%s", c->file);
	if (buf_adds(&op->also, c->also) && (!c->file || buf_adds(&op->control, c->control)))
		return op;
	commit_free(op);
	errno = ENOMEM;
	return NULL;
}

static int store_commit(struct queue *q, const struct queue_commit *c, queue_answer cb, void *ctx)
{
	struct store *s = (struct store *)q;
	if (store_get(s, c->seq) || !c->seq) {
		errno = EEXIST;
		return -1;
	}
	struct commit_op *op = commit_new(s, c, cb, ctx);
	struct stored *m = op ? add(s, c->seq) : NULL;
	if (!m) {
		if (op)
			commit_free(op);
		return -1;
	}
	m->state = STORED_COMMITTING;
	m->datafile = c->file != NULL;
	m->control_n = (uint32_t)c->control.n;
	m->length = c->control.n;
	m->body_n = (uint32_t)c->body.n;
	if (c->file) {
		op->job.run = link_run;
		op->job.done = link_done;
		disk_thread_post(s->files, &op->job);
		return 0;
	}
	if (put_commit(op, c->control, str_at(c->body.p ? c->body.p : "", c->body.n)) == 0)
		return 0;
	int e = errno;
	store_forget(s, m);
	commit_free(op);
	errno = e;
	return -1;
}

/* Append */

struct append_op {
	struct store *s;
	uint64_t seq, at;
	struct buf text;
	queue_answer cb;
	void *ctx;
};

static void append_free(struct append_op *op)
{
	buf_free(&op->text);
	free(op);
}

static void append_to_file(struct append_op *op, struct stored *m)
{
	struct store *s = op->s;
	if (!m->behind) {
		if (store_write_at(s->msgs_dir, op->seq, buf_str(&op->text), op->at,
			m->parked ? m->next : 0) == 0)
			return;
		store_trouble(s, "append to a control file", errno);
		buf_clear(&m->tail);
		store_behind(s, m, op->at);
	}
	buf_adds(&m->tail, buf_str(&op->text));
}

/* A record that failed with the message it went with leaves its place in the text to blank lines:
 * what was appended behind it already has its own place. */
static void appended(void *ctx, int error, struct segment *seg UNUSED, uint64_t at UNUSED)
{
	struct append_op *op = ctx;
	struct stored *m = store_get(op->s, op->seq);
	if (error && op->text.n)
		memset(op->text.p, '\n', op->text.n);
	if (m && --m->appends == 0)
		buf_free(&m->flying);
	else if (m && !m->flying.failed)
		buf_cut(&m->flying, op->text.n);
	if (m && m->state != STORED_FILE)
		buf_adds(&m->tail, buf_str(&op->text));
	else if (m && !m->removed)
		append_to_file(op, m);
	if (op->cb)
		op->cb(op->ctx, error);
	m = store_get(op->s, op->seq);
	if (m && m->parked && !m->removed && !m->appends && !m->behind && m->state == STORED_FILE)
		store_forget(op->s, m);
	append_free(op);
}

static int append(struct store *s, struct stored *m, struct str text, bool lazy, bool joined,
    queue_answer cb, void *ctx)
{
	struct append_op *op = calloc(1, sizeof *op);
	if (!op)
		return -1;
	op->s = s;
	op->seq = m->seq;
	op->at = m->length;
	op->cb = cb;
	op->ctx = ctx;
	buf_init(&op->text, ENVELOPE_TEXT_MAX);
	struct journal_put p = {.type = JOURNAL_APPEND,
	    .id = m->seq,
	    .aux = (uint32_t)m->length,
	    .a = text,
	    .lazy = lazy,
	    .joined = joined,
	    .cb = appended,
	    .ctx = op};
	if (!buf_adds(&op->text, text) || m->length + text.n > ENVELOPE_TEXT_MAX ||
	    journal_put(s->journal, &p)) {
		append_free(op);
		if (m->length + text.n > ENVELOPE_TEXT_MAX)
			errno = EFBIG;
		return -1;
	}
	m->appends++;
	m->length += text.n;
	buf_adds(&m->flying, text);
	return 0;
}

int queue_append_joined(struct store *s, struct stored *m, struct str text)
{
	return append(s, m, text, false, true, NULL, NULL);
}

static int store_append(
    struct queue *q, uint64_t seq, struct str text, bool lazy, queue_answer cb, void *ctx)
{
	struct store *s = (struct store *)q;
	struct stored *m = store_get(s, seq);
	if (m && !m->removed)
		return append(s, m, text, lazy, false, cb, ctx);
	errno = ENOENT;
	return -1;
}

/* Remove */

struct remove_op {
	struct store *s;
	uint64_t seq;
	queue_answer cb;
	void *ctx;
};

static void removed(void *ctx, int error, struct segment *seg UNUSED, uint64_t at UNUSED)
{
	struct remove_op *op = ctx;
	struct store *s = op->s;
	struct stored *m = store_get(s, op->seq);
	if (m && !error) {
		struct segment *old = m->state == STORED_FILE ? NULL : m->segment;
		if (m->datafile || m->state == STORED_FILE)
			store_unlink_later(s, op->seq);
		s->in_journal -= old != NULL;
		store_forget(s, m);
		if (old && !s->closing)
			journal_unlive(s->journal, old);
	}
	if (op->cb)
		op->cb(op->ctx, error);
	free(op);
}

static int put_removal(struct store *s, struct stored *m, queue_answer cb, void *ctx)
{
	struct remove_op *op = calloc(1, sizeof *op);
	if (!op)
		return -1;
	*op = (struct remove_op){.s = s, .seq = m->seq, .cb = cb, .ctx = ctx};
	struct journal_put p = {
	    .type = JOURNAL_DONE, .id = m->seq, .lazy = true, .cb = removed, .ctx = op};
	if (journal_put(s->journal, &p) == 0)
		return 0;
	free(op);
	return -1;
}

static int store_remove(struct queue *q, uint64_t seq, queue_answer cb, void *ctx)
{
	struct store *s = (struct store *)q;
	struct stored *m = store_get(s, seq);
	if (!m) {
		errno = ENOENT;
		return -1;
	}
	if (m->state == STORED_MOVING) { /* goes on when the move has come to its end */
		m->remove_cb = cb;
		m->remove_ctx = ctx;
	} else if (put_removal(s, m, cb, ctx))
		return -1;
	m->removed = true;
	return 0;
}

void store_remove_late(struct store *s, struct stored *m)
{
	if (put_removal(s, m, m->remove_cb, m->remove_ctx) == 0)
		return;
	int e = errno;
	store_trouble(s, "remove a message", e);
	if (m->remove_cb)
		m->remove_cb(m->remove_ctx, e);
}

/* Settle and load */

static int store_settle(struct queue *q, uint64_t seq, int64_t next)
{
	struct store *s = (struct store *)q;
	struct stored *m = store_get(s, seq);
	if (!m) {
		errno = ENOENT;
		return -1;
	}
	m->parked = true;
	m->next = next;
	if (m->state == STORED_JOURNAL) {
		store_move(s, m);
		return 0;
	}
	if (m->state != STORED_FILE)
		return 0;
	char name[STORE_NAME_SIZE];
	store_name(name, 'C', seq);
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = next}};
	utimensat(s->msgs_dir, name, times, AT_SYMLINK_NOFOLLOW);
	if (!m->appends && !m->behind)
		store_forget(s, m);
	return 0;
}

int store_control(struct store *s UNUSED, struct stored *m, struct buf *out)
{
	char *p = m->tail.failed ? NULL : buf_reserve(out, m->control_n);
	if (!p) {
		errno = ENOMEM;
		return -1;
	}
	if (file_pread_all(segment_fd(m->segment), p, m->control_n, (off_t)m->at))
		return -1;
	out->n += m->control_n;
	out->p[out->n] = 0;
	if (buf_adds(out, buf_str(&m->tail)))
		return 0;
	errno = ENOMEM;
	return -1;
}

/* An unfinished last line is left of a torn write; the next append begins there. */
static void cut_torn_line(struct buf *b)
{
	while (b->n && b->p[b->n - 1] != '\n')
		b->n--;
	b->p[b->n] = 0;
}

static int read_file(struct store *s, uint64_t seq, const struct stored *m, struct buf *control)
{
	char name[STORE_NAME_SIZE];
	store_name(name, 'C', seq);
	if (file_read(s->msgs_dir, name, control))
		return -1;
	if (!m || !m->behind) {
		cut_torn_line(control);
		return 0;
	}
	if (control->n > m->file_n)
		control->n = m->file_n;
	if (!m->tail.failed && buf_adds(control, buf_str(&m->tail)))
		return 0;
	errno = ENOMEM;
	return -1;
}

static int load_file(struct store *s, uint64_t seq, struct buf *control)
{
	struct stored *m = store_get(s, seq);
	if (read_file(s, seq, m, control))
		return -1;
	if (!m && !(m = add(s, seq)))
		return -1;
	if (!m->appends)
		m->length = control->n;
	m->state = STORED_FILE;
	m->datafile = true;
	m->parked = false;
	return 0;
}

/* Callers have been promised to find what they appended, durable yet or not: a message that is put
 * down and loaded again at once must not look as if nothing had been delivered. */
static int with_flying(int r, const struct stored *m, struct buf *control)
{
	if (r || !m || !m->appends)
		return r;
	if (!m->flying.failed && buf_adds(control, buf_str(&m->flying)))
		return 0;
	errno = ENOMEM;
	return -1;
}

static int store_peek(struct queue *q, uint64_t seq, struct buf *control)
{
	struct store *s = (struct store *)q;
	struct stored *m = store_get(s, seq);
	if (m && (m->state == STORED_JOURNAL || m->state == STORED_MOVING))
		return with_flying(store_control(s, m, control), m, control);
	return with_flying(read_file(s, seq, m, control), m, control);
}

static int store_load(struct queue *q, uint64_t seq, struct buf *control)
{
	struct store *s = (struct store *)q;
	struct stored *m = store_get(s, seq);
	if (m && (m->removed || m->state == STORED_COMMITTING)) {
		errno = ENOENT;
		return -1;
	}
	if (!m || m->state == STORED_FILE)
		return with_flying(load_file(s, seq, control), m, control);
	m->parked = false;
	return with_flying(store_control(s, m, control), m, control);
}

static int store_reserve(struct queue *q, uint32_t n, uint64_t *first)
{
	struct store *s = (struct store *)q;
	if (s->reserved - s->next_seq < n && store_reserve_more(s, s->next_seq + n))
		return -1;
	*first = s->next_seq;
	s->next_seq += n;
	return 0;
}

static int store_each(struct queue *q, void (*fn)(void *ctx, uint64_t seq, int64_t next), void *ctx)
{
	return store_scan(((struct store *)q)->msgs_dir, NULL, fn, ctx);
}

static void store_facts(struct queue *q, struct buf *out)
{
	struct store *s = (struct store *)q;
	buf_addf(out, "journal_messages=%zu journal_segments=%zu journal_syncs=%llu ",
	    s->in_journal, journal_segments(s->journal),
	    (unsigned long long)journal_syncs(s->journal));
}

const struct queue_ops store_ops = {
    .reserve = store_reserve,
    .commit = store_commit,
    .append = store_append,
    .remove = store_remove,
    .settle = store_settle,
    .load = store_load,
    .peek = store_peek,
    .body = store_body,
    .body_fd = store_body_fd,
    .each = store_each,
    .tmpfile = store_tmpfile,
    .tmpdrop = store_tmpdrop,
    .broken = store_broken,
    .facts = store_facts,
    .close = store_close,
};
