#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "access/access.h"
#include "unit/esmtpd-fake.h"

static struct fake *the; /* one at a time: the stubs below have no other way to it */

/* ---- the gate ------------------------------------------------------------------------------- */

struct gate_client {
	int unused;
};

struct gate_txn {
	gate_connected connected;
	gate_answer answer;
	void (*writable)(void *ctx);
	void *ctx;
	struct gate_reply reply;
};

static void policy_later(void *ctx)
{
	struct gate_txn *t = ctx;
	struct gate_policy p = {
	    .greeting = STR("mx.example.com"),
	    .env = the->env,
	    .size_limit = the->size_limit,
	    .max_rcpts = the->max_rcpts,
	    .deny = the->deny,
	    .reply = {.code = 554, .enhanced = STR("5.7.1"), .text = STR("Go away")},
	};

	t->connected(t->ctx, &p);
}

static void answer_later(void *ctx)
{
	struct gate_txn *t = ctx;

	t->answer(t->ctx, &t->reply);
}

static void writable_later(void *ctx)
{
	struct gate_txn *t = ctx;

	t->writable(t->ctx);
}

static void answer(struct gate_txn *t, struct str about, gate_answer cb, void *ctx)
{
	t->answer = cb;
	t->ctx = ctx;
	if (str_starts(about, STR("no")) && !str_starts(about, STR("none")))
		t->reply = (struct gate_reply){550, STR("5.1.1"), STR("No such\nthing"), STR_NONE};
	else if (str_starts(about, STR("later")))
		t->reply = (struct gate_reply){450, STR("4.2.0"), STR("Not now"), STR_NONE};
	else if (str_starts(about, STR("gone")))
		t->reply = (struct gate_reply){421, STR("4.3.0"), STR("Gate lost"), STR_NONE};
	else if (str_starts(about, STR("each")))
		t->reply = (struct gate_reply){
		    558, STR_NONE, STR("550-5.7.1 No\n550 5.7.1 never\n250 2.0.0 Fine"), STR("id")};
	else if (str_starts(about, STR("none")))
		t->reply = (struct gate_reply){
		    558, STR_NONE, STR("550 5.7.1 No\n450 4.7.1 Later"), STR_NONE};
	else
		t->reply = (struct gate_reply){250, STR("2.0.0"), STR("Fine"), STR_NONE};
	loop_defer(the->loop, answer_later, t);
}

struct gate_txn *gate_open(
    struct gate_client *g, const struct gate_origin *o, gate_connected cb, void *ctx)
{
	struct gate_txn *t = mem_new(struct gate_txn);

	t->connected = cb;
	t->ctx = ctx;
	loop_defer(the->loop, policy_later, t);
	return t;
}

void gate_close(struct gate_txn *t)
{
	loop_defer_cancel(the->loop, policy_later, t);
	loop_defer_cancel(the->loop, answer_later, t);
	loop_defer_cancel(the->loop, writable_later, t);
	free(t);
}

void gate_name(struct gate_txn *t, struct str host) {}

static void keep(char *to, size_t n, struct str s)
{
	snprintf(to, n, "%.*s", STR_FMT(s));
}

void gate_mail(struct gate_txn *t, const struct gate_mail *m, gate_answer cb, void *ctx)
{
	the->last_mail = *m;
	keep(the->with, sizeof the->with, str_of(m->with));
	keep(the->login, sizeof the->login, m->login);
	keep(the->helo, sizeof the->helo, m->helo);
	keep(the->envid, sizeof the->envid, m->envid);
	buf_addf(&the->log, "M<%.*s> ", STR_FMT(m->sender));
	buf_clear(&the->body);
	answer(t, m->sender, cb, ctx);
}

void gate_rcpt(struct gate_txn *t, const struct gate_rcpt *r, gate_answer cb, void *ctx)
{
	the->last_rcpt = *r;
	keep(the->orcpt, sizeof the->orcpt, r->orcpt);
	buf_addf(&the->log, "R<%.*s> ", STR_FMT(r->address));
	answer(t, r->address, cb, ctx);
}

void gate_auth(
    struct gate_txn *t, struct str ticket, struct str mechanism, gate_answer cb, void *ctx)
{
	buf_addf(&the->log, "A<%.*s:%.*s> ", STR_FMT(ticket), STR_FMT(mechanism));
	if (cb)
		answer(t, the->no_ticket ? STR("later") : STR("yes"), cb, ctx);
}

void gate_vrfy(struct gate_txn *t, struct str address, bool expand, gate_answer cb, void *ctx)
{
	buf_addf(&the->log, "%c<%.*s> ", expand ? 'x' : 'v', STR_FMT(address));
	answer(t, address, cb, ctx);
}

bool gate_data(struct gate_txn *t, struct str chunk, void (*writable)(void *ctx), void *ctx)
{
	buf_adds(&the->body, chunk);
	if (!the->congest)
		return true;
	t->writable = writable;
	t->ctx = ctx;
	loop_defer(the->loop, writable_later, t);
	return false;
}

