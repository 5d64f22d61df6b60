/* Aliases of aliases are followed when the table is built, so the gate looks up once. */
#include "submit/aliases.h"
#include "unicode/unicode.h"
#include <stdlib.h>

struct member {
	char *text; /* canonical address */
	char *key;  /* under which that alias would stand; NULL: text alone */
};

struct entry {
	char *key;
	const char *file;
	unsigned line;
	bool domain; /* "@domain": its member is an account's name */
	bool open;   /* on the path that is followed: a loop ends here */
	unsigned round;
	VEC(struct member) members;
};

struct alias_set {
	const struct names *names;
	const char *source;
	struct alias_hooks hooks;
	struct map *entries;
	struct arena *arena; /* of one canonicalisation */
	const char *file;
	unsigned faults, round;
};

enum { SET_ARENA_MAX = 256 * 1024, SET_KEY_MAX = 512, INCLUDE_MAX = 16 * 1024 * 1024 };

static void entry_free(void *entry)
{
	struct entry *e = entry;
	for (size_t i = 0; i < e->members.n; i++) {
		free(e->members.v[i].text);
		free(e->members.v[i].key);
	}
	vec_free(&e->members);
	free(e->key);
	free(e);
}

struct alias_set *alias_set_new(
    const struct names *n, const char *source, const struct alias_hooks *h)
{
	struct alias_set *s = mem_new(struct alias_set);
	s->names = n;
	s->source = source;
	s->hooks = *h;
	s->entries = map_new();
	s->arena = arena_new(SET_ARENA_MAX);
	if (s->entries && s->arena)
		return s;
	alias_set_free(s);
	return NULL;
}

void alias_set_free(struct alias_set *s)
{
	if (!s)
		return;
	map_free(s->entries, entry_free);
	arena_free(s->arena);
	free(s);
}

unsigned alias_set_faults(const struct alias_set *s)
{
	return s->faults;
}

static void fault(struct alias_set *s, unsigned line, const char *why)
{
	s->faults++;
	s->hooks.bad(s->hooks.ctx, s->file, line, why);
}

static bool own_domain(const struct alias_set *s, const struct address *a)
{
	return a->kind == ADDRESS_LOCAL || str_ieq(a->domain, s->names->defaultdomain);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Plain words: what no address grammar has looked at must not look like other syntax later. */
static bool is_word(struct str s, const char *without)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c == 0x7f || strchr("\"\\(),:;<>", c) || strchr(without, c))
			return false;
	}
	return s.n > 0;
}

/* The key of an alias's name: "@domain", the address, or the local part when it stands alone. */
static char *key_of(struct alias_set *s, struct str name)
{
	struct address a;
	if (name.n > 1 && name.p[0] == '@') {
		if (!is_word(str_skip(name, 1), "@!|/"))
			return NULL;
		struct str d = domain_canonical(s->arena, str_skip(name, 1));
		return d.p ? mem_printf("@%.*s", STR_FMT(d)) : NULL;
	}
	if (address_canonical(
		s->names, s->arena, name, STR_NONE, ADDRESS_BARE | ADDRESS_UTF8, &a) != ADDRESS_OK)
		return NULL;
	struct str key = str_rchr(name, '@') < 0 ? a.local : a.text;
	return key.n && key.n <= SET_KEY_MAX ? mem_strndup(key.p, key.n) : NULL;
}

static struct entry *entry_for(struct alias_set *s, struct str name, unsigned line)
{
	arena_reset(s->arena);
	char *key = key_of(s, name);
	if (!key) {
		fault(s, line, "the alias's name is no address");
		return NULL;
	}
	struct entry *e = map_get(s->entries, str_of(key));
	if (e) {
		free(key);
		return e;
	}
	e = mem_new(struct entry);
	e->key = key;
	e->file = s->file;
	e->line = line;
	e->domain = key[0] == '@';
	if (!map_set(s->entries, str_of(key), e)) {
		entry_free(e);
		return NULL;
	}
	return e;
}

/* ---- members --------------------------------------------------------------------------------- */

static void add_address(struct alias_set *s, struct entry *e, struct str value, unsigned line)
{
	struct address a;
	arena_reset(s->arena);
	if (e->domain) {
		if (!is_word(value, "@|/"))
			fault(s, line,
			    "'@domain:' takes the names of accounts, or a path that ends in '!'");
		else
			vec_push(
			    &e->members, ((struct member){.text = mem_strndup(value.p, value.n)}));
		return;
	}
	if (address_canonical(s->names, s->arena, value, STR_NONE, ADDRESS_BARE | ADDRESS_UTF8,
		&a) != ADDRESS_OK) {
		fault(s, line, "a member is no address");
		return;
	}
	struct member m = {.text = mem_strndup(a.text.p, a.text.n)};
	if (own_domain(s, &a))
		m.key = mem_strndup(a.local.p, a.local.n);
	vec_push(&e->members, m);
}

