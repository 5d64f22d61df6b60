/* The evaluator on the event loop: asks, keeps the answers, evaluates anew. */
#include <stdlib.h>
#include "spf/spf-private.h"

enum { SCRATCH_MAX = 1024 * 1024, ANSWERS_MAX = 8 * 1024 * 1024 };

struct spf_check {
	struct dns *dns;
	struct timer *timer; /* all of it takes no longer */
	struct arena *answers, *scratch;
	struct map *known; /* type and name -> struct dns_answer, in `answers` */
	struct spf_facts facts;
	struct spf_question asked;
	uint64_t query; /* 0: none */
	unsigned questions;
	spf_done done;
	void *ctx;
};

static void check_free(struct spf_check *c)
{
	timer_free(c->timer);
	map_free(c->known, NULL);
	arena_free(c->answers);
	arena_free(c->scratch);
	free(c);
}

void spf_check_cancel(struct spf_check *c)
{
	if (!c)
		return;
	if (c->query)
		dns_cancel(c->dns, c->query);
	check_free(c);
}

static void finish(struct spf_check *c, const struct spf_verdict *v)
{
	spf_done done = c->done;
	void *ctx = c->ctx;
	if (c->query)
		dns_cancel(c->dns, c->query);
	c->query = 0;
	done(ctx, v);
	check_free(c);
}

static void finish_with(struct spf_check *c, enum spf_result r, const char *problem)
{
	const struct spf_verdict v = {.result = r, .problem = problem};
	finish(c, &v);
}

/* The type and the name; a name fits, since questions are bounded. */
static struct str key_of(struct str name, uint16_t type, char out[DNS_NAME_SIZE + 2])
{
	name = str_head(name, DNS_NAME_SIZE);
	out[0] = (char)(type >> 8);
	out[1] = (char)type;
	for (size_t i = 0; i < name.n; i++)
		out[i + 2] = (char)ascii_lower((unsigned char)name.p[i]);
	return str_at(out, name.n + 2);
}

static const struct dns_answer *known(void *ctx, struct str name, uint16_t type)
{
	struct spf_check *c = ctx;
	char key[DNS_NAME_SIZE + 2];
	return map_get(c->known, key_of(name, type, key));
}

static bool keep(struct spf_check *c, const struct dns_answer *a)
{
	char key[DNS_NAME_SIZE + 2];
	struct dns_answer *copy = arena_new_of(c->answers, struct dns_answer);
	struct str *rdata = arena_zero(c->answers, (a->n + 1) * sizeof *rdata);
	if (!copy || !rdata)
		return false;
	*copy = *a;
	copy->rdata = rdata;
	for (size_t i = 0; i < a->n; i++) {
		rdata[i] = arena_str(c->answers, a->rdata[i]);
		if (!rdata[i].p)
			return false;
	}
	return map_set(c->known, key_of(str_of(c->asked.name), c->asked.type, key), copy);
}

static void go_on(struct spf_check *c);

static void answered(void *ctx, const struct dns_answer *a)
{
	struct spf_check *c = ctx;
	c->query = 0;
	if (keep(c, a))
		go_on(c);
	else
		finish_with(c, SPF_TEMPERROR, "the answers are too large");
}

static void go_on(struct spf_check *c)
{
	struct spf_verdict v;
	arena_reset(c->scratch);
	if (spf_evaluate(c->scratch, &c->facts, known, c, &v, &c->asked) == SPF_DONE)
		finish(c, &v);
	else if (++c->questions > SPF_QUESTIONS_MAX)
		finish_with(c, SPF_PERMERROR, "the record needs too many look-ups");
	else
		c->query = dns_query_any(c->dns, str_of(c->asked.name), c->asked.type, answered, c);
}

/* First the start, which must not call back at once, then the end of the time. */
static void on_timer(void *ctx)
{
	struct spf_check *c = ctx;
	if (c->questions || c->query) {
		finish_with(c, SPF_TEMPERROR, "look-ups take too long");
		return;
	}
	timer_set(c->timer, SPF_TIME_MS);
	go_on(c);
}

static bool copy_facts(struct spf_check *c, const struct spf_facts *f)
{
	c->facts = *f;
	c->facts.domain = arena_str(c->answers, f->domain);
	c->facts.sender = arena_str(c->answers, f->sender);
	c->facts.helo = arena_str(c->answers, f->helo);
	c->facts.receiver = arena_str(c->answers, f->receiver);
	return c->facts.domain.p && c->facts.sender.p && c->facts.helo.p && c->facts.receiver.p;
}

struct spf_check *spf_check_new(
    struct loop *l, struct dns *d, const struct spf_facts *f, spf_done done, void *ctx)
{
	struct spf_check *c = mem_new(struct spf_check);
	c->dns = d;
	c->done = done;
	c->ctx = ctx;
	c->answers = arena_new(ANSWERS_MAX);
	c->scratch = arena_new(SCRATCH_MAX);
	c->known = map_new();
	c->timer = timer_new(l, on_timer, c);
	if (!c->answers || !c->scratch || !c->known || !c->timer || !copy_facts(c, f)) {
		check_free(c);
		return NULL;
	}
	timer_set(c->timer, 0);
	return c;
}
