#include "config.h"

#include "queue/queue-client.h"

#include "queue/queue-proto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum kind { WAIT_COMMIT, WAIT_TMP };

struct waiting {
	enum kind kind;
	queue_commit_answer commit;
	queue_tmpfile_answer tmp;
	void *ctx;
};

struct queue_client {
	struct service *s;
	struct service_link *link;
	struct queue_client_handlers h;
	void *ctx;
	struct map *waiting;
	struct map *track; /* address -> a letter of `letters` */
	uint32_t last_handle;
	uint64_t next_seq, left_ids;
	bool asked;
	uint64_t generation;
};

static struct str handle_key(const uint32_t *h)
{
	return str_at(h, sizeof *h);
}

static struct ipc *edge(struct queue_client *q)
{
	return service_link_ipc(q->link);
}

static void drop(void *ctx)
{
	struct queue_client *q = ctx;
	service_link_drop(q->link);
}

/* Not at once: whoever asks must have his handle before he hears that all is lost. */
static void sent(struct queue_client *q, int r)
{
	if (!r)
		return;
	log_error(NULL, "cannot send to the scheduler: %m");
	loop_defer_cancel(service_loop(q->s), drop, q);
	if (loop_defer(service_loop(q->s), drop, q))
		exit(75); /* no memory; the supervisor starts another gate */
}

static void ask_ids(struct queue_client *q)
{
	if (q->asked || q->left_ids > QUEUE_IDS_LOW || !edge(q))
		return;
	ipc_compose(edge(q), QUEUE_IDS_ASK, 0);
	ipc_put_u32(edge(q), QUEUE_IDS_BLOCK);
	q->asked = true;
	sent(q, ipc_send(edge(q), -1));
}

bool queue_client_id(struct queue_client *q, struct queue_id *id)
{
	ask_ids(q);
	if (!q->left_ids)
		return false;
	id->seq = q->next_seq++;
	id->us = (uint64_t)clock_unique_us();
	id->slot = service_number(q->s);
	q->left_ids--;
	return true;
}

static uint32_t new_handle(struct queue_client *q, struct waiting w)
{
	struct waiting *p = mem_new(struct waiting);
	*p = w;
	do
		q->last_handle++;
	while (!q->last_handle || map_get(q->waiting, handle_key(&q->last_handle)));
	if (!map_set(q->waiting, handle_key(&q->last_handle), p)) {
		log_error(NULL, "no memory for a commit");
		exit(75);
	}
	return q->last_handle;
}

uint32_t queue_tmpfile(struct queue_client *q, queue_tmpfile_answer cb, void *ctx)
{
	if (!edge(q))
		return 0;
	uint32_t h = new_handle(q, (struct waiting){.kind = WAIT_TMP, .tmp = cb, .ctx = ctx});
	sent(q, ipc_reply(edge(q), QUEUE_TMP_ASK, h));
	return h;
}

/* The waiting stays, without its callback: the answer must still be taken care of. */
static void cancel(struct queue_client *q, uint32_t handle)
{
	struct waiting *w = map_get(q->waiting, handle_key(&handle));
	if (w) {
		w->tmp = NULL;
		w->commit = NULL;
	}
}
void queue_tmpfile_cancel(struct queue_client *q, uint32_t handle)
{
	cancel(q, handle);
}
void queue_commit_cancel(struct queue_client *q, uint32_t handle)
{
	cancel(q, handle);
}

void queue_tmpfile_drop(struct queue_client *q, const char *name)
{
	if (!edge(q))
		return;
	ipc_compose(edge(q), QUEUE_TMP_DROP, 0);
	ipc_put_rest(edge(q), str_of(name));
	sent(q, ipc_send(edge(q), -1));
}

static int send_pieces(struct queue_client *q, uint32_t h, struct str *text)
{
	while (text->n > QUEUE_PIECE) {
		ipc_compose(edge(q), QUEUE_COMMIT_PART, h);
		ipc_put_rest(edge(q), str_head(*text, QUEUE_PIECE));
		if (ipc_send(edge(q), -1))
			return -1;
		*text = str_skip(*text, QUEUE_PIECE);
	}
	return 0;
}

