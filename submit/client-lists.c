#include "submit/client-lists.h"
#include "dns/rdata.h"
#include <arpa/nameser.h>
#include <stdlib.h>

/* What the process knows of a list. */
struct list_zone {
	int64_t probed_ms; /* monotonic; 0: never */
	int64_t retry_ms;  /* down: it is left alone until then */
	unsigned failures; /* in a row */
	bool world, down;
};

struct question {
	struct client_lists *lists;
	size_t which;
	uint64_t query; /* 0: answered, or never asked */
	bool probe, txt;
};

struct client_lists {
	struct gate_process *gate;
	const struct tcpd_options *options;
	struct timer *timer;
	void (*done)(void *ctx);
	void *ctx;
	char ip[46];
	struct access_addr addr;
	struct dns_list_answer *answers; /* one for each list */
	struct question *questions;      /* three at most */
	size_t n_questions, waiting;
	uint32_t hit;
	bool asked[DNS_LISTS_MAX];
	bool finished;
};

/* ---- what is known of lists ------------------------------------------------------------------ */

static struct list_zone *zone_of(struct gate_process *g, struct str zone)
{
	struct list_zone *z;
	if (!g->list_zones)
		g->list_zones = map_new();
	if (!g->list_zones)
		return NULL;
	z = map_get(g->list_zones, zone);
	if (z || map_count(g->list_zones) >= 1000)
		return z;
	z = mem_new(struct list_zone);
	if (map_set(g->list_zones, zone, z))
		return z;
	free(z);
	return NULL;
}

void list_zones_free(struct gate_process *g)
{
	map_free(g->list_zones, free);
	g->list_zones = NULL;
}

static void note_probe(struct list_zone *z, const struct dns_list *l, bool world)
{
	z->probed_ms = clock_mono_ms();
	if (world && !z->world)
		log_error(NULL,
		    "the list '%.*s' lists 127.0.0.1, so the whole world; it is not used until "
		    "that "
		    "is over",
		    STR_FMT(l->zone));
	else if (!world && z->world)
		log_info(NULL, "the list '%.*s' is in use again", STR_FMT(l->zone));
	z->world = world;
}

