#include "config.h"

#include "module/module-lines.h"
#include "module/module-proto.h"

int module_line_next(struct str *text, struct str *name, struct str *value)
{
	if (!text->n)
		return 0;
	ptrdiff_t end = str_chr(*text, '\n');
	if (end < 0)
		return -1;
	struct str l = str_head(*text, (size_t)end);
	*text = str_skip(*text, (size_t)end + 1);
	if (!l.n)
		return 0;
	ptrdiff_t tab = str_chr(l, '\t');
	if (tab < 1)
		return -1;
	*name = str_head(l, (size_t)tab);
	*value = str_skip(l, (size_t)tab + 1);
	return 1;
}

bool module_line_value(struct arena *a, struct str raw, struct str *out)
{
	if (str_chr(raw, '\\') < 0 && !str_has_ctl(raw)) {
		*out = raw;
		return true;
	}
	struct buf b;
	buf_init(&b, raw.n + 1);
	bool ok = field_decode(raw, &b) && (*out = arena_str(a, buf_str(&b))).p;
	buf_free(&b);
	return ok;
}

static bool small(struct str v, uint64_t max, uint64_t *out)
{
	return str_u64(v, out) && *out <= max;
}

static bool take_rcpt(struct arena *a, struct str v, struct module_rcpt *r)
{
	struct str num, address, orcpt, notify;
	uint64_t n, bits;
	if (!str_split(&v, '\t', &num) || !str_split(&v, '\t', &address) ||
	    !str_split(&v, '\t', &orcpt) || !str_split(&v, '\t', &notify))
		return false;
	if (!small(num, UINT32_MAX, &n) || !small(notify, 15, &bits))
		return false;
	r->num = (uint32_t)n;
	r->notify = (uint8_t)bits;
	struct str place;
	if (str_split(&v, '\t', &place)) {
		if (!module_line_value(a, place, &r->place))
			return false;
		r->doubt = !str_is(v, "0");
	}
	return module_line_value(a, address, &r->address) && module_line_value(a, orcpt, &r->orcpt);
}

struct name_str {
	const char *name;
	size_t at;
};

static const struct name_str delivery_texts[] = {
    {"id", offsetof(struct module_delivery, id)},
    {"sender", offsetof(struct module_delivery, sender)},
    {"host", offsetof(struct module_delivery, host)},
    {"envid", offsetof(struct module_delivery, envid)},
    {"vhost", offsetof(struct module_delivery, vhost)},
    {"login", offsetof(struct module_delivery, login)},
    {"source", offsetof(struct module_delivery, source)},
    {"security", offsetof(struct module_delivery, security)},
};
static const struct name_str delivery_flags[] = {
    {"body8", offsetof(struct module_delivery, body8)},
    {"headers8", offsetof(struct module_delivery, headers8)},
    {"smtputf8", offsetof(struct module_delivery, smtputf8)},
    {"verp", offsetof(struct module_delivery, verp)},
    {"durable-elsewhere", offsetof(struct module_delivery, durable_elsewhere)},
    {"requiretls", offsetof(struct module_delivery, requiretls)},
    {"tls-optional", offsetof(struct module_delivery, tls_optional)},
    {"by-trace", offsetof(struct module_delivery, by_trace)},
};
static const struct name_str delivery_numbers[] = {
    {"delivery", offsetof(struct module_delivery, delid)},
    {"arrived", offsetof(struct module_delivery, arrived)},
    {"expires", offsetof(struct module_delivery, expires)},
    {"size", offsetof(struct module_delivery, size)},
    {"by", offsetof(struct module_delivery, by)},
    {"release", offsetof(struct module_delivery, release)},
};
_Static_assert(sizeof(int64_t) == sizeof(uint64_t), "numbers are stored alike");

static const struct name_str *find(const struct name_str *t, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(name, t[i].name))
			return &t[i];
	return NULL;
}

/* 1 taken, 0 not one of these, -1 malformed */
static int take_common(struct arena *a, struct module_delivery *d, struct str name, struct str v)
{
	const struct name_str *t;
	char *base = (char *)d;
	if ((t = find(delivery_texts, ARRAY_LEN(delivery_texts), name))) {
		struct str s;
		if (!module_line_value(a, v, &s))
			return -1;
		memcpy(base + t->at, &s, sizeof s);
		return 1;
	}
	if ((t = find(delivery_flags, ARRAY_LEN(delivery_flags), name))) {
		bool on = str_is(v, "1");
		memcpy(base + t->at, &on, sizeof on);
		return 1;
	}
	if ((t = find(delivery_numbers, ARRAY_LEN(delivery_numbers), name))) {
		int64_t n;
		if (!str_i64(v, &n))
			return -1;
		memcpy(base + t->at, &n, sizeof n);
		return 1;
	}
	return 0;
}

struct where {
	bool is_inline, is_offset;
	uint64_t size, offset;
};

static bool take_rest(
    struct arena *a, struct module_delivery *d, struct where *w, struct str name, struct str v)
{
	if (str_is(name, "ret")) {
		d->ret = v.n ? v.p[0] : 0;
		return v.n == 1 && (d->ret == 'F' || d->ret == 'H');
	}
	if (str_is(name, "by-mode")) {
		d->by_mode = v.n ? v.p[0] : 0;
		return v.n == 1 && (d->by_mode == 'R' || d->by_mode == 'N');
	}
	if (str_is(name, "extra")) {
		struct str s;
		if (!module_line_value(a, v, &s) || !(d->extra = arena_strz(a, s)))
			return false;
		d->extra_n = s.n;
		return true;
	}
	if (str_is(name, "inline"))
		return (w->is_inline = str_u64(v, &w->size));
	if (str_is(name, "offset"))
		return (w->is_offset = str_u64(v, &w->offset));
	return true;
}