static int send_commit(struct queue_client *q, uint32_t h, const struct envelope *e,
    struct str text, struct str body, const char *file, bool keep_file)
{
	if (send_pieces(q, h, &text))
		return -1;
	ipc_compose(edge(q), QUEUE_COMMIT, h);
	ipc_put_str(edge(q), e->idempotency);
	ipc_put_z(edge(q), file);
	ipc_put_u8(edge(q), keep_file);
	ipc_put_str(edge(q), text);
	ipc_put_rest(edge(q), body);
	return ipc_send(edge(q), -1);
}

uint32_t queue_commit(struct queue_client *q, const struct envelope *e, struct str body,
    const char *file, bool keep_file, queue_commit_answer cb, void *ctx)
{
	if (!edge(q) || body.n > QUEUE_INLINE_MAX)
		return 0;
	struct buf text;
	buf_init(&text, ENVELOPE_TEXT_MAX);
	uint32_t h = 0;
	if (envelope_encode(e, &text)) {
		h = new_handle(q, (struct waiting){.kind = WAIT_COMMIT, .commit = cb, .ctx = ctx});
		sent(q, send_commit(q, h, e, buf_str(&text), body, file, keep_file));
	}
	buf_free(&text);
	return h;
}

static struct waiting *answered(struct queue_client *q, uint32_t h, enum kind kind)
{
	struct waiting *w = map_get(q->waiting, handle_key(&h));
	if (!w || w->kind != kind)
		return NULL;
	map_del(q->waiting, handle_key(&h));
	return w;
}

static void on_tmp(struct queue_client *q, struct ipc_msg *m, struct ipc_reader *r)
{
	struct str name = ipc_get_str(r);
	ipc_get_rest(r);
	struct waiting *w = answered(q, m->id, WAIT_TMP);
	char z[QUEUE_TMP_NAME_SIZE];
	int fd = ipc_take_fd(m);
	snprintf(z, sizeof z, "%.*s", STR_FMT(name));
	if (w && w->tmp) {
		errno = EAGAIN;
		w->tmp(w->ctx, name.n ? fd : -1, z);
	} else if (fd >= 0) {
		close(fd);
		queue_tmpfile_drop(q, z);
	}
	free(w);
}

static void on_committed(struct queue_client *q, struct ipc_msg *m, struct ipc_reader *r)
{
	bool durable = ipc_get_u8(r);
	struct str id = ipc_get_str(r), text = ipc_get_rest(r);
	struct waiting *w = answered(q, m->id, WAIT_COMMIT);
	if (w && w->commit)
		w->commit(w->ctx, durable, id, text);
	free(w);
}

static void on_ids(struct queue_client *q, struct ipc_reader *r)
{
	uint64_t first = ipc_get_u64(r);
	uint32_t n = ipc_get_u32(r);
	q->asked = false;
	if (!n)
		return;
	/* What is left of the old block is given up: ids stay in order. */
	q->next_seq = first;
	q->left_ids = n;
	if (q->h.serving)
		q->h.serving(q->ctx);
}

static void on_route(struct queue_client *q, struct ipc_msg *m, struct ipc_reader *r)
{
	struct queue_route_ask a;
	a.address = ipc_get_str(r);
	a.sender = ipc_get_str(r);
	a.source = ipc_get_str(r);
	a.login = ipc_get_str(r);
	a.vhost = ipc_get_str(r);
	a.security = ipc_get_str(r);
	if (ipc_done(r))
		q->h.route(q->ctx, m->id, &a);
}

void queue_route_answer(struct queue_client *q, uint32_t question, const struct queue_route *a)
{
	if (!edge(q))
		return;
	ipc_compose(edge(q), QUEUE_ROUTE, question);
	ipc_put_u32(edge(q), a->code);
	ipc_put_str(edge(q), a->enhanced);
	ipc_put_str(edge(q), a->text);
	ipc_put_str(edge(q), a->module);
	ipc_put_str(edge(q), a->host);
	ipc_put_str(edge(q), a->to);
	sent(q, ipc_send(edge(q), -1));
}

