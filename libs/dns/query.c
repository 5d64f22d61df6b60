/* Questions to libunbound: one answer each, within a bounded time. */
#include <stdio.h>
#include <stdlib.h>
#include "dns/dns-private.h"
#include "dns/rdata.h"

enum { RECORDS_MAX = 256 };

struct dns_question {
	struct dns_op op;
	struct dns_question *prev, *next;
	int64_t deadline;
	enum dns_status late;      /* the answer when the deadline comes first */
	int async_id;              /* libunbound's, -1: it does not know of this one */
	struct dns_engine *engine; /* that was asked, or NULL */
	dns_done done;
	void *ctx;
};

static struct str id_key(const uint64_t *id)
{
	return str_at(id, sizeof *id);
}

void dns_op_add(struct dns *d, struct dns_op *op, void (*cancel)(struct dns_op *op))
{
	op->dns = d;
	op->id = ++d->last_id;
	op->cancel = cancel;
	if (!map_set(d->ops, id_key(&op->id), op)) {
		log_msg(LOG_LEVEL_FATAL, NULL, "out of memory for a DNS question");
		exit(75);
	}
}

void dns_op_del(struct dns_op *op)
{
	map_del(op->dns->ops, id_key(&op->id));
}

void dns_cancel(struct dns *d, uint64_t id)
{
	struct dns_op *op = map_get(d->ops, id_key(&id));
	if (op)
		op->cancel(op);
}

/* ---- the list of what is asked, by deadline -------------------------------------------------- */

static void arm(struct dns *d)
{
	if (!d->first) {
		timer_clear(d->sweep);
		return;
	}
	int64_t left = d->first->deadline - clock_mono_ms();
	timer_set(d->sweep, left > 0 ? left : 0);
}

/* Deadlines of real questions only grow, those of instant ones are over: both ends suffice. */
static void list_add(struct dns *d, struct dns_question *q, bool front)
{
	q->prev = front ? NULL : d->last;
	q->next = front ? d->first : NULL;
	*(q->prev ? &q->prev->next : &d->first) = q;
	*(q->next ? &q->next->prev : &d->last) = q;
	if (d->first == q)
		arm(d);
}

static void list_del(struct dns *d, struct dns_question *q)
{
	*(q->prev ? &q->prev->next : &d->first) = q->next;
	*(q->next ? &q->next->prev : &d->last) = q->prev;
}

static void question_free(struct dns_question *q)
{
	list_del(q->op.dns, q);
	dns_op_del(&q->op);
	if (q->engine)
		dns_engine_answered(q->engine);
	free(q);
}

static void forget(struct dns_question *q)
{
	if (q->async_id >= 0)
		ub_cancel(q->engine->ub, q->async_id);
	q->async_id = -1;
}

static void question_cancel(struct dns_op *op)
{
	struct dns_question *q = (struct dns_question *)op;
	forget(q);
	question_free(q);
}

static void answer(struct dns_question *q, const struct dns_answer *a)
{
	dns_done done = q->done;
	void *ctx = q->ctx;
	question_free(q);
	done(ctx, a);
}

static void sweep(void *ctx)
{
	struct dns *d = ctx;
	int64_t now = clock_mono_ms();
	/* A callback may ask again; what is new waits for the next turn unless it is in time. */
	for (struct dns_question *q; (q = d->first) && q->deadline <= now;) {
		struct dns_answer a = {.status = q->late};
		forget(q);
		answer(q, &a);
	}
	arm(d);
}

/* ---- libunbound ------------------------------------------------------------------------------ */

static enum dns_status status_of(const struct ub_result *r)
{
	if (r->bogus)
		return DNS_TEMPFAIL;
	if (r->nxdomain)
		return DNS_NXDOMAIN;
	if (r->rcode)
		return DNS_TEMPFAIL;
	return r->havedata ? DNS_OK : DNS_NODATA;
}

