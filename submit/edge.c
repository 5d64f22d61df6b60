/*
 * Peers: edges from other roles and connections to the submission socket.  Frames of a transaction
 * are handled one after the other; what comes while one is still at work waits in its line.
 *
 * MAIL and END need the scheduler.  When it has just died another is there within a second: a frame
 * is held back so long, instead of telling every client under load to come again.
 */
#include "config.h"

#include "submit/transaction.h"
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	LINE_MAX_BYTES = 32 * 1024 * 1024, /* of frames that wait, for one transaction */
	SOCKET_TRANSACTIONS_MAX = 4,       /* of one connection to the submission socket */
	SOCKET_IDLE_MS = 10 * 60 * 1000,   /* a program that is silent for so long has gone wrong */
	QUEUE_HOLD_MS = 2000,              /* longest wait for a scheduler */
};

struct waiting {
	struct waiting *next;
	uint16_t type;
	size_t n;
	char body[];
};

struct session {
	struct peer *peer;
	uint32_t id;
	struct transaction *t;
	struct waiting *line, **line_end;
	size_t line_bytes;
	bool busy;     /* a verb has not been answered yet */
	bool overflow; /* more data than may wait: END will fail */
	bool running;  /* run() is at work: answers inside it do not start another */
	bool held;     /* the first of the line waits for the scheduler */
	bool waited;   /* it has been held already */
	struct timer *hold;
};

struct peer {
	struct peer *next, **prev;
	struct gate_process *gate;
	struct ipc *ipc;
	struct map *sessions;
	bool socket;
	bool trusted; /* a program that may speak for the network */
	enum source_kind kind;
	uint32_t uid;
	int64_t heard_ms;
};

static void session_run(struct session *s);
static void drop_peer(void *ctx);

static void session_free(void *session)
{
	struct session *s = session;
	s->peer->gate->held -= s->held;
	timer_free(s->hold);
	transaction_free(s->t);
	while (s->line) {
		struct waiting *w = s->line;
		s->line = w->next;
		free(w);
	}
	free(s);
}

static void peer_free(struct peer *p)
{
	p->gate->socket_peers -= p->socket;
	loop_defer_cancel(service_loop(p->gate->service), drop_peer, p);
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	map_free(p->sessions, session_free);
	ipc_free(p->ipc);
	free(p);
}

/* The edge ends; not inside the call that found the fault, whose callers still use it. */
static void drop_later(struct peer *p)
{
	struct loop *l = service_loop(p->gate->service);
	loop_defer_cancel(l, drop_peer, p);
	if (loop_defer(l, drop_peer, p) == 0)
		return;
	log_error(NULL, "no memory; the gate ends");
	exit(EX_TEMPFAIL);
}

/* Who waits for a reply that cannot be sent must not wait for ever. */
static void send_buf(struct session *s, uint16_t type, const struct buf *b)
{
	ipc_compose(s->peer->ipc, type, s->id);
	ipc_put_rest(s->peer->ipc, buf_str(b));
	if (!b->failed && ipc_send(s->peer->ipc, -1) == 0)
		return;
	log_error(NULL, "a reply of the gate can't be sent, its edge is dropped: %m");
	drop_later(s->peer);
}

static void send_reply(void *ctx, const struct gate_reply *r)
{
	struct session *s = ctx;
	struct buf b;
	buf_init(&b, GATE_FRAME_MAX);
	gate_encode_reply(&b, r);
	send_buf(s, GATE_REPLY, &b);
	buf_free(&b);
	s->busy = false;
	if (!s->running)
		session_run(s);
}

static void send_policy(struct session *s)
{
	struct gate_policy p;
	struct buf b;
	transaction_policy(s->t, &p);
	buf_init(&b, GATE_FRAME_MAX);
	gate_encode_policy(&b, &p);
	send_buf(s, GATE_POLICY, &b);
	buf_free(&b);
}

/* ---- verbs ----------------------------------------------------------------------------------- */

static bool do_mail(struct session *s, struct str body)
{
	struct gate_mail_frame f;
	s->busy = gate_decode_mail(body, &f);
	if (!s->busy)
		return false;
	transaction_mail(s->t, &f);
	return true;
}

static bool do_rcpt(struct session *s, struct str body)
{
	struct gate_rcpt r;
	s->busy = gate_decode_rcpt(body, &r);
	if (!s->busy)
		return false;
	transaction_rcpt(s->t, &r);
	return true;
}

static bool do_vrfy(struct session *s, struct str body)
{
	struct str address;
	bool expand;
	s->busy = gate_decode_vrfy(body, &address, &expand);
	if (!s->busy)
		return false;
	transaction_vrfy(s->t, address, expand);
	return true;
}

