#include "config.h"

#include "submit/ldap-alias.h"
#include "ldapaliasd/alias-proto.h"
#include <stdlib.h>
#include <unistd.h>

enum {
	ANSWER_MS = 60000,
	TICK_MS = 1000,
	RETRY_MS = 1000,
	RECHECK_MS = 10000,
	QUESTION_ARENA_MAX = 64 * 1024
};

/* UNKNOWN: the supervisor has not answered yet.  OFF: there is no such role. */
enum link_state { LINK_UNKNOWN, LINK_OFF, LINK_UP, LINK_DOWN };

struct ldap_alias_question {
	struct ldap_alias_client *client;
	struct ldap_alias_question *next;
	uint32_t id;
	int64_t deadline; /* 0: it can't be asked */
	struct arena *arena;
	struct str source, domain, keys[ALIAS_KEYS_MAX];
	unsigned n;
	struct buf lines;
	ldap_alias_answer cb; /* NULL: cancelled */
	void *ctx;
};

struct ldap_alias_client {
	struct service *service;
	enum link_state state;
	struct ipc *ipc;
	struct timer *tick, *again;
	uint32_t last_id;
	struct ldap_alias_question *first;
};

static void connect_later(struct ldap_alias_client *c, int64_t ms)
{
	timer_set(c->again, ms);
}

/* ---- questions ------------------------------------------------------------------------------- */

static void tell(struct ldap_alias_question *q, enum ldap_alias_state state, bool domain)
{
	struct ldap_alias_question **at = &q->client->first;
	while (*at && *at != q)
		at = &(*at)->next;
	if (*at)
		*at = q->next;
	if (q->cb)
		q->cb(q->ctx, state, domain, buf_str(&q->lines));
	arena_free(q->arena);
	buf_free(&q->lines);
	free(q);
}

static void put_question(struct ldap_alias_question *q)
{
	struct ldap_alias_client *c = q->client;
	ipc_compose(c->ipc, LDAPALIAS_ASK, q->id);
	ipc_put_str(c->ipc, q->source);
	ipc_put_str(c->ipc, q->domain);
	ipc_put_u32(c->ipc, q->n);
	for (unsigned i = 0; i < q->n; i++)
		ipc_put_str(c->ipc, q->keys[i]);
	if (ipc_send(c->ipc, -1) < 0)
		q->deadline = 0; /* answered by the next tick */
}

/* What waits is sent, or answered when there is nobody to send it to. */
static void settle(struct ldap_alias_client *c, enum ldap_alias_state state)
{
	struct ldap_alias_question *q = c->first, *next;
	for (; q; q = next) {
		next = q->next;
		if (c->ipc)
			put_question(q);
		else
			tell(q, state, false);
	}
}

static void on_tick(void *ctx)
{
	struct ldap_alias_client *c = ctx;
	int64_t now = clock_mono_ms();
	struct ldap_alias_question *q = c->first;
	while (q && q->deadline > now)
		q = q->next;
	if (q) {
		if (q->deadline)
			log_error(NULL, "courierldapaliasd has not answered in time");
		tell(q, LDAP_ALIAS_DOWN, false);
		timer_set(c->tick, 0);
	} else if (c->first)
		timer_set(c->tick, TICK_MS);
}

/* ---- the edge -------------------------------------------------------------------------------- */

static void lost(struct ldap_alias_client *c)
{
	ipc_free(c->ipc);
	c->ipc = NULL;
	c->state = LINK_DOWN;
	settle(c, LDAP_ALIAS_DOWN);
	connect_later(c, RETRY_MS);
}

static void on_close(void *ctx, struct ipc *ipc)
{
	(void)ipc;
	lost(ctx);
}

static void take(struct ldap_alias_question *q, uint8_t result, bool more, struct str lines)
{
	bool good = buf_adds(&q->lines, lines);
	if (more && good)
		return;
	if (!good || result == LDAPALIAS_DOWN)
		tell(q, LDAP_ALIAS_DOWN, false);
	else if (result == LDAPALIAS_NONE)
		tell(q, LDAP_ALIAS_NONE, false);
	else
		tell(q, LDAP_ALIAS_FOUND, result == LDAPALIAS_DOMAIN);
}

