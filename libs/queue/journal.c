#include "config.h"

#include "queue/journal.h"

#include "queue/journal-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { RETRY_MS = 1000, CLOSE_TRIES = 8 };

struct journal {
	struct loop *loop;
	int dirfd;
	struct disk_thread *thread;
	struct timer *timer;
	struct journal_handlers h;
	void *ctx;
	struct pending *head, **tail;      /* to be written */
	struct pending *lazy, **lazy_tail; /* written, not yet synced */
	size_t waiting;
	struct segment *segments, *current; /* oldest first; current is the last one or NULL */
	size_t n_segments, segment_size;
	uint32_t next_number, group;
	char spares[JOURNAL_SPARES][24];
	unsigned n_spares;
	bool writing, dirty, warming, want_sync, holding, closing, soon;
	bool finishing; /* the callbacks of a segment's records run: it is not let go among them */
	uint64_t syncs;
};

void journal_name(uint32_t number, char out[16])
{
	snprintf(out, 16, "%08x", (unsigned)number);
}
int segment_fd(const struct segment *s)
{
	return s->fd;
}
uint32_t segment_number(const struct segment *s)
{
	return s->number;
}
size_t journal_segments(const struct journal *j)
{
	return j->n_segments;
}
uint32_t journal_oldest(const struct journal *j)
{
	return j->segments ? j->segments->number : j->next_number;
}
uint64_t journal_syncs(const struct journal *j)
{
	return j->syncs;
}

static void release_oldest(struct journal *j)
{
	struct segment *s = j->segments;
	if (j->closing || j->finishing || !s || s == j->current || s->releasing || s->lives)
		return;
	s->releasing = true;
	j->h.release(j->ctx, s);
}

static void retired(struct disk_job *job)
{
	struct segment *s = (struct segment *)job;
	struct journal *j = s->journal;
	if (s->kept_as_spare && j->n_spares < JOURNAL_SPARES)
		snprintf(j->spares[j->n_spares++], sizeof j->spares[0], "spare.%08x",
		    (unsigned)s->number);
	close(s->fd);
	free(s);
}

void journal_let_go(struct journal *j, struct segment *s)
{
	j->segments = s->next;
	j->n_segments--;
	s->keep_as_spare = !s->failed && j->n_spares < JOURNAL_SPARES;
	s->job.run = segment_retire;
	s->job.done = retired;
	disk_thread_post(j->thread, &s->job);
	release_oldest(j);
}

void journal_unlive(struct journal *j, struct segment *s)
{
	s->lives--;
	release_oldest(j);
}

static void pending_free(struct pending *p)
{
	free(p->data);
	free(p);
}

static void add_segment(struct journal *j, struct segment *s)
{
	struct segment **at = &j->segments;
	while (*at)
		at = &(*at)->next;
	*at = s;
	j->n_segments++;
}

static void pump(struct journal *j);

static void finish_record(struct pending *p, struct segment *s, int error)
{
	if (!error && p->put.alive)
		s->lives++;
	if (p->put.cb)
		p->put.cb(p->put.ctx, error, s, p->at);
	pending_free(p);
}

/* Messages are refused; what is already promised is put again, before all that came later. */
static void group_failed(struct journal *j, struct pending *list, int error)
{
	struct pending *again = NULL, **tail = &again;
	for (struct pending *p = list, *next; p; p = next) {
		next = p->next;
		bool with_message = p->put.joined && next && next->put.alive;
		if (p->put.alive || with_message) {
			j->waiting--;
			finish_record(p, NULL, error);
			continue;
		}
		*tail = p;
		tail = &p->next;
	}
	*tail = j->head;
	if (again && !j->head)
		j->tail = tail;
	if (again)
		j->head = again;
}

static void set_aside(struct journal *j, struct group *g)
{
	j->h.trouble(j->ctx, g->make_failed ? "make a segment of the journal" : "write the journal",
	    g->error);
	if (g->make_failed) {
		free(g->segment);
		j->holding = true;
		timer_set(j->timer, RETRY_MS);
	} else
		g->segment->failed = true;
	if (g->seal)
		g->seal->failed = true;
	j->current = NULL;
	j->dirty = false;
	*j->lazy_tail = g->records; /* nobody knows what the disk has of these either */
	struct pending *all = j->lazy;
	j->lazy = NULL;
	j->lazy_tail = &j->lazy;
	group_failed(j, all, g->error);
}

static void finish_list(struct journal *j, struct pending *p)
{
	j->finishing = true;
	for (struct pending *next; p; p = next) {
		next = p->next;
		j->waiting--;
		finish_record(p, p->segment, 0);
	}
	j->finishing = false;
}

