/* From the first packet to the greeting: the client's name, then what the gate knows. */
#include "config.h"
#include "esmtpd/session.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* The original's word for a name that could not be looked up, or does not lead back. */
#define NAME_UNSURE "softdnserr"

static bool from_here(const struct session *s)
{
	return str_is(str_of(s->peer), "127.0.0.1") || str_is(str_of(s->peer), "::1");
}

/* The environment that the gate has made: the same names as in the settings, for this client. */
static void take_variable(struct session *s, struct str name, struct str value)
{
	bool yes = value.n && !str_is(value, "0") && !str_iis(value, "no");
	uint64_t n;

	if (str_is(name, "AUTH_REQUIRED"))
		s->policy.auth_required = yes;
	else if (str_is(name, "ESMTP_TLS_REQUIRED"))
		s->policy.tls_required = yes;
	else if (str_is(name, "BOFHNOVRFY"))
		s->policy.no_vrfy = yes;
	else if (str_is(name, "BOFHNOEXPN"))
		s->policy.no_expn = yes;
	else if (str_is(name, "ESMTPGREETING") && value.n)
		session_set(&s->policy.greeting, value);
	else if (str_is(name, "TARPIT"))
		s->policy.tarpit = yes;
	else if (str_is(name, "MAXCPERIP") && str_u64(value, &n) &&
		 board_count(s->server->board, s->place).address > n)
		session_say(s, SMTP_R_TOO_MANY_HERE);
}

static void take_policy(struct session *s, const struct gate_policy *p)
{
	struct str env = p->env, line;

	s->policy = (struct client_policy){
	    .size_limit = p->size_limit,
	    .max_rcpts = p->max_rcpts,
	    .auth_required = s->settings->auth_required,
	    .tls_required = s->settings->tls_required,
	    .tarpit = s->settings->tarpit,
	    .no_vrfy = s->settings->no_vrfy,
	    .no_expn = s->settings->no_expn,
	};
	session_set(&s->policy.host, p->greeting.n ? p->greeting : STR("localhost"));
	while (str_split(&env, '\n', &line)) {
		ptrdiff_t eq = str_chr(line, '=');

		if (eq > 0)
			take_variable(
			    s, str_head(line, (size_t)eq), str_skip(line, (size_t)eq + 1));
	}
}

static void greet(struct session *s)
{
	char *text = s->policy.greeting
			 ? mem_strdup(s->policy.greeting)
			 : mem_printf("%s %s", s->policy.host, smtp_reply(SMTP_R_GREETING)->text);

	s->state = ST_HELLO;
	session_say_text(s, SMTP_R_GREETING, str_of(text));
	free(text);
}

static void connected(void *ctx, const struct gate_policy *p)
{
	struct session *s = ctx;

	if (s->state != ST_CONNECT)
		return;
	take_policy(s, p);
	if (p->deny) {
		s->state = ST_HELLO;
		if (p->reply.code)
			session_pass(s, &p->reply);
		else
			session_say(s, SMTP_R_DENIED);
		s->penalised = false;
		s->last = true;
	} else if (!s->last)
		greet(s);
	else
		s->state = ST_HELLO;
	session_wake(s);
}

static void ask_gate(struct session *s)
{
	const struct gate_origin o = {
	    .source = "esmtp",
	    .service = s->door->name,
	    .remote_ip = str_of(s->peer),
	    .remote_host = str_of(s->host_name),
	    .local_ip = str_of(s->local),
	    .env = str_of(s->settings->gate_env),
	    .remote_port = s->peer_port,
	    .local_port = s->local_port,
	};

	s->txn = gate_open(s->server->gate, &o, connected, s);
	if (!s->txn) {
		s->state = ST_HELLO;
		session_say(s, SMTP_R_NO_GATE);
		session_close(s);
		return;
	}
	session_wait(s, s->settings->command_ms);
}

static void named(void *ctx, enum dns_status st, struct str name)
{
	struct session *s = ctx;

	s->dns_query = 0;
	if (st == DNS_OK)
		session_set(&s->host_name, name);
	else if (st == DNS_TEMPFAIL ||
		 st == DNS_BADNAME) /* a name, but none that can be believed */
		session_set(&s->host_name, STR(NAME_UNSURE));
	ask_gate(s);
}

void session_connect_cancel(struct session *s)
{
	if (s->dns_query)
		dns_cancel(s->server->dns, s->dns_query);
	s->dns_query = 0;
	if (!s->host_name)
		s->host_name = mem_strdup(NAME_UNSURE);
}

void session_connect(struct session *s)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof peer;

	s->state = ST_CONNECT;
	if (!s->host_name && from_here(s))
		session_set(&s->host_name, STR("localhost"));
	if (!s->host_name && s->server->dns && s->settings->reverse_dns &&
	    getpeername(stream_fd(s->stream), (struct sockaddr *)&peer, &n) == 0)
		s->dns_query =
		    dns_reverse(s->server->dns, (const struct sockaddr *)&peer, named, s);
	if (s->dns_query)
		session_wait(s, REVERSE_MS);
	else
		ask_gate(s);
}
