#include "submit/resolve.h"
#include "broker/local-key.h"
#include "gate/gate-proto.h"
#include "submit/claim-ask.h"

enum { RESOLVE_ARENA_MAX = 256 * 1024 };

struct resolve {
	struct gate_process *gate;
	struct policy *policy;
	struct arena *arena;
	struct address address;
	struct resolve_facts facts;
	unsigned refusals; /* of memory, when it began */
	resolve_done cb;   /* NULL: cancelled */
	void *ctx;
	size_t claim;  /* the next one to look at */
	bool local;    /* it was looked for among the accounts */
	unsigned next; /* try */
	struct address_try now;
	struct auth_account account;
};

static void try_next(struct resolve *r);
static void next_claim(struct resolve *r);

/* "No such address" is no truth when memory was missing on the way to it. */
static void finish(struct resolve *r, enum lookup_state state, const struct route *route)
{
	if ((state == LOOKUP_NONE || state == LOOKUP_NOWHERE) && mem_refusals() != r->refusals)
		state = LOOKUP_BROKER_DOWN;
	if (r->cb)
		r->cb(r->ctx, state, route);
	policy_drop(r->policy);
	arena_free(r->arena);
	free(r);
}

static void found(struct resolve *r, const struct local_key *key)
{
	struct buf b;
	buf_init(&b, LOCAL_KEY_MAX);
	if (local_key_format(key, &b)) {
		struct route route = {
		    .module = STR("local"), .host = buf_str(&b), .to = r->address.text};
		finish(r, LOOKUP_FOUND, &route);
	} else
		finish(r, LOOKUP_NONE, NULL); /* a key that long can't be delivered to */
	buf_free(&b);
}

/* The value of an option in "key=value,key=value". */
static struct str account_option(struct str options, struct str key)
{
	struct str one;
	while (str_split(&options, ',', &one)) {
		one = str_trim(one);
		if (str_starts(one, key) && one.n > key.n && one.p[key.n] == '=')
			return str_skip(one, key.n + 1);
	}
	return STR_NONE;
}

static void found_account(struct resolve *r)
{
	const struct auth_account *a = &r->account;
	struct local_key key = {
	    .user = a->name,
	    .ext = r->now.ext,
	    .uid = a->uid,
	    .gid = a->gid,
	    .home = a->home,
	    .maildir = a->maildir,
	    .quota = a->quota,
	    .delivery = account_option(a->options, STR("defaultdelivery")),
	};
	found(r, &key);
}

static void on_alias_account(void *ctx, enum broker_looked_at result)
{
	struct resolve *r = ctx;
	struct local_key key = {.user = STR(BROKER_ALIAS_ACCOUNT), .ext = r->address.local};
	switch (result) {
	case BROKER_LOOK_YES:
		found(r, &key);
		return;
	case BROKER_LOOK_TEMPFAIL:
		finish(r, LOOKUP_BROKER_DOWN, NULL);
		return;
	case BROKER_LOOK_NO:
	case BROKER_LOOK_UNREADABLE:
	case BROKER_LOOK_NO_ACCOUNT:
		break;
	}
	next_claim(r);
}

static void on_look(void *ctx, enum broker_looked_at result)
{
	struct resolve *r = ctx;
	switch (result) {
	case BROKER_LOOK_YES:
	case BROKER_LOOK_UNREADABLE:
		found_account(r);
		return;
	case BROKER_LOOK_TEMPFAIL:
		finish(r, LOOKUP_BROKER_DOWN, NULL);
		return;
	case BROKER_LOOK_NO:
	case BROKER_LOOK_NO_ACCOUNT:
		break;
	}
	try_next(r);
}

static bool keep_account(struct resolve *r, const struct auth_account *a)
{
	struct auth_account *k = &r->account;
	*k = (struct auth_account){.uid = a->uid, .gid = a->gid};
	k->name = arena_str(r->arena, a->name);
	k->home = arena_str(r->arena, a->home);
	k->maildir = arena_str(r->arena, a->maildir);
	k->quota = arena_str(r->arena, a->quota);
	k->options = arena_str(r->arena, a->options);
	return k->name.p && k->home.p && k->maildir.p && k->quota.p && k->options.p;
}