static bool do_auth(struct session *s, struct str body)
{
	struct str ticket, mechanism;
	s->busy = !s->peer->socket && s->peer->kind == SOURCE_NETWORK &&
		  gate_decode_auth(body, &ticket, &mechanism);
	if (!s->busy)
		return false;
	transaction_auth(s->t, ticket, mechanism);
	return true;
}

static bool do_name(struct session *s, struct str body)
{
	struct str host;
	if (s->peer->kind != SOURCE_NETWORK || !gate_decode_name(body, &host))
		return false;
	transaction_name(s->t, host);
	return true;
}

static bool do_data(struct session *s, struct str body)
{
	transaction_data(s->t, body);
	return true;
}

static bool do_end(struct session *s, struct str body)
{
	if (body.n)
		return false;
	s->busy = true;
	if (s->overflow) {
		struct gate_reply r = reply(REPLY_QUEUE_DOWN);
		s->overflow = false;
		transaction_reset(s->t);
		send_reply(s, &r);
	} else
		transaction_end(s->t);
	return true;
}

static bool do_reset(struct session *s, struct str body)
{
	s->overflow = false;
	transaction_reset(s->t);
	return body.n == 0;
}

static bool perform(struct session *s, uint16_t type, struct str body)
{
	static bool (*const verbs[])(struct session * s, struct str body) = {
	    [GATE_MAIL] = do_mail,
	    [GATE_RCPT] = do_rcpt,
	    [GATE_VRFY] = do_vrfy,
	    [GATE_DATA] = do_data,
	    [GATE_END] = do_end,
	    [GATE_RESET] = do_reset,
	    [GATE_AUTH] = do_auth,
	    [GATE_NAME] = do_name,
	};
	if (s->overflow && type == GATE_DATA)
		return true;
	return type < ARRAY_LEN(verbs) && verbs[type] && verbs[type](s, body);
}

static void drop_peer(void *ctx)
{
	peer_free(ctx);
}

static void break_off(struct peer *p, uint16_t type)
{
	log_error(NULL, "frame %u of a client of the gate can't be understood", type);
	drop_later(p);
}

/* ---- without a scheduler --------------------------------------------------------------------- */

static void release(struct session *s)
{
	s->peer->gate->held--;
	s->held = s->busy = false;
	s->waited = true;
	timer_clear(s->hold);
	session_run(s);
}

static void on_hold_over(void *ctx)
{
	release(ctx);
}

/* True: not now, the frame stays (or has to be put) at the front of the line. */
static bool hold(struct session *s, uint16_t type)
{
	struct gate_process *g = s->peer->gate;
	bool needs = (type == GATE_MAIL || type == GATE_END) && !s->waited;
	if (!needs || queue_client_serves(g->queue) || !g->ready || service_draining(g->service))
		return false;
	if (!s->hold)
		s->hold = timer_new(service_loop(g->service), on_hold_over, s);
	if (!s->hold)
		return false;
	timer_set(s->hold, QUEUE_HOLD_MS);
	g->held++;
	return s->held = s->busy = true;
}

void peers_release(struct gate_process *g)
{
	struct str key;
	void *session;
	for (struct peer *p = g->peers; p && g->held; p = p->next)
		for (size_t at = 0; map_next(p->sessions, &at, &key, &session);)
			if (((struct session *)session)->held)
				release(session);
}

/* ---- frames of a transaction ----------------------------------------------------------------- */

static void session_run(struct session *s)
{
	s->running = true;
	while (s->line && !s->busy) {
		if (hold(s, s->line->type))
			break;
		struct waiting *w = s->line;
		s->line = w->next;
		s->line_bytes -= w->n;
		if (!s->line)
			s->line_end = &s->line;
		s->waited = false;
		if (!perform(s, w->type, str_at(w->body, w->n)))
			break_off(s->peer, w->type);
		free(w);
	}
	s->running = false;
}