/* What was written before is durable when this group, or the segment before it, has been synced. */
static void group_written(struct journal *j, struct group *g)
{
	size_t at = g->at;
	for (struct pending *p = g->records; p; p = p->next) {
		p->segment = g->segment;
		p->at = at + JOURNAL_HEAD;
		at += journal_padded(p->len);
	}
	j->current = g->segment;
	j->syncs += g->sync;
	j->dirty = !g->sync;
	struct pending *durable = NULL;
	if (g->sync || g->seal) {
		durable = j->lazy;
		j->lazy = NULL;
		j->lazy_tail = &j->lazy;
		finish_list(j, durable);
	}
	if (g->sync) {
		finish_list(j, g->records);
		return;
	}
	for (*j->lazy_tail = g->records; *j->lazy_tail; j->lazy_tail = &(*j->lazy_tail)->next)
		;
	if (!timer_armed(j->timer))
		timer_set(j->timer, JOURNAL_LAZY_MS);
}

static void group_done(struct disk_job *job)
{
	struct group *g = (struct group *)job;
	struct journal *j = g->journal;
	j->writing = false;
	if (g->spare_used)
		memmove(j->spares[0], j->spares[1], sizeof j->spares[0] * --j->n_spares);
	if (g->fresh && g->segment->fd >= 0)
		add_segment(j, g->segment);
	else if (g->fresh && !g->make_failed)
		g->make_failed = true; /* the seal failed: nothing was made */
	if (g->error)
		set_aside(j, g);
	else
		group_written(j, g);
	free(g);
	pump(j);
	release_oldest(j);
}

static void on_timer(void *ctx)
{
	struct journal *j = ctx;
	j->holding = false;
	j->want_sync = true;
	pump(j);
}

static struct segment *new_segment(struct journal *j)
{
	struct segment *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->journal = j;
	s->fd = -1;
	s->dirfd = j->dirfd;
	s->used = JOURNAL_START;
	s->number = j->next_number++;
	return s;
}

static size_t unit_length(const struct pending *p, unsigned *n)
{
	size_t len = journal_padded(p->len);
	*n = 1;
	for (; p->put.joined && p->next; p = p->next, ++*n)
		len += journal_padded(p->next->len);
	return len;
}

static bool fits(const struct group *g, size_t len, size_t n)
{
	return g->segment->used + len <= g->size && (size_t)g->n_iov + 2 * n <= ARRAY_LEN(g->iov);
}

/* Moves the record at the head of the line into the group. */
static void take(struct journal *j, struct group *g, struct pending ***tail)
{
	static const char padding[8];
	struct pending *p = j->head;
	j->head = p->next;
	if (!j->head)
		j->tail = &j->head;
	p->next = NULL;
	**tail = p;
	*tail = &p->next;
	g->iov[g->n_iov++] = (struct iovec){p->data, p->len};
	size_t pad = journal_padded(p->len) - p->len;
	if (pad)
		g->iov[g->n_iov++] = (struct iovec){(void *)padding, pad};
	g->segment->used += p->len + pad;
	g->sync |= !p->put.lazy;
}

static void mark(struct journal *j, struct group *g)
{
	j->group++;
	for (struct pending *p = g->records; p; p = p->next) {
		uint8_t flags =
		    (p == g->records ? JOURNAL_FIRST : 0) | (p->next ? 0 : JOURNAL_LAST);
		journal_head_group(p->data, g->segment->number, j->group, flags,
		    str_at(p->data + JOURNAL_HEAD, p->len - JOURNAL_HEAD));
	}
}

static struct group *group_new(struct journal *j, size_t first)
{
	struct group *g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	g->journal = j;
	g->dirfd = j->dirfd;
	g->size = j->segment_size;
	g->segment = j->current;
	if (!g->segment || g->segment->used + first > j->segment_size) {
		g->seal = j->dirty ? j->current : NULL;
		g->segment = new_segment(j);
		g->fresh = true;
		if (j->n_spares)
			memcpy(g->spare, j->spares[0], sizeof g->spare);
	}
	if (!g->segment) {
		free(g);
		return NULL;
	}
	g->at = g->segment->used;
	g->job.run = group_run;
	g->job.done = group_done;
	return g;
}

