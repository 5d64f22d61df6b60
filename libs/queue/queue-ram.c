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

struct answer {
	struct answer *next;
	queue_answer cb;
	void *ctx;
	int error;
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

static int later(struct ram *r, queue_answer cb, void *ctx, int error)
{
	struct answer *a = calloc(1, sizeof *a);
	if (!a)
		return -1;
	*a = (struct answer){.cb = cb, .ctx = ctx, .error = error};
	*r->tail = a;
	r->tail = &a->next;
	return 0;
}

size_t queue_ram_run(struct queue *q)
{
	struct ram *r = (struct ram *)q;
	size_t n = 0;
	for (struct answer *a; (a = r->head); n++) {
		r->head = a->next;
		if (!r->head)
			r->tail = &r->head;
		if (a->cb)
			a->cb(a->ctx, a->error);
		free(a);
	}
	return n;
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

static void entry_free(void *p)
{
	struct entry *e = p;
	buf_free(&e->control);
	buf_free(&e->body);
	free(e);
}

static int ram_commit(struct queue *q, const struct queue_commit *c, queue_answer cb, void *ctx)
{
	struct ram *r = (struct ram *)q;
	if (r->failing)
		return later(r, cb, ctx, r->failing);
	struct entry *e = calloc(1, sizeof *e), *also = NULL;
	if (!e || (c->also.n && !(also = get(q, c->also_seq)))) {
		free(e);
		return -1;
	}
	buf_init(&e->control, ENVELOPE_TEXT_MAX);
	buf_init(&e->body, SIZE_MAX / 2);
	buf_adds(&e->control, c->control);
	buf_adds(&e->body, c->body);
	if (also)
		buf_adds(&also->control, c->also);
	if (!map_set(r->entries, str_at(&c->seq, sizeof c->seq), e)) {
		entry_free(e);
		return -1;
	}
	return later(r, cb, ctx, 0);
}

static int ram_append(
    struct queue *q, uint64_t seq, struct str text, bool lazy UNUSED, queue_answer cb, void *ctx)
{
	struct ram *r = (struct ram *)q;
	struct entry *e = get(q, seq);
	if (!e)
		return -1;
	if (!r->failing && !buf_adds(&e->control, text)) {
		errno = ENOMEM;
		return -1;
	}
	return later(r, cb, ctx, r->failing);
}

static int ram_remove(struct queue *q, uint64_t seq, queue_answer cb, void *ctx)
{
	struct ram *r = (struct ram *)q;
	struct entry *e = map_del(r->entries, str_at(&seq, sizeof seq));
	if (!e) {
		errno = ENOENT;
		return -1;
	}
	entry_free(e);
	return later(r, cb, ctx, 0);
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