void gate_end(struct gate_txn *t, gate_answer cb, void *ctx)
{
	buf_addf(&the->log, "D[%.*s] E ", STR_FMT(buf_str(&the->body)));
	answer(t, buf_str(&the->body), cb, ctx);
}

void gate_reset(struct gate_txn *t)
{
	buf_addz(&the->log, "X ");
	buf_clear(&the->body);
}

/* ---- the DNS -------------------------------------------------------------------------------- */

struct dns {
	dns_name_done done;
	void *ctx;
	unsigned turns;
};

static struct dns names;

static void name_later(void *ctx)
{
	struct dns *d = ctx;

	if (d->turns-- > 1)
		loop_defer(the->loop, name_later, d);
	else
		d->done(d->ctx, DNS_OK, STR("client.example"));
}

uint64_t dns_reverse(struct dns *d, const struct sockaddr *sa, dns_name_done done, void *ctx)
{
	*d = (struct dns){done, ctx, the->name_turns};
	loop_defer(the->loop, name_later, d);
	return 1;
}

void dns_cancel(struct dns *d, uint64_t id)
{
	loop_defer_cancel(the->loop, name_later, d);
}

/* ---- authdaemond ---------------------------------------------------------------------------- */

struct auth_client {
	int unused;
};

struct auth_sasl {
	char mechanism[32], user[64];
	int step;
	auth_done done;
	void *ctx;
	struct auth_result result;
	struct buf data;
};

static void sasl_free(struct auth_sasl *x)
{
	buf_free(&x->data);
	free(x);
}

static void done_later(void *ctx)
{
	struct auth_sasl *x = ctx;
	struct auth_result r = x->result;

	r.data = buf_str(&x->data);
	r.login = str_of(x->user);
	r.ticket = r.verdict == AUTH_OK ? STR("ticket") : STR_NONE;
	x->done(x->ctx, &r);
	if (r.verdict != AUTH_CONTINUE)
		sasl_free(x);
}

static void conclude(struct auth_sasl *x, enum auth_verdict v, const char *data)
{
	x->result.verdict = v;
	buf_clear(&x->data);
	buf_addz(&x->data, data);
	loop_defer(the->loop, done_later, x);
}

/* PLAIN: "\0user\0secret".  LOGIN: two questions.  SCRAM-SHA-256: one question, and a last word. */
static void take(struct auth_sasl *x, struct str s)
{
	struct str user, rest = s;

	x->step++;
	if (strcmp(x->mechanism, "PLAIN") == 0) {
		str_split(&rest, 0, &user);
		str_split(&rest, 0, &user);
		keep(x->user, sizeof x->user, user);
		conclude(x, str_is(rest, "secret") ? AUTH_OK : AUTH_NO, "");
	} else if (strcmp(x->mechanism, "LOGIN") == 0 && x->step == 1) {
		keep(x->user, sizeof x->user, s);
		conclude(x, AUTH_CONTINUE, "Password:");
	} else if (strcmp(x->mechanism, "LOGIN") == 0)
		conclude(x, str_is(s, "secret") ? AUTH_OK : AUTH_NO, "");
	else if (x->step == 1)
		conclude(x, AUTH_CONTINUE, "r=nonce");
	else {
		keep(x->user, sizeof x->user, STR("scram"));
		conclude(x, str_is(s, "secret") ? AUTH_OK : AUTH_TEMPFAIL, "v=signature");
	}
}

struct auth_sasl *auth_sasl_start(struct auth_client *a, const char *service, struct str mechanism,
    struct str initial, struct str peer, bool tls, struct str binding, auth_done done, void *ctx)
{
	struct auth_sasl *x = mem_new(struct auth_sasl);

	keep(x->mechanism, sizeof x->mechanism, mechanism);
	x->done = done;
	x->ctx = ctx;
	buf_init(&x->data, 1000);
	if (initial.p)
		take(x, initial);
	else
		conclude(x, AUTH_CONTINUE, strcmp(x->mechanism, "LOGIN") == 0 ? "Username:" : "");
	return x;
}

struct auth_sasl *auth_sasl_external(struct auth_client *a, const char *service, struct str name,
    struct str initial, struct str peer, auth_done done, void *ctx)
{
	struct auth_sasl *x = mem_new(struct auth_sasl);

	x->done = done;
	x->ctx = ctx;
	buf_init(&x->data, 1000);
	keep(x->user, sizeof x->user, name);
	conclude(x, AUTH_OK, "");
	return x;
}

void auth_sasl_step(struct auth_sasl *x, struct str response)
{
	take(x, response);
}

void auth_sasl_cancel(struct auth_sasl *x)
{
	loop_defer_cancel(the->loop, done_later, x);
	sasl_free(x);
}

/* ---- the client ----------------------------------------------------------------------------- */

static void bark(void *ctx)
{
	struct fake *f = ctx;

	f->timed_out = true;
	loop_stop(f->loop);
}

struct fake *fake_new(void)
{
	static struct gate_client gate;
	static struct auth_client auth;
	struct fake *f = mem_new(struct fake);
	struct esmtpd *e = mem_new(struct esmtpd);
	struct door_settings *d = mem_new(struct door_settings);

