#include "esmtp/terms.h"

static const char *time_refusal(const struct terms *t, const char **status)
{
	*status = "5.4.7";
	if (t->by <= t->now)
		return "the time to deliver by is over";
	if (t->knows_deliverby && t->by_min > t->by - t->now)
		return "the server wants more time than is left to deliver by";
	*status = "5.3.3";
	return t->knows_deliverby ? NULL
				  : "the server does not know DELIVERBY, which the message demands";
}

const char *terms_refusal(const struct terms *t, const char **status)
{
	*status = "5.6.7";
	if (t->needs_utf8 && !t->knows_utf8)
		return "the server does not know SMTPUTF8, which the message needs";
	*status = "5.3.4";
	if (t->size_max && t->size > t->size_max)
		return "the message is larger than the server takes";
	return t->by_mode == 'R' ? time_refusal(t, status) : NULL;
}

static void take(struct str word, struct str name, uint32_t *out)
{
	uint64_t n;
	if (str_istarts(word, name) && str_u64(str_skip(word, name.n), &n) && n && n <= UINT32_MAX)
		*out = (uint32_t)n;
}

void peer_limits_read(struct str words, struct peer_limits *out)
{
	struct str word;
	while (str_word(&words, &word)) {
		take(word, STR("RCPTMAX="), &out->rcpts);
		take(word, STR("MAILMAX="), &out->mails);
	}
}
