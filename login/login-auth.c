/* Password and SASL logins: the questions to authdaemond, the same for both protocols. */
#include "config.h"

#include "login/login.h"

#include <stdio.h>
#include <stdlib.h>

void login_mechanisms(const struct login_conn *c, struct buf *out)
{
	if (!c->tls && !login_plain_allowed(c))
		return;
	struct buf all;
	struct str rest, word;
	buf_init(&all, 1000);
	c->protocol->mechanisms(c, &all);
	if (!all.n)
		(void)auth_mechanisms(c->config, c->tls, &all);
	rest = buf_str(&all);
	while (str_word(&rest, &word))
		if (!str_iis(word, "EXTERNAL") && login_back_mechanism_ok(c, word))
			buf_addf(out, "%s%.*s", out->n ? " " : "", STR_FMT(word));
	if (c->external)
		buf_addf(out, "%sEXTERNAL", out->n ? " " : "");
	buf_free(&all);
}

/* The domain of bare names: the access table's for this connection, or the setting. */
static void set_domain(const struct login_conn *c)
{
	const char *comp = c->protocol->component;
	auth_default_domain(c->l->auth,
	    c->default_domain ? str_of(c->default_domain)
			      : config_str(c->config, comp, "DEFDOMAIN", NULL),
	    config_str(c->config, comp, "DOMAINSEP", NULL));
}

/* The service authdaemond is asked for: AUTHSERVICEnnn for the local port nnn, if there is one. */
static const char *service_name(struct login_conn *c)
{
	struct str name, value, prefix = STR("AUTHSERVICE");
	uint64_t port;
	for (size_t at = 0;
	     config_each_assignment(c->config, c->protocol->component, &at, &name, &value);) {
		if (!str_starts(name, prefix) || !str_u64(str_skip(name, prefix.n), &port) ||
		    port != c->local_port || !value.n || value.n >= sizeof c->service)
			continue;
		snprintf(c->service, sizeof c->service, "%.*s", STR_FMT(value));
		return c->service;
	}
	return c->protocol->name;
}

bool login_mechanism_offered(struct login_conn *c, struct str mechanism)
{
	struct buf b;
	struct str rest, word;
	bool found = false;
	buf_init(&b, 1000);
	login_mechanisms(c, &b);
	rest = buf_str(&b);
	while (!found && str_word(&rest, &word))
		found = str_ieq(word, mechanism);
	buf_free(&b);
	return found;
}

void login_failed(struct login_conn *c, struct str login)
{
	struct buf who;
	buf_init(&who, 300);
	printable(login.n ? login : str_of(c->user), 200, &who);
	log_error(NULL, "LOGIN FAILED, user=%s, method=%s, ip=[%s], port=[%u], protocol=%s%s",
	    who.p, c->method, c->peer, c->peer_port, c->protocol->log_name,
	    c->tls ? ", tls=1" : "");
	buf_free(&who);
	c->l->failures++;
	c->failures++;
	c->state = LOGIN_COMMAND;
	login_arm_timer(c);
	c->protocol->refused(c, "AUTHENTICATIONFAILED", "Login failed.");
	if (c->failures >= LOGIN_FAILURES_MAX || service_draining(c->l->s)) {
		c->protocol->bye(c, c->failures >= LOGIN_FAILURES_MAX
					? "Too many failed logins"
					: "The server is being restarted");
		login_conn_end(c);
		return;
	}
	stream_resume(c->stream);
}

void login_unavailable(struct login_conn *c)
{
	c->state = LOGIN_COMMAND;
	login_arm_timer(c);
	c->protocol->refused(c, "UNAVAILABLE", "Temporary problem, please try again later.");
	if (service_draining(c->l->s)) {
		c->protocol->bye(c, "The server is being restarted");
		login_conn_end(c);
		return;
	}
	stream_resume(c->stream);
}

static void unavailable(struct login_conn *c)
{
	log_error(NULL,
	    "TEMPORARY FAILURE, method=%s, ip=[%s], port=[%u], protocol=%s: authdaemond cannot "
	    "tell now",
	    c->method, c->peer, c->peer_port, c->protocol->log_name);
	login_unavailable(c);
}

/* The account may close a service to itself: disableimap, disablepop3, disableinsecureimap... */
static bool closed_by_option(const struct login_conn *c, struct str options)
{
	struct str item, key;
	char closed[24], insecure[32];
	snprintf(closed, sizeof closed, "disable%s", c->protocol->name);
	snprintf(insecure, sizeof insecure, "disableinsecure%s", c->protocol->name);
	while (str_split(&options, ',', &item)) {
		if (!str_split(&item, '=', &key) || !item.n || str_is(item, "0"))
			continue;
		if (str_is(key, closed) || (!c->tls && str_is(key, insecure)))
			return true;
	}
	return false;
}

