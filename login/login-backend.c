/*
 * A mailbox on another server (the account's option mailhost): it is called, logged in to with the
 * password the client has given, and from then on the bytes are carried between the two.
 */
#include "config.h"

#include "login/back-talk.h"
#include "login/login.h"

#include "dns/dns.h"
#include "dns/rdata.h"
#include "smtp/outgoing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONNECT_MS = 10000, ALL_MS = 45000 };

struct login_back { /* what the process has for it */
	struct dns *dns;
	struct tls_client *tls;
	enum back_tls policy;
	char *own; /* this host's name */
	uint16_t port;
	bool foreign;
};

struct login_call { /* one call of another server */
	struct login_conn *c;
	struct back_talk talk;
	char *host, *user;
	uint64_t lookup;
	struct sockaddr_storage addrs[DNS_ADDRESSES_MAX];
	size_t n, at;
	int fd;
	struct watch *watch;
	struct timer *attempt, *end;
};

static const char *setting(const struct login_protocol *p, const char *imap, const char *pop3)
{
	return p == &login_imap ? imap : pop3;
}

static struct login_back *back_make(struct service *s, const struct login_protocol *p)
{
	struct config *cfg = service_config(s);
	const char *comp = p->component;
	struct login_back *b = mem_new(struct login_back);
	struct str own = config_str(cfg, comp, "PROXY_HOSTNAME", NULL);
	b->own = own.n ? mem_strndup(own.p, own.n) : config_host_name();
	b->port =
	    (uint16_t)config_int(cfg, comp, setting(p, "IMAP_PROXY_PORT", "POP3_PROXY_PORT"), NULL);
	b->foreign = p == &login_imap && config_bool(cfg, comp, "IMAP_PROXY_FOREIGN", NULL);
	(void)back_tls_parse(
	    config_str(cfg, comp, setting(p, "IMAP_PROXY_TLS", "POP3_PROXY_TLS"), NULL),
	    &b->policy);
	b->dns = dns_new(service_loop(s), service_instance(s));
	b->tls = tls_client_new_plain(cfg, comp);
	return b;
}

int login_back_setup(struct login *l, const struct login_protocol *p)
{
	struct config *cfg = service_config(l->s);
	if (!config_bool(cfg, p->component, setting(p, "IMAP_PROXY", "POP3_PROXY"), NULL))
		return 0;
	l->back = back_make(l->s, p);
	return l->back->dns && l->back->tls ? 0 : -1;
}

/* ---- the password ---- */

void login_secret_forget(struct login_conn *c)
{
	if (c->secret.p)
		mem_wipe(c->secret.p, c->secret.n);
	buf_free(&c->secret);
}

void login_secret_keep(struct login_conn *c, struct str password)
{
	login_secret_forget(c);
	if (!c->l->back || !password.n)
		return;
	buf_init(&c->secret, LOGIN_LITERAL_MAX);
	buf_adds(&c->secret, password);
}

/* Of PLAIN what stands behind the second NUL; of LOGIN the last answer is the password. */
void login_secret_response(struct login_conn *c, struct str response)
{
	struct str piece;
	if (!c->l->back || !response.n)
		return;
	if (str_iis(str_of(c->method), "LOGIN"))
		login_secret_keep(c, response);
	else if (str_iis(str_of(c->method), "PLAIN") && str_split(&response, 0, &piece) &&
		 str_split(&response, 0, &piece))
		login_secret_keep(c, response);
}

/* With other mechanisms no password comes along that could be said to another server. */
bool login_back_mechanism_ok(const struct login_conn *c, struct str mechanism)
{
	return !c->l->back || str_iis(mechanism, "PLAIN") || str_iis(mechanism, "LOGIN");
}

/* ---- the call ---- */

static void hang_up(struct login_call *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
	watch_free(k->watch);
	k->watch = NULL;
	timer_clear(k->attempt);
}

void login_call_free(struct login_conn *c)
{
	struct login_call *k = c->call;
	if (!k)
		return;
	c->call = NULL;
	hang_up(k);
	if (k->lookup)
		dns_cancel(c->l->back->dns, k->lookup);
	timer_free(k->attempt);
	timer_free(k->end);
	back_talk_free(&k->talk);
	free(k->host);
	free(k->user);
	free(k);
}