static size_t count_rcpts(struct str text)
{
	struct str name, value;
	size_t n = 0;
	while (module_line_next(&text, &name, &value) > 0)
		n += str_is(name, "rcpt");
	return n;
}

int module_decode_delivery(
    struct str text, struct arena *a, struct module_delivery *d, struct str *body, uint64_t *offset)
{
	struct where w = {0};
	struct str name, value;
	memset(d, 0, sizeof *d);
	size_t n = count_rcpts(text), i = 0;
	if (n > MODULE_RCPTS_MAX)
		return -1;
	struct module_rcpt *rcpts = arena_zero(a, (n + 1) * sizeof *rcpts);
	if (!rcpts)
		return -1;
	int r;
	while ((r = module_line_next(&text, &name, &value)) > 0) {
		int common = str_is(name, "rcpt") ? 0 : take_common(a, d, name, value);
		bool ok =
		    common > 0 ||
		    (common == 0 && (str_is(name, "rcpt") ? take_rcpt(a, value, &rcpts[i++])
							  : take_rest(a, d, &w, name, value)));
		if (!ok)
			return -1;
	}
	if (r < 0 || w.is_inline == w.is_offset || (w.is_inline && w.size != text.n) ||
	    (w.is_offset && text.n))
		return -1;
	d->rcpts = rcpts;
	d->n_rcpts = n;
	*body = w.is_inline ? str_at(text.p ? text.p : "", text.n) : STR_NONE;
	*offset = w.offset;
	return 0;
}

static bool take_outcome(struct str v, enum module_outcome *out)
{
	static const char *const words[] = {"delivered", "relayed", "deferred", "failed"};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_is(v, words[i])) {
			*out = (enum module_outcome)i;
			return true;
		}
	return false;
}

static struct str *result_text(struct module_result *r, struct str name)
{
	if (str_is(name, "status"))
		return &r->status;
	if (str_is(name, "diagnostic"))
		return &r->diagnostic;
	if (str_is(name, "remote"))
		return &r->remote;
	if (str_is(name, "place"))
		return &r->place;
	return str_is(name, "command") ? &r->command : NULL;
}

static bool take_result(struct arena *a, struct str name, struct str v, struct module_result *r,
    uint64_t *num, bool *done)
{
	uint64_t n;
	struct str *text = result_text(r, name);
	if (text)
		return module_line_value(a, v, text);
	if (str_is(name, "rcpt"))
		return small(v, UINT32_MAX, num);
	if (str_is(name, "outcome"))
		return take_outcome(v, &r->outcome);
	if (str_is(name, "code")) {
		bool ok = small(v, 999, &n);
		r->code = ok ? (uint16_t)n : 0;
		return ok;
	}
	if (str_is(name, "peer-dsn"))
		r->peer_dsn = str_is(v, "1");
	else if (str_is(name, "untracked"))
		r->untracked = str_is(v, "1");
	else if (str_is(name, "no-reports"))
		r->no_reports = str_is(v, "1");
	else if (str_is(name, "connection"))
		r->connection = str_is(v, "1");
	else if (str_is(name, "done"))
		*done = str_is(v, "1");
	return true;
}

int module_decode_result(struct str text, struct arena *a, uint64_t *delid, uint32_t *num,
    struct module_result *r, bool *done)
{
	struct str name, value;
	uint64_t n = 0;
	bool has_delivery = false, has_rcpt = false, has_outcome = false;
	memset(r, 0, sizeof *r);
	*done = false;
	int more;
	while ((more = module_line_next(&text, &name, &value)) > 0) {
		if (str_is(name, "delivery")) {
			has_delivery = str_u64(value, delid) && *delid <= INT64_MAX;
			continue;
		}
		has_rcpt |= str_is(name, "rcpt");
		has_outcome |= str_is(name, "outcome");
		if (!take_result(a, name, value, r, &n, done))
			return -1;
	}
	*num = (uint32_t)n;
	return more == 0 && !text.n && has_delivery && has_rcpt && has_outcome ? 0 : -1;
}

int module_decode_done(struct str text, uint64_t *delid)
{
	struct str name, value;
	bool has = false;
	int more;
	while ((more = module_line_next(&text, &name, &value)) > 0)
		if (str_is(name, "delivery"))
			has = str_u64(value, delid) && *delid <= INT64_MAX;
	return more == 0 && !text.n && has ? 0 : -1;
}

int module_decode_synced(struct str text,
    void (*each)(void *ctx, struct str id, uint32_t num, enum module_sync how), void *ctx)
{
	static const char *const words[] = {"synced", "unsure", "failed"};
	struct str name, value, id;
	uint64_t num;
	int more;
	while ((more = module_line_next(&text, &name, &value)) > 0) {
		size_t how = 0;
		while (how < ARRAY_LEN(words) && !str_is(name, words[how]))
			how++;
		if (how == ARRAY_LEN(words))
			continue;
		if (!str_split(&value, '\t', &id) || !small(value, UINT32_MAX, &num))
			return -1;
		each(ctx, id, (uint32_t)num, (enum module_sync)how);
	}
	return more == 0 && !text.n ? 0 : -1;
}
