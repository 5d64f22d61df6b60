/* The life of one connection. */
#include "config.h"

#include "login/login.h"

#include "access/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct stream_handlers conn_handlers;

static bool is_imap(const struct login_conn *c)
{
	return c->protocol == &login_imap;
}

static const char *setting(const struct login_conn *c, const char *imap, const char *pop3)
{
	return is_imap(c) ? imap : pop3;
}

bool login_tls_offered(const struct login_conn *c)
{
	struct tls_server *t = c->l->tls;
	return !c->tls && t && tls_server_usable(t) &&
	       config_bool(c->config, c->protocol->component,
		   setting(c, "IMAPDSTARTTLS", "POP3_STARTTLS"), NULL);
}

bool login_plain_allowed(const struct login_conn *c)
{
	return c->tls || !config_bool(c->config, c->protocol->component,
			     setting(c, "IMAP_TLS_REQUIRED", "POP3_TLS_REQUIRED"), NULL);
}

static int64_t login_time(const struct login_conn *c)
{
	return config_int(c->config, c->protocol->component, "LOGIN_TIMEOUT", NULL) * 1000;
}

void login_arm_timer(struct login_conn *c)
{
	stream_timer(c->stream, login_time(c));
}

void login_say(struct login_conn *c, const char *fmt, ...)
{
	struct buf b;
	va_list ap;
	buf_init(&b, LOGIN_OUTPUT_MAX / 2);
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	stream_put(c->stream, buf_str(&b));
	buf_free(&b);
}

static void count_address(struct login *l, const char *peer, int by)
{
	uintptr_t n = (uintptr_t)map_get(l->per_address, str_of(peer)) + (uintptr_t)by;
	if (n == 0)
		(void)map_del(l->per_address, str_of(peer));
	else
		map_set(l->per_address, str_of(peer), (void *)n);
}

static void log_proxied(const struct login_conn *c)
{
	log_info(NULL,
	    "DISCONNECTED, user=%s, ip=[%s], port=[%u], protocol=%s, mailhost=%s, rcvd=%llu, "
	    "sent=%llu, time=%lld",
	    c->user, c->peer, c->peer_port, c->protocol->log_name, c->mailhost,
	    (unsigned long long)c->received, (unsigned long long)c->sent,
	    (long long)(clock_now() - c->since));
}

static void release(struct login_conn *c)
{
	if (c->mailhost)
		log_proxied(c);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->l->open--;
	count_address(c->l, c->peer, -1);
	if (c->sasl)
		auth_sasl_cancel(c->sasl);
	login_call_free(c);
	login_proxy_free(c);
	login_secret_forget(c);
	free(c->external);
	free(c->default_domain);
	free(c->mailhost);
	config_drop(c->config);
	free(c->tag);
	free(c->user);
	if (c->ticket)
		mem_wipe(c->ticket, strlen(c->ticket));
	free(c->ticket);
	if (service_draining(c->l->s) && c->l->open == 0)
		service_exit(c->l->s, EXIT_SUCCESS);
	free(c);
}

/*
 * A question to the broker can't be taken back: while one is under way the record stays, marked
 * ended, and goes when the answer comes.
 */
void login_conn_end(struct login_conn *c)
{
	if (c->stream)
		stream_finish(c->stream);
	c->stream = NULL;
	c->ended = true;
	if (c->state != LOGIN_HANDOVER)
		release(c);
}

static void on_input(void *ctx, struct stream *s)
{
	struct login_conn *c = ctx;
	if (c->state == LOGIN_SASL)
		login_sasl_input(c);
	else if (c->state == LOGIN_COMMAND)
		c->protocol->input(c);
}

/* Who the client is by its certificate, where the settings say which field tells. */
static void learn_certificate(struct login_conn *c)
{
	const char *field = config_z(c->config, c->protocol->component, "TLS_EXTERNAL", NULL);
	struct buf b;
	if (!*field)
		return;
	buf_init(&b, 256);
	if (tls_peer_subject(c->stream, field, &b) && b.n)
		c->external = mem_strndup(b.p, b.n);
	buf_free(&b);
}

static void on_secure(void *ctx, struct stream *s)
{
	struct login_conn *c = ctx;
	bool greet = c->state == LOGIN_HANDSHAKE;
	c->tls = true;
	learn_certificate(c);
	c->state = LOGIN_COMMAND;
	login_arm_timer(c);
	if (greet)
		c->protocol->greet(c);
}