static void on_account(void *ctx, enum auth_verdict v, const struct auth_account *a)
{
	struct resolve *r = ctx;
	if (v == AUTH_NO)
		try_next(r);
	else if (v != AUTH_OK || !a || !keep_account(r, a))
		finish(r, LOOKUP_AUTH_DOWN, NULL);
	else if (r->now.ext.n == 0)
		found_account(r);
	else
		broker_look(r->gate->broker, r->account.name, r->now.ext, on_look, r);
}

static void try_next(struct resolve *r)
{
	const struct names *n = &r->policy->names;
	if (!r->cb)
		finish(r, LOOKUP_NONE, NULL);
	else if ((r->policy->extensions || !r->next) &&
		 address_next_try(n, r->arena, &r->address, &r->next, &r->now))
		auth_lookup(r->gate->auth, "local", r->now.account, on_account, r);
	else if (r->address.kind == ADDRESS_LOCAL)
		broker_look(r->gate->broker, STR(BROKER_ALIAS_ACCOUNT), r->address.local,
		    on_alias_account, r);
	else
		next_claim(r);
}

/* ---- claims ---------------------------------------------------------------------------------- */

/* node!user: the node is the host. */
static struct route plain_route(const struct claim *k, const struct address *a, struct str host)
{
	struct route route = {.module = str_of(k->module), .host = host, .to = a->text};
	ptrdiff_t bang = k->what.kind == CLAIM_BANG ? str_rchr(a->local, '!') : -1;
	if (bang > 0) {
		route.host = str_head(a->local, (size_t)bang);
		route.to = str_skip(a->local, (size_t)bang + 1);
	}
	return route;
}

static const struct claim *first_claim(struct policy *p, const struct address *a, struct str *host)
{
	size_t at = 0;
	bool failed;
	return claims_next(policy_root(p)->claims, &p->names, a, &at, host, &failed);
}

bool route_at_once(struct policy *p, const struct address *a, struct route *out)
{
	struct str host;
	const struct claim *k = first_claim(p, a, &host);
	if (!k || k->ask || k->what.kind == CLAIM_LOCAL)
		return false;
	*out = plain_route(k, a, host);
	return true;
}

bool route_is_asked(struct policy *p, const struct address *a)
{
	struct str host;
	const struct claim *k = first_claim(p, a, &host);
	return k && k->ask;
}

static void refused(struct resolve *r, const struct claim_answer *w)
{
	bool later = w->claim == CLAIM_DEFER;
	struct gate_reply why = reply(later ? REPLY_MODULE_DOWN : REPLY_UNROUTABLE);
	if (w->code && (w->code < 500) == later) {
		why.code = w->code;
		why.enhanced = w->status;
	}
	if (w->diagnostic.n)
		why.text = str_head(w->diagnostic, GATE_ADDRESS_MAX);
	struct route route = {.why = why};
	finish(r, LOOKUP_REFUSED, &route);
}

static void on_claimed(void *ctx, const struct claim_answer *w)
{
	struct resolve *r = ctx;
	if (!w) {
		finish(r, LOOKUP_MODULE_DOWN, NULL);
		return;
	}
	if (w->claim == CLAIM_NO) {
		next_claim(r);
		return;
	}
	if (w->claim == CLAIM_REFUSE || w->claim == CLAIM_DEFER) {
		refused(r, w);
		return;
	}
	const struct claim *k = &policy_root(r->policy)->claims->v[r->claim - 1];
	struct route route = {
	    .module = str_of(k->module),
	    .host = w->host.n ? w->host : r->address.domain,
	    .to = w->to.n ? w->to : r->address.text,
	    .open = w->claim == CLAIM_OPEN,
	};
	finish(r, LOOKUP_FOUND, &route);
}

static void ask_module(struct resolve *r, const struct claim *k)
{
	struct claim_ask q = {
	    .address = r->address.text,
	    .local = r->address.local,
	    .domain = r->address.domain,
	    .sender = r->facts.sender,
	    .source = r->facts.source,
	    .login = r->facts.login,
	    .env = r->facts.env,
	    .own = claims_own_domain(&r->policy->names, &r->address),
	    .queued = r->facts.queued,
	    .relay = r->facts.relay,
	    .accepted = r->facts.accepted,
	};
	claim_ask(r->gate->claims, k->module, &q, on_claimed, r);
}

static void no_claim(struct resolve *r, bool failed)
{
	finish(r, failed ? LOOKUP_MODULE_DOWN : r->local ? LOOKUP_NONE : LOOKUP_NOWHERE, NULL);
}