static bool wait_in_line(struct session *s, const struct ipc_msg *m)
{
	if (s->line_bytes + m->body.n > LINE_MAX_BYTES) {
		s->overflow = true; /* this message alone fails */
		return m->type == GATE_DATA;
	}
	struct waiting *w = mem_alloc(sizeof(*w) + m->body.n);
	*w = (struct waiting){.type = m->type, .n = m->body.n};
	if (m->body.n)
		memcpy(w->body, m->body.p, m->body.n);
	*s->line_end = w;
	s->line_end = &w->next;
	s->line_bytes += w->n;
	return true;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static struct str id_key(const uint32_t *id)
{
	return str_at(id, sizeof(*id));
}

/* Mail from other nodes is brought in by uuxqt, as UUCP's own user. */
static bool may_be_uucp(const struct peer *p)
{
	const struct passwd *pw = getpwnam("uucp");
	return p->uid == 0 || p->uid == p->gate->uid || (pw && p->uid == pw->pw_uid);
}

/* The policy had to wait for lists of the DNS. */
static void on_known(void *ctx)
{
	struct session *s = ctx;
	s->busy = false;
	send_policy(s);
	if (!s->running)
		session_run(s);
}

/* What a peer may say it is: a network role speaks for the network, the socket for this machine. */
static bool open_session(struct peer *p, const struct ipc_msg *m)
{
	struct gate_open_frame o;
	char sender[64];
	if (!gate_decode_open(m->body, &o) || map_get(p->sessions, id_key(&m->id)))
		return false;
	if (p->socket && map_count(p->sessions) >= SOCKET_TRANSACTIONS_MAX)
		return false;
	enum source_kind kind = p->kind;
	if (p->trusted && !str_is(o.source, "local") && o.source.n)
		kind = str_is(o.source, "esmtp") ? SOURCE_PROXY : SOURCE_PROGRAM;
	else if (p->socket) {
		int n = snprintf(sender, sizeof(sender), "uid %u", p->uid);
		o.source = str_is(o.source, "uucp") && may_be_uucp(p) ? o.source : STR("local");
		o.sender_id = str_at(sender, (size_t)n);
		o.remote_ip = o.remote_host = o.local_ip = STR_NONE;
	}
	if (p->socket && !p->trusted)
		o.from_mta = o.label = STR_NONE;
	if (!p->socket && p->kind == SOURCE_NETWORK)
		o.source = STR("esmtp");
	struct session *s = mem_new(struct session);
	s->peer = p;
	s->id = m->id;
	s->line_end = &s->line;
	s->t = transaction_new(p->gate, &o, kind, p->uid, send_reply, s);
	if (!s->t || !map_set(p->sessions, id_key(&m->id), s)) {
		session_free(s);
		return false;
	}
	s->busy = !transaction_known(s->t, on_known);
	if (!s->busy)
		send_policy(s);
	return true;
}

static bool handle(struct peer *p, const struct ipc_msg *m)
{
	if (m->type == GATE_OPEN)
		return open_session(p, m);
	struct session *s = map_get(p->sessions, id_key(&m->id));
	if (!s)
		return m->type == GATE_CLOSE;
	if (m->type == GATE_CLOSE) {
		map_del(p->sessions, id_key(&m->id));
		session_free(s);
		return true;
	}
	if (s->busy || s->line || hold(s, m->type))
		return wait_in_line(s, m);
	s->running = true;
	bool good = perform(s, m->type, m->body);
	s->running = false;
	return good;
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct peer *p = ctx;
	(void)c;
	p->heard_ms = clock_mono_ms();
	if (!handle(p, m))
		break_off(p, m->type);
}

static void on_close(void *ctx, struct ipc *c)
{
	struct peer *p = ctx;
	(void)c;
	peer_free(p);
}

static enum source_kind kind_of(const char *role)
{
	if (strcmp(role, "esmtpd") == 0)
		return SOURCE_NETWORK;
	return strcmp(role, "dsn") == 0 ? SOURCE_REPORT : SOURCE_FORWARD;
}

void peer_new(struct gate_process *g, const char *role, int fd, bool socket, uint32_t uid)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct peer *p = mem_new(struct peer);
	p->gate = g;
	p->socket = socket;
	p->trusted = socket && (uid == 0 || uid == g->uid);
	p->kind = socket ? SOURCE_PROGRAM : kind_of(role);
	p->uid = uid;
	p->heard_ms = clock_mono_ms();
	p->sessions = map_new();
	p->ipc = ipc_new(service_loop(g->service), fd, &handlers, p);
	if (!p->sessions || !p->ipc) {
		log_error(NULL, "no memory for a client of the gate");
		map_free(p->sessions, NULL);
		if (p->ipc)
			ipc_free(p->ipc);
		else
			close(fd);
		free(p);
		return;
	}
	g->socket_peers += socket;
	p->next = g->peers;
	p->prev = &g->peers;
	if (p->next)
		p->next->prev = &p->next;
	g->peers = p;
}

static bool at_work(const struct peer *p)
{
	struct str key;
	void *session;
	for (size_t at = 0; map_next(p->sessions, &at, &key, &session);)
		if (((struct session *)session)->busy)
			return true;
	return false;
}

void peers_sweep(struct gate_process *g)
{
	int64_t limit = clock_mono_ms() - SOCKET_IDLE_MS;
	for (struct peer *p = g->peers, *next; p; p = next) {
		next = p->next;
		if (p->socket && p->heard_ms < limit && !at_work(p))
			peer_free(p);
	}
}

size_t peers_of(const struct gate_process *g, uint32_t uid)
{
	size_t n = 0;
	for (const struct peer *p = g->peers; p; p = p->next)
		n += p->socket && p->uid == uid;
	return n;
}

void peers_free(struct gate_process *g)
{
	while (g->peers)
		peer_free(g->peers);
}
