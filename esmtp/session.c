/* From the connection to a session that takes mail: greeting, EHLO or HELO, STARTTLS. */
#include <stdio.h>
#include <stdlib.h>
#include "esmtp/conn-private.h"

/* ---- what the server can do ------------------------------------------------------------------ */

static void mechanisms(struct conn *c, struct str words)
{
	size_t n = words.n < sizeof c->mechanisms ? words.n : sizeof c->mechanisms - 1;
	memcpy(c->mechanisms, words.p, n);
	c->mechanisms[n] = 0;
}

/* "XSECURITY=NONE,STARTTLS" */
static bool knows_security(struct str word)
{
	static const struct str name = STR_INIT("XSECURITY=");
	struct str rest = str_skip(word, name.n), level;
	if (!str_ieq(str_head(word, name.n), name))
		return false;
	while (str_split(&rest, ',', &level))
		if (str_iis(level, "STARTTLS"))
			return true;
	return false;
}

static void extension(struct conn *c, struct str line)
{
	static const struct {
		const char *word;
		unsigned bit;
	} known[] = {
	    {"PIPELINING", EXT_PIPELINING},
	    {"SIZE", EXT_SIZE},
	    {"8BITMIME", EXT_8BITMIME},
	    {"SMTPUTF8", EXT_SMTPUTF8},
	    {"DSN", EXT_DSN},
	    {"STARTTLS", EXT_STARTTLS},
	    {"AUTH", EXT_AUTH},
	    {"XEXDATA", EXT_XEXDATA},
	    {"REQUIRETLS", EXT_REQUIRETLS},
	    {"DELIVERBY", EXT_DELIVERBY},
	    {"PRDR", EXT_PRDR},
	};
	struct str word;
	if (!str_word(&line, &word))
		return;
	if (c->t->secured && knows_security(word))
		c->ext |= EXT_SECURITY;
	if (str_iis(word, "LIMITS"))
		peer_limits_read(line, &c->limits);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!str_iis(word, known[i].word))
			continue;
		c->ext |= known[i].bit;
		if (known[i].bit == EXT_AUTH)
			mechanisms(c, str_trim(line));
		else if (known[i].bit == EXT_SIZE)
			str_u64(str_trim(line), &c->size_max);
		else if (known[i].bit == EXT_DELIVERBY)
			str_i64(str_trim(line), &c->by_min);
	}
}

static void learn(struct conn *c)
{
	struct str text = buf_str(&c->reply.text), line;
	c->ext = 0;
	c->size_max = 0;
	c->by_min = 0;
	c->limits = (struct peer_limits){0};
	c->mechanisms[0] = 0;
	str_split(&text, '\n', &line); /* the first one is its name */
	while (str_split(&text, '\n', &line))
		extension(c, line);
}

/* ---- our name -------------------------------------------------------------------------------- */

static void say_hello(struct conn *c)
{
	conn_command(c, CONN_EHLO, "EHLO %s", c->helo);
}

static void use_name(struct conn *c, struct str name)
{
	char *me = config_own_name(c->e->settings->config, c->t->vhost);
	if (!name.n)
		name = str_of(me);
	snprintf(c->helo, sizeof c->helo, "%.*s", STR_FMT(name));
	free(me);
	say_hello(c);
}

static void name_found(void *ctx, enum dns_status st, struct str name)
{
	struct conn *c = ctx;
	c->helo_lookup = 0;
	use_name(c, st == DNS_OK ? name : STR_NONE);
}

/* esmtphelo; "*" is the name of the address this connection comes from. */
static void hello(struct conn *c)
{
	struct str name = config_str(c->e->settings->config, "esmtp", "esmtphelo", c->t->vhost);
	struct sockaddr_storage ss;
	socklen_t n = sizeof ss;
	if (!str_is(name, "*")) {
		use_name(c, name);
	} else if (getsockname(stream_fd(c->st), (struct sockaddr *)&ss, &n)) {
		use_name(c, STR_NONE);
	} else {
		conn_enter(c, CONN_NAME);
		c->helo_lookup = dns_reverse(c->e->dns, (struct sockaddr *)&ss, name_found, c);
	}
}

/* ---- TLS ------------------------------------------------------------------------------------- */

const char *session_tls_reason(const struct conn *c)
{
	static const char *const by[] = {
	    [TLS_BY_NOBODY] = "",
	    [TLS_BY_SETTING] = "",
	    [TLS_BY_ROUTE] = " (by esmtproutes)",
	    [TLS_BY_STS] = " (by the domain's MTA-STS policy)",
	    [TLS_BY_REQUIRETLS] = " (by REQUIRETLS)",
	    [TLS_BY_SECURITY] = " (by SECURITY=STARTTLS)",
	};
	return by[c->need.source];
}

