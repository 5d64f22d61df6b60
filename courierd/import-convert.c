#include "config.h"

#include "courierd/import.h"

/* The id as it stands: the decoder reads it as numbers, the ledger and people want the text. */
static struct str old_id(struct str text, struct arena *a)
{
	struct str line;
	while (str_split(&text, '\n', &line))
		if (line.n > 1 && line.p[0] == 'M')
			return arena_str(a, str_skip(line, 1));
	return STR_NONE;
}

static void add_history(const struct envelope *e, struct buf *out)
{
	for (uint32_t i = 0; i < e->n_rcpts; i++) {
		const struct envelope_rcpt *r = &e->rcpts[i];
		struct envelope_result x = {.num = i,
		    .state = r->state,
		    .local = r->local,
		    .when = r->when,
		    .status = r->status,
		    .peer = r->peer,
		    .error = r->error,
		    .sent = r->sent,
		    .reply = r->reply};
		if (r->state != RCPT_PENDING)
			envelope_add_result(out, &x);
	}
	for (uint32_t i = 0; i < e->rounds; i++)
		envelope_add_round(out, e->arrival);
	if (e->warned)
		envelope_add_warned(out);
	if (e->cancelled.p)
		envelope_add_cancel(out, e->cancelled);
	if (e->next)
		envelope_add_next(out, e->next);
}

bool import_convert(struct str text, const struct import_facts *f, struct arena *a, struct buf *out,
    struct str *old, int64_t *next, const char **why)
{
	struct envelope e;
	*why = "it is no control file";
	if (!text.n || text.p[0] != 's' || envelope_decode(text, a, &e, why))
		return false;
	*old = old_id(text, a);
	*why = !old->n ? "it has no queue id" : !e.n_rcpts ? "it has no recipients" : NULL;
	if (*why)
		return false;
	/* the second number of the original's id is the time in seconds */
	if (!e.arrival)
		e.arrival = e.id.us && e.id.us < (uint64_t)INT32_MAX ? (int64_t)e.id.us : f->mtime;
	e.id = f->id;
	e.uid = f->uid;
	e.size = f->size;
	e.generation = 0;
	if (!e.expiry)
		e.expiry = e.arrival + f->queuetime;
	if (!e.warn)
		e.warn = -1;
	*next = e.next;
	*why = "out of memory";
	if (!envelope_encode(&e, out))
		return false;
	add_history(&e, out);
	return !out->failed;
}
