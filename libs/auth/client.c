/* The private channel's client: one standing edge, requests told apart by their id. */
#include "config.h"

#include "auth/auth-proto.h"

#include <stdlib.h>

enum { WAIT_MS = 90 * 1000 }; /* longer than authdaemond itself waits for any check */

struct request {
	struct auth_client *client;
	uint32_t id;
	struct timer *timer;
	void (*answer)(struct request *q, enum auth_verdict v, struct ipc_reader *r);
	/* Sends it (again) when the edge comes up; NULL when it must not be repeated. */
	void (*send)(struct request *q, struct ipc *c);
	bool sent;
	auth_done done; /* SASL */
	auth_found found;
	void *ctx;
	char *service;
	struct buf text; /* what is sent: name, ticket, or a SASL message */
	struct buf mechanism, peer, binding, external;
	bool tls, has_initial;
};

struct auth_sasl {
	struct request q;
};

struct auth_client {
	struct service *service;
	struct service_link *link;
	struct map *requests; /* by id */
	uint32_t next_id;
	struct buf domain, separators;
};

static struct str key_of(const uint32_t *id)
{
	return str_at(id, sizeof *id);
}

static void init_buf(struct buf *b, struct str s)
{
	buf_init(b, 2 * AUTH_RESPONSE_MAX);
	buf_adds(b, s);
}

static void free_secret(struct buf *b)
{
	if (b->cap)
		mem_wipe(b->p, b->n);
	buf_free(b);
}

static void request_free(void *arg)
{
	struct request *q = arg;
	map_del(q->client->requests, key_of(&q->id));
	timer_free(q->timer);
	free_secret(&q->text);
	buf_free(&q->mechanism);
	buf_free(&q->peer);
	buf_free(&q->binding);
	buf_free(&q->external);
	free(q->service);
	free(q);
}

/* The answer is in: the request is gone before its owner hears of it. */
static void sasl_answer(struct request *q, enum auth_verdict v, struct ipc_reader *r)
{
	struct auth_result result = {.verdict = v};
	auth_done done = q->done;
	void *ctx = q->ctx;
	if (r) {
		result.data = ipc_get_str(r);
		result.login = ipc_get_str(r);
		result.ticket = ipc_get_str(r);
		result.options = ipc_get_str(r);
		if (!ipc_done(r))
			result = (struct auth_result){.verdict = AUTH_TEMPFAIL};
	}
	if (result.verdict != AUTH_CONTINUE)
		request_free(q);
	else
		timer_clear(q->timer); /* the peer's client is at it now */
	done(ctx, &result);
}

static void found_answer(struct request *q, enum auth_verdict v, struct ipc_reader *r)
{
	struct auth_account account = {0};
	auth_found found = q->found;
	void *ctx = q->ctx;
	if (r && v == AUTH_OK)
		auth_get_account(r, &account);
	if (r && !ipc_done(r))
		v = AUTH_TEMPFAIL;
	request_free(q);
	found(ctx, v, v == AUTH_OK ? &account : NULL);
}

static void on_timer(void *arg)
{
	struct request *q = arg;
	struct ipc *c = service_link_ipc(q->client->link);
	if (c && q->sent)
		ipc_reply(c, q->done ? AUTH_SASL_CANCEL : AUTH_CANCEL, q->id);
	log_warning(NULL, c && q->sent ? "authdaemond has not answered in time"
				       : "authdaemond is gone; somebody is told to try again");
	q->answer(q, AUTH_TEMPFAIL, NULL);
}

static void on_msg(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct auth_client *a = ctx;
	struct ipc_reader r;
	struct request *q = map_get(a->requests, key_of(&m->id));
	if (!q)
		return; /* cancelled meanwhile */
	ipc_read(m, &r);
	uint8_t v = ipc_get_u8(&r);
	bool fits = m->type == (q->done ? AUTH_SASL_ANSWER : AUTH_ACCOUNT) &&
		    v <= (q->done ? AUTH_CONTINUE : AUTH_TEMPFAIL) && !r.bad;
	if (fits)
		q->answer(q, (enum auth_verdict)v, &r);
	else
		service_link_drop(a->link);
}