/* What the mail demands of a session that is to take it; NULL: it is all there. */
static const char *demand_missing(const struct conn *c)
{
	if (c->t->secured && !(c->ext & EXT_SECURITY))
		return "the server does not know SECURITY, which this mail demands";
	if (c->t->requiretls && !(c->ext & EXT_REQUIRETLS))
		return "the server does not know REQUIRETLS, which this mail demands";
	if (c->t->requiretls && !c->need.authenticated)
		return "REQUIRETLS: nothing but plain DNS says that this is a mail host of the "
		       "domain";
	return NULL;
}

/* A policy that is being tested: what it would have stopped. */
static void report(const struct conn *c, const char *what)
{
	if (c->need.report)
		esmtp_sts_report(c->e, c->t->domain, c->peer.remote, what);
}

static void start_tls(struct conn *c, enum conn_state st)
{
	conn_enter(c, st);
	int r = c->e->tls ? tls_connect(c->st, c->e->tls, c->peer.host, c->need.verify) : -1;
	c->resuming = r == TLS_RESUMING;
	if (r < 0)
		conn_trouble(c, "STARTTLS", "4.7.5",
		    "TLS is not available here, or the certificate of TLS_CERTFILE is missing");
}

static bool want_tls(const struct conn *c)
{
	if (c->tls || !c->e->tls)
		return false;
	if (c->need.required)
		return true;
	/* What is remembered of a host holds where clear text would do. */
	bool broken = c->need.verify == TLS_OPPORTUNISTIC &&
		      no_tls_has(c->e->no_tls, str_of(c->peer.remote), clock_now());
	return c->e->settings->starttls && (c->ext & EXT_STARTTLS) && !c->clear_only && !broken;
}

static void after_hello(struct conn *c)
{
	const char *missing = c->tls ? demand_missing(c) : NULL;
	if (!c->tls && (!(c->ext & EXT_STARTTLS) || c->clear_only))
		report(c, c->clear_only ? "its TLS is broken" : "it offers no TLS");
	if (want_tls(c) && (c->ext & EXT_STARTTLS))
		conn_command(c, CONN_STARTTLS, "STARTTLS");
	else if (c->need.required && !c->tls)
		conn_trouble(c, NULL, c->need.status,
		    "TLS is required%s, and the server offers none", session_tls_reason(c));
	else if (missing)
		conn_trouble(c, NULL, c->need.status, "%s", missing);
	else if (!auth_begin(c))
		conn_ready(c);
}

void session_secure(struct conn *c)
{
	bool first = c->state == CONN_TLS_FIRST;
	c->tls = true;
	if (!tls_peer_verified(c->st))
		report(c, "its certificate is not for that name, or of nobody we trust");
	if (first)
		conn_enter(c, CONN_GREETING);
	else
		say_hello(c);
}

void session_start(struct conn *c)
{
	if (c->t->route.security == ROUTE_SMTPS)
		start_tls(c, CONN_TLS_FIRST);
	else
		conn_enter(c, CONN_GREETING);
}

/* ---- replies --------------------------------------------------------------------------------- */

static void greeting(struct conn *c)
{
	if (c->reply.code / 100 == 2)
		hello(c);
	else
		conn_refused(c, NULL);
}

static void ehlo(struct conn *c)
{
	if (c->tls)
		c->resuming = false; /* it can do it */
	if (c->reply.code / 100 == 2) {
		learn(c);
		after_hello(c);
	} else if (c->reply.code / 100 == 5 && !c->tls) {
		conn_command(c, CONN_HELO, "HELO %s", c->helo);
	} else {
		conn_refused(c, "EHLO");
	}
}

static void helo(struct conn *c)
{
	c->ext = 0;
	if (c->reply.code / 100 == 2)
		after_hello(c);
	else
		conn_refused(c, "HELO");
}

/* Text that came with the answer would be read as if it had been protected (response injection):
 * such a server is not spoken to. */
static void starttls(struct conn *c)
{
	if (c->reply.code == 220 && stream_input(c->st).n)
		conn_trouble(c, "STARTTLS", "4.7.0", "clear text behind the answer to STARTTLS");
	else if (c->reply.code == 220)
		start_tls(c, CONN_TLS);
	else if (c->need.required)
		conn_trouble(c, "STARTTLS", c->reply.code / 100 == 4 ? "4.7.5" : c->need.status,
		    "TLS is required%s, and was refused: %u %s", session_tls_reason(c),
		    c->reply.code, c->reply.text.p);
	else if (c->reply.code == 421)
		conn_refused(c, "STARTTLS");
	else if (!auth_begin(c))
		conn_ready(c);
}

void session_reply(struct conn *c)
{
	switch (c->state) {
	case CONN_GREETING:
		greeting(c);
		break;
	case CONN_EHLO:
		ehlo(c);
		break;
	case CONN_HELO:
		helo(c);
		break;
	case CONN_STARTTLS:
		starttls(c);
		break;
	default:
		conn_trouble(c, NULL, "4.5.0", "the server speaks out of turn");
	}
}
