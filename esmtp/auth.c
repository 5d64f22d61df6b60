/*
 * AUTH (RFC 4954) with what esmtpauthclient says.  A refusal is temporary: the password can be put
 * right, and the mail is still good.
 */
#include <stdio.h>
#include "esmtp/conn-private.h"

static struct credentials credentials(const struct conn *c)
{
	return authclient_find(target_settings(c->t)->authclient, c->t->route.relay,
	    c->t->route.port, str_of(c->t->domain));
}

/* As the original: CRAM-MD5 and kin first; clear ones are sent without TLS too, since the
 * administrator has named this server. */
static const char *choose(const struct conn *c)
{
	return sasl_client_choose(str_of(c->mechanisms), c->tls, false, true);
}

int auth_begin(struct conn *c)
{
	struct credentials who = credentials(c);
	if (!who.user.p)
		return 0;
	const char *mechanism = choose(c);
	if (!(c->ext & EXT_AUTH) || !mechanism) {
		conn_trouble(c, NULL, "4.7.0", "the server offers no AUTH that we know");
		return 1;
	}
	sasl_client_free(c->sasl);
	c->sasl = sasl_client_new(str_of(mechanism), who.user, STR_NONE, who.password, STR_NONE);
	struct buf raw, line;
	buf_init(&raw, SASL_STEP_MAX);
	buf_init(&line, 2 * SASL_STEP_MAX);
	bool good = c->sasl;
	if (good && sasl_client_first(c->sasl)) {
		good = sasl_client_step(c->sasl, STR_NONE, &raw) != SASL_FAILED;
		buf_addc(&line, ' ');
		if (raw.n)
			base64_encode(buf_str(&raw), &line);
		else
			buf_addc(&line, '=');
	}
	if (good && !line.failed)
		conn_command(c, CONN_AUTH, "AUTH %s%s", mechanism, line.p);
	else
		conn_trouble(c, "AUTH", "4.7.0", "cannot begin %s", mechanism);
	mem_wipe(raw.p, raw.n);
	mem_wipe(line.p, line.n);
	buf_free(&raw);
	buf_free(&line);
	return 1;
}

static void challenge(struct conn *c)
{
	struct buf in, out, line;
	buf_init(&in, SASL_STEP_MAX);
	buf_init(&out, SASL_STEP_MAX);
	buf_init(&line, 2 * SASL_STEP_MAX);
	bool good = base64_decode(str_trim(buf_str(&c->reply.text)), &in) &&
		    sasl_client_step(c->sasl, buf_str(&in), &out) != SASL_FAILED;
	if (good) {
		base64_encode(buf_str(&out), &line);
		conn_command(c, CONN_AUTH, "%s", line.p);
	} else {
		conn_command(c, CONN_AUTH, "*");
	}
	mem_wipe(out.p, out.n);
	mem_wipe(line.p, line.n);
	buf_free(&in);
	buf_free(&out);
	buf_free(&line);
}

void auth_reply(struct conn *c)
{
	if (c->reply.code == 334)
		challenge(c);
	else if (c->reply.code != 235)
		conn_trouble(c, "AUTH", "4.7.8", "authentication failed: %u %s", c->reply.code,
		    c->reply.text.p);
	else if (!sasl_client_done(c->sasl))
		conn_trouble(c, "AUTH", "4.7.0", "the server has not proved to know the password");
	else
		conn_ready(c);
}
