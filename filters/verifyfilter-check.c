#include "config.h"

#include "filters/verifyfilter-check.h"

#include <stdlib.h>

struct waiter {
	struct waiter *next;
	verify_done done;
	void *ctx;
};

/* An address that is asked, or waits for its turn. */
struct question {
	struct verifier *verifier;
	struct question *next; /* in the queue */
	char *address;
	struct callout *callout;
	struct waiter *waiters;
};

struct verifier {
	struct callout_env *env;
	struct verify_cache *cache;
	struct map *questions; /* address -> struct question */
	struct question *first, **last;
	size_t running, at_a_time;
};

struct verifier *verifier_new(struct loop *l, const struct instance *in, struct config *c,
    struct verify_cache *cache, size_t at_a_time)
{
	struct verifier *v = mem_new(struct verifier);
	v->cache = cache;
	v->at_a_time = at_a_time;
	v->last = &v->first;
	v->questions = map_new();
	v->env = callout_env_new(l, in, c);
	if (v->questions && v->env)
		return v;
	verifier_free(v);
	return NULL;
}

static void question_free(void *p)
{
	struct question *q = p;
	if (q->callout)
		callout_cancel(q->callout);
	while (q->waiters) {
		struct waiter *w = q->waiters;
		q->waiters = w->next;
		free(w);
	}
	free(q->address);
	free(q);
}

void verifier_free(struct verifier *v)
{
	if (!v)
		return;
	map_free(v->questions, question_free);
	callout_env_free(v->env);
	verify_cache_free(v->cache);
	free(v);
}

/* ---- questions ------------------------------------------------------------------------------- */

static void work(struct verifier *v);

static void answered(void *ctx, const struct callout_result *r)
{
	struct question *q = ctx;
	struct verifier *v = q->verifier;
	struct str address = str_of(q->address);
	q->callout = NULL;
	v->running--;
	if (r->verdict != VERIFY_LATER)
		verify_cache_put(
		    v->cache, address, r->verdict == VERIFY_GOOD ? 'V' : 'v', clock_now());
	map_del(v->questions, address);
	for (struct waiter *w = q->waiters; w; w = w->next)
		w->done(w->ctx, r);
	question_free(q);
	work(v);
}

static void work(struct verifier *v)
{
	while (v->first && v->running < v->at_a_time) {
		struct question *q = v->first;
		v->first = q->next;
		if (!v->first)
			v->last = &v->first;
		v->running++;
		q->callout = callout_start(v->env, str_of(q->address), answered, q);
	}
}

static struct question *question_of(struct verifier *v, struct str address)
{
	struct question *q = map_get(v->questions, address);
	if (q)
		return q;
	q = mem_new(struct question);
	q->verifier = v;
	q->address = mem_strndup(address.p, address.n);
	if (!map_set(v->questions, address, q)) {
		question_free(q);
		return NULL;
	}
	*v->last = q;
	v->last = &q->next;
	return q;
}

/* From what is known.  False: it has to be asked. */
static bool known(struct verifier *v, struct str address, struct callout_result *r)
{
	*r = (struct callout_result){.verdict = VERIFY_GOOD, .text = STR("Ok")};
	if (!address.n || str_is(address, "#@[]"))
		return true;
	char letter = verify_cache_find(v->cache, address, clock_now());
	if (letter == 'v') {
		r->verdict = VERIFY_BAD;
		r->text = STR("It was refused within the last hours.");
	} else if (letter) {
		r->text = STR("It was good within the last hours.");
	}
	return letter;
}

void verifier_check(struct verifier *v, struct str address, verify_done done, void *ctx)
{
	static const struct callout_result no_memory = {
	    .verdict = VERIFY_LATER, .text = STR_INIT("Out of memory.")};
	struct callout_result r;
	if (known(v, address, &r)) {
		done(ctx, &r);
		return;
	}
	struct question *q = question_of(v, address);
	if (!q) {
		done(ctx, &no_memory);
		return;
	}
	struct waiter *w = mem_new(struct waiter);
	*w = (struct waiter){q->waiters, done, ctx};
	q->waiters = w;
	work(v);
}

void verify_explain(struct buf *out, struct str address, const struct callout_result *r)
{
	if (r->remote.n)
		buf_addf(out, "%.*s:\n", STR_FMT(r->remote));
	if (r->command.n)
		buf_addf(out, ">>> %.*s\n", STR_FMT(r->command));
	buf_addf(out, "%.*s\n<%.*s> verification failed.", STR_FMT(r->text), STR_FMT(address));
}
