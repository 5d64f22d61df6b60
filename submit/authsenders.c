#include "submit/authsenders.h"
#include "rfc822/rfc822.h"
#include "unicode/unicode.h"
#include <stdlib.h>

enum { ARENA_MAX = 64 * 1024 * 1024 };

struct authsenders {
	struct arena *arena;
	struct map *allowed; /* "login\0word" */
};

static int yes; /* what the map holds */

static struct str pair(struct arena *a, struct str login, struct str word)
{
	struct buf b;
	buf_init(&b, 4096);
	buf_adds(&b, login);
	buf_addc(&b, 0);
	buf_adds(&b, word);
	struct str s = b.failed ? STR_NONE : arena_str(a, buf_str(&b));
	buf_free(&b);
	return s;
}

/* The canonical form of a word; empty: it is none. */
static struct str canonical_word(struct arena *a, const struct names *n, struct str word)
{
	struct address addr = {0};
	if (str_is(word, "*"))
		return word;
	if (str_starts(word, STR("@"))) {
		bool dot = str_starts(word, STR("@."));
		struct str domain = domain_canonical(a, str_skip(word, dot ? 2 : 1));
		if (domain.n == 0)
			return STR_NONE;
		char *z = arena_printf(a, "%s%.*s", dot ? "@." : "@", STR_FMT(domain));
		return z ? str_of(z) : STR_NONE;
	}
	if (address_canonical(n, a, word, STR_NONE, ADDRESS_BARE | ADDRESS_UTF8, &addr) !=
	    ADDRESS_OK)
		return STR_NONE;
	return addr.key;
}

static const char *take_line(struct authsenders *s, const struct names *n, struct str line)
{
	struct str login, word;
	if (!str_word(&line, &login))
		return NULL;
	if (!str_word(&line, &word))
		return "a login wants at least one address";
	do {
		struct str w = canonical_word(s->arena, n, word);
		struct str key = w.n ? pair(s->arena, login, w) : STR_NONE;
		if (!w.n)
			return "a word is neither an address nor @domain nor *";
		if (!key.p || !map_set(s->allowed, key, &yes))
			return "out of memory";
	} while (str_word(&line, &word));
	return NULL;
}

struct authsenders *authsenders_new(struct str text, const struct names *names,
    void (*bad)(void *ctx, unsigned line, const char *why), void *ctx)
{
	struct authsenders *s = mem_new(struct authsenders);
	struct str line;
	s->arena = arena_new(ARENA_MAX);
	s->allowed = map_new();
	if (!s->arena || !s->allowed) {
		authsenders_free(s);
		return NULL;
	}
	for (unsigned n = 1; text.n && str_split(&text, '\n', &line); n++) {
		ptrdiff_t hash = str_chr(line, '#');
		const char *why =
		    take_line(s, names, str_trim(hash < 0 ? line : str_head(line, (size_t)hash)));
		if (why)
			bad(ctx, n, why);
	}
	return s;
}

void authsenders_free(struct authsenders *s)
{
	if (!s)
		return;
	map_free(s->allowed, NULL);
	arena_free(s->arena);
	free(s);
}

static bool has(const struct authsenders *s, struct str login, const char *before, struct str word)
{
	struct buf b;
	buf_init(&b, 8192);
	buf_adds(&b, login);
	buf_addc(&b, 0);
	buf_addz(&b, before);
	buf_adds(&b, word);
	bool found = !b.failed && map_get(s->allowed, buf_str(&b));
	buf_free(&b);
	return found;
}

bool authsenders_allow(const struct authsenders *s, struct str login, const struct address *a)
{
	if (map_count(s->allowed) == 0)
		return false;
	if (has(s, login, "", STR("*")) || has(s, login, "", a->key) ||
	    has(s, login, "@", a->domain))
		return true;
	struct str rest = a->domain;
	for (ptrdiff_t dot; (dot = str_chr(rest, '.')) >= 0;) {
		rest = str_skip(rest, (size_t)dot + 1);
		if (has(s, login, "@.", rest))
			return true;
	}
	return false;
}

bool bound_parse(struct str words, unsigned *out)
{
	struct str word;
	*out = 0;
	while (str_word(&words, &word)) {
		if (str_iis(word, "envelope"))
			*out |= BOUND_ENVELOPE;
		else if (str_iis(word, "header"))
			*out |= BOUND_HEADER;
		else
			return false;
	}
	return true;
}

/* ---- headers --------------------------------------------------------------------------------- */

static bool names_sender(struct str name)
{
	static const char *const fields[] = {"From", "Sender", "Resent-From", "Resent-Sender"};
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_iis(name, fields[i]))
			return true;
	return false;
}

/* Whatever could be taken for somebody's name has to be understood. */
static bool add_list(struct arena *a, struct str body, struct str *out, size_t max, size_t *n)
{
	struct mailaddr_list list;
	struct buf spec;
	if (mailaddr_parse(a, body, max, &list) < 0 || list.malformed || list.limit)
		return false;
	for (const struct mailaddr *m = list.first; m; m = m->next) {
		if (m->kind != MAILADDR_MAILBOX)
			continue;
		if (*n == max || m->local.n == 0)
			return false;
		buf_init(&spec, 1000);
		mailaddr_print_spec(&spec, m->local, m->domain);
		out[*n] = spec.failed ? STR_NONE : arena_str(a, buf_str(&spec));
		buf_free(&spec);
		if (out[(*n)++].n == 0)
			return false;
	}
	return true;
}

int header_senders(struct arena *a, struct str block, struct str *out, size_t max)
{
	struct header_field f;
	size_t n = 0;
	bool from = false;
	while (header_next(&block, &f)) {
		size_t before = n;
		if (!names_sender(f.name))
			continue;
		if (!add_list(a, f.body, out, max, &n))
			return -1;
		from |= str_iis(f.name, "From") && n > before;
	}
	return from ? (int)n : -1;
}
