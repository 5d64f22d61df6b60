/* The queue in memory, for tests and simulation: same promises, except that nothing outlives it. */
#include "config.h"

#include "queue/queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct entry {
	struct buf control, body;
	int64_t next;
	bool settled;
};

enum change { CHANGE_NONE, CHANGE_COMMIT, CHANGE_APPEND, CHANGE_REMOVE };

/* What was asked for and not yet answered, and how to undo it. */
struct answer {
	struct answer *next;
	queue_answer cb;
	void *ctx;
	int error;
	enum change change;
	uint64_t seq, also_seq;
	size_t length, also_length; /* of the control texts before */
	struct entry *removed;
};

struct ram {
	struct queue queue; /* first */
	struct map *entries;
	uint64_t next_seq;
	struct answer *head, **tail;
	int failing;
};

static struct entry *get(struct queue *q, uint64_t seq)
{
	struct entry *e = map_get(((struct ram *)q)->entries, str_at(&seq, sizeof seq));
	if (!e)
		errno = ENOENT;
	return e;
}

static int later(struct ram *r, const struct answer *what)
{
	struct answer *a = calloc(1, sizeof *a);
	if (!a)
		return -1;
	*a = *what;
	*r->tail = a;
	r->tail = &a->next;
	return 0;
}

static void entry_free(void *p)
{
	struct entry *e = p;
	buf_free(&e->control);
	buf_free(&e->body);
	free(e);
}

static struct answer *first(struct ram *r)
{
	struct answer *a = r->head;
	if (a && !(r->head = a->next))
		r->tail = &r->head;
	return a;
}

static void call(struct answer *a, int error)
{
	if (a->cb)
		a->cb(a->ctx, error);
	if (a->removed)
		entry_free(a->removed);
	free(a);
}

size_t queue_ram_run(struct queue *q)
{
	struct ram *r = (struct ram *)q;
	size_t n = 0;
	for (struct answer *a; (a = first(r)); n++)
		call(a, a->error);
	return n;
}

static void cut(struct ram *r, uint64_t seq, size_t length)
{
	struct entry *e = get(&r->queue, seq);
	if (e)
		e->control.n = length;
}

static void undo(struct ram *r, struct answer *a)
{
	struct str key = str_at(&a->seq, sizeof a->seq);
	struct entry *e;
	if (a->change == CHANGE_APPEND)
		cut(r, a->seq, a->length);
	else if (a->change == CHANGE_COMMIT && (e = map_del(r->entries, key)))
		entry_free(e);
	else if (a->change == CHANGE_REMOVE && map_set(r->entries, key, a->removed))
		a->removed = NULL;
	if (a->change == CHANGE_COMMIT && a->also_length)
		cut(r, a->also_seq, a->also_length);
}

static void undo_all(struct ram *r, struct answer *a)
{
	if (!a)
		return;
	undo_all(r, a->next);
	undo(r, a);
}

size_t queue_ram_pending(const struct queue *q)
{
	size_t n = 0;
	for (const struct answer *a = ((const struct ram *)q)->head; a; a = a->next)
		n++;
	return n;
}

void queue_ram_crash(struct queue *q, size_t keep)
{
	struct ram *r = (struct ram *)q;
	struct answer *a = r->head;
	for (size_t i = 0; a && i < keep; i++)
		a = a->next;
	undo_all(r, a);
	while ((a = first(r)))
		call(a, ECANCELED);
}

void queue_ram_fail(struct queue *q, int error)
{
	((struct ram *)q)->failing = error;
}

static int ram_reserve(struct queue *q, uint32_t n, uint64_t *first)
{
	struct ram *r = (struct ram *)q;
	*first = r->next_seq;
	r->next_seq += n;
	return 0;
}

static int ram_commit(struct queue *q, const struct queue_commit *c, queue_answer cb, void *ctx)
{
	struct ram *r = (struct ram *)q;
	if (r->failing)
		return later(r, &(struct answer){.cb = cb, .ctx = ctx, .error = r->failing});
	struct entry *e = calloc(1, sizeof *e), *also = NULL;
	if (!e || (c->also.n && !(also = get(q, c->also_seq)))) {
		free(e);
		return -1;
	}
	buf_init(&e->control, ENVELOPE_TEXT_MAX);
	buf_init(&e->body, SIZE_MAX / 2);
	buf_adds(&e->control, c->control);
	buf_adds(&e->body, c->body);
	struct answer a = {.cb = cb,
	    .ctx = ctx,
	    .change = CHANGE_COMMIT,
	    .seq = c->seq,
	    .also_seq = c->also_seq,
	    .also_length = also ? also->control.n : 0};
	if (also)
		buf_adds(&also->control, c->also);
	if (!map_set(r->entries, str_at(&c->seq, sizeof c->seq), e)) {
		entry_free(e);
		return -1;
	}
	return later(r, &a);
}