/* An answer that did not come may be one lost packet; one that says no is plain. */
static void note_down(struct list_zone *z, const struct dns_list *l, bool failed, bool silent)
{
	z->failures = failed ? z->failures + (silent ? 1 : LIST_FAILURES) : 0;
	bool down = z->failures >= LIST_FAILURES;
	z->retry_ms = clock_mono_ms() + LIST_RETRY_MS;
	if (down && !z->down)
		log_error(NULL,
		    "the list '%.*s' gives no answer, or an error in place of one; clients are "
		    "taken as not listed",
		    STR_FMT(l->zone));
	else if (!down && z->down)
		log_info(NULL, "the list '%.*s' answers again", STR_FMT(l->zone));
	z->down = down;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void cancel_all(struct client_lists *c)
{
	for (size_t i = 0; i < c->n_questions; i++) {
		if (c->questions[i].query)
			dns_cancel(c->gate->dns, c->questions[i].query);
		c->questions[i].query = 0;
	}
}

static void finish(struct client_lists *c)
{
	timer_clear(c->timer);
	c->finished = true;
	for (size_t i = 0; i < c->options->n_lists; i++) {
		const struct dns_list *l = &c->options->lists[i];
		struct list_zone *z = zone_of(c->gate, l->zone);
		int which;
		if (!z || !c->asked[i])
			continue;
		c->answers[i].ignored = z->world;
		note_down(z, l,
		    !z->world && dns_list_read(l, &c->answers[i], &which) == DNS_LIST_DOWN,
		    c->answers[i].failed);
	}
	c->done(c->ctx);
}

static void one_less(struct client_lists *c)
{
	if (--c->waiting == 0)
		finish(c);
}

static void on_time(void *ctx)
{
	struct client_lists *c = ctx;
	for (size_t i = 0; i < c->n_questions; i++)
		if (c->questions[i].query && !c->questions[i].probe)
			c->answers[c->questions[i].which].failed = true;
	cancel_all(c);
	finish(c);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void take_address(struct dns_list_answer *r, struct str rdata)
{
	if (rdata.n != 4 || r->n == DNS_LIST_RECORDS)
		return;
	memcpy(r->a[r->n++], rdata.p, 4);
}

static void take_text(struct dns_list_answer *r, struct str rdata)
{
	struct buf text;
	buf_init(&text, 4096);
	if (!r->txt[0] && dns_rdata_txt(rdata, &text) == 0)
		dns_list_text(buf_str(&text), r->txt);
	buf_free(&text);
}

static void answered(void *ctx, const struct dns_answer *a)
{
	struct question *q = ctx;
	struct client_lists *c = q->lists;
	struct dns_list_answer *r = &c->answers[q->which], probe = {0};
	const struct dns_list *l = &c->options->lists[q->which];
	q->query = 0;
	if (q->probe)
		r = &probe;
	if (a->status == DNS_TEMPFAIL)
		r->failed = true;
	for (size_t i = 0; a->status == DNS_OK && i < a->n; i++) {
		if (q->txt)
			take_text(r, a->rdata[i]);
		else
			take_address(r, a->rdata[i]);
	}
	struct list_zone *z = q->probe && !r->failed ? zone_of(c->gate, l->zone) : NULL;
	bool here = false;
	for (unsigned i = 0; i < r->n; i++)
		here |= r->a[i][0] == 127 && !(r->a[i][1] == 255 && r->a[i][2] == 255);
	if (z)
		note_probe(z, l, here || r->txt[0]);
	one_less(c);
}

/* ---- questions ------------------------------------------------------------------------------- */

static void ask(struct client_lists *c, size_t which, const char *name, bool txt, bool probe)
{
	struct question *q = &c->questions[c->n_questions++];
	*q = (struct question){.lists = c, .which = which, .probe = probe, .txt = txt};
	q->query = dns_query(c->gate->dns, str_of(name), txt ? ns_t_txt : ns_t_a, answered, q);
	c->waiting++;
}

static void ask_list(struct client_lists *c, size_t i)
{
	const struct dns_list *l = &c->options->lists[i];
	struct list_zone *z = zone_of(c->gate, l->zone);
	char name[DNS_LIST_NAME_SIZE];
	if (z && z->down && clock_mono_ms() < z->retry_ms) {
		c->answers[i].failed = true; /* no client waits for it, and it is spared */
		return;
	}
	c->asked[i] = true;
	if (!c->gate->dns || !dns_list_name(&c->addr, l->zone, name)) {
		c->answers[i].failed = !c->gate->dns;
		return;
	}
	if (l->ask_a)
		ask(c, i, name, false, false);
	if (l->ask_txt)
		ask(c, i, name, true, false);
	if (z && (!z->probed_ms || clock_mono_ms() - z->probed_ms > LIST_PROBE_MS) &&
	    dns_list_probe(&c->addr, l->zone, name))
		ask(c, i, name, !l->ask_a, true);
}

static void none_asked(void *ctx)
{
	one_less(ctx);
}

static bool is_set(struct str env, struct str var)
{
	struct str line;
	while (str_split(&env, '\n', &line))
		if (line.n > var.n && line.p[var.n] == '=' && str_starts(line, var))
			return true;
	return false;
}

struct client_lists *client_lists_new(struct gate_process *g, const struct tcpd_options *options,
    struct str ip, struct str env, void (*done)(void *ctx), void *ctx)
{
	struct access_addr addr;
	bool any = false;
	for (size_t i = 0; i < options->n_lists; i++)
		any |= !is_set(env, options->lists[i].var);
	if (!any || !access_addr_parse(ip, &addr))
		return NULL;
	struct client_lists *c = mem_new(struct client_lists);
	*c = (struct client_lists){
	    .gate = g, .options = options, .addr = addr, .done = done, .ctx = ctx};
	access_addr_text(&addr, c->ip);
	c->answers = mem_zero(options->n_lists * sizeof *c->answers);
	c->questions = mem_zero(3 * options->n_lists * sizeof *c->questions);
	c->timer = timer_new(service_loop(g->service), on_time, c);
	c->waiting = 1; /* this call */
	if (!c->timer || loop_defer(service_loop(g->service), none_asked, c) < 0) {
		client_lists_free(c);
		return NULL;
	}
	for (size_t i = 0; i < options->n_lists; i++)
		if (!is_set(env, options->lists[i].var))
			ask_list(c, i);
	timer_set(c->timer, CLIENT_LISTS_MS);
	return c;
}

void client_lists_free(struct client_lists *c)
{
	if (!c)
		return;
	cancel_all(c);
	loop_defer_cancel(service_loop(c->gate->service), none_asked, c);
	timer_free(c->timer);
	free(c->answers);
	free(c->questions);
	free(c);
}

bool client_lists_done(const struct client_lists *c)
{
	return c->finished;
}

void client_lists_env(struct client_lists *c, struct buf *env)
{
	if (c->finished)
		dns_lists_judge(c->options->lists, c->options->n_lists, c->answers, str_of(c->ip),
		    env, &c->hit);
}

void client_lists_results(const struct client_lists *c, struct str me, struct buf *out)
{
	if (c->finished)
		dns_lists_results(
		    c->options->lists, c->options->n_lists, c->answers, c->hit, me, out);
}
