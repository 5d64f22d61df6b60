/*
 * One edge for all questions; each has its deadline.  While the process is down they wait: mail for
 * a domain whose policy is unknown must not go out as if it had none.
 */
#include "esmtp/sts-client.h"
#include <stdlib.h>
#include <unistd.h>
#include "dns/rdata.h"
#include "stsd/sts-proto.h"

enum { RETRY_MS = 1000 };

struct sts_client {
	struct service *service;
	struct ipc *ipc; /* NULL: down */
	bool asking, absent, listed;
	struct no_tls *hosts;
	struct timer *retry;
	struct map *questions; /* by id */
	uint32_t last_id;
	int64_t late_ms;
};

struct sts_question {
	struct sts_client *client;
	uint32_t id;
	char domain[DNS_NAME_SIZE];
	struct timer *deadline;
	bool instant; /* its domain is none */
	sts_answered done;
	void *ctx;
};

static void connect_client(void *ctx);

static struct str key_of(const uint32_t *id)
{
	return str_at(id, sizeof *id);
}

void sts_forget(struct sts_question *q)
{
	if (!q)
		return;
	map_del(q->client->questions, key_of(&q->id));
	timer_free(q->deadline);
	free(q);
}

static void answer(struct sts_question *q, enum sts_result r, enum sts_mode m, struct str policy)
{
	q->done(q->ctx, r, m, policy);
	sts_forget(q);
}

static void send_question(struct sts_question *q)
{
	struct ipc *c = q->client->ipc;
	if (!c || q->instant)
		return;
	ipc_compose(c, STS_ASK, q->id);
	ipc_put_z(c, q->domain);
	(void)ipc_send(c, -1); /* what fails is seen as the edge's end */
}

/* Those that wait, in any order.  The map must not change meanwhile. */
static void send_all(struct sts_client *c)
{
	struct str key;
	void *q;
	for (size_t at = 0; map_next(c->questions, &at, &key, &q);)
		send_question(q);
}

static void take_list(struct sts_client *c, const struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	bool more = ipc_get_u8(&r);
	no_tls_read(c->hosts, ipc_get_rest(&r));
	c->listed |= !more;
}

static void take_answer(struct sts_client *c, const struct ipc_msg *m)
{
	struct sts_question *q = map_get(c->questions, key_of(&m->id));
	struct ipc_reader r;
	ipc_read(m, &r);
	bool found = ipc_get_u8(&r);
	uint8_t mode = ipc_get_u8(&r);
	struct str text = ipc_get_rest(&r);
	if (!q || m->type != STS_ANSWER || !ipc_done(&r) || mode >= STS_MODES)
		return; /* nobody waits for it any more; a broken answer comes to its deadline */
	answer(q, STS_KNOWN, found ? (enum sts_mode)mode : STS_NONE, text);
}

static void on_msg(void *ctx, struct ipc *i UNUSED, struct ipc_msg *m)
{
	if (m->type == STS_NO_TLS_HOSTS)
		take_list(ctx, m);
	else
		take_answer(ctx, m);
}

static void on_close(void *ctx, struct ipc *i)
{
	struct sts_client *c = ctx;
	ipc_free(i);
	c->ipc = NULL;
	timer_set(c->retry, RETRY_MS);
}

static void nobody(struct sts_client *c)
{
	struct str key;
	void *q;
	if (!c->absent && map_count(c->questions))
		log_warning(NULL, "there is no process for MTA-STS: policies do not count");
	c->absent = true;
	for (size_t at = 0; map_next(c->questions, &at, &key, &q);)
		timer_set(((struct sts_question *)q)->deadline, 0);
}

static void connected(void *ctx, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct sts_client *c = ctx;
	c->asking = false;
	if (fd < 0) {
		nobody(c);
		return;
	}
	c->absent = false;
	c->ipc = ipc_new(service_loop(c->service), fd, &handlers, c);
	if (c->ipc) {
		if (!c->listed)
			(void)ipc_reply(c->ipc, STS_NO_TLS_LIST, 0);
		send_all(c);
		return;
	}
	close(fd);
	timer_set(c->retry, RETRY_MS);
}

static void connect_client(void *ctx)
{
	struct sts_client *c = ctx;
	if (c->ipc || c->asking || service_draining(c->service))
		return;
	c->asking = true;
	service_connect(c->service, "sts", SERVICE_ANY, connected, c);
}

static void deadline_over(void *ctx)
{
	struct sts_question *q = ctx;
	bool absent = q->client->absent;
	answer(q, q->instant ? STS_KNOWN : absent ? STS_NOBODY : STS_LATE, STS_NONE, STR_NONE);
}

struct sts_question *sts_ask(struct sts_client *c, struct str domain, sts_answered done, void *ctx)
{
	struct sts_question *q = mem_new(struct sts_question);
	q->client = c;
	q->done = done;
	q->ctx = ctx;
	q->deadline = timer_new(service_loop(c->service), deadline_over, q);
	do
		q->id = ++c->last_id;
	while (map_get(c->questions, key_of(&q->id)));
	if (!q->deadline || !map_set(c->questions, key_of(&q->id), q))
		exit(75);
	q->instant = !dns_name_ascii(domain, q->domain) || !sts_domain_ok(str_of(q->domain));
	timer_set(q->deadline, q->instant || c->absent ? 0 : c->late_ms);
	send_question(q);
	connect_client(c);
	return q;
}

bool sts_list_known(const struct sts_client *c)
{
	return c->listed || c->absent;
}

/* While the process is down only this one remembers. */
void sts_keep_no_tls(struct sts_client *c, struct str host, int64_t until)
{
	struct buf line;
	if (!c->ipc)
		return;
	buf_init(&line, NO_TLS_HOST_MAX + 64);
	buf_addf(&line, "%lld %.*s", (long long)until, STR_FMT(host));
	ipc_compose(c->ipc, STS_NO_TLS, 0);
	ipc_put_rest(c->ipc, buf_str(&line));
	(void)ipc_send(c->ipc, -1);
	buf_free(&line);
}

void sts_client_start(struct sts_client *c)
{
	connect_client(c);
}

struct sts_client *sts_client_new(struct service *s, struct no_tls *hosts, int64_t late_ms)
{
	struct sts_client *c = mem_new(struct sts_client);
	c->service = s;
	c->hosts = hosts;
	c->late_ms = late_ms;
	c->questions = map_new();
	c->retry = timer_new(service_loop(s), connect_client, c);
	if (!c->questions || !c->retry)
		exit(75);
	return c;
}