static void accepted(struct login_conn *c, const struct auth_result *r)
{
	c->failures = 0;
	c->l->logins++;
	if (closed_by_option(c, r->options)) {
		login_failed(c, r->login);
		return;
	}
	free(c->user);
	c->user = mem_strndup(r->login.p, r->login.n);
	if (login_elsewhere(c, r->options, r->login))
		return; /* its ticket lapses */
	free(c->ticket);
	c->ticket = mem_strndup(r->ticket.p, r->ticket.n);
	login_handover(c);
}

/* RFC 3501, 6.2.2 and RFC 5034, 4 write it in the same way. */
static void challenge(struct login_conn *c, struct str data)
{
	struct buf b;
	buf_init(&b, 32768);
	base64_encode(data, &b);
	login_say(c, "+ %s\r\n", b.p);
	buf_free(&b);
}

static void on_result(void *ctx, const struct auth_result *r)
{
	struct login_conn *c = ctx;
	if (r->verdict != AUTH_CONTINUE)
		c->sasl = NULL;
	switch (r->verdict) {
	case AUTH_CONTINUE:
		c->state = LOGIN_SASL;
		challenge(c, r->data);
		stream_resume(c->stream);
		break;
	case AUTH_OK:
		accepted(c, r);
		break;
	case AUTH_NO:
		login_failed(c, r->login);
		break;
	case AUTH_TEMPFAIL:
		unavailable(c);
		break;
	}
}

static void wait_for_answer(struct login_conn *c)
{
	stream_pause(c->stream);
	if (!c->sasl)
		unavailable(c);
}

void login_password(struct login_conn *c, struct str user, struct str password)
{
	free(c->user);
	c->user = mem_strndup(user.p, user.n);
	snprintf(c->method, sizeof c->method, "LOGIN");
	login_secret_keep(c, password);
	set_domain(c);
	c->state = LOGIN_SASL;
	c->sasl = auth_login(
	    c->l->auth, service_name(c), user, password, str_of(c->peer), c->tls, on_result, c);
	wait_for_answer(c);
}

void login_sasl(struct login_conn *c, struct str mechanism, struct str initial)
{
	struct buf binding, offered;
	buf_init(&binding, 200);
	buf_init(&offered, 1000);
	login_mechanisms(c, &offered);
	if (c->tls && auth_offers_binding(buf_str(&offered)))
		(void)tls_channel_binding(c->stream, &binding);
	snprintf(c->method, sizeof c->method, "%.*s", STR_FMT(str_head(mechanism, 20)));
	c->state = LOGIN_SASL;
	login_secret_forget(c);
	login_secret_response(c, initial);
	set_domain(c);
	if (str_iis(mechanism, "EXTERNAL"))
		c->sasl = auth_sasl_external(c->l->auth, service_name(c), str_of(c->external),
		    initial, str_of(c->peer), on_result, c);
	else
		c->sasl = auth_sasl_start(c->l->auth, service_name(c), mechanism, initial,
		    str_of(c->peer), c->tls, buf_str(&binding), on_result, c);
	buf_free(&binding);
	buf_free(&offered);
	wait_for_answer(c);
}

static void abort_exchange(struct login_conn *c, const char *why)
{
	if (c->sasl)
		auth_sasl_cancel(c->sasl);
	c->sasl = NULL;
	c->state = LOGIN_COMMAND;
	c->protocol->refused(c, NULL, why);
}

/* One line of the client in an exchange: base64, or "*" to give up (RFC 3501 6.2.2, RFC 5034). */
void login_sasl_input(struct login_conn *c)
{
	struct str line;
	size_t used = 0;
	int r = stream_line(c->stream, LOGIN_LITERAL_MAX * 2, false, &line, &used);
	struct buf raw;
	if (r == 0)
		return;
	if (r < 0) {
		c->protocol->bye(c, "The line is too long");
		login_conn_end(c);
		return;
	}
	buf_init(&raw, LOGIN_LITERAL_MAX * 2);
	bool good = !str_is(line, "*") && base64_decode(line, &raw);
	bool given_up = str_is(line, "*");
	stream_consume(c->stream, used);
	if (!good) {
		abort_exchange(c, given_up ? "Authentication was given up." : "That is no base64.");
	} else {
		stream_pause(c->stream);
		login_secret_response(c, buf_str(&raw));
		auth_sasl_step(c->sasl, buf_str(&raw));
	}
	mem_wipe(raw.p, raw.n);
	buf_free(&raw);
}
