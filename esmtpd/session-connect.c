/* From the first packet to the greeting: what the gate knows; meanwhile the client's name. */
#include "config.h"
#include "dns/rdata.h"
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
	else if (str_is(name, "MAXCPERIP") && !s->policy.says_per_ip &&
		 (s->policy.says_per_ip = str_u64(value, &n)))
		s->policy.max_per_ip = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* MAXCPERIP in place of MAXPERIP, whichever is more. */
static bool too_many_here(const struct session *s)
{
	if (!s->policy.says_per_ip)
		return s->over_ip;
	return board_count(s->server->board, s->place).address > s->policy.max_per_ip;
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

void session_greet(struct session *s)
{
	greet(s);
	session_go(s);
}

/* Before TLS at once nobody could read why. */
static void turn_away(struct session *s, const struct gate_reply *r)
{
	if (s->settings->tls_at_once) {
		log_info(NULL, "closed,relay=%s,port=%u,session=%s: %u %.*s", s->peer_log,
		    s->peer_port, s->id, r ? r->code : smtp_reply(SMTP_R_TOO_MANY_HERE)->code,
		    STR_FMT(r ? r->text : str_of(smtp_reply(SMTP_R_TOO_MANY_HERE)->text)));
		session_abort(s);
		return;
	}
	s->state = ST_HELLO;
	if (!r)
		session_say(s, SMTP_R_TOO_MANY_HERE);
	else if (r->code)
		session_pass(s, r);
	else
		session_say(s, SMTP_R_DENIED);
	s->penalised = false;
	s->last = true;
	session_wake(s);
}

static void connected(void *ctx, const struct gate_policy *p)
{
	struct session *s = ctx;

	if (s->state != ST_CONNECT)
		return;
	take_policy(s, p);
	if (p->deny || too_many_here(s))
		turn_away(s, p->deny ? &p->reply : NULL);
	else if (s->settings->tls_at_once) {
		s->waiting = false;
		stream_resume(s->stream);
		session_secure(s);
	} else {
		greet(s);
		session_wake(s);
	}
}

static void ask_gate(struct session *s)
{
	char *env = s->remote_info
			? mem_printf("%sTCPREMOTEINFO=%s\n", s->settings->gate_env, s->remote_info)
			: NULL;
	const struct gate_origin o = {
	    .source = "esmtp",
	    .service = s->door->name,
	    .remote_ip = str_of(s->peer),
	    .remote_host = str_of(s->host_name),
	    .local_ip = str_of(s->local),
	    .env = str_of(env ? env : s->settings->gate_env),
	    .remote_port = s->peer_port,
	    .local_port = s->local_port,
	};

	s->txn = gate_open(s->server->gate, &o, connected, s);
	free(env);
	if (!s->txn) {
		s->state = ST_HELLO;
		session_say(s, SMTP_R_NO_GATE);
		session_close(s);
		return;
	}
	session_wait(s, s->settings->command_ms);
}

/* ---- the client's name, which nobody waits for before MAIL ----------------------------------- */

static void go_on_with_mail(struct session *s)
{
	char *args = s->held_mail;

	if (!args)
		return;
	s->held_mail = NULL;
	s->waiting = false;
	arena_reset(s->server->arena);
	session_mail(s, str_at(args, s->held_n));
	free(args);
	if (!s->waiting)
		session_wake(s);
}

static void set_name(struct session *s, struct str name)
{
	session_set(&s->host_name, name);
	gate_name(s->txn, name);
}

static void named(void *ctx, enum dns_status st, struct str name)
{
	struct session *s = ctx;

	s->dns_query = 0;
	if (st == DNS_OK)
		set_name(s, name);
	else if (st == DNS_TEMPFAIL ||
		 st == DNS_BADNAME) /* a name, but none that can be believed */
		set_name(s, STR(NAME_UNSURE));
	go_on_with_mail(s);
}

bool session_hold_mail(struct session *s, struct str args)
{
	if (!s->dns_query)
		return false;
	session_set(&s->held_mail, args.p ? args : STR(""));
	s->held_n = args.n;
	session_wait(s, REVERSE_MS);
	return true;
}

void session_name_late(struct session *s)
{
	session_connect_cancel(s);
	set_name(s, STR(NAME_UNSURE));
	go_on_with_mail(s);
}

void session_connect_cancel(struct session *s)
{
	if (s->dns_query)
		dns_cancel(s->server->dns, s->dns_query);
	s->dns_query = 0;
}

static void look_up_name(struct session *s)
{
	struct sockaddr_storage peer;

	if (from_here(s))
		session_set(&s->host_name, STR("localhost"));
	else if (s->server->dns && s->settings->reverse_dns && dns_literal(str_of(s->peer), &peer))
		s->dns_query =
		    dns_reverse(s->server->dns, (const struct sockaddr *)&peer, named, s);
}

void session_connect(struct session *s)
{
	s->state = ST_CONNECT;
	look_up_name(s);
	ask_gate(s);
}