static void pump(struct journal *j)
{
	unsigned n = 0;
	bool only_sync = !j->head && j->want_sync && (j->warming || (j->dirty && j->current));
	if (j->writing || j->holding || (!j->head && !only_sync))
		return;
	size_t len = j->head ? unit_length(j->head, &n) : 0;
	struct group *g = group_new(j, len);
	if (!g) {
		j->holding = true;
		timer_set(j->timer, RETRY_MS);
		return;
	}
	struct pending **tail = &g->records;
	while (j->head) {
		len = unit_length(j->head, &n);
		bool full = g->segment->used - g->at + len > JOURNAL_GROUP_BYTES;
		if (!fits(g, len, n) || (full && g->records))
			break;
		for (; n; n--)
			take(j, g, &tail);
	}
	g->sync |= j->want_sync;
	j->want_sync = j->warming = false;
	if (g->sync)
		timer_clear(j->timer);
	mark(j, g);
	j->writing = true;
	disk_thread_post(j->thread, &g->job);
}

static void pump_soon(void *ctx)
{
	struct journal *j = ctx;
	j->soon = false;
	pump(j);
}

int journal_put(struct journal *j, const struct journal_put *put)
{
	size_t payload = put->a.n + put->b.n;
	struct pending *p = calloc(1, sizeof *p);
	if (p)
		p->data = malloc(JOURNAL_HEAD + payload);
	if (!p || !p->data || payload > JOURNAL_PAYLOAD_MAX ||
	    journal_padded(JOURNAL_HEAD + payload) > j->segment_size / 2) {
		bool memory = !p || !p->data;
		if (p)
			pending_free(p);
		errno = memory ? ENOMEM : EMSGSIZE;
		return -1;
	}
	p->put = *put;
	p->len = JOURNAL_HEAD + payload;
	struct journal_record r = {.type = put->type, .id = put->id, .aux = put->aux};
	if (put->a.n)
		memcpy(p->data + JOURNAL_HEAD, put->a.p, put->a.n);
	if (put->b.n)
		memcpy(p->data + JOURNAL_HEAD + put->a.n, put->b.p, put->b.n);
	journal_head(p->data, &r, payload);
	*j->tail = p;
	j->tail = &p->next;
	j->waiting++;
	if (!j->writing && !j->soon) {
		j->soon = loop_defer(j->loop, pump_soon, j) == 0;
		if (!j->soon)
			pump(j);
	}
	return 0;
}

struct journal *journal_open(struct loop *l, int dirfd, uint32_t first, size_t segment_size,
    const struct journal_handlers *h, void *ctx)
{
	struct journal *j = calloc(1, sizeof *j);
	if (!j)
		return NULL;
	j->loop = l;
	j->dirfd = dirfd;
	j->next_number = first;
	j->segment_size = segment_size;
	j->h = *h;
	j->ctx = ctx;
	j->tail = &j->head;
	j->lazy_tail = &j->lazy;
	j->timer = timer_new(l, on_timer, j);
	j->thread = j->timer ? disk_thread_new(l) : NULL;
	if (j->thread)
		return j;
	int e = errno;
	timer_free(j->timer);
	free(j);
	errno = e;
	return NULL;
}

struct spare_job {
	struct disk_job job; /* first */
	struct journal *j;
	char name[24];
	int dirfd;
	size_t size;
	bool made;
};

static void spare_run(struct disk_job *job)
{
	struct spare_job *s = (struct spare_job *)job;
	s->made = segment_spare(s->dirfd, s->name, s->size) == 0;
}

static void spare_done(struct disk_job *job)
{
	struct spare_job *s = (struct spare_job *)job;
	if (s->made)
		journal_add_spare(s->j, s->name);
	free(s);
}

void journal_warm(struct journal *j)
{
	j->warming = j->want_sync = true;
	pump(j);
	struct spare_job *s = j->n_spares > 1 ? NULL : calloc(1, sizeof *s);
	if (!s)
		return;
	s->job.run = spare_run;
	s->job.done = spare_done;
	s->j = j;
	s->dirfd = j->dirfd;
	s->size = j->segment_size;
	snprintf(s->name, sizeof s->name, "spare.%08x", (unsigned)j->next_number++);
	disk_thread_post(j->thread, &s->job);
}

void journal_add_spare(struct journal *j, const char *name)
{
	if (j->n_spares < JOURNAL_SPARES)
		snprintf(j->spares[j->n_spares++], sizeof j->spares[0], "%s", name);
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	j->closing = true;
	for (int i = 0; i < CLOSE_TRIES && (j->head || j->writing || j->dirty); i++) {
		j->holding = false;
		j->want_sync = true;
		pump(j);
		disk_thread_drain(j->thread);
	}
	disk_thread_free(j->thread);
	loop_defer_cancel(j->loop, pump_soon, j);
	timer_free(j->timer);
	for (struct pending *p = j->head, *next; p; p = next) {
		next = p->next;
		finish_record(p, NULL, EIO);
	}
	for (struct segment *s = j->segments, *next; s; s = next) {
		next = s->next;
		close(s->fd);
		free(s);
	}
	free(j);
}
