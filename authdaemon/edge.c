/* The private channel (libs/auth/auth-proto.h): who may ask what, and one arm for each request. */
#include "config.h"

#include "authdaemon/daemon.h"

#include <stdlib.h>
#include <unistd.h>

enum rights {
	MAY_LOGIN = 1,   /* SASL exchanges */
	GETS_TICKET = 2, /* a right password gives a ticket, to be taken to `redeemer` */
	MAY_LOOK = 4,    /* account by name */
	MAY_REDEEM = 8,  /* account by ticket */
};

static const struct {
	const char *role;
	unsigned rights;
	const char *redeemer; /* GETS_TICKET: whose tickets they are */
	unsigned external;    /* of authd.external: may say who a client's certificate is for */
} roles[] = {
    {"imaplogin", MAY_LOGIN | GETS_TICKET, "broker", AUTH_EXTERNAL_IMAP},
    {"pop3login", MAY_LOGIN | GETS_TICKET, "broker", AUTH_EXTERNAL_POP3},
    {"esmtpd", MAY_LOGIN | GETS_TICKET, "gate", AUTH_EXTERNAL_SMTP},
    {"gate", MAY_LOOK | MAY_REDEEM, NULL, 0},
    {"local", MAY_LOOK, NULL, 0},
    {"broker", MAY_LOOK | MAY_REDEEM, NULL, 0},
};

struct pending {
	struct peer *peer;
	uint32_t id;
	struct exchange *x;
};

struct looking { /* a look-up that waits for another process */
	struct peer *peer;
	struct looking *next;
	uint32_t id;
	struct search *search;
};

struct peer {
	struct authd *d;
	struct peer *next;
	const char *role, *redeemer;
	unsigned rights, external;
	struct ipc *ipc;
	struct map *pending; /* SASL exchanges by id */
	struct looking *looking;
};

static struct str key_of(const uint32_t *id)
{
	return str_at(id, sizeof *id);
}

static void pending_free(struct pending *p)
{
	map_del(p->peer->pending, key_of(&p->id));
	exchange_free(p->x);
	free(p);
}

static void looking_free(struct looking *k)
{
	for (struct looking **at = &k->peer->looking; *at; at = &(*at)->next)
		if (*at == k) {
			*at = k->next;
			break;
		}
	search_cancel(k->search);
	free(k);
}