static int ram_append(
    struct queue *q, uint64_t seq, struct str text, bool lazy UNUSED, queue_answer cb, void *ctx)
{
	struct ram *r = (struct ram *)q;
	struct entry *e = get(q, seq);
	if (!e)
		return -1;
	struct answer a = {.cb = cb,
	    .ctx = ctx,
	    .error = r->failing,
	    .change = CHANGE_APPEND,
	    .seq = seq,
	    .length = e->control.n};
	if (!r->failing && !buf_adds(&e->control, text)) {
		errno = ENOMEM;
		return -1;
	}
	return later(r, &a);
}

static int ram_remove(struct queue *q, uint64_t seq, queue_answer cb, void *ctx)
{
	struct ram *r = (struct ram *)q;
	struct entry *e = map_del(r->entries, str_at(&seq, sizeof seq));
	if (!e) {
		errno = ENOENT;
		return -1;
	}
	return later(
	    r, &(struct answer){
		   .cb = cb, .ctx = ctx, .change = CHANGE_REMOVE, .seq = seq, .removed = e});
}

static int ram_settle(struct queue *q, uint64_t seq, int64_t next)
{
	struct entry *e = get(q, seq);
	if (!e)
		return -1;
	e->next = next;
	e->settled = true;
	return 0;
}

static int ram_load(struct queue *q, uint64_t seq, struct buf *control)
{
	struct entry *e = get(q, seq);
	return e && buf_adds(control, buf_str(&e->control)) ? 0 : -1;
}

static int ram_body(struct queue *q, uint64_t seq, size_t max, struct buf *out)
{
	struct entry *e = get(q, seq);
	if (!e)
		return -1;
	if (e->body.n > max)
		return 0;
	return buf_adds(out, buf_str(&e->body)) ? 1 : -1;
}

static int ram_body_fd(struct queue *q, uint64_t seq)
{
	struct entry *e = get(q, seq);
	int fd = e ? memfd_create("message", MFD_CLOEXEC) : -1;
	if (fd >= 0 && (file_write_all(fd, e->body.p, e->body.n) || lseek(fd, 0, SEEK_SET))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int ram_each(struct queue *q, void (*fn)(void *ctx, uint64_t seq, int64_t next), void *ctx)
{
	struct str key;
	void *v;
	for (size_t at = 0; map_next(((struct ram *)q)->entries, &at, &key, &v);) {
		uint64_t seq;
		memcpy(&seq, key.p, sizeof seq);
		fn(ctx, seq, ((struct entry *)v)->next);
	}
	return 0;
}

static int ram_tmpfile(struct queue *q UNUSED, char *name UNUSED, size_t size UNUSED)
{
	errno = EOPNOTSUPP;
	return -1;
}
static void ram_tmpdrop(struct queue *q UNUSED, const char *name UNUSED) {}

static void ram_broken(struct queue *q, uint64_t seq)
{
	struct entry *e = map_del(((struct ram *)q)->entries, str_at(&seq, sizeof seq));
	if (e)
		entry_free(e);
}

static void ram_facts(struct queue *q, struct buf *out)
{
	buf_addf(out, "ram_messages=%zu ", map_count(((struct ram *)q)->entries));
}

static void ram_close(struct queue *q)
{
	struct ram *r = (struct ram *)q;
	queue_ram_run(q);
	map_free(r->entries, entry_free);
	free(r);
}

struct queue *queue_open_ram(void)
{
	static const struct queue_ops ops = {
	    .reserve = ram_reserve,
	    .commit = ram_commit,
	    .append = ram_append,
	    .remove = ram_remove,
	    .settle = ram_settle,
	    .load = ram_load,
	    .peek = ram_load,
	    .body = ram_body,
	    .body_fd = ram_body_fd,
	    .each = ram_each,
	    .tmpfile = ram_tmpfile,
	    .tmpdrop = ram_tmpdrop,
	    .broken = ram_broken,
	    .facts = ram_facts,
	    .close = ram_close,
	};
	struct ram *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->queue.ops = &ops;
	r->next_seq = 1;
	r->tail = &r->head;
	r->entries = map_new();
	if (r->entries)
		return &r->queue;
	free(r);
	return NULL;
}
