/* The file bofh. */
#include "submit/bofh.h"
#include "dns/rdata.h"
#include "unicode/unicode.h"
#include <stdlib.h>

struct freemail {
	struct str domains; /* blank separated, the first is the one of senders */
};

struct bofh {
	struct arena *arena;
	struct map *badfrom;  /* "user@domain", "@domain", "@.domain", "user@.domain" */
	struct map *freemail; /* domain -> struct freemail */
	struct map *traps;    /* keys of addresses */
	VEC(struct sockaddr_storage) badmx;
	VEC(struct str) opts; /* NAME=value */
	bool have_maxrcpts, hard;
	uint32_t maxrcpts;
	const struct names *names;
};

static int yes; /* what maps of words hold */

static struct str lower(struct arena *a, struct str s)
{
	char *z = arena_strz(a, s);
	for (size_t i = 0; z && i < s.n; i++)
		z[i] = (char)ascii_lower((unsigned char)z[i]);
	return str_at(z, z ? s.n : 0);
}

static const char *const no_memory = "out of memory";

/* ---- lines ----------------------------------------------------------------------------------- */

static struct str domain_key(struct arena *a, struct str domain)
{
	bool dot = domain.n && domain.p[0] == '.';
	struct str d = domain_canonical(a, dot ? str_skip(domain, 1) : domain);
	if (!dot || !d.p)
		return d;
	char *z = arena_printf(a, ".%.*s", STR_FMT(d));
	return str_of(z);
}

static const char *take_badfrom(struct bofh *b, struct str rest)
{
	struct str word, more;
	if (!str_word(&rest, &word) || str_word(&rest, &more))
		return "badfrom wants one address";
	ptrdiff_t at = str_rchr(word, '@');
	if (at < 0 || (size_t)at + 1 == word.n)
		return "badfrom wants user@domain, @domain, @.domain or user@.domain";
	struct str domain = domain_key(b->arena, str_skip(word, (size_t)at + 1));
	struct str local = lower(b->arena, str_head(word, (size_t)at));
	char *key = arena_printf(b->arena, "%.*s@%.*s", STR_FMT(local), STR_FMT(domain));
	return key && map_set(b->badfrom, str_of(key), &yes) ? NULL : no_memory;
}

static const char *take_badmx(struct bofh *b, struct str rest)
{
	struct sockaddr_storage ss;
	struct str word, more;
	if (!str_word(&rest, &word) || str_word(&rest, &more) || !dns_literal(word, &ss))
		return "badmx wants one IP address";
	vec_push(&b->badmx, ss);
	return NULL;
}

static const char *take_freemail(struct bofh *b, struct str rest)
{
	struct str all = rest, word;
	struct freemail *f = arena_new_of(b->arena, struct freemail);
	if (!str_word(&rest, &word))
		return "freemail wants domains";
	struct str key = domain_canonical(b->arena, word);
	if (!f || !key.p)
		return no_memory;
	f->domains = lower(b->arena, all);
	return map_set(b->freemail, key, f) ? NULL : no_memory;
}

static const char *take_spamtrap(struct bofh *b, struct str rest)
{
	struct address a;
	struct str word, more;
	if (!str_word(&rest, &word) || str_word(&rest, &more) || str_chr(word, '@') < 0 ||
	    address_canonical(b->names, b->arena, word, STR_NONE, ADDRESS_UTF8, &a) != ADDRESS_OK)
		return "spamtrap wants user@domain";
	return map_set(b->traps, a.key, &yes) ? NULL : no_memory;
}

static const char *take_maxrcpts(struct bofh *b, struct str rest)
{
	struct str word, more = STR_NONE, none;
	uint64_t n;
	if (!str_word(&rest, &word) || !str_u64(word, &n) || n == 0 || n > UINT32_MAX)
		return "maxrcpts wants a number";
	if (str_word(&rest, &more) && (!str_iis(more, "hard") || str_word(&rest, &none)))
		return "behind the number of maxrcpts only `hard` may stand";
	b->have_maxrcpts = true;
	b->maxrcpts = (uint32_t)n;
	b->hard = more.n > 0;
	return NULL;
}

/* Wrong values are told; names that nobody knows are not: old files have some. */
static const char *wrong_value(struct str name, struct str value)
{
	unsigned set;
	uint64_t n;
	if (str_starts(name, STR("BOFHSPF")) && !str_is(name, "BOFHSPFTRUSTME") &&
	    !str_is(name, "BOFHSPFNOVERBOSE") && !bofh_spf_words(value, &set))
		return "a word of the list is no SPF keyword";
	if (str_is(name, "BOFHHEADERLIMIT") && !str_u64(value, &n))
		return "BOFHHEADERLIMIT wants a number";
	return NULL;
}

