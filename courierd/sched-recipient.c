/* From recipients to deliveries: routes, then one delivery for those who share module and host. */
#include "config.h"

#include "courierd/sched.h"

#include <stdlib.h>

/* Seconds; longer than a gate waits for its own look-ups. */
enum { ANSWER_MAX = 600 };

static struct str question_key(const uint32_t *id)
{
	return str_at(id, sizeof *id);
}

static void ask(struct sched *s, struct question *q)
{
	struct message *m = message_find(s, q->seq);
	if (!m)
		return;
	struct envelope *e = &m->env;
	struct queue_route_ask a = {.address = e->rcpts[q->rcpt].address,
	    .sender = e->sender,
	    .source = e->source,
	    .login = e->login,
	    .vhost = e->vhost,
	    .security = e->security};
	q->asked = s->hooks->route(s->ctx, q->id, &a) == 0;
	q->since = sched_now(s);
	if (!q->asked)
		s->unasked = true;
}

static bool new_question(struct sched *s, struct message *m, uint32_t rcpt)
{
	struct question *q = calloc(1, sizeof *q);
	if (!q)
		return false;
	do
		s->last_question++;
	while (!s->last_question || map_get(s->questions, question_key(&s->last_question)));
	*q = (struct question){.id = s->last_question, .seq = m->seq, .rcpt = rcpt};
	if (!map_set(s->questions, question_key(&q->id), q)) {
		free(q);
		return false;
	}
	m->questions++;
	ask(s, q);
	return true;
}

static void each_question(struct sched *s, void (*fn)(struct sched *s, struct question *q))
{
	struct str key;
	void *v;
	for (size_t at = 0; map_next(s->questions, &at, &key, &v);)
		fn(s, v);
}

static void ask_if_open(struct sched *s, struct question *q)
{
	if (!q->asked)
		ask(s, q);
}

static void open_again(struct sched *s, struct question *q)
{
	q->asked = false;
	s->unasked = true;
}

void recipients_ask_again(struct sched *s)
{
	s->unasked = false;
	each_question(s, ask_if_open);
}

static void open_if_old(struct sched *s, struct question *q)
{
	int64_t age = sched_now(s) - q->since;
	if (q->asked && (age > ANSWER_MAX || age < 0))
		open_again(s, q);
}

void recipients_ask_old(struct sched *s)
{
	each_question(s, open_if_old);
	if (s->unasked)
		recipients_ask_again(s);
}

void recipients_asked_gone(struct sched *s)
{
	each_question(s, open_again);
}

/* Routes of a fresh message are as new as can be; those from the disk only if their generation is.
 */
void recipients_route(struct sched *s, struct message *m)
{
	bool known = s->hooks->generation(s->ctx, m->env.generation);
	for (uint32_t i = 0; i < m->env.n_rcpts; i++) {
		struct envelope_rcpt *r = &m->env.rcpts[i];
		if (rcpt_final(r->state) || (r->module.n && (known || m->fresh || r->place.n)))
			continue;
		if (!new_question(s, m, i))
			result_plain(s, m, i, MODULE_DEFERRED, "4.3.0", "out of memory");
	}
	m->fresh = false;
	if (!m->questions)
		recipients_dispatch(s, m);
}

static void take_route(
    struct sched *s, struct message *m, uint32_t num, const struct queue_route *r)
{
	struct envelope_rcpt *e = &m->env.rcpts[num];
	if (r->code / 100 != 2) {
		struct module_result x = {
		    .outcome = r->code / 100 == 5 ? MODULE_FAILED : MODULE_DEFERRED,
		    .code = r->code,
		    .status = r->enhanced,
		    .diagnostic = r->text};
		result_take(s, m, num, &x);
		result_log(m, num);
		return;
	}
	if (str_eq(e->module, r->module) && str_eq(e->host, r->host) && str_eq(e->to, r->to))
		return;
	struct str module = arena_str(m->arena, r->module), host = arena_str(m->arena, r->host),
		   to = arena_str(m->arena, r->to);
	if (!module.p || (r->host.n && !host.p) || (r->to.n && !to.p)) {
		result_plain(s, m, num, MODULE_DEFERRED, "4.3.0", "out of memory");
		return;
	}
	e->module = module;
	e->host = host;
	e->to = to;
	envelope_add_route(&m->out, num, module, host, to);
}

void sched_routed(struct sched *s, uint32_t question, const struct queue_route *r)
{
	struct question *q = map_del(s->questions, question_key(&question));
	struct message *m = q ? message_find(s, q->seq) : NULL;
	if (m) {
		take_route(s, m, q->rcpt, r);
		if (!--m->questions)
			recipients_dispatch(s, m);
	}
	free(q);
}

static unsigned most(const struct message *m, const struct sched_module *mod)
{
	return m->env.verp || !mod->maxrcpt ? 1 : mod->maxrcpt;
}

/* Mail that is late goes to the backup relay: a host of its own, whatever is known of the first. */
struct str host_of(struct sched *s, const struct message *m, const struct envelope_rcpt *r)
{
	bool late = s->limits.backuprelay[0] && m->env.warn >= 0 && sched_now(s) >= m->env.warn;
	return late && str_is(r->module, "esmtp") ? str_of(s->limits.backuprelay) : r->host;
}

/* Deliveries are filled through their host, so that a thousand recipients need no search. */
static int place(struct sched *s, struct message *m, uint32_t num, struct dest **touched, size_t *n)
{
	struct envelope_rcpt *r = &m->env.rcpts[num];
	struct sched_module *mod = module_find(s, r->module);
	struct dest *d = mod && mod->configured ? dest_get(mod, host_of(s, m, r)) : NULL;
	if (!mod || !mod->configured) {
		result_plain(
		    s, m, num, MODULE_DEFERRED, "4.3.5", "its delivery module is not configured");
		result_log(m, num);
		return 0;
	}
	if (!d)
		return -1;
	if (d->filling && d->filling->n >= most(m, mod)) {
		dest_add(d, d->filling);
		d->filling = NULL;
	}
	if (!d->filling) {
		d->filling = delivery_new(m, d);
		if (!d->filling)
			return -1;
		touched[(*n)++] = d;
	}
	return delivery_add(d->filling, num);
}

void recipients_dispatch(struct sched *s, struct message *m)
{
	if (park(s, m))
		return;
	struct dest **touched = m->cancel ? NULL : calloc(m->env.n_rcpts + 1, sizeof *touched);
	size_t n = 0;
	for (uint32_t i = 0; touched && i < m->env.n_rcpts; i++)
		if (m->env.rcpts[i].state == RCPT_PENDING && place(s, m, i, touched, &n))
			result_plain(s, m, i, MODULE_DEFERRED, "4.3.0", "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct delivery *x = touched[i]->filling;
		touched[i]->filling = NULL;
		if (x && x->n)
			dest_add(touched[i], x);
		else if (x) {
			m->deliveries--;
			delivery_free(x);
		}
	}
	free(touched);
	message_dirty(s, m);
}
