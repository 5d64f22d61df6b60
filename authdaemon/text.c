/* The original's protocol, for other software and our own tools (text-request.h). */
#include "config.h"

#include "authdaemon/daemon.h"
#include "authdaemon/remote.h"
#include "authdaemon/text-request.h"
#include "sasl/password.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_MS = 30 * 1000,
	ANSWER_MAX = 64 * 1024 * 1024, /* ENUMERATE of half a million accounts */
	ACCEPT_A_TURN = 16,
	ACCEPT_PAUSE_MS = 500,
};

struct text_connection {
	struct authd *d;
	struct text_connection *next;
	struct stream *stream;
	struct buf text; /* the request, which q looks into */
	struct text_request q;
	struct exchange *exchange;
	bool responded; /* CRAM: the response has been given */
	struct check *check;
	struct verify_job *making;
	struct helper_job *helping;
	struct account *account;
	struct search *search;
	void (*found)(struct text_connection *c); /* account is set */
	struct remote_job *remote;
	struct buf list; /* ENUMERATE */
	size_t listed;   /* back ends */
	bool partial;
};

static void connection_free(struct text_connection *c)
{
	for (struct text_connection **at = &c->d->connections; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	c->d->n_connections--;
	if (c->d->listener)
		watch_set(c->d->listener, WATCH_READ);
	exchange_free(c->exchange);
	check_cancel(c->check);
	if (c->making)
		verifier_cancel(c->making);
	if (c->helping)
		helper_cancel(c->helping);
	search_cancel(c->search);
	remote_cancel(c->remote);
	account_free(c->account);
	buf_free(&c->list);
	mem_wipe(c->text.p, c->text.n);
	buf_free(&c->text);
	stream_free(c->stream);
	free(c);
}

/* Says the last word and closes.  An empty answer means "can't tell". */
static void answer(struct text_connection *c, struct str text)
{
	struct stream *s = c->stream;
	stream_put(s, text);
	c->stream = NULL;
	stream_finish(s);
	connection_free(c);
}

static void fail(struct text_connection *c)
{
	answer(c, STR("FAIL\n"));
}

static void add_number(struct buf *out, const char *name, uint32_t n)
{
	buf_addf(out, "%s=%u\n", name, n);
}

static void add_unless_empty(struct buf *out, const char *name, struct str value)
{
	if (value.n)
		text_attribute(out, name, value);
}

static void answer_account(struct text_connection *c, const struct account *a)
{
	struct buf out;
	buf_init(&out, 2 * ACCOUNT_ARENA_MAX);
	add_unless_empty(&out, "USERNAME", a->a.sysuser);
	add_number(&out, "UID", a->a.uid);
	add_number(&out, "GID", a->a.gid);
	text_attribute(&out, "HOME", a->a.home);
	text_attribute(&out, "ADDRESS", a->a.name);
	add_unless_empty(&out, "NAME", a->a.fullname);
	add_unless_empty(&out, "MAILDIR", a->a.maildir);
	add_unless_empty(&out, "QUOTA", a->a.quota);
	add_unless_empty(&out, "PASSWD", a->stored);
	add_unless_empty(&out, "PASSWD2", a->sasl.clear);
	add_unless_empty(&out, "OPTIONS", a->a.options);
	buf_addz(&out, ".\n");
	answer(c, out.failed ? STR_NONE : buf_str(&out));
	mem_wipe(out.p, out.n);
	buf_free(&out);
}

/* A name that is a file's and an option's part, out of a request. */
static bool copy_word(struct str s, char *out, size_t size)
{
	if (s.n == 0 || s.n >= size || memchr(s.p, 0, s.n))
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = 0;
	return true;
}

static void go_on(struct text_connection *c, enum account_found r)
{
	if (r == ACCOUNT_FOUND)
		c->found(c);
	else
		answer(c, r == ACCOUNT_ABSENT ? STR("FAIL\n") : STR_NONE);
}

static void on_found(void *ctx, enum account_found r, struct account *a)
{
	struct text_connection *c = ctx;
	c->search = NULL;
	c->account = a;
	go_on(c, r);
}

/* found() goes on when there is one; otherwise the connection is answered and gone. */
static void find_account(
    struct text_connection *c, struct str module, void (*found)(struct text_connection *c))
{
	char service[AUTH_SERVICE_MAX], name[64];
	enum account_found r = ACCOUNT_ABSENT;
	c->found = found;
	if (copy_word(c->q.service, service, sizeof service) &&
	    copy_word(module, name, sizeof name))
		r = accounts_find(&c->d->accounts, name, service, c->q.user, &c->account,
		    &c->search, on_found, c);
	if (r != ACCOUNT_LATER)
		go_on(c, r);
}

static void pre_found(struct text_connection *c)
{
	answer_account(c, c->account);
}

static void do_pre(struct text_connection *c)
{
	find_account(c, c->q.module, pre_found);
}

/* AUTH */

static void respond(struct text_connection *c)
{
	struct buf raw;
	buf_init(&raw, TEXT_REQUEST_MAX);
	c->responded = true;
	base64_decode(c->q.response, &raw); /* what is broken will not match */
	exchange_step(c->exchange, buf_str(&raw));
	buf_free(&raw);
}

static void on_said(void *ctx, struct exchange *x, enum auth_verdict v, struct str data UNUSED)
{
	struct text_connection *c = ctx;
	if (v == AUTH_CONTINUE && !c->responded && c->q.response.n) {
		respond(c);
	} else if (v == AUTH_OK) {
		c->account = exchange_take_account(x);
		answer_account(c, c->account);
	} else {
		answer(c, v == AUTH_TEMPFAIL ? STR_NONE : STR("FAIL\n"));
	}
}

static void auth_login_request(struct text_connection *c)
{
	struct buf plain;
	buf_init(&plain, 2 * TEXT_REQUEST_MAX);
	buf_addc(&plain, 0);
	buf_adds(&plain, c->q.user);
	buf_addc(&plain, 0);
	buf_adds(&plain, c->q.password);
	exchange_step(c->exchange, buf_str(&plain));
	mem_wipe(plain.p, plain.n);
	buf_free(&plain);
}

static void auth_cram_request(struct text_connection *c)
{
	struct buf raw;
	buf_init(&raw, TEXT_REQUEST_MAX);
	bool ok = base64_decode(c->q.challenge, &raw) && raw.n > 0;
	if (ok)
		exchange_set_challenge(c->exchange, buf_str(&raw));
	buf_free(&raw);
	if (ok)
		exchange_step(c->exchange, STR_NONE);
	else
		fail(c);
}

static void do_auth(struct text_connection *c)
{
	bool login = str_is(c->q.type, "login");
	if (!login && !str_istarts(c->q.type, STR("cram-"))) {
		fail(c);
		return;
	}
	c->exchange = exchange_new(c->d, c->q.service, login ? STR("PLAIN") : c->q.type,
	    str_head(c->q.peer, AUTH_PEER_MAX - 1), STR_NONE, STR_NONE, on_said, c);
	if (!c->exchange)
		fail(c);
	else if (login)
		auth_login_request(c);
	else
		auth_cram_request(c);
}

/* PASSWD */

static void on_changed(void *ctx, enum authdb_verdict v)
{
	struct text_connection *c = ctx;
	c->remote = NULL;
	if (v == AUTHDB_YES)
		log_info(
		    NULL, "the password of '%.*s' has been changed", STR_FMT(c->account->a.name));
	answer(c, v == AUTHDB_YES ? STR("OK\n") : v == AUTHDB_NO ? STR("FAIL\n") : STR_NONE);
}

static void on_made(void *ctx, int verdict UNUSED, struct str made)
{
	struct text_connection *c = ctx;
	const struct backend *b = c->account->backend;
	char service[AUTH_SERVICE_MAX];
	c->making = NULL;
	if (!made.n || !copy_word(c->q.service, service, sizeof service))
		fail(c);
	else if (b->role)
		c->remote = remote_change(c->d->accounts.remotes, b->role, account_service(service),
		    c->account->a.name, c->q.password, c->q.new_password, made, on_changed, c);
	else
		on_changed(
		    c, b->change(&c->d->accounts, c->account, service, c->q.new_password, made) == 0
			   ? AUTHDB_YES
			   : AUTHDB_NO);
}

/* The scheme of before; for accounts of others "plain" is a column of its own, and who checks
 * passwords itself knows salted digests best. */
static const char *scheme_for(const struct account *a)
{
	const char *scheme = password_scheme_of(a->stored);
	if (a->binds)
		return "ssha";
	if (scheme && a->backend->role && strcmp(scheme, "plain") == 0)
		return "crypt";
	return password_scheme_after(a->stored);
}

static void on_helped(void *ctx, int verdict)
{
	struct text_connection *c = ctx;
	c->helping = NULL;
	on_changed(c, verdict < 0 ? AUTHDB_UNKNOWN : verdict == 0 ? AUTHDB_YES : AUTHDB_NO);
}

/* Users of the system: as themselves, which the helper alone can do. */
static void change_system(struct text_connection *c)
{
	if (c->d->helper)
		c->helping = helper_change(c->d->helper, c->account->a.sysuser, c->q.password,
		    c->q.new_password, on_helped, c);
	else
		fail(c);
}

static void on_old_checked(void *ctx, enum check_result r)
{
	struct text_connection *c = ctx;
	c->check = NULL;
	if (r == CHECK_FAILED)
		answer(c, STR_NONE);
	else if (r == CHECK_WRONG)
		fail(c);
	else if (!c->account->backend->change && !c->account->backend->role)
		change_system(c);
	else
		c->making = verifier_make(
		    c->d->verifier, scheme_for(c->account), c->q.new_password, on_made, c);
}

static void passwd_found(struct text_connection *c)
{
	c->check =
	    check_password(c->d, c->account, "passwd", c->q.password, c->q.peer, on_old_checked, c);
}

static void do_passwd(struct text_connection *c)
{
	find_account(c, STR("."), passwd_found);
}

/* ENUMERATE */

static void add_column(struct buf *out, struct str value, char end)
{
	if (!str_has_ctl(value))
		buf_adds(out, value);
	buf_addc(out, end);
}

static int list_one(void *ctx, const struct auth_account *a)
{
	struct buf *out = ctx;
	add_column(out, a->name, '\t');
	buf_addf(out, "%u\t%u\t", a->uid, a->gid);
	add_column(out, a->home, '\t');
	add_column(out, a->maildir, '\t');
	add_column(out, a->options, '\n');
	return out->failed ? -1 : 0;
}

static int list_remote(void *ctx, const struct auth_account *a)
{
	struct text_connection *c = ctx;
	return list_one(&c->list, a);
}

static void on_listed(void *ctx, enum authdb_verdict v);

static void list_rest(struct text_connection *c)
{
	struct accounts *s = &c->d->accounts;
	while (c->listed < s->n) {
		const struct backend *b = s->order[c->listed++];
		buf_addf(&c->list, "# %s\n\n", b->name);
		if (b->role) {
			c->remote = remote_each(s->remotes, b->role, list_remote, on_listed, c);
			return;
		}
		c->partial |= b->each(s, list_one, &c->list) != 0;
	}
	if (!c->partial) /* without it the reader knows that something is missing */
		buf_addz(&c->list, ".\n");
	answer(c, buf_str(&c->list));
}

static void on_listed(void *ctx, enum authdb_verdict v)
{
	struct text_connection *c = ctx;
	c->remote = NULL;
	c->partial |= v != AUTHDB_YES;
	list_rest(c);
}

static void do_enumerate(struct text_connection *c)
{
	list_rest(c);
}

static void on_input(void *ctx, struct stream *s)
{
	static void (*const arms[])(struct text_connection *) = {[TEXT_PRE] = do_pre,
	    [TEXT_AUTH] = do_auth,
	    [TEXT_PASSWD] = do_passwd,
	    [TEXT_ENUMERATE] = do_enumerate};
	struct text_connection *c = ctx;
	int r = text_parse(stream_input(s), &c->q);
	if (r == 0)
		return;
	if (r < 0) {
		fail(c);
		return;
	}
	buf_adds(&c->text, stream_input(s));
	stream_consume(s, c->text.n);
	stream_pause(s);
	stream_timer(s, 0);
	text_parse(buf_str(&c->text), &c->q); /* again, over bytes that stay where they are */
	arms[c->q.kind](c);
}

static void on_close(void *ctx, struct stream *s UNUSED, enum stream_end why UNUSED)
{
	connection_free(ctx);
}

static void accept_one(struct authd *d, int fd)
{
	static const struct stream_handlers handlers = {on_input, NULL, on_close, NULL};
	struct text_connection *c = mem_new(struct text_connection);
	c->d = d;
	buf_init(&c->text, TEXT_REQUEST_MAX);
	buf_init(&c->list, ANSWER_MAX - 1024);
	c->stream = stream_new(d->loop, fd, TEXT_REQUEST_MAX, ANSWER_MAX, &handlers, c);
	if (!c->stream) {
		close(fd);
		buf_free(&c->text);
		buf_free(&c->list);
		free(c);
		return;
	}
	stream_timer(c->stream, READ_MS);
	c->next = d->connections;
	d->connections = c;
	d->n_connections++;
}

static void resume_accept(void *ctx)
{
	struct authd *d = ctx;
	watch_set(d->listener, WATCH_READ);
}

/* Out of descriptors or memory: the caller still waits, and would wake us again at once. */
static void pause_accept(struct authd *d)
{
	log_error(NULL, "cannot accept a connection: %m");
	watch_set(d->listener, 0);
	timer_set(d->accept_again, ACCEPT_PAUSE_MS);
}

static void on_listener(void *ctx, int listener, int what UNUSED)
{
	struct authd *d = ctx;
	for (int i = 0; i < ACCEPT_A_TURN; i++) {
		if (d->n_connections >= TEXT_CONNECTIONS_MAX) {
			watch_set(d->listener, 0); /* the others wait in the kernel's queue */
			return;
		}
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				pause_accept(d);
			return;
		}
		accept_one(d, fd);
	}
}

int text_listen(struct authd *d, int fd)
{
	d->accept_again = timer_new(d->loop, resume_accept, d);
	d->listener = watch_new(d->loop, fd, on_listener, d);
	if (!d->listener || !d->accept_again)
		return -1;
	watch_set(d->listener, WATCH_READ);
	return 0;
}

void text_close_all(struct authd *d)
{
	while (d->connections)
		connection_free(d->connections);
}
