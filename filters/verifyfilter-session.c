/* What is said: EHLO, STARTTLS, MAIL FROM:<>, RCPT. */
#include "config.h"

#include <stdio.h>
#include "filters/verifyfilter-conn.h"
#include "unicode/unicode.h"

static void say(struct callout *c, enum callout_state st)
{
	stream_put(c->st, buf_str(&c->command));
	stream_put(c->st, STR("\r\n"));
	callout_enter(c, st);
}

static void PRINTF_LIKE(3, 4)
    command(struct callout *c, enum callout_state st, const char *fmt, ...)
{
	va_list ap;
	buf_clear(&c->command);
	va_start(ap, fmt);
	buf_vaddf(&c->command, fmt, ap);
	va_end(ap);
	say(c, st);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void leave(struct callout *c)
{
	stream_put(c->st, STR("QUIT\r\n"));
	stream_finish(c->st);
	c->st = NULL;
}

/* The answer at hand is the last word of this host; is it that of all? */
static void answered(struct callout *c, bool of_all)
{
	enum verify_verdict v = c->reply.code / 100 == 2 ? VERIFY_GOOD
				: c->reply.code >= 500   ? VERIFY_BAD
							 : VERIFY_LATER;
	callout_note(c, v, c->reply.code, "%s", c->reply.text.p);
	if (of_all) {
		leave(c);
		callout_finish(c);
	} else {
		callout_next(c);
	}
}

static void trouble(struct callout *c, const char *text)
{
	callout_note(c, VERIFY_LATER, 0, "%s", text);
	callout_next(c);
}

/* ---- our name -------------------------------------------------------------------------------- */

static void hello(struct callout *c)
{
	command(c, CALLOUT_EHLO, "EHLO %s", c->helo);
}

static void use_name(struct callout *c, struct str name)
{
	if (!name.n)
		name = str_of(c->env->me);
	snprintf(c->helo, sizeof c->helo, "%.*s", STR_FMT(name));
	hello(c);
}

static void name_found(void *ctx, enum dns_status st, struct str name)
{
	struct callout *c = ctx;
	c->lookup = 0;
	use_name(c, st == DNS_OK ? name : STR_NONE);
}

/* esmtphelo; "*" is the name of the address this connection comes from. */
static void introduce(struct callout *c)
{
	struct str name = config_str(c->env->config, "verify", "esmtphelo", NULL);
	struct sockaddr_storage ss;
	socklen_t n = sizeof ss;
	if (!str_is(name, "*") || getsockname(stream_fd(c->st), (struct sockaddr *)&ss, &n)) {
		use_name(c, str_is(name, "*") ? STR_NONE : name);
	} else {
		callout_enter(c, CALLOUT_NAME);
		c->lookup = dns_reverse(c->env->dns, (struct sockaddr *)&ss, name_found, c);
	}
}

/* ---- TLS ------------------------------------------------------------------------------------- */

static void start_tls(struct callout *c, enum callout_state st)
{
	bool strict = c->route.security == ROUTE_EXTENSION;
	callout_enter(c, st);
	if (!c->env->tls || tls_connect(c->st, c->env->tls, c->peer.host,
				strict ? TLS_VERIFY_PRIVATE : TLS_OPPORTUNISTIC))
		trouble(c, "TLS is not available here.");
}

void callout_secured(struct callout *c)
{
	c->tls = true;
	if (c->state == CALLOUT_TLS_FIRST)
		callout_enter(c, CALLOUT_GREETING);
	else
		hello(c);
}

void callout_talk(struct callout *c)
{
	if (c->route.security == ROUTE_SMTPS)
		start_tls(c, CALLOUT_TLS_FIRST);
	else
		callout_enter(c, CALLOUT_GREETING);
}

/* ---- the envelope ---------------------------------------------------------------------------- */

/* The address for a host without SMTPUTF8 has its domain in A-labels. */
static bool rcpt_command(struct callout *c)
{
	ptrdiff_t at = str_rchr(c->address, '@');
	struct str local = str_head(c->address, (size_t)at + 1);
	struct str domain = str_skip(c->address, (size_t)at + 1);
	if (!c->has_utf8 && str_has_8bit(local))
		return false;
	if (!c->has_utf8 && str_has_8bit(domain))
		domain = domain_ascii(c->arena, domain);
	if (!domain.p)
		return false;
	buf_clear(&c->command);
	buf_addz(&c->command, "RCPT TO:<");
	buf_adds(&c->command, local);
	buf_adds(&c->command, domain);
	buf_addc(&c->command, '>');
	return true;
}

static void mail(struct callout *c)
{
	bool utf8 = c->has_utf8 && str_has_8bit(c->address);
	command(c, CALLOUT_MAIL, "MAIL FROM:<>%s", utf8 ? " SMTPUTF8" : "");
}

static void after_hello(struct callout *c)
{
	bool demanded = c->route.security != ROUTE_OPPORTUNISTIC;
	bool wanted = demanded || (c->env->starttls && c->env->tls && !c->clear_only);
	if (wanted && c->has_tls && !c->tls)
		command(c, CALLOUT_STARTTLS, "STARTTLS");
	else if (demanded && !c->tls)
		trouble(c, "TLS is required, and the server offers none.");
	else
		mail(c);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void learn(struct callout *c)
{
	struct str text = buf_str(&c->reply.text), line, word;
	c->has_tls = c->has_utf8 = false;
	str_split(&text, '\n', &line); /* the first one is its name */
	while (str_split(&text, '\n', &line)) {
		if (!str_word(&line, &word))
			continue;
		c->has_tls |= str_iis(word, "STARTTLS");
		c->has_utf8 |= str_iis(word, "SMTPUTF8");
	}
}

static void greeted(struct callout *c)
{
	bool good = c->reply.code / 100 == 2;
	if (c->state == CALLOUT_GREETING && good) {
		introduce(c);
	} else if (c->state == CALLOUT_EHLO && !good && c->reply.code >= 500 && !c->tls) {
		command(c, CALLOUT_HELO, "HELO %s", c->helo);
	} else if (good) {
		if (c->state == CALLOUT_EHLO)
			learn(c);
		after_hello(c);
	} else {
		answered(c, false);
	}
}

/* Clear text behind the answer would be read as if it had been protected. */
static void starttls(struct callout *c)
{
	if (c->reply.code == 220 && stream_input(c->st).n)
		trouble(c, "Clear text stands behind the answer to STARTTLS.");
	else if (c->reply.code == 220)
		start_tls(c, CALLOUT_TLS);
	else if (c->route.security != ROUTE_OPPORTUNISTIC)
		trouble(c, "TLS is required, and was refused.");
	else
		mail(c);
}

static void mail_answered(struct callout *c)
{
	if (c->reply.code / 100 != 2) {
		answered(c, true);
	} else if (rcpt_command(c)) {
		say(c, CALLOUT_RCPT);
	} else {
		callout_note(c, VERIFY_BAD, 0,
		    "The address needs SMTPUTF8, which the server does not know.");
		leave(c);
		callout_finish(c);
	}
}

void callout_reply(struct callout *c)
{
	switch (c->state) {
	case CALLOUT_GREETING:
	case CALLOUT_EHLO:
	case CALLOUT_HELO:
		greeted(c);
		break;
	case CALLOUT_STARTTLS:
		starttls(c);
		break;
	case CALLOUT_MAIL:
		mail_answered(c);
		break;
	case CALLOUT_RCPT:
		answered(c, true);
		break;
	default:
		trouble(c, "The server speaks out of turn.");
	}
}
