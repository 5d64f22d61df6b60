#include "config.h"

#include "rewrite/rewrite.h"

enum { LINE_MAX_OCTETS = 998 };

struct work {
	struct arena *arena;
	const struct rewrite *rw;
	struct buf out;
	bool changed;
};

static bool has_addresses(struct str name)
{
	static const char *const names[] = {"From", "Sender", "Reply-To", "To", "Cc", "Bcc"};
	if (str_istarts(name, STR("Resent-")))
		name = str_skip(name, 7);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_iis(name, names[i]))
			return true;
	return false;
}

/* One mailbox: what of the text it replaces (nothing: .p NULL) and whether the address changed. */
static int map_one(struct work *w, struct mailaddr *m, struct str *replaces)
{
	*replaces = STR_NONE;
	if (m->kind != MAILADDR_MAILBOX || m->local.n == 0 || m->spec.n == 0)
		return 0;
	if (str_has_ctl(m->local) || str_has_ctl(m->domain))
		return 0; /* printing would leave something out: a broken address stays as it is */
	int mapped = w->rw->map(w->rw->ctx, w->arena, &m->local, &m->domain);
	if (mapped > 0)
		*replaces = m->spec;
	if (mapped >= 0 && w->rw->drop_angles && m->angle.n && m->name.n == 0)
		*replaces = m->angle;
	return mapped;
}

/* Copies the field with its addresses replaced; false: nothing to replace, or failure (-1). */
static int splice(struct work *w, struct str raw, struct mailaddr *first)
{
	const char *at = raw.p;
	int any = 0;
	for (struct mailaddr *m = first; m; m = m->next) {
		struct str old;
		int mapped = map_one(w, m, &old);
		if (mapped < 0)
			return -1;
		if (!old.p)
			continue;
		any = 1;
		buf_adds(&w->out, str_range(at, old.p));
		if (mapped)
			mailaddr_print_spec(&w->out, m->local, m->domain);
		else
			buf_adds(&w->out, m->spec); /* only the brackets go */
		at = old.p + old.n;
	}
	buf_adds(&w->out, str_range(at, raw.p + raw.n));
	return w->out.failed ? -1 : any;
}

static bool too_long(struct str s)
{
	struct str line;
	while (str_split(&s, '\n', &line))
		if (line.n > LINE_MAX_OCTETS)
			return true;
	return false;
}

/* Longer addresses can make a line too long: then the field is printed anew. */
static int print_anew(struct work *w, const struct header_field *f, const struct mailaddr *first)
{
	const char *name = arena_strz(w->arena, f->name);
	if (!name)
		return -1;
	const char *eol = str_ends(f->raw, STR("\r\n")) ? "\r\n" : "\n";
	return mailaddr_print_field(&w->out, name, first, eol) ? 1 : -1;
}

static int field(struct work *w, const struct header_field *f)
{
	struct mailaddr_list list;
	size_t from = w->out.n;
	size_t max = w->rw->max_addresses ? w->rw->max_addresses : MAILADDR_MAX_DEFAULT;
	if (!has_addresses(f->name))
		return buf_adds(&w->out, f->raw) ? 0 : -1;
	if (mailaddr_parse(w->arena, f->body, max, &list) < 0)
		return -1;
	/* in what is not well-formed a replaced piece may grow together with its neighbour */
	if (list.limit || list.malformed)
		return buf_adds(&w->out, f->raw) ? 0 : -1;
	int any = splice(w, f->raw, list.first);
	if (any > 0 && !too_long(f->raw) && too_long(str_at(w->out.p + from, w->out.n - from))) {
		w->out.n = from;
		any = print_anew(w, f, list.first);
	}
	return any;
}

int rewrite_header(struct arena *a, struct str header, const struct rewrite *rw, struct str *out)
{
	struct work w = {.arena = a, .rw = rw};
	struct header_field f;
	struct str rest = header;
	int any = 0, one = 0;
	buf_init(&w.out, SIZE_MAX / 4);
	while (one >= 0 && header_next(&rest, &f)) {
		one = field(&w, &f);
		any |= one > 0;
	}
	*out = header;
	if (one >= 0 && any)
		*out = arena_str(a, buf_str(&w.out));
	buf_free(&w.out);
	return one < 0 || (any && !out->p) ? -1 : 0;
}