	the = f;
	f->loop = e->loop = loop_new();
	f->server = e;
	f->watchdog = timer_new(f->loop, bark, f);
	buf_init(&f->log, 1000000);
	buf_init(&f->body, 1000000);
	*d = (struct door_settings){.refs = 1,
	    .auth = mem_strdup("PLAIN LOGIN SCRAM-SHA-256"),
	    .auth_tls = mem_strdup("PLAIN LOGIN SCRAM-SHA-256"),
	    .starttls = true,
	    .max_total = 100,
	    .warn = 90,
	    .max_per_ip = 100,
	    .max_per_net = 100,
	    .max_bad = 20,
	    .max_refused = 20,
	    .max_idle = 100,
	    .line_max = SMTP_LINE_MAX,
	    .tarpit_max_ms = 30,
	    .command_ms = 4000,
	    .data_ms = 4000,
	    .session_ms = 60000};
	e->gate = &gate;
	e->auth = &auth;
	e->arena = arena_new(COMMAND_ARENA_MAX);
	e->board = board_new(NULL);
	e->doors[0] = (struct door){.name = "smtp", .component = "esmtpd", .settings = d};
	return f;
}

struct door_settings *fake_settings(struct fake *f)
{
	return f->server->doors[0].settings;
}

void fake_free(struct fake *f)
{
	struct esmtpd *e = f->server;

	e->draining = true;
	proxy_end_all(e);
	while (e->sessions) {
		session_abort(e->sessions);
		fake_run(f, 0);
	}
	door_settings_drop(e->doors[0].settings);
	tls_server_free(e->doors[0].tls);
	board_free(e->board);
	arena_free(e->arena);
	timer_free(f->watchdog);
	loop_free(f->loop);
	buf_free(&f->log);
	buf_free(&f->body);
	free(e);
	free(f);
}

static void connect_balanced(struct fake *f, int fd)
{
	struct door_settings *d = fake_settings(f);
	struct session_ends ends = {0};
	struct sockaddr_in here = {.sin_family = AF_INET,
	    .sin_port = htons(25),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	memcpy(&ends.peer, &here, sizeof here);
	memcpy(&ends.local, &here, sizeof here);
	if (!d->proxy_from)
		d->proxy_from = access_list_new(STR("127"), NULL);
	d->options.proxy_seconds = 4;
	d->reverse_dns = f->name_turns > 0;
	f->server->dns = f->name_turns ? &names : NULL;
	if (!proxy_take(f->server, &f->server->doors[0], fd, &ends))
		abort();
}

int fake_connect(struct fake *f)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	if (f->balanced)
		connect_balanced(f, fds[0]);
	else
		esmtpd_connection(f->server, &f->server->doors[0], fds[0],
		    &(struct sockaddr_storage){.ss_family = AF_UNIX});
	return fds[1];
}

void fake_run(struct fake *f, int64_t ms)
{
	timer_set(f->watchdog, ms);
	loop_run(f->loop);
	timer_clear(f->watchdog);
	f->timed_out = false;
}

struct talk {
	struct fake *fake;
	struct watch *watch;
	struct str text;
	size_t piece;
	struct buf *out;
};

static void talk_read(struct talk *k, int fd)
{
	char b[4096];
	ssize_t n = recv(fd, b, sizeof b, 0);

	if (n > 0)
		buf_add(k->out, b, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		loop_stop(k->fake->loop);
}

static void talk_write(struct talk *k, int fd)
{
	size_t piece = k->piece && k->piece < k->text.n ? k->piece : k->text.n;
	ssize_t n = piece ? send(fd, k->text.p, piece, MSG_NOSIGNAL) : 0;

	if (n > 0)
		k->text = str_skip(k->text, (size_t)n);
	else if (n < 0 && errno != EAGAIN)
		k->text.n = 0;
	if (!k->text.n && k->fake->hangs_up)
		loop_stop(k->fake->loop);
	else if (!k->text.n) {
		shutdown(fd, SHUT_WR);
		watch_set(k->watch, WATCH_READ);
	}
}

static void talk_ready(void *ctx, int fd, int what)
{
	struct talk *k = ctx;

	if (what & WATCH_WRITE)
		talk_write(k, fd);
	if (what & WATCH_READ)
		talk_read(k, fd);
}

void fake_talk(struct fake *f, struct str text, size_t piece, struct buf *out)
{
	int fd = fake_connect(f);
	struct talk k = {f, NULL, text, piece, out};

	k.watch = watch_new(f->loop, fd, talk_ready, &k);
	watch_set(k.watch, WATCH_READ | WATCH_WRITE);
	timer_set(f->watchdog, 10000);
	loop_run(f->loop);
	timer_clear(f->watchdog);
	watch_free(k.watch);
	close(fd);
	bool barked = f->timed_out;
	for (int i = 0; i < 3; i++) /* what was put off is done */
		fake_run(f, 0);
	f->timed_out = barked;
}
