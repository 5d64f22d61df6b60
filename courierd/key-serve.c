/* The key process's edges: who is asking, what they get. */
#include "config.h"
#include <stdlib.h>
#include "courierd/key-serve.h"

struct key_peer {
	struct key_server *server;
	struct ipc *ipc;
	char *role;
	struct key_component *component; /* NULL before its hello */
	struct key_peer *next, **slot;
};

static void peer_free(struct key_peer *p)
{
	*p->slot = p->next;
	if (p->next)
		p->next->slot = p->slot;
	ipc_free(p->ipc);
	free(p->role);
	free(p);
}

static void push_pairs(struct key_peer *p)
{
	const struct key_component *c = p->component;

	ipc_compose(p->ipc, KEY_BEGIN, 0);
	ipc_put_str(p->ipc, str_at(p->server->tickets, KEY_TICKETS));
	ipc_send(p->ipc, -1);
	for (size_t i = 0; i < c->pairs.n; i++) {
		const struct key_pair *pair = &c->pairs.v[i];

		if (!pair->key || key_component_doubles(c, i))
			continue;
		ipc_compose(p->ipc, KEY_PAIR, 0);
		ipc_put_z(p->ipc, pair->suffix);
		ipc_put_str(p->ipc, str_at(pair->fingerprint, KEY_FINGERPRINT));
		ipc_put_rest(p->ipc, str_at(pair->chain, pair->chain_n));
		ipc_send(p->ipc, -1);
	}
	ipc_reply(p->ipc, KEY_END, 0);
}

void key_server_push(struct key_server *s, unsigned changed)
{
	for (struct key_peer *p = s->peers; p; p = p->next)
		if (p->component && changed & 1U << (p->component - s->store.components))
			push_pairs(p);
}

static bool take_hello(struct key_peer *p, struct ipc_reader *r)
{
	struct str name = ipc_get_str(r);

	if (!ipc_done(r) || p->component)
		return false;
	p->component = key_store_component(&p->server->store, name, p->role);
	if (!p->component) {
		log_error(NULL, "%s has asked for the keys of '%.*s', which it may not use",
		    p->role, STR_FMT(name));
		return false;
	}
	push_pairs(p);
	return true;
}

static void refuse(struct key_peer *p, uint32_t id, const char *why)
{
	ipc_compose(p->ipc, KEY_REFUSED, id);
	ipc_put_rest(p->ipc, str_of(why));
	ipc_send(p->ipc, -1);
}

static bool take_sign(struct key_peer *p, uint32_t id, struct ipc_reader *r)
{
	struct str fingerprint = ipc_get_str(r);
	uint8_t op = ipc_get_u8(r);
	struct str in = ipc_get_rest(r);
	const struct key_pair *pair;
	const char *why = "no such certificate any more";
	struct buf out;

	if (!ipc_done(r) || !p->component)
		return false;
	pair = key_component_pair(p->component, fingerprint);
	buf_init(&out, IPC_CHUNK);
	if (pair && key_pair_sign(pair, (enum key_op)op, in, &out, &why)) {
		p->server->signatures++;
		ipc_compose(p->ipc, KEY_SIGNED, id);
		ipc_put_rest(p->ipc, buf_str(&out));
		ipc_send(p->ipc, -1);
	} else
		refuse(p, id, why);
	buf_free(&out);
	return true;
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct key_peer *p = ctx;
	struct ipc_reader r;
	bool ok = false;

	ipc_read(m, &r);
	if (m->type == KEY_HELLO)
		ok = take_hello(p, &r);
	else if (m->type == KEY_SIGN)
		ok = take_sign(p, m->id, &r);
	if (!ok)
		peer_free(p);
}

static void on_close(void *ctx, struct ipc *c)
{
	peer_free(ctx);
}

static const struct ipc_handlers handlers = {on_msg, on_close, NULL};

void key_server_edge(struct key_server *s, struct loop *loop, const char *role, int fd)
{
	struct key_peer *p = mem_new(struct key_peer);

	p->server = s;
	p->role = mem_strdup(role);
	p->ipc = ipc_new(loop, fd, &handlers, p);
	p->next = s->peers;
	p->slot = &s->peers;
	if (p->next)
		p->next->slot = &p->next;
	s->peers = p;
	if (!p->ipc)
		peer_free(p);
}

size_t key_server_peers(const struct key_server *s)
{
	size_t n = 0;

	for (const struct key_peer *p = s->peers; p; p = p->next)
		n++;
	return n;
}
