/*
 * A target's life: jobs come, addresses are looked up, connections are opened as long as jobs wait
 * and the limit allows, and each connection takes job after job.  At most OPENING_AHEAD more than
 * those that work are opened at once, so a dead or busy host costs little however much waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include "esmtp/esmtp.h"
#include "esmtp/candidates.h"

enum {
	OPENING_AHEAD = 2,
	FRESH_MS = 60 * 1000,
	FORGET_MS = 10 * 60 * 1000,
	CROWDED_MS = 10 * 1000
};

void trouble_init(struct trouble *t)
{
	*t = (struct trouble){0};
	buf_init(&t->text, TROUBLE_TEXT_MAX);
	buf_init(&t->remote, 512);
}

void trouble_free(struct trouble *t)
{
	buf_free(&t->text);
	buf_free(&t->remote);
}

static struct module_result trouble_result(const struct trouble *t)
{
	return (struct module_result){
	    .outcome = t->permanent ? MODULE_FAILED : MODULE_DEFERRED,
	    .code = t->code,
	    .status = str_of(t->status),
	    .diagnostic = buf_str(&t->text),
	    .remote = buf_str(&t->remote),
	    .command = str_of(t->command),
	    .connection = t->connection,
	};
}

/* ---- finding the target of a job ------------------------------------------------------------- */

static struct route route_of(const struct esmtp *e, const struct module_delivery *d)
{
	const struct settings *s = settings_of(e->settings, d->vhost);
	if (s->backup && s->warn_s && clock_now() - d->arrived >= s->warn_s)
		return routes_find(s->backup, d->host);
	return routes_find(s->routes, d->host);
}

const struct settings *target_settings(const struct target *t)
{
	return settings_of(t->e->settings, str_of(t->vhost));
}

static struct target *target_new(
    struct esmtp *e, const char *key, struct str domain, const struct route *r)
{
	struct target *t = mem_new(struct target);
	t->e = e;
	t->key = mem_strdup(key);
	t->domain = mem_strndup(domain.p, domain.n);
	t->relay = mem_strndup(r->relay.n ? r->relay.p : "", r->relay.n);
	t->route = *r;
	t->route.relay = str_of(t->relay);
	t->last = &t->first;
	trouble_init(&t->trouble);
	return t;
}

/* Domains that go to the same relay in the same way, as the same user, share its connections. */
static struct target *target_of(struct esmtp *e, const struct module_delivery *d)
{
	struct route r = route_of(e, d);
	bool secured = r.security == ROUTE_EXTENSION || str_iis(d->security, "STARTTLS");
	struct credentials c = authclient_find(
	    settings_of(e->settings, d->vhost)->authclient, r.relay, r.port, d->host);
	char key[1400];
	snprintf(key, sizeof key, "%s|%.*s|%u|%d|%d|%d%d%d|%.*s|%.*s", r.relay.n ? "relay" : "mx",
	    STR_FMT(r.relay.n ? str_head(r.relay, 300) : str_head(d->host, 300)), (unsigned)r.port,
	    (int)r.security, (int)r.family, secured, d->requiretls, d->tls_optional,
	    STR_FMT(str_head(c.user, 300)), STR_FMT(str_head(d->vhost, 300)));
	for (char *p = key; *p; p++)
		*p = (char)ascii_lower((unsigned char)*p);
	struct target *t = map_get(e->targets, str_of(key));
	if (!t) {
		t = target_new(e, key, d->host, &r);
		t->secured = secured;
		t->requiretls = d->requiretls;
		t->tls_optional = d->tls_optional;
		t->vhost = mem_strndup(d->vhost.n ? d->vhost.p : "", d->vhost.n);
		if (!map_set(e->targets, str_of(key), t))
			exit(75);
	}
	return t;
}

