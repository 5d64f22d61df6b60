/* What people ask for: now instead of later, never instead of now. */
#include "config.h"

#include "courierd/sched.h"

int sched_flush(struct sched *s, uint64_t seq)
{
	size_t at;
	dest_flush(s);
	if (!seq)
		index_all_now(&s->index, sched_now(s));
	else if (index_find(&s->index, seq, &at))
		index_set(&s->index, at, sched_now(s));
	else if (park_take(s, seq))
		return index_add(&s->index, seq, sched_now(s)) ? 0 : -1;
	else if (!message_find(s, seq))
		return -1;
	s->last_fill = 0;
	s->hooks->soon(s->ctx);
	return 0;
}

int sched_cancel(struct sched *s, uint64_t seq, struct str reason)
{
	size_t at;
	struct message *m = message_find(s, seq);
	if (m && (m->fresh || m->gone))
		return -1;
	if (!m && index_find(&s->index, seq, &at) && (m = message_load(s, seq)))
		index_drop(&s->index, at);
	if (!m && park_take(s, seq))
		m = message_load(s, seq);
	if (!m)
		return -1;
	if (m->cancel)
		return 0;
	m->cancel = true;
	m->env.cancelled = arena_str(m->arena, str_head(reason, 512));
	envelope_add_cancel(&m->out, m->env.cancelled);
	if (message_write(s, m, true))
		log_error(NULL, "the cancellation of message %s could not be recorded yet", m->id);
	dest_drop_waiting(s, m);
	message_dirty(s, m);
	return 0;
}