static void resolved(void *ctx, int err, struct ub_result *r)
{
	struct dns_question *q = ctx;
	struct str rdata[RECORDS_MAX];
	struct dns_answer a = {.status = DNS_TEMPFAIL, .rdata = rdata};
	if (!err && r) {
		a.status = status_of(r);
		a.ttl = r->ttl > 0 ? (uint32_t)r->ttl : 0;
		a.secure = r->secure;
		for (; a.status == DNS_OK && r->data[a.n] && a.n < RECORDS_MAX; a.n++)
			rdata[a.n] = str_at(r->data[a.n], (size_t)r->len[a.n]);
	}
	q->async_id = -1;
	answer(q, &a);
	ub_resolve_free(r);
}

static struct dns_question *question_new(struct dns *d, dns_done done, void *ctx)
{
	struct dns_question *q = mem_new(struct dns_question);
	q->done = done;
	q->ctx = ctx;
	q->async_id = -1;
	q->late = DNS_TEMPFAIL;
	dns_op_add(d, &q->op, question_cancel);
	return q;
}

uint64_t dns_instant(struct dns *d, enum dns_status st, dns_done done, void *ctx)
{
	struct dns_question *q = question_new(d, done, ctx);
	q->late = st;
	q->deadline = clock_mono_ms();
	list_add(d, q, true);
	return q->op.id;
}

/* name: as libunbound reads it. */
static uint64_t ask(struct dns *d, const char *name, uint16_t type, dns_done done, void *ctx)
{
	struct dns_question *q = question_new(d, done, ctx);
	struct dns_engine *e = d->engine;
	bool asked = !ub_resolve_async(e->ub, name, type, 1, q, resolved, &q->async_id);
	if (asked) {
		q->engine = e;
		e->asked++;
	} else
		q->async_id = -1;
	q->deadline = clock_mono_ms() + (asked ? DNS_ANSWER_MS : 0);
	list_add(d, q, !asked);
	return q->op.id;
}

uint64_t dns_query(struct dns *d, struct str name, uint16_t type, dns_done done, void *ctx)
{
	char ascii[DNS_NAME_SIZE];
	if (!dns_name_ascii(name, ascii))
		return dns_instant(d, DNS_BADNAME, done, ctx);
	return ask(d, ascii, type, done, ctx);
}

uint64_t dns_query_any(struct dns *d, struct str name, uint16_t type, dns_done done, void *ctx)
{
	char escaped[DNS_ESCAPED_SIZE];
	if (!dns_name_escaped(name, escaped))
		return dns_instant(d, DNS_BADNAME, done, ctx);
	return ask(d, escaped, type, done, ctx);
}

/* ---- life ------------------------------------------------------------------------------------ */

int dns_renew(struct dns *d, const struct instance *in)
{
	static const struct dns_options none;
	struct dns_engine *fresh = dns_engine_new(d, in, &none), *old = d->engine;
	if (!fresh)
		return -1;
	d->engine = fresh;
	old->next = d->old;
	d->old = old;
	old->asked++; /* it may be idle */
	dns_engine_answered(old);
	return 0;
}

void dns_prefer_ipv6(struct dns *d, bool yes)
{
	d->ipv6_first = yes;
}

struct dns *dns_new_with(struct loop *l, const struct instance *in, const struct dns_options *o)
{
	struct dns *d = mem_new(struct dns);
	d->loop = l;
	d->ops = map_new();
	d->sweep = timer_new(l, sweep, d);
	if (d->ops && d->sweep)
		d->engine = dns_engine_new(d, in, o);
	if (d->engine)
		return d;
	dns_free(d);
	return NULL;
}

struct dns *dns_new(struct loop *l, const struct instance *in)
{
	static const struct dns_options none;
	return dns_new_with(l, in, &none);
}

struct dns *dns_new_asking(struct loop *l, struct str server)
{
	struct dns_options o = {.server = server.p ? server : STR("")};
	return dns_new_with(l, NULL, &o);
}

/* Whatever is still asked goes without an answer; big operations cancel their questions. */
static void cancel_all(struct dns *d)
{
	while (d->ops && map_count(d->ops)) {
		size_t at = 0;
		struct str key;
		void *op = NULL;
		if (!map_next(d->ops, &at, &key, &op))
			break;
		((struct dns_op *)op)->cancel(op);
	}
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	cancel_all(d);
	timer_free(d->sweep);
	dns_engines_free(d);
	if (d->ops)
		map_free(d->ops, NULL);
	free(d);
}