static void target_free(struct target *t)
{
	map_del(t->e->targets, str_of(t->key));
	if (t->lookup)
		dns_cancel(t->e->dns, t->lookup);
	sts_forget(t->sts_question);
	free(t->sts_policy);
	while (t->conns.n)
		conn_drop(t->conns.v[t->conns.n - 1]);
	candidates_clear(t);
	vec_free(&t->candidates);
	vec_free(&t->conns);
	trouble_free(&t->trouble);
	free(t->key);
	free(t->domain);
	free(t->relay);
	free(t->vhost);
	free(t);
}

/* ---- the queue ------------------------------------------------------------------------------- */

static void push(struct target *t, struct job *j)
{
	j->next = NULL;
	*t->last = j;
	t->last = &j->next;
	t->n_queued++;
}

static struct job *pop(struct target *t)
{
	struct job *j = t->first;
	if (!j)
		return NULL;
	t->first = j->next;
	if (!t->first)
		t->last = &t->first;
	t->n_queued--;
	return j;
}

void target_requeue(struct target *t, struct job *j)
{
	j->next = t->first;
	if (!t->first)
		t->last = &j->next;
	t->first = j;
	t->n_queued++;
}

static void fail_queue(struct target *t)
{
	struct module_result r = trouble_result(&t->trouble);
	struct job *j;
	while ((j = pop(t))) {
		job_result_rest(j, &r);
		job_free(j);
	}
}

/* ---- work ------------------------------------------------------------------------------------ */

static void work(struct target *t);

static void looked_up(void *ctx, const struct dns_mx *mx)
{
	struct target *t = ctx;
	t->lookup = 0;
	candidates_take(t, mx);
	if (t->candidates.n)
		t->resolved = clock_mono_ms();
	else if (!t->conns.n)
		fail_queue(t);
	work(t);
}

static void look_up_hosts(struct target *t)
{
	bool literal = t->route.relay.n ? t->relay[0] == '[' : t->domain[0] == '[';
	struct str name = t->route.relay.n ? t->route.relay : str_of(t->domain);
	t->lookup = (literal ? dns_addresses : dns_mx)(t->e->dns, name, looked_up, t);
}

static void policy_known(void *ctx, enum sts_result r, enum sts_mode mode, struct str policy)
{
	struct target *t = ctx;
	t->sts_question = NULL;
	free(t->sts_policy);
	t->sts_policy = mode == STS_NONE ? NULL : mem_strndup(policy.p, policy.n);
	t->sts = mode;
	if (r != STS_LATE) {
		look_up_hosts(t);
		return;
	}
	candidates_no_policy(t);
	if (!t->conns.n)
		fail_queue(t);
}

/* A policy is asked for first: it says which of the domain's hosts are its own.  Addresses in
 * brackets have no domain, and a relay is not looked for (tls-need.c). */
static void look_up(struct target *t)
{
	if (t->e->settings->sts && t->e->tls && !t->route.relay.n && !t->secured &&
	    t->domain[0] != '[')
		t->sts_question = sts_ask(t->e->sts, str_of(t->domain), policy_known, t);
	else
		look_up_hosts(t);
}

static struct conn *find_idle(const struct target *t)
{
	for (size_t i = t->conns.n; i--;)
		if (conn_idle(t->conns.v[i]))
			return t->conns.v[i];
	return NULL;
}

/* Connections that will ask for a job in a moment. */
static size_t soon_free(const struct target *t)
{
	size_t n = t->n_opening;
	for (size_t i = 0; i < t->conns.n; i++)
		n += conn_clearing(t->conns.v[i]);
	return n;
}

static bool may_open(const struct target *t)
{
	size_t limit = t->e->settings->max_connections;
	if (t->conns.n >= limit || soon_free(t) >= t->n_queued)
		return false;
	if (t->conns.n > t->n_opening && clock_mono_ms() < t->crowded_until)
		return false;
	return t->n_opening < OPENING_AHEAD + (t->conns.n - t->n_opening);
}