static void peer_free(struct peer *p)
{
	struct str key;
	void *value;
	for (struct peer **at = &p->d->peers; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	p->d->n_peers--;
	for (size_t at = 0; map_next(p->pending, &at, &key, &value); at = 0)
		pending_free(value);
	while (p->looking)
		looking_free(p->looking);
	map_free(p->pending, NULL);
	ipc_free(p->ipc);
	free(p);
}

static void answer_sasl(struct peer *p, uint32_t id, enum auth_verdict v, struct str data,
    const struct account *a, const char *ticket)
{
	ipc_compose(p->ipc, AUTH_SASL_ANSWER, id);
	ipc_put_u8(p->ipc, (uint8_t)v);
	ipc_put_str(p->ipc, data);
	ipc_put_str(p->ipc, a ? a->a.name : STR_NONE);
	ipc_put_z(p->ipc, ticket);
	ipc_put_str(p->ipc, a ? a->a.options : STR_NONE);
	(void)ipc_send(p->ipc, -1); /* a peer that can't be written to ends by on_close */
}

static void accept_login(struct pending *q, struct str data)
{
	char ticket[AUTH_TICKET_SIZE + 1] = "";
	struct account *a = exchange_take_account(q->x);
	struct peer *p = q->peer;
	bool ticketed = p->rights & GETS_TICKET;
	if (ticketed)
		ticket_issue(p->d->tickets, a, p->redeemer, ticket);
	answer_sasl(p, q->id, AUTH_OK, data, a, ticket);
	mem_wipe(ticket, sizeof ticket);
	if (!ticketed)
		account_free(a);
}

static void on_said(void *ctx, struct exchange *x UNUSED, enum auth_verdict v, struct str data)
{
	struct pending *q = ctx;
	if (v == AUTH_OK)
		accept_login(q, data);
	else
		answer_sasl(q->peer, q->id, v, data, NULL, NULL);
	if (v != AUTH_CONTINUE)
		pending_free(q);
}

/* Arms: false when the frame does not parse or can't come now. */

static bool sasl_start(struct peer *p, struct ipc_msg *m, struct ipc_reader *r)
{
	struct str service = ipc_get_str(r), mechanism = ipc_get_str(r);
	struct str peer = ipc_get_str(r), binding = ipc_get_str(r);
	struct str domain = ipc_get_str(r), separators = ipc_get_str(r), external = ipc_get_str(r);
	uint8_t tls = ipc_get_u8(r), has_initial = ipc_get_u8(r);
	struct str initial = ipc_get_rest(r);
	if (!ipc_done(r) || tls > 1 || has_initial > 1 || service.n >= AUTH_SERVICE_MAX ||
	    service.n == 0 || peer.n >= AUTH_PEER_MAX || binding.n > AUTH_BINDING_MAX ||
	    domain.n > AUTH_DOMAIN_MAX || separators.n > AUTH_DOMAIN_MAX ||
	    external.n > AUTH_NAME_MAX || map_get(p->pending, key_of(&m->id)))
		return false;
	struct pending *q = mem_new(struct pending);
	q->peer = p;
	q->id = m->id;
	bool room = map_count(p->pending) < AUTH_PENDING_MAX;
	if (!(p->external & p->d->external))
		external = STR_NONE;
	if (room)
		q->x = exchange_new(p->d, service, mechanism, peer, binding, external, on_said, q);
	if (!q->x) {
		answer_sasl(p, m->id, room ? AUTH_NO : AUTH_TEMPFAIL, STR_NONE, NULL, NULL);
		free(q);
		return true;
	}
	exchange_set_domain(q->x, domain, separators);
	map_set(p->pending, key_of(&q->id), q);
	exchange_step(q->x, has_initial ? (initial.p ? initial : STR("")) : STR_NONE);
	return true;
}

static bool sasl_step(struct peer *p, struct ipc_msg *m, struct ipc_reader *r)
{
	struct pending *q = map_get(p->pending, key_of(&m->id));
	struct str response = ipc_get_rest(r);
	if (q) /* else it is over, and the peer will read so */
		exchange_step(q->x, response.p ? response : STR(""));
	return true;
}

static bool sasl_cancel(struct peer *p, struct ipc_msg *m, struct ipc_reader *r)
{
	struct pending *q = map_get(p->pending, key_of(&m->id));
	if (q)
		pending_free(q);
	return ipc_done(r);
}

static void answer_account(struct peer *p, uint32_t id, enum auth_verdict v, struct account *a)
{
	ipc_compose(p->ipc, AUTH_ACCOUNT, id);
	ipc_put_u8(p->ipc, (uint8_t)v);
	if (a)
		auth_put_account(p->ipc, &a->a);
	(void)ipc_send(p->ipc, -1);
	account_free(a);
}

static void answer_lookup(struct peer *p, uint32_t id, enum account_found found, struct account *a)
{
	static const enum auth_verdict verdicts[] = {[ACCOUNT_FOUND] = AUTH_OK,
	    [ACCOUNT_ABSENT] = AUTH_NO,
	    [ACCOUNT_TEMPFAIL] = AUTH_TEMPFAIL};
	answer_account(p, id, verdicts[found], a);
}

static void on_looked(void *ctx, enum account_found r, struct account *a)
{
	struct looking *k = ctx;
	struct peer *p = k->peer;
	uint32_t id = k->id;
	k->search = NULL;
	looking_free(k);
	answer_lookup(p, id, r, a);
}

static bool lookup(struct peer *p, struct ipc_msg *m, struct ipc_reader *r)
{
	struct str service = ipc_get_str(r), name = ipc_get_str(r);
	struct account *a;
	char service_z[AUTH_SERVICE_MAX];
	if (!ipc_done(r) || service.n >= sizeof service_z)
		return false;
	memcpy(service_z, service.p ? service.p : "", service.n);
	service_z[service.n] = 0;
	struct looking *k = mem_new(struct looking);
	*k = (struct looking){.peer = p, .next = p->looking, .id = m->id};
	p->looking = k;
	enum account_found found =
	    accounts_find(&p->d->accounts, NULL, service_z, name, &a, &k->search, on_looked, k);
	if (found == ACCOUNT_LATER)
		return true;
	looking_free(k);
	answer_lookup(p, m->id, found, a);
	return true;
}

static bool redeem(struct peer *p, struct ipc_msg *m, struct ipc_reader *r)
{
	struct str text = ipc_get_str(r);
	if (!ipc_done(r))
		return false;
	struct account *a = ticket_redeem(p->d->tickets, text, p->role);
	answer_account(p, m->id, a ? AUTH_OK : AUTH_NO, a);
	return true;
}

static bool cancel(struct peer *p, struct ipc_msg *m, struct ipc_reader *r)
{
	struct looking *k = p->looking;
	while (k && k->id != m->id)
		k = k->next;
	if (k)
		looking_free(k);
	return ipc_done(r);
}

static const struct {
	bool (*arm)(struct peer *p, struct ipc_msg *m, struct ipc_reader *r);
	unsigned needs; /* any of these rights */
} requests[] = {
    [AUTH_SASL_START] = {sasl_start, MAY_LOGIN},
    [AUTH_SASL_STEP] = {sasl_step, MAY_LOGIN},
    [AUTH_SASL_CANCEL] = {sasl_cancel, MAY_LOGIN},
    [AUTH_LOOKUP] = {lookup, MAY_LOOK},
    [AUTH_REDEEM] = {redeem, MAY_REDEEM},
    [AUTH_CANCEL] = {cancel, MAY_LOOK | MAY_REDEEM},
};

static void on_msg(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct peer *p = ctx;
	struct ipc_reader r;
	ipc_read(m, &r);
	bool known = m->type < ARRAY_LEN(requests) && requests[m->type].arm;
	bool allowed = known && (requests[m->type].needs & p->rights);
	if (allowed && requests[m->type].arm(p, m, &r))
		return;
	log_error(NULL, "role '%s' sent request %u, which it %s; its edge is closed", p->role,
	    m->type, allowed ? "got wrong" : "may not make");
	peer_free(p);
}

static void on_close(void *ctx, struct ipc *c UNUSED)
{
	peer_free(ctx);
}

void edge_accept(struct authd *d, const char *role, int fd)
{
	static const struct ipc_handlers handlers = {on_msg, on_close, NULL};
	size_t i = 0;
	while (i < ARRAY_LEN(roles) && strcmp(roles[i].role, role) != 0)
		i++;
	if (i == ARRAY_LEN(roles) || d->n_peers >= EDGES_MAX) {
		log_error(NULL, "an edge from role '%s' is refused", role);
		close(fd);
		return;
	}
	struct peer *p = mem_new(struct peer);
	*p = (struct peer){.d = d,
	    .role = roles[i].role,
	    .redeemer = roles[i].redeemer,
	    .rights = roles[i].rights,
	    .external = roles[i].external,
	    .next = d->peers};
	p->pending = map_new();
	p->ipc = ipc_new(d->loop, fd, &handlers, p);
	d->peers = p;
	d->n_peers++;
}

void edge_close_all(struct authd *d)
{
	while (d->peers)
		peer_free(d->peers);
}