static void give_up(struct login_call *k, const char *why, const char *detail)
{
	struct login_conn *c = k->c;
	log_error(NULL,
	    "cannot reach the mailbox, user=%s, ip=[%s], port=[%u], protocol=%s, mailhost=%s: "
	    "%s%s%s",
	    c->user, c->peer, c->peer_port, c->protocol->log_name, k->host, why, detail ? ": " : "",
	    detail ? detail : "");
	login_call_free(c);
	login_proxy_free(c);
	login_secret_forget(c);
	login_unavailable(c);
}

static void refused(struct login_call *k)
{
	struct login_conn *c = k->c;
	char *user = mem_strdup(k->user);
	log_error(NULL,
	    "the mailhost does not take the password that is right here, user=%s, protocol=%s, "
	    "mailhost=%s",
	    user, c->protocol->log_name, k->host);
	login_call_free(c);
	login_proxy_free(c);
	login_secret_forget(c);
	login_failed(c, str_of(user));
	free(user);
}

static void connected(struct login_call *k)
{
	struct login_conn *c = k->c;
	char *host = k->host;
	struct buf can = k->talk.capability;
	k->host = NULL;
	k->talk.capability = (struct buf){0};
	log_info(NULL, "LOGIN, user=%s, ip=[%s], port=[%u], protocol=%s, mailhost=%s%s%s", k->user,
	    c->peer, c->peer_port, c->protocol->log_name, host,
	    k->talk.secure ? ", mailhosttls=1" : "",
	    !c->tls                      ? ""
	    : c->protocol == &login_imap ? ", starttls=1"
					 : ", stls=1");
	login_call_free(c);
	login_secret_forget(c);
	c->mailhost = host;
	c->protocol->proxied(c, buf_str(&can), c->l->back->foreign);
	buf_free(&can);
	stream_pause(c->back); /* so that what has come behind the answer is seen */
	login_proxy_carry(c);
}

/* True: the call is over, and k with it. */
static bool act(struct login_call *k, enum back_do what)
{
	struct login_conn *c = k->c;
	struct back_talk *t = &k->talk;
	stream_put(c->back, buf_str(&t->say));
	mem_wipe(t->say.p, t->say.n);
	buf_clear(&t->say);
	switch (what) {
	case BACK_WAIT:
		return false;
	case BACK_TLS:
		if (tls_connect(c->back, c->l->back->tls, k->host,
			c->l->back->policy == BACK_TLS_VERIFY ? TLS_VERIFY_NAME
							      : TLS_OPPORTUNISTIC) >= 0)
			return true;
		give_up(k, "TLS cannot be started", NULL);
		return true;
	case BACK_IN:
		connected(k);
		return true;
	case BACK_NO:
		refused(k);
		return true;
	case BACK_FAULT:
		give_up(k, t->why, NULL);
		return true;
	}
	return true;
}

static void call_input(void *ctx, struct stream *s)
{
	struct login_call *k = ctx;
	struct str line;
	size_t used;
	int r;
	while ((r = stream_line(s, BACK_LINE_MAX, false, &line, &used)) == 1) {
		enum back_do what = back_talk_line(&k->talk, line);
		stream_consume(s, used);
		if (act(k, what))
			return;
	}
	if (r < 0)
		give_up(k, "its line is too long", NULL);
}

static void call_secure(void *ctx, struct stream *s UNUSED)
{
	struct login_call *k = ctx;
	(void)act(k, back_talk_secure(&k->talk));
}

static void call_closed(void *ctx, struct stream *s, enum stream_end why)
{
	struct login_call *k = ctx;
	give_up(k, why == STREAM_TLS ? "TLS failed" : "it has closed the connection",
	    why == STREAM_TLS ? stream_error(s) : NULL);
}

static const struct stream_handlers call_handlers = {call_input, NULL, call_closed, call_secure};

/* One of our own ports at an address of this host: it would call itself for ever. */
static bool is_self(struct login_call *k, int fd)
{
	struct sockaddr_storage here, there;
	socklen_t n = sizeof here, m = sizeof there;
	struct login *l = k->c->l;
	bool own_port = false;
	for (size_t i = 0; i < l->n_doors; i++)
		own_port |= l->doors[i].port == l->back->port;
	return own_port && getsockname(fd, (struct sockaddr *)&here, &n) == 0 &&
	       getpeername(fd, (struct sockaddr *)&there, &m) == 0 &&
	       dns_same_address(&here, &there);
}