static const char *take_opt(struct bofh *b, struct str rest)
{
	rest = str_trim(rest);
	ptrdiff_t eq = str_chr(rest, '=');
	if (eq <= 0)
		return "opt wants NAME=value";
	struct str name = str_head(rest, (size_t)eq);
	for (size_t i = 0; i < name.n; i++)
		if (!ascii_alnum((unsigned char)name.p[i]) && name.p[i] != '_')
			return "opt wants NAME=value";
	if (!str_starts(name, STR("BOFH")) || str_has_ctl(rest))
		return "opt sets names that begin with BOFH";
	struct str copy = arena_str(b->arena, rest);
	if (!copy.p)
		return no_memory;
	vec_push(&b->opts, copy);
	return wrong_value(name, str_skip(rest, (size_t)eq + 1));
}

static const char *take_line(struct bofh *b, struct str line)
{
	static const struct {
		const char *word;
		const char *(*take)(struct bofh *b, struct str rest);
	} directives[] = {{"badfrom", take_badfrom}, {"badmx", take_badmx},
	    {"freemail", take_freemail}, {"spamtrap", take_spamtrap}, {"maxrcpts", take_maxrcpts},
	    {"opt", take_opt}};
	struct str word;
	if (!str_word(&line, &word))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(directives); i++)
		if (str_iis(word, directives[i].word))
			return directives[i].take(b, str_trim(line));
	return "unknown directive";
}

/* ---- life ------------------------------------------------------------------------------------ */

struct bofh *bofh_new(struct str text, const struct names *n,
    void (*bad)(void *ctx, unsigned line, const char *why), void *ctx)
{
	struct bofh *b = mem_new(struct bofh);
	struct str line;
	unsigned number = 0;
	b->arena = arena_new(64 * 1024 * 1024);
	b->badfrom = map_new();
	b->freemail = map_new();
	b->traps = map_new();
	b->names = n;
	if (!b->arena || !b->badfrom || !b->freemail || !b->traps) {
		bofh_free(b);
		return NULL;
	}
	while (str_split(&text, '\n', &line) && number++ < BOFH_LINES_MAX) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		const char *why = take_line(b, line);
		if (why && bad)
			bad(ctx, number, why);
	}
	b->names = NULL;
	return b;
}

void bofh_free(struct bofh *b)
{
	if (!b)
		return;
	map_free(b->badfrom, NULL);
	map_free(b->freemail, NULL);
	map_free(b->traps, NULL);
	vec_free(&b->badmx);
	vec_free(&b->opts);
	arena_free(b->arena);
	free(b);
}

/* ---- questions ------------------------------------------------------------------------------- */

enum { KEY_MAX = 2048 };

static bool has(
    const struct bofh *b, struct buf *key, struct str local, const char *at, struct str domain)
{
	buf_clear(key);
	for (size_t i = 0; i < local.n; i++)
		buf_addc(key, (char)ascii_lower((unsigned char)local.p[i]));
	buf_addz(key, at);
	buf_adds(key, domain);
	return !key->failed && map_get(b->badfrom, buf_str(key));
}

bool bofh_badfrom(const struct bofh *b, struct str local, struct str domain)
{
	struct buf key;
	buf_init(&key, KEY_MAX);
	bool found = has(b, &key, local, "@", domain) || has(b, &key, STR_NONE, "@", domain);
	for (ptrdiff_t dot; !found && (dot = str_chr(domain, '.')) >= 0;) {
		domain = str_skip(domain, (size_t)dot + 1);
		found = has(b, &key, local, "@.", domain) || has(b, &key, STR_NONE, "@.", domain);
	}
	buf_free(&key);
	return found;
}

enum bofh_host bofh_freemail(const struct bofh *b, struct str domain, struct str host)
{
	const struct freemail *f = map_get(b->freemail, domain);
	if (!f)
		return BOFH_HOST_GOOD;
	struct str rest = f->domains, word;
	while (str_word(&rest, &word))
		if (dns_name_within(host, word))
			return BOFH_HOST_GOOD;
	return str_is(host, "softdnserr") ? BOFH_HOST_UNSURE : BOFH_HOST_BAD;
}

bool bofh_badmx(const struct bofh *b, const struct sockaddr_storage *ss)
{
	for (size_t i = 0; i < b->badmx.n; i++)
		if (dns_same_address(&b->badmx.v[i], ss))
			return true;
	return false;
}

bool bofh_spamtrap(const struct bofh *b, struct str key)
{
	return map_get(b->traps, key) != NULL;
}

bool bofh_maxrcpts(const struct bofh *b, uint32_t *n, bool *hard)
{
	if (!b->have_maxrcpts)
		return false;
	*n = b->maxrcpts;
	*hard = b->hard;
	return true;
}

static bool env_has(const struct buf *env, struct str name)
{
	struct str rest = buf_str(env), line;
	while (str_split(&rest, '\n', &line))
		if (line.n > name.n && line.p[name.n] == '=' && str_starts(line, name))
			return true;
	return false;
}

void bofh_defaults(const struct bofh *b, struct buf *env)
{
	for (size_t i = b->opts.n; i-- > 0;) { /* of two lines the later one wins */
		struct str opt = b->opts.v[i];
		if (env_has(env, str_head(opt, (size_t)str_chr(opt, '='))))
			continue;
		buf_adds(env, opt);
		buf_addc(env, '\n');
	}
}