static void next_claim(struct resolve *r)
{
	struct policy *p = r->policy;
	struct str host;
	bool failed;
	if (!r->cb) {
		finish(r, LOOKUP_NONE, NULL);
		return;
	}
	const struct claim *k =
	    claims_next(policy_root(p)->claims, &p->names, &r->address, &r->claim, &host, &failed);
	if (!k) {
		no_claim(r, failed);
	} else if (k->ask) {
		ask_module(r, k);
	} else if (k->what.kind == CLAIM_LOCAL) {
		r->local = true;
		r->next = 0;
		try_next(r);
	} else {
		struct route route = plain_route(k, &r->address, host);
		finish(r, LOOKUP_FOUND, &route);
	}
}

static void keep_facts(struct resolve *r, const struct resolve_facts *f)
{
	r->facts = *f;
	r->facts.sender = arena_str(r->arena, f->sender);
	r->facts.source = arena_str(r->arena, f->source);
	r->facts.login = arena_str(r->arena, f->login);
	r->facts.env = arena_str(r->arena, f->env);
}

struct resolve *resolve_new(struct gate_process *g, struct policy *p, const struct address *a,
    const struct resolve_facts *f, resolve_done cb, void *ctx)
{
	struct resolve *r = mem_new(struct resolve);
	r->gate = g;
	r->refusals = mem_refusals();
	r->arena = arena_new(RESOLVE_ARENA_MAX);
	if (!r->arena) {
		free(r);
		return NULL;
	}
	r->policy = policy_hold(p);
	r->address = *a;
	r->address.local = arena_str(r->arena, a->local);
	r->address.domain = arena_str(r->arena, a->domain);
	r->address.text = arena_str(r->arena, a->text);
	r->address.at = a->at.n ? arena_str(r->arena, a->at) : STR_NONE;
	r->address.wild = a->wild.n ? arena_str(r->arena, a->wild) : STR_NONE;
	keep_facts(r, f);
	r->cb = cb;
	r->ctx = ctx;
	return r;
}

void resolve_start(struct resolve *r)
{
	next_claim(r);
}

void resolve_cancel(struct resolve *r)
{
	if (r)
		r->cb = NULL;
}

/* ---- the scheduler's questions --------------------------------------------------------------- */

struct question {
	struct gate_process *gate;
	uint32_t number;
	struct arena *arena;
};

static void answer_reply(struct question *q, struct gate_reply why, const struct route *route)
{
	struct queue_route out = {.code = why.code, .enhanced = why.enhanced, .text = why.text};
	if (route && why.code < 300) {
		out.module = route->module;
		out.host = route->host;
		out.to = route->to;
	}
	queue_route_answer(q->gate->queue, q->number, &out);
	arena_free(q->arena);
	free(q);
}

static void answer(struct question *q, enum reply_id id, const struct route *route)
{
	answer_reply(q, reply(id), route);
}

static void on_resolved(void *ctx, enum lookup_state state, const struct route *route)
{
	if (state == LOOKUP_REFUSED)
		answer_reply(ctx, route->why, NULL);
	else
		answer(ctx, state == LOOKUP_FOUND ? REPLY_OK : decide_local(state, true), route);
}

void resolve_question(void *gate, uint32_t number, const struct queue_route_ask *ask)
{
	struct gate_process *g = gate;
	struct policy *policy = policy_vhost(g->policy, ask->vhost);
	struct address a;
	struct question *q = mem_new(struct question);
	q->gate = g;
	q->number = number;
	q->arena = arena_new(RESOLVE_ARENA_MAX);
	enum address_error e = ADDRESS_TEMPORARY;
	if (q->arena)
		e = address_canonical(&policy->names, q->arena, ask->address, STR_NONE,
		    ADDRESS_BARE | ADDRESS_UTF8, &a);
	if (e != ADDRESS_OK) {
		answer(q, e == ADDRESS_TEMPORARY ? REPLY_TABLE_DOWN : REPLY_UNROUTABLE, NULL);
		return;
	}
	struct route route;
	if (route_at_once(policy, &a, &route)) {
		answer(q, REPLY_OK, &route);
		return;
	}
	struct resolve_facts facts = {
	    .sender = ask->sender, .source = ask->source, .login = ask->login, .queued = true};
	struct resolve *r = resolve_new(g, policy, &a, &facts, on_resolved, q);
	if (r)
		resolve_start(r);
	else
		answer(q, REPLY_NO_MEMORY, NULL);
}
