#include "config.h"

#include "submit/claim-ask.h"

#include <stdlib.h>

enum { ANSWER_ARENA_MAX = 256 * 1024 };

struct claim_link {
	struct claim_links *all;
	char *module;
	struct service_link *link;
	size_t waiting;
};

struct question {
	struct claim_links *all;
	struct claim_link *link;
	uint32_t id;
	struct timer *late;
	claim_answered cb;
	void *ctx;
};

struct claim_links {
	struct service *service;
	struct map *links;     /* module -> claim_link */
	struct map *questions; /* id -> question */
	uint32_t last;
};

static struct str id_key(const uint32_t *id)
{
	return str_at(id, sizeof *id);
}

static void question_free(void *question)
{
	struct question *q = question;
	q->link->waiting--;
	timer_free(q->late);
	free(q);
}

static void finish(struct question *q, const struct claim_answer *w)
{
	claim_answered cb = q->cb;
	void *ctx = q->ctx;
	map_del(q->all->questions, id_key(&q->id));
	question_free(q);
	cb(ctx, w);
}

static void on_late(void *ctx)
{
	struct question *q = ctx;
	log_warning(NULL, "module %s does not answer; the address is put off", q->link->module);
	finish(q, NULL);
}

static void on_answer(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct claim_link *k = ctx;
	struct question *q = map_get(k->all->questions, id_key(&m->id));
	if (m->type != MODULE_FRAME_CLAIMED || !q || q->link != k)
		return;
	struct claim_answer w;
	struct arena *a = arena_new(ANSWER_ARENA_MAX);
	bool good = a && claim_decode_answer(m->body, a, &w) == 0;
	if (!good)
		log_error(NULL, "module %s sent an answer that cannot be understood", k->module);
	finish(q, good ? &w : NULL);
	arena_free(a);
}

/* A callback may ask again: begin anew after each. */
static struct question *any_of(struct claim_link *k)
{
	struct str key;
	void *v;
	for (size_t at = 0; map_next(k->all->questions, &at, &key, &v);)
		if (((struct question *)v)->link == k)
			return v;
	return NULL;
}

static void on_down(void *ctx)
{
	struct question *q;
	while ((q = any_of(ctx)))
		finish(q, NULL);
}

struct claim_links *claim_links_new(struct service *s)
{
	struct claim_links *l = mem_new(struct claim_links);
	l->service = s;
	l->links = map_new();
	l->questions = map_new();
	if (l->links && l->questions)
		return l;
	claim_links_free(l);
	return NULL;
}

static void link_free(void *link)
{
	struct claim_link *k = link;
	service_link_free(k->link);
	free(k->module);
	free(k);
}

void claim_links_free(struct claim_links *l)
{
	if (!l)
		return;
	map_free(l->questions, question_free);
	map_free(l->links, link_free);
	free(l);
}

void claim_links_want(struct claim_links *l, const char *module)
{
	static const struct ipc_handlers handlers = {.on_msg = on_answer};
	if (map_get(l->links, str_of(module)))
		return;
	struct claim_link *k = mem_new(struct claim_link);
	k->all = l;
	k->module = mem_strdup(module);
	k->link = service_link_new(l->service, module, 0, &handlers, NULL, on_down, k);
	if (!k->link || !map_set(l->links, str_of(module), k)) {
		log_error(NULL, "no memory for an edge to module %s", module);
		link_free(k);
	}
}

static bool send(struct claim_link *k, uint32_t id, const struct claim_ask *ask)
{
	struct ipc *c = service_link_ipc(k->link);
	struct buf b;
	buf_init(&b, CLAIM_TEXT_MAX);
	bool good = c && claim_encode_ask(ask, &b);
	if (good) {
		ipc_compose(c, MODULE_FRAME_CLAIM, id);
		ipc_put_rest(c, buf_str(&b));
		good = ipc_send(c, -1) == 0;
	}
	buf_free(&b);
	return good;
}

static struct question *question_new(struct claim_links *l, struct claim_link *k)
{
	struct question *q = mem_new(struct question);
	q->all = l;
	q->link = k;
	q->late = timer_new(service_loop(l->service), on_late, q);
	do
		q->id = ++l->last;
	while (q->id == 0 || map_get(l->questions, id_key(&q->id)));
	if (q->late && map_set(l->questions, id_key(&q->id), q)) {
		k->waiting++;
		timer_set(q->late, CLAIM_WAIT_MS);
		return q;
	}
	timer_free(q->late);
	free(q);
	return NULL;
}

void claim_ask(struct claim_links *l, const char *module, const struct claim_ask *ask,
    claim_answered cb, void *ctx)
{
	struct claim_link *k = map_get(l->links, str_of(module));
	struct question *q = k && k->waiting < CLAIM_QUESTIONS_MAX ? question_new(l, k) : NULL;
	if (!q) {
		cb(ctx, NULL);
		return;
	}
	q->cb = cb;
	q->ctx = ctx;
	if (!send(k, q->id, ask))
		finish(q, NULL);
}