static void on_up(void *ctx)
{
	struct auth_client *a = ctx;
	struct ipc *c = service_link_ipc(a->link);
	struct str key;
	void *value;
	for (size_t at = 0; map_next(a->requests, &at, &key, &value);) {
		struct request *q = value;
		if (!q->sent && q->send) {
			q->send(q, c);
			q->sent = true;
		}
	}
}

/* authdaemond is gone: look-ups are asked again, exchanges it knew half of can't go on. */
static void on_down(void *ctx)
{
	struct auth_client *a = ctx;
	struct str key;
	void *value;
	for (size_t at = 0; map_next(a->requests, &at, &key, &value);) {
		struct request *q = value;
		if (q->sent && q->found)
			q->sent = false;
		else if (q->sent)
			timer_set(q->timer, 0); /* not here: the map must not change */
	}
}

static const struct ipc_handlers handlers = {.on_msg = on_msg};

struct auth_client *auth_client_new(struct service *s)
{
	struct auth_client *a = mem_new(struct auth_client);
	a->service = s;
	a->requests = map_new();
	buf_init(&a->domain, AUTH_DOMAIN_MAX);
	buf_init(&a->separators, AUTH_DOMAIN_MAX);
	a->link = service_link_new(s, "auth", SERVICE_ANY, &handlers, on_up, on_down, a);
	return a;
}

void auth_client_free(struct auth_client *a)
{
	if (!a)
		return;
	struct str key;
	void *value;
	for (size_t at = 0; map_next(a->requests, &at, &key, &value); at = 0)
		request_free(value);
	map_free(a->requests, NULL);
	service_link_free(a->link);
	buf_free(&a->domain);
	buf_free(&a->separators);
	free(a);
}

void auth_default_domain(struct auth_client *a, struct str domain, struct str separators)
{
	buf_clear(&a->domain);
	buf_clear(&a->separators);
	buf_adds(&a->domain, domain);
	buf_adds(&a->separators, separators);
}

static void start(struct auth_client *a, struct request *q, const char *service)
{
	struct ipc *c = service_link_ipc(a->link);
	q->client = a;
	do
		q->id = ++a->next_id;
	while (q->id == 0 || map_get(a->requests, key_of(&q->id)));
	q->service = mem_strdup(service);
	q->timer = timer_new(service_loop(a->service), on_timer, q);
	timer_set(q->timer, WAIT_MS);
	map_set(a->requests, key_of(&q->id), q);
	if (c) {
		q->send(q, c);
		q->sent = true;
	}
}

static void send_start(struct request *q, struct ipc *c)
{
	ipc_compose(c, AUTH_SASL_START, q->id);
	ipc_put_z(c, q->service);
	ipc_put_str(c, buf_str(&q->mechanism));
	ipc_put_str(c, buf_str(&q->peer));
	ipc_put_str(c, buf_str(&q->binding));
	ipc_put_str(c, buf_str(&q->client->domain));
	ipc_put_str(c, buf_str(&q->client->separators));
	ipc_put_str(c, buf_str(&q->external));
	ipc_put_u8(c, q->tls);
	ipc_put_u8(c, q->has_initial);
	ipc_put_rest(c, buf_str(&q->text));
	if (ipc_send(c, -1) < 0)
		timer_set(q->timer, 0);
	free_secret(&q->text);
}

static struct auth_sasl *start_sasl(struct auth_client *a, const char *service,
    struct str mechanism, struct str initial, struct str peer, bool tls, struct str binding,
    struct str external, auth_done done, void *ctx)
{
	struct auth_sasl *x = mem_new(struct auth_sasl);
	struct request *q = &x->q;
	q->answer = sasl_answer;
	q->send = send_start;
	q->done = done;
	q->ctx = ctx;
	q->tls = tls;
	q->has_initial = initial.p != NULL;
	init_buf(&q->text, initial);
	init_buf(&q->mechanism, mechanism);
	init_buf(&q->peer, str_head(peer, AUTH_PEER_MAX));
	init_buf(&q->binding, binding);
	init_buf(&q->external, external);
	start(a, q, service);
	return x;
}

