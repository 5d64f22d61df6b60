/* The edges to gates: messages come in, routes are asked for. */
#include "config.h"

#include "courierd/sched-gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TMP_PER_GATE = 1000 };

static void gate_gone(void *ctx, struct ipc *c);

void gate_check_sent(struct gate *t, int r)
{
	if (r)
		log_error(NULL, "cannot send to gate %u: %m", t->number);
}

void gate_drop_tmp(struct gate *t, const char *name, bool unlink)
{
	for (struct tmp **p = &t->tmp; *p; p = &(*p)->next)
		if (strcmp((*p)->name, name) == 0) {
			struct tmp *f = *p;
			*p = f->next;
			t->n_tmp--;
			if (unlink)
				queue_tmpfile_remove(t->all->x->queue, f->name);
			free(f);
			return;
		}
}

static void on_tmp_ask(struct gate *t, uint32_t handle)
{
	struct tmp *f = t->n_tmp < TMP_PER_GATE ? calloc(1, sizeof *f) : NULL;
	int fd = f ? queue_tmpfile_make(t->all->x->queue, f->name, sizeof f->name) : -1;
	if (fd < 0)
		log_error(NULL, "cannot make a temporary file for gate %u: %m", t->number);
	ipc_compose(t->edge, QUEUE_TMP, handle);
	ipc_put_z(t->edge, fd < 0 ? "" : f->name);
	gate_check_sent(t, ipc_send(t->edge, fd));
	if (fd < 0) {
		free(f);
		return;
	}
	close(fd);
	f->next = t->tmp;
	t->tmp = f;
	t->n_tmp++;
}

static void on_ids(struct gate *t, uint32_t n)
{
	uint64_t first = 0;
	if (n > 65536)
		n = 65536;
	if (queue_reserve(t->all->x->queue, n, &first)) {
		log_error(NULL, "cannot write the queue's file 'sequence': %m");
		n = 0;
	}
	ipc_compose(t->edge, QUEUE_IDS, 0);
	ipc_put_u64(t->edge, first);
	ipc_put_u32(t->edge, n);
	gate_check_sent(t, ipc_send(t->edge, -1));
}

static bool on_route(struct gate *t, uint32_t question, struct ipc_reader *r)
{
	struct queue_route a = {.code = (uint16_t)ipc_get_u32(r)};
	a.enhanced = ipc_get_str(r);
	a.text = ipc_get_str(r);
	a.module = ipc_get_str(r);
	a.host = ipc_get_str(r);
	a.to = ipc_get_str(r);
	if (ipc_done(r))
		sched_routed(gate_core(t), question, &a);
	return ipc_done(r);
}

static void on_generation(struct gate *t, uint64_t generation)
{
	t->generation = generation;
	recipients_ask_again(gate_core(t));
}

static bool dispatch(struct gate *t, struct ipc_msg *m, struct ipc_reader *r)
{
	char name[QUEUE_TMP_NAME_SIZE];
	struct str text;
	switch (m->type) {
	case QUEUE_IDS_ASK:
		on_ids(t, ipc_get_u32(r));
		return ipc_done(r);
	case QUEUE_TMP_ASK:
		on_tmp_ask(t, m->id);
		return ipc_done(r);
	case QUEUE_TMP_DROP:
		text = ipc_get_rest(r); /* the macro names its argument twice */
		snprintf(name, sizeof name, "%.*s", STR_FMT(text));
		gate_drop_tmp(t, name, true);
		return true;
	case QUEUE_COMMIT_PART:
		gate_part(t, m->id, ipc_get_rest(r));
		return true;
	case QUEUE_COMMIT:
		return gate_commit(t, m->id, r);
	case QUEUE_GENERATION:
		on_generation(t, ipc_get_u64(r));
		return ipc_done(r);
	case QUEUE_ROUTE:
		return on_route(t, m->id, r);
	default:
		return true;
	}
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct gate *t = ctx;
	struct ipc_reader r;
	ipc_read(m, &r);
	if (dispatch(t, m, &r))
		return;
	log_error(NULL, "gate %u sent a malformed frame; its edge is dropped", t->number);
	gate_gone(t, c);
}

static void gate_gone(void *ctx, struct ipc *c)
{
	struct gate *t = ctx;
	struct gates *g = t->all;
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i] == t)
			g->v[i] = g->v[--g->n];
	while (t->tmp)
		gate_drop_tmp(t, t->tmp->name, true);
	gate_parts_drop(t);
	ipc_free(c);
	free(t);
	recipients_asked_gone(&g->x->core);
	recipients_ask_again(&g->x->core);
}

static void send_track(struct gate *t, struct str address, char letter)
{
	ipc_compose(t->edge, QUEUE_TRACK, (uint32_t)(unsigned char)letter);
	ipc_put_rest(t->edge, address);
	gate_check_sent(t, ipc_send(t->edge, -1));
}

static void send_whole_track(struct gate *t)
{
	const struct track *track = t->all->x->track;
	struct str address;
	char letter;
	gate_check_sent(t, ipc_reply(t->edge, QUEUE_TRACK_NONE, 0));
	for (size_t at = 0; track && track_next(track, &at, &address, &letter);)
		send_track(t, address, letter);
}

void gates_track(struct gates *g, struct str address, char letter)
{
	for (size_t i = 0; i < g->n; i++)
		send_track(g->v[i], address, letter);
}

void gates_edge(struct gates *g, unsigned number, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = gate_gone};
	struct gate *t = g->n < GATES_MAX ? calloc(1, sizeof *t) : NULL;
	if (!t || !(t->edge = ipc_new(service_loop(g->x->service), fd, &handlers, t))) {
		log_error(NULL, "cannot take another gate");
		if (!t)
			close(fd);
		free(t);
		return;
	}
	t->all = g;
	t->number = number;
	t->serial = ++g->serial;
	g->v[g->n++] = t;
	send_whole_track(t);
	recipients_ask_again(&g->x->core);
}

int gates_route(struct gates *g, uint32_t question, const struct queue_route_ask *a)
{
	if (!g->n)
		return -1;
	struct gate *t = g->v[g->turn++ % g->n];
	ipc_compose(t->edge, QUEUE_ROUTE_ASK, question);
	ipc_put_str(t->edge, a->address);
	ipc_put_str(t->edge, a->sender);
	ipc_put_str(t->edge, a->source);
	ipc_put_str(t->edge, a->login);
	ipc_put_str(t->edge, a->vhost);
	ipc_put_str(t->edge, a->security);
	return ipc_send(t->edge, -1);
}

bool gates_generation(const struct gates *g, uint64_t generation)
{
	for (size_t i = 0; generation && i < g->n; i++)
		if (g->v[i]->generation == generation)
			return true;
	return false;
}

struct gates *gates_new(struct scheduler *x)
{
	struct gates *g = calloc(1, sizeof *g);
	if (g)
		g->x = x;
	return g;
}
