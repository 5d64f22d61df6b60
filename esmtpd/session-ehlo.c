/* Which extensions are in force for a client, and how they are offered. */
#include "config.h"
#include "esmtpd/session.h"

/* Parts of LIMITS (RFC 9422) that have something to say. */
static bool has_limits(const struct session *s)
{
	return s->policy.max_rcpts || s->settings->max_mails;
}

static unsigned by_circumstance(const struct session *s)
{
	unsigned off = 0;

	if (!s->secure) /* RFC 8689, section 2: said under TLS only */
		off |= SMTP_EXT_REQUIRETLS;
	if (!s->settings->hold_max)
		off |= SMTP_EXT_FUTURERELEASE;
	if (!has_limits(s))
		off |= SMTP_EXT_LIMITS;
	return off;
}

static unsigned not_offered(const struct session *s)
{
	unsigned off = s->settings->discard | by_circumstance(s);

	/* binary text can come in no other way */
	return off & SMTP_EXT_CHUNKING ? off | SMTP_EXT_BINARYMIME : off;
}

/* AUTH= of MAIL is understood also where AUTH itself has to wait for TLS. */
static bool knows_auth(const struct session *s)
{
	const struct door_settings *d = s->settings;

	return s->login || (s->server->auth && (d->auth[0] || d->auth_tls[0] || s->external));
}

unsigned session_extensions(const struct session *s)
{
	unsigned ext;

	if (!s->esmtp)
		return 0;
	ext = SMTP_EXT_ALL & ~(unsigned)SMTP_EXT_AUTH & ~not_offered(s);
	/* a parameter that only lacks TLS gets an answer of its own */
	if (!s->secure)
		ext |= SMTP_EXT_REQUIRETLS & ~s->settings->discard;
	if (s->secure)
		ext |= SMTP_EXT_SECURE;
	if (knows_auth(s))
		ext |= SMTP_EXT_AUTH;
	return ext;
}

static void add_limits(const struct session *s, struct buf *b)
{
	if (s->policy.max_rcpts)
		buf_addf(b, " RCPTMAX=%u", (unsigned)s->policy.max_rcpts);
	if (s->settings->max_mails)
		buf_addf(b, " MAILMAX=%u", (unsigned)s->settings->max_mails);
}

static void add_value(const struct session *s, const struct smtp_ext_word *w, struct buf *b)
{
	char until[SMTP_TIME_SIZE];

	if (w->value)
		buf_addz(b, w->value);
	if (w->ext == SMTP_EXT_SIZE && s->policy.size_limit)
		buf_addf(b, " %llu", (unsigned long long)s->policy.size_limit);
	if (w->ext == SMTP_EXT_LIMITS)
		add_limits(s, b);
	if (w->ext == SMTP_EXT_FUTURERELEASE) {
		smtp_time_format(clock_now() + s->settings->hold_max, until);
		buf_addf(b, " %lld %s", (long long)s->settings->hold_max, until);
	}
}

void session_offer(const struct session *s, struct buf *b)
{
	unsigned off = not_offered(s);
	struct smtp_ext_word w;

	for (size_t i = 0; smtp_ext_word(i, &w); i++) {
		if (w.ext & off)
			continue;
		buf_addz(b, w.word);
		add_value(s, &w, b);
		buf_addc(b, '\n');
	}
}