struct auth_sasl *auth_sasl_start(struct auth_client *a, const char *service, struct str mechanism,
    struct str initial, struct str peer, bool tls, struct str binding, auth_done done, void *ctx)
{
	return start_sasl(a, service, mechanism, initial, peer, tls, binding, STR_NONE, done, ctx);
}

struct auth_sasl *auth_sasl_external(struct auth_client *a, const char *service, struct str name,
    struct str initial, struct str peer, auth_done done, void *ctx)
{
	return start_sasl(
	    a, service, STR("EXTERNAL"), initial, peer, true, STR_NONE, name, done, ctx);
}

void auth_sasl_step(struct auth_sasl *x, struct str response)
{
	struct request *q = &x->q;
	struct ipc *c = service_link_ipc(q->client->link);
	timer_set(q->timer, WAIT_MS);
	if (c && q->sent) {
		ipc_compose(c, AUTH_SASL_STEP, q->id);
		ipc_put_rest(c, response);
	}
	if (!c || !q->sent || ipc_send(c, -1) < 0)
		timer_set(q->timer, 0);
}

void auth_sasl_cancel(struct auth_sasl *x)
{
	if (!x)
		return;
	struct ipc *c = service_link_ipc(x->q.client->link);
	if (c && x->q.sent)
		ipc_reply(c, AUTH_SASL_CANCEL, x->q.id);
	request_free(&x->q);
}

struct auth_sasl *auth_login(struct auth_client *a, const char *service, struct str user,
    struct str password, struct str peer, bool tls, auth_done done, void *ctx)
{
	struct buf plain;
	/* A NUL would shift the fields of PLAIN; what is left is refused by the other side. */
	bool odd = (user.n && memchr(user.p, 0, user.n)) ||
		   (password.n && memchr(password.p, 0, password.n));
	buf_init(&plain, AUTH_RESPONSE_MAX);
	buf_addc(&plain, 0);
	if (!odd) {
		buf_adds(&plain, user);
		buf_addc(&plain, 0);
		buf_adds(&plain, password);
	}
	if (plain.failed)
		buf_clear(&plain);
	struct auth_sasl *x = auth_sasl_start(
	    a, service, STR("PLAIN"), buf_str(&plain), peer, tls, STR_NONE, done, ctx);
	free_secret(&plain);
	return x;
}

static void send_lookup(struct request *q, struct ipc *c)
{
	ipc_compose(c, AUTH_LOOKUP, q->id);
	ipc_put_z(c, q->service);
	ipc_put_str(c, buf_str(&q->text));
	if (ipc_send(c, -1) < 0)
		timer_set(q->timer, 0);
}

static void send_redeem(struct request *q, struct ipc *c)
{
	ipc_compose(c, AUTH_REDEEM, q->id);
	ipc_put_str(c, buf_str(&q->text));
	if (ipc_send(c, -1) < 0)
		timer_set(q->timer, 0);
}

static uint32_t find(struct auth_client *a, const char *service, struct str text,
    void (*send)(struct request *q, struct ipc *c), auth_found found, void *ctx)
{
	struct request *q = mem_new(struct request);
	q->answer = found_answer;
	q->send = send;
	q->found = found;
	q->ctx = ctx;
	init_buf(&q->text, text);
	init_buf(&q->mechanism, STR_NONE);
	init_buf(&q->peer, STR_NONE);
	init_buf(&q->binding, STR_NONE);
	init_buf(&q->external, STR_NONE);
	start(a, q, service);
	return q->id;
}

uint32_t auth_lookup(
    struct auth_client *a, const char *service, struct str name, auth_found found, void *ctx)
{
	return find(a, service, name, send_lookup, found, ctx);
}

uint32_t auth_redeem(struct auth_client *a, struct str ticket, auth_found found, void *ctx)
{
	return find(a, "", ticket, send_redeem, found, ctx);
}

void auth_cancel(struct auth_client *a, uint32_t request)
{
	struct request *q = map_get(a->requests, key_of(&request));
	struct ipc *c = service_link_ipc(a->link);
	if (!q || !q->found)
		return;
	if (c && q->sent)
		ipc_reply(c, AUTH_CANCEL, q->id);
	request_free(q);
}
