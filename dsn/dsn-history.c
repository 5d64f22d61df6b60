#include "dsn/dsn-history.h"
#include "gate/gate.h"

static const char *const words[] = {
    [DSN_FAILED] = "failed",
    [DSN_DELAYED] = "delayed",
    [DSN_DELIVERED] = "delivered",
    [DSN_RELAYED] = "relayed",
    [DSN_EXPANDED] = "expanded",
};

const char *dsn_action_word(enum dsn_action a)
{
	return words[a];
}

bool dsn_wanted(uint8_t notify, enum dsn_action action)
{
	if (notify & GATE_NOTIFY_NEVER)
		return false;
	if (notify == GATE_NOTIFY_DEFAULT)
		notify = GATE_NOTIFY_FAILURE | GATE_NOTIFY_DELAY;
	switch (action) {
	case DSN_FAILED:
		return notify & GATE_NOTIFY_FAILURE;
	case DSN_DELAYED:
		return notify & GATE_NOTIFY_DELAY;
	case DSN_DELIVERED:
	case DSN_RELAYED:
	case DSN_EXPANDED:
		return notify & GATE_NOTIFY_SUCCESS;
	}
	return false;
}

/* ---- encoder --------------------------------------------------------------------------------- */

static void put(struct buf *out, const char *name, struct str value)
{
	if (!value.n)
		return;
	buf_addz(out, name);
	buf_addc(out, '\t');
	field_encode(str_head(value, DSN_TEXT_MAX), out);
	buf_addc(out, '\n');
}

static void put_number(struct buf *out, const char *name, int64_t v)
{
	if (v > 0)
		buf_addf(out, "%s\t%lld\n", name, (long long)v);
}

void dsn_history_head(struct buf *out, uint64_t round, struct str from_mta)
{
	buf_addf(out, "dsn-history\t1\nround\t%llu\n", (unsigned long long)round);
	put(out, "from-mta", from_mta);
}

void dsn_history_add(struct buf *out, const struct dsn_recipient *r)
{
	buf_addf(out, "recipient\t%u\n", (unsigned)r->num);
	put(out, "address", r->address);
	put(out, "orcpt", r->orcpt);
	put(out, "action", str_of(words[r->action]));
	put(out, "status", r->status);
	put_number(out, "code", r->code);
	put(out, "remote", r->remote);
	put(out, "command", r->command);
	put(out, "diagnostic", r->diagnostic);
	put_number(out, "network-error", r->network_error);
	put_number(out, "last-attempt", r->last_attempt);
	put_number(out, "retry-until", r->retry_until);
}

void dsn_history_end(struct buf *out)
{
	buf_addz(out, "end\n");
}

/* ---- decoder --------------------------------------------------------------------------------- */

struct reader {
	struct arena *arena;
	struct dsn_history *h;
	struct dsn_recipient *r; /* the one at hand, NULL in the head */
	size_t room;
	bool version, round;
};

static bool get_number(struct str v, int64_t *out)
{
	uint64_t n;
	if (!str_u64(v, &n) || n > INT64_MAX)
		return false;
	*out = (int64_t)n;
	return true;
}

static bool get_action(struct str v, enum dsn_action *out)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (str_is(v, words[i])) {
			*out = (enum dsn_action)i;
			return true;
		}
	}
	return false;
}

static bool get_text(struct reader *rd, struct str v, struct str *out)
{
	*out = arena_str(rd->arena, v);
	return out->p;
}

static bool next_recipient(struct reader *rd, struct str v)
{
	struct dsn_history *h = rd->h;
	int64_t num;
	if (!rd->round || !get_number(v, &num) || num > UINT32_MAX || h->n == DSN_RECIPIENTS_MAX)
		return false;
	if (h->n == rd->room) {
		size_t room = rd->room ? rd->room * 2 : 8;
		struct dsn_recipient *more = arena_alloc(rd->arena, room * sizeof *more);
		if (!more)
			return false;
		if (h->n)
			memcpy(more, h->recipients, h->n * sizeof *more);
		h->recipients = more;
		rd->room = room;
	}
	rd->r = &h->recipients[h->n++];
	*rd->r = (struct dsn_recipient){.num = (uint32_t)num};
	return true;
}

static bool head_line(struct reader *rd, struct str name, struct str v)
{
	if (str_is(name, "dsn-history"))
		return rd->version = str_is(v, "1");
	if (!rd->version)
		return false;
	if (str_is(name, "round"))
		return rd->round = str_u64(v, &rd->h->round);
	if (str_is(name, "from-mta"))
		return get_text(rd, v, &rd->h->from_mta);
	return false;
}

static bool recipient_line(struct reader *rd, struct str name, struct str v)
{
	struct dsn_recipient *r = rd->r;
	const struct {
		const char *name;
		struct str *at;
	} texts[] = {
	    {"address", &r->address},
	    {"orcpt", &r->orcpt},
	    {"status", &r->status},
	    {"remote", &r->remote},
	    {"command", &r->command},
	    {"diagnostic", &r->diagnostic},
	};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (str_is(name, texts[i].name))
			return get_text(rd, v, texts[i].at);
	if (str_is(name, "action"))
		return get_action(v, &r->action);
	if (str_is(name, "last-attempt"))
		return get_number(v, &r->last_attempt);
	if (str_is(name, "retry-until"))
		return get_number(v, &r->retry_until);
	if (str_is(name, "network-error"))
		return r->network_error = str_is(v, "1");
	int64_t code;
	if (str_is(name, "code") && get_number(v, &code) && code <= 999) {
		r->code = (uint16_t)code;
		return true;
	}
	return false;
}

static bool one_line(struct reader *rd, struct str line, struct buf *value)
{
	ptrdiff_t tab = str_chr(line, '\t');
	if (tab < 0)
		return false;
	struct str name = str_head(line, (size_t)tab);
	buf_clear(value);
	if (!field_decode(str_skip(line, (size_t)tab + 1), value))
		return false;
	if (str_is(name, "recipient"))
		return next_recipient(rd, buf_str(value));
	return rd->r ? recipient_line(rd, name, buf_str(value))
		     : head_line(rd, name, buf_str(value));
}

int dsn_history_read(struct arena *a, struct str text, struct dsn_history *out)
{
	*out = (struct dsn_history){0};
	struct reader rd = {.arena = a, .h = out};
	struct buf value;
	buf_init(&value, DSN_TEXT_MAX);
	bool good = text.n <= DSN_HISTORY_MAX, ended = false;
	struct str line;
	while (good && !ended && str_split(&text, '\n', &line)) {
		ended = str_is(line, "end");
		good = ended || one_line(&rd, line, &value);
	}
	buf_free(&value);
	return good && ended && !text.n && out->n ? 0 : -1;
}
