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
	struct str domain; /* of it, as written */
	struct callout *callout;
	struct waiter *waiters;
};

/* What is going on with a domain, forgotten when nothing is. */
struct domain {
	size_t running;
	int64_t silent_until; /* clock_mono_ms */
};

struct verifier {
	struct callout_env *env;
	struct verify_cache *cache;
	struct map *questions; /* address -> struct question */
	struct map *domains;   /* domain -> struct domain */
	struct question *first;
	size_t running, at_a_time, of_domain;
};

struct verifier *verifier_new(struct loop *l, const struct instance *in, struct config *c,
    struct verify_cache *cache, size_t at_a_time)
{
	struct verifier *v = mem_new(struct verifier);
	v->cache = cache;
	v->at_a_time = at_a_time;
	v->of_domain = (at_a_time + 1) / 2;
	v->questions = map_new();
	v->domains = map_new();
	v->env = callout_env_new(l, in, c);
	if (v->questions && v->domains && v->env)
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
	map_free(v->domains, free);
	callout_env_free(v->env);
	verify_cache_free(v->cache);
	free(v);
}

/* ---- domains --------------------------------------------------------------------------------- */

static struct str domain_of(struct str address)
{
	ptrdiff_t at = str_rchr(address, '@');
	return at < 0 ? STR_NONE : str_skip(address, (size_t)at + 1);
}

static void sweep_domains(struct verifier *v)
{
	struct map *keep = map_new(), *old = v->domains;
	struct str name;
	void *p;
	if (!keep)
		return;
	for (size_t at = 0; map_next(old, &at, &name, &p);) {
		struct domain *d = p;
		bool busy = d->running || d->silent_until > clock_mono_ms();
		if (!busy || !map_set(keep, name, d))
			free(d);
	}
	map_free(old, NULL);
	v->domains = keep;
}

/* NULL: too many are known just now; then it has no limits. */
static struct domain *domain_at(struct verifier *v, struct str name)
{
	struct domain *d = map_get(v->domains, name);
	if (d || !name.n)
		return d;
	if (map_count(v->domains) >= VERIFY_DOMAINS_MAX)
		sweep_domains(v);
	if (map_count(v->domains) >= VERIFY_DOMAINS_MAX)
		return NULL;
	d = mem_new(struct domain);
	if (map_set(v->domains, name, d))
		return d;
	free(d);
	return NULL;
}

static bool silent(struct verifier *v, struct str address)
{
	struct domain *d = map_get(v->domains, domain_of(address));
	return d && d->silent_until > clock_mono_ms();
}

static bool has_room(struct verifier *v, const struct question *q)
{
	struct domain *d = map_get(v->domains, q->domain);
	return !d || d->running < v->of_domain;
}

static void note_end(struct verifier *v, const struct question *q, const struct callout_result *r)
{
	struct domain *d = map_get(v->domains, q->domain);
	v->running--;
	if (d && d->running)
		d->running--;
	if (d && r->verdict == VERIFY_LATER && !r->code)
		d->silent_until = clock_mono_ms() + (int64_t)VERIFY_SILENT_S * 1000;
}

/* ---- questions ------------------------------------------------------------------------------- */

static void work(struct verifier *v);

static void tell(struct question *q, const struct callout_result *r)
{
	struct verifier *v = q->verifier;
	map_del(v->questions, str_of(q->address));
	for (struct waiter *w = q->waiters; w; w = w->next)
		w->done(w->ctx, r);
	question_free(q);
}

static void answered(void *ctx, const struct callout_result *r)
{
	struct question *q = ctx;
	struct verifier *v = q->verifier;
	q->callout = NULL;
	note_end(v, q, r);
	if (r->verdict != VERIFY_LATER)
		verify_cache_put(v->cache, str_of(q->address),
		    r->verdict == VERIFY_GOOD ? 'V' : 'v', clock_now());
	tell(q, r);
	work(v);
}

static void begin(struct verifier *v, struct question *q)
{
	struct domain *d = domain_at(v, q->domain);
	v->running++;
	if (d)
		d->running++;
	q->callout = callout_start(v->env, str_of(q->address), answered, q);
}

static const struct callout_result unheard = {
    .verdict = VERIFY_LATER, .text = STR_INIT("Its mail host did not answer a moment ago.")};

/* The first ones in the queue whose domain has room; those of silent domains are done at once. */
static void work(struct verifier *v)
{
	for (struct question **at = &v->first; *at;) {
		struct question *q = *at;
		if (silent(v, str_of(q->address))) {
			*at = q->next;
			tell(q, &unheard);
		} else if (v->running < v->at_a_time && has_room(v, q)) {
			*at = q->next;
			begin(v, q);
		} else {
			at = &q->next;
		}
	}
}

static struct question *question_of(struct verifier *v, struct str address)
{
	struct question *q = map_get(v->questions, address), **at = &v->first;
	if (q)
		return q;
	q = mem_new(struct question);
	q->verifier = v;
	q->address = mem_strndup(address.p, address.n);
	q->domain = domain_of(str_of(q->address));
	if (!map_set(v->questions, address, q)) {
		question_free(q);
		return NULL;
	}
	while (*at)
		at = &(*at)->next;
	*at = q;
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
	if (silent(v, address)) {
		done(ctx, &unheard);
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
