/* Questions: at most STS_FETCHES are looked into at once, the others wait in line. */
#include <stdlib.h>
#include <unistd.h>
#include "ipc/ipc.h"
#include "sts/no-tls.h"
#include "stsd/keeper.h"
#include "stsd/sts-proto.h"

struct asks {
	struct loop *loop;
	struct sts_source *source;
	struct box *box;
	struct question *first, **last; /* those that wait */
	size_t running;
	uint64_t count;
};

struct peer {
	struct asks *asks;
	struct ipc *ipc; /* NULL: gone, but questions are under way */
	size_t questions;
};

struct question {
	struct question *next;
	struct peer *peer;
	uint32_t id;
	char domain[STS_DOMAIN_MAX + 1];
};

static void run(struct asks *a);

static void peer_drop(struct peer *p)
{
	ipc_free(p->ipc);
	p->ipc = NULL;
	if (!p->questions)
		free(p);
}

static bool send_answer(const struct question *q, const struct sts_answer *a)
{
	struct ipc *c = q->peer->ipc;
	ipc_compose(c, STS_ANSWER, q->id);
	ipc_put_u8(c, a->found);
	ipc_put_u8(c, (uint8_t)a->mode);
	ipc_put_rest(c, a->text);
	return ipc_send(c, -1) == 0;
}

static void over(struct question *q, const struct sts_answer *a)
{
	struct peer *p = q->peer;
	p->questions--;
	if (!p->ipc || !send_answer(q, a))
		peer_drop(p);
	free(q);
}

static void discovered(void *ctx, const struct sts_answer *answer)
{
	struct question *q = ctx;
	struct asks *a = q->peer->asks;
	over(q, answer);
	a->running--;
	run(a);
}

static void begin(struct asks *a, struct question *q)
{
	static const struct sts_answer none;
	if (sts_cache_size(a->source->dir) == 0) { /* switched off */
		over(q, &none);
		return;
	}
	a->running++;
	sts_discover(a->source, str_of(q->domain), false, discovered, q);
}

static void run(struct asks *a)
{
	while (a->first && a->running < STS_FETCHES) {
		struct question *q = a->first;
		a->first = q->next;
		if (!a->first)
			a->last = &a->first;
		begin(a, q);
	}
}

static bool take_host(struct asks *a, const struct ipc_msg *m)
{
	struct ipc_reader r;
	int64_t until;
	struct str host;
	ipc_read(m, &r);
	if (!no_tls_line(ipc_get_rest(&r), &until, &host))
		return false;
	box_add(a->box, host, until);
	return true;
}

/* A process that has been replaced may be gone before it has got its list. */
static void list_hosts(struct peer *p)
{
	struct buf out;
	size_t at = 0;
	bool more = true, good = true;
	buf_init(&out, IPC_CHUNK);
	while (more && good) {
		buf_clear(&out);
		more = box_list(p->asks->box, &at, &out);
		ipc_compose(p->ipc, STS_NO_TLS_HOSTS, 0);
		ipc_put_u8(p->ipc, more);
		ipc_put_rest(p->ipc, buf_str(&out));
		good = ipc_send(p->ipc, -1) == 0;
	}
	buf_free(&out);
	if (!good)
		peer_drop(p);
}

static bool read_question(struct ipc_msg *m, struct question *q)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	struct str domain = ipc_get_str(&r);
	if (m->type != STS_ASK || !ipc_done(&r) || !sts_domain_ok(domain))
		return false;
	memcpy(q->domain, domain.p, domain.n);
	q->id = m->id;
	return true;
}

static bool take_question(struct peer *p, struct ipc_msg *m)
{
	struct asks *a = p->asks;
	struct question *q = mem_new(struct question);
	if (!read_question(m, q)) {
		free(q);
		return false;
	}
	q->peer = p;
	p->questions++;
	a->count++;
	*a->last = q;
	a->last = &q->next;
	run(a);
	return true;
}

static void on_msg(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct peer *p = ctx;
	if (m->type == STS_NO_TLS_LIST) {
		list_hosts(p);
		return;
	}
	if (m->type == STS_NO_TLS ? take_host(p->asks, m) : take_question(p, m))
		return;
	log_error(NULL, "a question about MTA-STS can't be understood");
	peer_drop(p);
}

static void on_close(void *ctx, struct ipc *c UNUSED)
{
	peer_drop(ctx);
}

void asks_peer(struct asks *a, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct peer *p = mem_new(struct peer);
	p->asks = a;
	p->ipc = ipc_new(a->loop, fd, &handlers, p);
	if (p->ipc)
		return;
	close(fd);
	free(p);
}

struct asks *asks_new(struct loop *l, struct sts_source *source, struct box *box)
{
	struct asks *a = mem_new(struct asks);
	a->loop = l;
	a->source = source;
	a->box = box;
	a->last = &a->first;
	return a;
}

size_t asks_running(const struct asks *a)
{
	return a->running;
}

uint64_t asks_count(const struct asks *a)
{
	return a->count;
}