static void on_close(void *ctx, struct stream *s, enum stream_end why)
{
	struct login_conn *c = ctx;
	if (why == STREAM_TIMEOUT && c->state != LOGIN_HANDSHAKE)
		log_info(NULL, "TIMEOUT, ip=[%s], port=[%u], protocol=%s", c->peer, c->peer_port,
		    c->protocol->log_name);
	else if (why == STREAM_TLS)
		log_info(NULL, "TLS failed, ip=[%s], port=[%u]: %s", c->peer, c->peer_port,
		    stream_error(s));
	stream_free(s);
	c->stream = NULL;
	login_conn_end(c);
}

static const struct stream_handlers conn_handlers = {on_input, NULL, on_close, on_secure};

void login_start_tls(struct login_conn *c)
{
	if (tls_accept(c->stream, c->l->tls, c->balanced ? str_of(c->local) : STR_NONE) < 0) {
		log_error(NULL, "STARTTLS failed, ip=[%s]: no certificate", c->peer);
		login_conn_end(c);
		return;
	}
	if (tls_server_timeout(c->l->tls) < login_time(c))
		stream_timer(c->stream, tls_server_timeout(c->l->tls));
}

void login_bad_command(struct login_conn *c)
{
	if (++c->bad <= LOGIN_BAD_MAX)
		return;
	c->protocol->bye(c, "Too many unknown commands");
	login_conn_end(c);
}

/* Why it may not come in; NULL: it may. */
static const char *unwanted(
    struct login_door *l, const struct login_ends *ends, struct login_wish *wish)
{
	const struct tcpd_options *o = login_tcpd_options(l->login);
	struct config *cfg = service_config(l->login->s);
	const char *comp = l->protocol->component;
	int64_t all = o->max_procs ? o->max_procs : config_int(cfg, comp, "MAXDAEMONS", NULL);
	wish->max_per_ip = o->max_ip ? o->max_ip : config_int(cfg, comp, "MAXPERIP", NULL);
	if (!login_access_allows(
		l->login->access, ends->peer, o->access_local ? ends->local : NULL, l->port, wish))
		return "imapaccess does not let it in";
	if ((int64_t)l->login->open >= all)
		return "the limit MAXDAEMONS is reached";
	if ((int64_t)(uintptr_t)map_get(l->login->per_address, str_of(ends->peer)) >=
	    wish->max_per_ip)
		return "the limit MAXPERIP is reached";
	return NULL;
}

static struct login_conn *conn_make(struct login_door *l, const struct login_ends *ends)
{
	struct login_conn *c = mem_new(struct login_conn);
	c->l = l->login;
	c->protocol = l->protocol;
	c->config = config_hold(service_config(l->login->s));
	c->peer_port = ends->peer_port;
	c->local_port = l->port;
	c->balanced = ends->balanced;
	snprintf(c->peer, sizeof c->peer, "%s", ends->peer);
	snprintf(c->local, sizeof c->local, "%s", ends->local);
	c->next = l->login->conns;
	c->prev = &l->login->conns;
	if (c->next)
		c->next->prev = &c->next;
	l->login->conns = c;
	l->login->open++;
	count_address(l->login, ends->peer, 1);
	return c;
}

void login_conn_new(struct login_door *l, int fd, const struct login_ends *ends)
{
	struct login_wish wish = {.default_domain = NULL};
	const char *why = unwanted(l, ends, &wish);
	if (why) {
		log_error(NULL, "connection refused, ip=[%s]: %s", ends->peer, why);
		free(wish.default_domain);
		close(fd);
		return;
	}
	struct login_conn *c = conn_make(l, ends);
	c->default_domain = wish.default_domain;
	c->stream = stream_new(
	    service_loop(l->login->s), fd, LOGIN_INPUT_MAX, LOGIN_OUTPUT_MAX, &conn_handlers, c);
	if (!c->stream) {
		close(fd);
		release(c);
		return;
	}
	l->login->accepted++;
	login_arm_timer(c);
	log_debug(NULL, "Connection, ip=[%s], port=[%u]", ends->peer, ends->peer_port);
	if (l->tls_at_once) {
		c->state = LOGIN_HANDSHAKE;
		login_start_tls(c);
	} else {
		c->state = LOGIN_COMMAND;
		c->protocol->greet(c);
	}
}