static void on_msg(void *ctx, struct ipc *ipc, struct ipc_msg *m)
{
	struct ldap_alias_client *c = ctx;
	struct ipc_reader r;
	ipc_read(m, &r);
	uint8_t result = ipc_get_u8(&r), more = ipc_get_u8(&r);
	struct str lines = ipc_get_rest(&r);
	(void)ipc;
	if (m->type != LDAPALIAS_ANSWER || !ipc_done(&r) || result > LDAPALIAS_DOWN || more > 1) {
		log_error(NULL, "courierldapaliasd's answer can't be understood");
		lost(c);
		return;
	}
	for (struct ldap_alias_question *q = c->first; q; q = q->next)
		if (q->id == m->id) {
			take(q, result, more, lines);
			return;
		}
}

static void connected(void *ctx, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct ldap_alias_client *c = ctx;
	if (fd < 0) {
		c->state = LINK_OFF;
		settle(c, LDAP_ALIAS_NONE);
		connect_later(c, RECHECK_MS);
		return;
	}
	c->ipc = ipc_new(service_loop(c->service), fd, &handlers, c);
	if (!c->ipc) {
		close(fd);
		lost(c);
		return;
	}
	c->state = LINK_UP;
	settle(c, LDAP_ALIAS_NONE);
}

/* A role that was there and is asked for again: down until the supervisor says that it is not
 * wanted any more. */
static void ask_supervisor(void *ctx)
{
	struct ldap_alias_client *c = ctx;
	service_connect(c->service, "ldapalias", SERVICE_ANY, connected, c);
}

struct ldap_alias_client *ldap_alias_client_new(struct service *s)
{
	struct ldap_alias_client *c = mem_new(struct ldap_alias_client);
	c->service = s;
	c->tick = timer_new(service_loop(s), on_tick, c);
	c->again = timer_new(service_loop(s), ask_supervisor, c);
	if (c->tick && c->again) {
		ask_supervisor(c);
		return c;
	}
	timer_free(c->tick);
	timer_free(c->again);
	free(c);
	return NULL;
}

bool ldap_alias_used(const struct ldap_alias_client *c)
{
	return c->state != LINK_OFF;
}

static bool copy_question(struct ldap_alias_question *q, const char *source, struct str domain,
    const struct str *keys, unsigned n)
{
	q->arena = arena_new(QUESTION_ARENA_MAX);
	if (!q->arena)
		return false;
	q->source = arena_str(q->arena, str_of(source));
	q->domain = arena_str(q->arena, domain);
	for (q->n = 0; q->n < n && q->n < ALIAS_KEYS_MAX; q->n++)
		q->keys[q->n] = arena_str(q->arena, keys[q->n]);
	return true;
}

struct ldap_alias_question *ldap_alias_ask(struct ldap_alias_client *c, const char *source,
    struct str domain, const struct str *keys, unsigned n, ldap_alias_answer cb, void *ctx)
{
	struct ldap_alias_question *q = mem_new(struct ldap_alias_question);
	q->client = c;
	q->id = ++c->last_id;
	q->cb = cb;
	q->ctx = ctx;
	buf_init(&q->lines, ALIAS_TEXT_MAX);
	q->next = c->first;
	c->first = q;
	if (copy_question(q, source, domain, keys, n) && c->state != LINK_DOWN) {
		q->deadline = clock_mono_ms() + ANSWER_MS;
		if (c->ipc)
			put_question(q);
	}
	if (!timer_armed(c->tick) || q->deadline == 0)
		timer_set(c->tick, q->deadline ? TICK_MS : 0);
	return q;
}

void ldap_alias_cancel(struct ldap_alias_question *q)
{
	if (q)
		q->cb = NULL;
}
