/*
 * Deliveries whose files are not known to be on the disk.  A module may say "delivered, it stands
 * there" without a sync of its own: then the result is recorded with the place, and the message
 * stays in the queue, which is durable, until the module says that the file system has been synced.
 * What it never says so of (it died, we died, power failed, the disk is broken) is a delivery
 * again, which carries the place: the module then makes sure of that file and adds none.
 */
#include "config.h"

#include "courierd/sched.h"

static void owe(struct sched *s, struct message *m)
{
	if (!m->owed++)
		m->owed_since = sched_now(s);
	s->n_owed++;
}

static void settle(struct sched *s, struct message *m)
{
	m->owed--;
	s->n_owed--;
	message_dirty(s, m);
}

void owed_result(struct sched *s, struct message *m, uint32_t num, const struct module_result *r)
{
	struct envelope_rcpt *e = &m->env.rcpts[num];
	bool owes = r->outcome == MODULE_DELIVERED && r->place.n;
	if (r->outcome == MODULE_DEFERRED || (!owes && !e->place.n))
		return;
	e->place = STR_NONE;
	e->doubt = false;
	if (owes) {
		e->place = arena_str(m->arena, r->place);
		if (!e->place.p) /* no memory: no such place, so it will be delivered once more */
			e->place = STR("?");
		owe(s, m);
	}
	envelope_add_place(&m->out, num, e->doubt, e->place);
}

static bool is_owed(const struct envelope_rcpt *r)
{
	return r->state == RCPT_DELIVERED && r->place.n;
}

/* doubt: the disk may not have what was written, though the machine was never off. */
static void unsure(struct sched *s, struct message *m, uint32_t num, bool doubt)
{
	struct envelope_rcpt *r = &m->env.rcpts[num];
	if (doubt) {
		r->doubt = true;
		envelope_add_place(&m->out, num, true, r->place);
	}
	r->state = RCPT_PENDING;
	result_plain(s, m, num, MODULE_DEFERRED, "4.3.0",
	    "delivered, but it is not known yet whether the disk has it");
	settle(s, m);
}

void sched_synced(
    struct sched *s, struct sched_module *mod, struct str id, uint32_t num, enum module_sync how)
{
	struct queue_id q;
	struct message *m = queue_id_parse(id, &q) ? message_find(s, q.seq) : NULL;
	struct envelope_rcpt *r = m && num < m->env.n_rcpts ? &m->env.rcpts[num] : NULL;
	if (!r || !is_owed(r) || !str_is(r->module, mod->name))
		return;
	if (how != MODULE_SYNCED) {
		unsure(s, m, num, how == MODULE_SYNC_FAILED);
		return;
	}
	r->place = STR_NONE;
	envelope_add_place(&m->out, num, false, r->place);
	settle(s, m);
}

static void all_unsure(struct sched *s, struct message *m, const struct sched_module *mod)
{
	for (uint32_t i = 0; m->owed && i < m->env.n_rcpts; i++)
		if (is_owed(&m->env.rcpts[i]) &&
		    (!mod || str_is(m->env.rcpts[i].module, mod->name)))
			unsure(s, m, i, false);
}

void owed_module_down(struct sched *s, const struct sched_module *mod)
{
	struct str key;
	void *v;
	for (size_t at = 0; s->n_owed && map_next(s->messages, &at, &key, &v);)
		all_unsure(s, v, mod);
}

void owed_sweep(struct sched *s, int64_t now)
{
	struct str key;
	void *v;
	for (size_t at = 0; s->n_owed && map_next(s->messages, &at, &key, &v);) {
		struct message *m = v;
		if (m->owed && s->limits.modulettl && now - m->owed_since > s->limits.modulettl)
			all_unsure(s, m, NULL);
	}
}

/* It comes from the disk: whoever promised a sync is gone. */
void owed_start(struct message *m)
{
	for (size_t i = 0; i < m->env.n_rcpts; i++) {
		struct envelope_rcpt *r = &m->env.rcpts[i];
		if (!is_owed(r))
			continue;
		if (m->cancel) /* nobody wants to have it any more */
			r->place = STR_NONE;
		else
			r->state = RCPT_PENDING;
	}
}

bool owed_only(const struct message *m)
{
	for (size_t i = 0; m->owed && i < m->env.n_rcpts; i++)
		if (!rcpt_final(m->env.rcpts[i].state))
			return false;
	return m->owed > 0;
}
