#include "config.h"

#include "module/module-claim.h"
#include "module/module-lines.h"

struct row {
	const char *name;
	size_t at;
	enum { TEXT, FLAG } type;
};

static const struct row ask_rows[] = {
    {"address", offsetof(struct claim_ask, address), TEXT},
    {"local", offsetof(struct claim_ask, local), TEXT},
    {"domain", offsetof(struct claim_ask, domain), TEXT},
    {"sender", offsetof(struct claim_ask, sender), TEXT},
    {"source", offsetof(struct claim_ask, source), TEXT},
    {"login", offsetof(struct claim_ask, login), TEXT},
    {"env", offsetof(struct claim_ask, env), TEXT},
    {"own", offsetof(struct claim_ask, own), FLAG},
    {"queued", offsetof(struct claim_ask, queued), FLAG},
    {"relay", offsetof(struct claim_ask, relay), FLAG},
    {"accepted", offsetof(struct claim_ask, accepted), FLAG},
};
static const struct row answer_rows[] = {
    {"host", offsetof(struct claim_answer, host), TEXT},
    {"to", offsetof(struct claim_answer, to), TEXT},
    {"status", offsetof(struct claim_answer, status), TEXT},
    {"diagnostic", offsetof(struct claim_answer, diagnostic), TEXT},
};
static const char *const words[] = {"no", "yes", "open", "refuse", "defer"};

static void put(const struct row *rows, size_t n, const void *base, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = (const char *)base + rows[i].at;
		if (rows[i].type == TEXT)
			module_line(out, rows[i].name, *(const struct str *)(const void *)at);
		else if (*(const bool *)(const void *)at)
			module_line(out, rows[i].name, STR("1"));
	}
}

/* False: malformed.  Unknown names are passed over. */
static bool take(const struct row *rows, size_t n, void *base, struct arena *a, struct str name,
    struct str value)
{
	for (size_t i = 0; i < n; i++) {
		char *at = (char *)base + rows[i].at;
		if (!str_is(name, rows[i].name))
			continue;
		if (rows[i].type == TEXT)
			return module_line_value(a, value, (struct str *)(void *)at);
		*(bool *)(void *)at = str_is(value, "1");
	}
	return true;
}

bool claim_encode_ask(const struct claim_ask *q, struct buf *out)
{
	put(ask_rows, ARRAY_LEN(ask_rows), q, out);
	return !out->failed;
}

int claim_decode_ask(struct str text, struct arena *a, struct claim_ask *out)
{
	struct str name, value;
	int more;
	*out = (struct claim_ask){0};
	while ((more = module_line_next(&text, &name, &value)) > 0)
		if (!take(ask_rows, ARRAY_LEN(ask_rows), out, a, name, value))
			return -1;
	return more == 0 && out->address.n ? 0 : -1;
}

bool claim_encode_answer(const struct claim_answer *w, struct buf *out)
{
	module_line(out, "claim", str_of(words[w->claim]));
	put(answer_rows, ARRAY_LEN(answer_rows), w, out);
	if (w->code)
		buf_addf(out, "code\t%u\n", (unsigned)w->code);
	return !out->failed;
}

static bool take_word(struct str value, enum claim_word *out)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_is(value, words[i])) {
			*out = (enum claim_word)i;
			return true;
		}
	return false;
}

/* A refusal must be one, whatever number the module thought of. */
static bool take_code(struct str value, struct claim_answer *out)
{
	uint64_t n;
	if (!str_u64(value, &n) || n < 400 || n > 599)
		return false;
	out->code = (uint16_t)n;
	return true;
}

int claim_decode_answer(struct str text, struct arena *a, struct claim_answer *out)
{
	struct str name, value;
	bool has = false, good = true;
	int more;
	*out = (struct claim_answer){0};
	while (good && (more = module_line_next(&text, &name, &value)) > 0) {
		if (str_is(name, "claim"))
			good = has = take_word(value, &out->claim);
		else if (str_is(name, "code"))
			good = take_code(value, out);
		else
			good = take(answer_rows, ARRAY_LEN(answer_rows), out, a, name, value);
	}
	return good && has && more == 0 ? 0 : -1;
}