/* What names of files can't hold, or what reading them in lower case would change. */
static bool must_encode(char c, bool lower)
{
	return c == '.' || c == '/' || (lower && c >= 'A' && c <= 'Z');
}

bool alias_instruction_name(
    const struct names *n, struct str key, const char *source, struct buf *out)
{
	buf_addf(out, "xalias%s%s/", source ? "-" : "", source ? source : "");
	for (size_t i = 0; i < key.n; i++) {
		if (must_encode(key.p[i], n->lowercase))
			buf_addf(out, "+%02x", (unsigned)(unsigned char)key.p[i]);
		else
			buf_addc(out, key.p[i]);
	}
	return !out->failed;
}

static void add_instruction(struct alias_set *s, struct entry *e, struct str value, unsigned line)
{
	struct buf name, address;
	buf_init(&name, SET_KEY_MAX);
	buf_init(&address, 2 * SET_KEY_MAX);
	if (e->domain || str_has_ctl(value) ||
	    !alias_instruction_name(s->names, str_of(e->key), s->source, &name) ||
	    !buf_addf(&address, "\".%.*s\"@%.*s", STR_FMT(buf_str(&name)), STR_FMT(s->names->me)))
		fault(s, line, "a program or file can't be a member here");
	else if (s->hooks.instruction(s->hooks.ctx, buf_str(&name), value) < 0)
		fault(s, line, "the instruction can't be kept");
	else
		add_address(s, e, buf_str(&address), line);
	buf_free(&name);
	buf_free(&address);
}

static int on_member(
    void *ctx, struct str name, enum alias_kind kind, struct str value, unsigned line);

static void on_bad(void *ctx, unsigned line, const char *why)
{
	fault(ctx, line, why);
}

static void include(struct alias_set *s, struct str name, struct str path, unsigned line)
{
	struct buf text;
	struct alias_reader r = {on_member, on_bad, s};
	buf_init(&text, INCLUDE_MAX);
	if (s->hooks.include(s->hooks.ctx, path, &text) < 0)
		fault(s, line, "the included file can't be read");
	else
		aliases_read_list(buf_str(&text), name, &r);
	buf_free(&text);
}

static int on_member(
    void *ctx, struct str name, enum alias_kind kind, struct str value, unsigned line)
{
	struct alias_set *s = ctx;
	struct entry *e = entry_for(s, name, line);
	if (!e)
		return 0;
	switch (kind) {
	case ALIAS_ADDRESS:
		add_address(s, e, value, line);
		break;
	case ALIAS_INCLUDE:
		include(s, name, value, line);
		break;
	case ALIAS_PROGRAM:
	case ALIAS_FILE:
		add_instruction(s, e, value, line);
		break;
	}
	return 0;
}

int alias_set_add(struct alias_set *s, struct str text, const char *file)
{
	struct alias_reader r = {on_member, on_bad, s};
	s->file = file;
	return aliases_read(text, &r) < 0 ? -1 : 0;
}

/* ---- following ------------------------------------------------------------------------------- */

static struct entry *find(struct alias_set *s, const struct member *m)
{
	struct entry *e = map_get(s->entries, str_of(m->text));
	return e || !m->key ? e : map_get(s->entries, str_of(m->key));
}

struct flat {
	struct alias_set *set;
	struct map *seen;
	struct buf out;
};

static void add_flat(struct flat *f, const char *text)
{
	if (map_get(f->seen, str_of(text)) || !map_set(f->seen, str_of(text), f))
		return;
	buf_addz(&f->out, text);
	buf_addc(&f->out, '\n');
}

static void follow(struct flat *f, struct entry *e, unsigned depth)
{
	if (depth > ALIAS_DEPTH_MAX) {
		f->set->file = e->file;
		fault(f->set, e->line, "aliases of aliases go too deep");
		return;
	}
	e->open = true;
	e->round = f->set->round;
	for (size_t i = 0; i < e->members.n; i++) {
		struct member *m = &e->members.v[i];
		struct entry *next = e->domain ? NULL : find(f->set, m);
		if (!next || next == e || next->domain)
			add_flat(f, m->text);
		else if (next->open) {
			f->set->file = e->file;
			fault(f->set, e->line, "an alias leads back to itself");
		} else if (next->round != f->set->round)
			follow(f, next, depth + 1);
	}
	e->open = false;
}

int alias_set_each(
    struct alias_set *s, int (*fn)(void *ctx, struct str key, struct str members), void *ctx)
{
	size_t at = 0;
	struct str key;
	void *entry;
	int r = 0;
	while (r == 0 && map_next(s->entries, &at, &key, &entry)) {
		struct flat f = {.set = s, .seen = map_new()};
		buf_init(&f.out, ALIAS_TEXT_MAX);
		s->round++;
		if (f.seen)
			follow(&f, entry, 0);
		if (!f.seen || f.out.failed)
			r = -1;
		else if (f.out.n)
			r = fn(ctx, key, buf_str(&f.out));
		buf_free(&f.out);
		map_free(f.seen, NULL);
	}
	return r;
}
