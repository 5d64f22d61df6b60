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

struct stored *store_add(struct store *s, uint64_t seq)
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