static char letters[] = "FDB";

static void track_forget(struct queue_client *q)
{
	struct map *none = map_new();
	if (!none)
		return;
	map_free(q->track, NULL);
	q->track = none;
}

/* Without memory an address is not listed. */
static void on_track(struct queue_client *q, struct ipc_msg *m, struct ipc_reader *r)
{
	struct str address = ipc_get_rest(r);
	char *letter = m->id && m->id < 128 ? strchr(letters, (int)m->id) : NULL;
	if (letter)
		map_set(q->track, address, letter);
	else
		map_del(q->track, address);
}

char queue_client_track(const struct queue_client *q, struct str address)
{
	const char *letter = map_get(q->track, address);
	return letter ? *letter : 0;
}

static void on_msg(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct queue_client *q = ctx;
	struct ipc_reader r;
	ipc_read(m, &r);
	switch (m->type) {
	case QUEUE_IDS:
		on_ids(q, &r);
		break;
	case QUEUE_TMP:
		on_tmp(q, m, &r);
		break;
	case QUEUE_COMMITTED:
		on_committed(q, m, &r);
		break;
	case QUEUE_ROUTE_ASK:
		on_route(q, m, &r);
		break;
	case QUEUE_TRACK_NONE:
		track_forget(q);
		break;
	case QUEUE_TRACK:
		on_track(q, m, &r);
		break;
	default:
		return;
	}
	if (!ipc_done(&r)) {
		log_error(NULL, "the scheduler sent a malformed frame");
		service_link_drop(q->link);
	}
}

static void send_generation(struct queue_client *q)
{
	if (!edge(q) || !q->generation)
		return;
	ipc_compose(edge(q), QUEUE_GENERATION, 0);
	ipc_put_u64(edge(q), q->generation);
	sent(q, ipc_send(edge(q), -1));
}

void queue_client_generation(struct queue_client *q, uint64_t generation)
{
	q->generation = generation;
	send_generation(q);
}

static void on_up(void *ctx)
{
	struct queue_client *q = ctx;
	q->asked = false;
	send_generation(q);
	ask_ids(q);
	if (q->left_ids && q->h.serving)
		q->h.serving(q->ctx);
}

static void fail(struct waiting *w)
{
	errno = ENOTCONN;
	if (w->kind == WAIT_TMP && w->tmp)
		w->tmp(w->ctx, -1, "");
	else if (w->kind == WAIT_COMMIT && w->commit)
		w->commit(w->ctx, false, STR_NONE, STR("the scheduler is gone"));
	free(w);
}

/* Ids at hand stay good: they were given out for ever. */
static void on_down(void *ctx)
{
	struct queue_client *q = ctx;
	loop_defer_cancel(service_loop(q->s), drop, q);
	struct map *lost = q->waiting;
	struct str key;
	void *w;
	q->asked = false;
	q->waiting = map_new();
	if (!q->waiting) {
		log_error(NULL, "no memory");
		exit(75);
	}
	for (size_t at = 0; map_next(lost, &at, &key, &w);)
		fail(w);
	map_free(lost, NULL);
}

struct queue_client *queue_client_new(
    struct service *s, const struct queue_client_handlers *h, void *ctx)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg};
	struct queue_client *q = mem_new(struct queue_client);
	q->s = s;
	q->h = *h;
	q->ctx = ctx;
	q->waiting = map_new();
	q->track = map_new();
	q->link = q->waiting && q->track
		      ? service_link_new(s, "sched", 0, &handlers, on_up, on_down, q)
		      : NULL;
	if (q->link)
		return q;
	map_free(q->waiting, NULL);
	map_free(q->track, NULL);
	free(q);
	return NULL;
}

bool queue_client_up(const struct queue_client *q)
{
	return service_link_ipc(q->link) != NULL;
}

bool queue_client_serves(const struct queue_client *q)
{
	return queue_client_up(q) && q->left_ids > 0;
}