static void try_next(struct login_call *k, int error);

static void reached(void *ctx, int fd, int what UNUSED)
{
	struct login_call *k = ctx;
	struct login_conn *c = k->c;
	int e = outgoing_error(fd);
	if (e) {
		try_next(k, e);
		return;
	}
	if (is_self(k, fd)) {
		give_up(k,
		    "that is this host under another name; PROXY_HOSTNAME must be as in "
		    "the option mailhost",
		    NULL);
		return;
	}
	k->fd = -1;
	hang_up(k);
	c->back = stream_new(
	    service_loop(c->l->s), fd, LOGIN_PROXY_BUFFER, LOGIN_PROXY_HARD, &call_handlers, k);
	if (!c->back) {
		close(fd);
		give_up(k, "no memory", NULL);
	}
}

static void attempt_over(void *ctx)
{
	try_next(ctx, ETIMEDOUT);
}

static void too_slow(void *ctx)
{
	give_up(ctx, "it does not answer in time", NULL);
}

static void try_next(struct login_call *k, int error)
{
	hang_up(k);
	while (k->at < k->n) {
		k->fd = outgoing_connect(&k->addrs[k->at++], STR_NONE);
		if (k->fd < 0) {
			error = errno;
			continue;
		}
		k->watch = watch_new(service_loop(k->c->l->s), k->fd, reached, k);
		if (!k->watch) {
			hang_up(k);
			break;
		}
		watch_set(k->watch, WATCH_WRITE);
		timer_set(k->attempt, CONNECT_MS);
		return;
	}
	give_up(k, "no connection", strerror(error));
}

static void set_port(struct sockaddr_storage *ss, uint16_t port)
{
	if (ss->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ss)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)ss)->sin_port = htons(port);
}

static void found(void *ctx, const struct dns_mx *mx)
{
	struct login_call *k = ctx;
	k->lookup = 0;
	for (size_t i = 0; i < mx->n_hosts; i++)
		for (size_t j = 0; j < mx->hosts[i].n_addrs && k->n < ARRAY_LEN(k->addrs); j++) {
			k->addrs[k->n] = mx->hosts[i].addrs[j];
			set_port(&k->addrs[k->n++], k->c->l->back->port);
		}
	if (k->n)
		try_next(k, 0);
	else
		give_up(k,
		    mx->status == DNS_TEMPFAIL ? "the DNS cannot tell its address now"
					       : "it has no address",
		    NULL);
}

static void call(struct login_conn *c, struct str host, struct str user)
{
	struct login_back *b = c->l->back;
	struct login_call *k = mem_new(struct login_call);
	c->call = k;
	k->c = c;
	k->fd = -1;
	k->host = mem_strndup(host.p, host.n);
	k->user = mem_strndup(user.p, user.n);
	back_talk_init(&k->talk, c->protocol == &login_imap, str_of(k->user), buf_str(&c->secret));
	k->talk.tls = b->policy;
	k->talk.foreign = b->foreign;
	k->talk.utf8 = c->utf8;
	k->attempt = timer_new(service_loop(c->l->s), attempt_over, k);
	k->end = timer_new(service_loop(c->l->s), too_slow, k);
	timer_set(k->end, ALL_MS);
	k->lookup = dns_addresses(b->dns, host, found, k);
}

bool login_elsewhere(struct login_conn *c, struct str options, struct str user)
{
	struct login_back *b = c->l->back;
	const struct mailhost_facts facts = {.proxy = b != NULL,
	    .options = options,
	    .own = str_of(b ? b->own : ""),
	    .password = c->secret.n > 0};
	struct str host;
	enum mailhost where = mailhost_decide(&facts, &host);
	if (where == MAILHOST_HERE) {
		login_secret_forget(c);
		return false;
	}
	if (where == MAILHOST_NO_PASSWORD) {
		log_warning(NULL,
		    "no password to log in at mailhost=%.*s with, user=%s, method=%s, "
		    "protocol=%s: clients must use LOGIN or PLAIN",
		    STR_FMT(host), c->user, c->method, c->protocol->log_name);
		login_unavailable(c);
		return true;
	}
	c->state = LOGIN_CALL;
	stream_pause(c->stream);
	stream_timer(c->stream, 0); /* the call has an end of its own */
	call(c, host, user);
	return true;
}