static void work(struct target *t)
{
	struct conn *c;
	t->used = clock_mono_ms();
	while (t->first && (c = find_idle(t)))
		conn_deliver(c, pop(t));
	if (!t->first || t->lookup || t->sts_question || !may_open(t))
		return;
	if (!t->resolved || t->used - t->resolved > FRESH_MS) {
		look_up(t);
		return;
	}
	while (t->first && may_open(t)) {
		size_t before = t->conns.n;
		conn_open(t);
		if (t->conns.n <= before)
			return; /* it has failed at once */
	}
}

/* New mail for a host that was just found dead is not tried; what was here before is: its pauses
 * are the scheduler's, and so is a flush by hand. */
static bool held_off(struct target *t, const struct job *j)
{
	return t->down_until_ms > clock_mono_ms() && j->d->arrived > t->down_since && !t->conns.n;
}

static bool dropped(struct esmtp *e, struct job *j)
{
	if (!j->d->source.n || !settings_drops_source(e->settings, j->d->source))
		return false;
	struct module_result r = {.outcome = MODULE_RELAYED,
	    .peer_dsn = true,
	    .remote = STR("nobody"),
	    .diagnostic = STR("dropped: ESMTP_BLOCKBACKSCATTER names its source")};
	job_result_rest(j, &r);
	job_free(j);
	return true;
}

void target_submit(struct esmtp *e, struct job *j)
{
	if (dropped(e, j))
		return;
	struct target *t = target_of(e, j->d);
	push(t, j);
	if (t->first == j && held_off(t, j))
		fail_queue(t);
	else
		work(t);
}

bool target_feed(struct target *t, struct conn *c)
{
	struct job *j = pop(t);
	t->used = clock_mono_ms();
	if (j)
		conn_deliver(c, j);
	return j;
}

void target_opened(struct target *t)
{
	t->n_opening--;
	t->down_until_ms = 0;
}

void target_work(struct target *t)
{
	work(t);
}

static void forget_conn(struct target *t, struct conn *c)
{
	for (size_t i = 0; i < t->conns.n; i++) {
		if (t->conns.v[i] == c) {
			vec_remove(&t->conns, i);
			return;
		}
	}
}

void target_failed(struct target *t, struct conn *c)
{
	forget_conn(t, c);
	t->n_opening--;
	t->resolved = 0;
	if (t->conns.n > t->n_opening) {
		/* Others of its connections work: the queue is theirs. */
		t->crowded_until = clock_mono_ms() + CROWDED_MS;
		return;
	}
	if (t->n_opening)
		return; /* another one may still make it */
	int64_t down_s = target_settings(t)->down_s;
	if (t->trouble.connection && down_s) {
		t->down_since = clock_now();
		t->down_until_ms = clock_mono_ms() + down_s * 1000;
	}
	fail_queue(t);
}

void target_lost(struct target *t, struct conn *c)
{
	forget_conn(t, c);
	work(t);
}

/* ---- housekeeping ---------------------------------------------------------------------------- */

void targets_sweep(struct esmtp *e)
{
	VEC(struct target *) old = {0};
	int64_t now = clock_mono_ms();
	struct str key;
	void *value;
	for (size_t at = 0; map_next(e->targets, &at, &key, &value);) {
		struct target *t = value;
		if (!t->first && !t->conns.n && !t->lookup && !t->sts_question &&
		    now - t->used > FORGET_MS)
			vec_push(&old, t);
	}
	for (size_t i = 0; i < old.n; i++)
		target_free(old.v[i]);
	vec_free(&old);
}

/* ---- the end --------------------------------------------------------------------------------- */

void targets_part(struct esmtp *e)
{
	struct str key;
	void *value;
	for (size_t at = 0; map_next(e->targets, &at, &key, &value);) {
		struct target *t = value;
		for (size_t i = 0; i < t->conns.n; i++)
			conn_part(t->conns.v[i]);
	}
}

bool targets_parting(const struct esmtp *e)
{
	struct str key;
	void *value;
	for (size_t at = 0; map_next(e->targets, &at, &key, &value);) {
		struct target *t = value;
		for (size_t i = 0; i < t->conns.n; i++)
			if (conn_session(t->conns.v[i]))
				return true;
	}
	return false;
}
