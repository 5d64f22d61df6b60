#include "submit/domains.h"
#include "table/table.h"
#include "unicode/unicode.h"
#include <errno.h>
#include <stdlib.h>

enum { DOMAIN_VALUE_MAX = 2048, LINE_ARENA_MAX = 64 * 1024 };

struct domains {
	struct map *entries; /* "dom" or ".dom" -> "" (in), "!" (out) or the target */
	struct table *table; /* or this instead of the map */
	struct buf value;    /* what the table said last */
	unsigned faults, first_fault;
};

/* "*" and "*.dom" become this host's name; the rest the form in which domains are compared. */
static char *canonical(struct arena *a, struct str s, struct str host)
{
	struct buf b;
	buf_init(&b, s.n + host.n + 1);
	bool below = s.n > 1 && s.p[0] == '.';
	if (s.n && s.p[0] == '*' && (s.n == 1 || s.p[1] == '.')) {
		buf_adds(&b, host);
		s = str_skip(s, 1);
	}
	buf_adds(&b, str_skip(s, below));
	arena_reset(a);
	struct str d = domain_canonical(a, buf_str(&b));
	char *z = d.p ? mem_printf("%s%.*s", below ? "." : "", STR_FMT(d)) : NULL;
	buf_free(&b);
	return z;
}

static bool impossible(struct str domain)
{
	return domain.n == 0 || domain.n > DOMAIN_TEXT_MAX || str_has_ctl(domain) ||
	       str_chr(domain, '@') >= 0 || str_find(domain, STR("..")) >= 0;
}

/* The first line for a name counts, as in a list that is read from the top. */
static bool add(struct domains *d, char *key, char *value)
{
	if (map_get(d->entries, str_of(key)))
		free(value);
	else if (!map_set(d->entries, str_of(key), value)) {
		free(value);
		free(key);
		return false;
	}
	free(key);
	return true;
}

static bool add_line(struct domains *d, struct arena *a, struct str line, struct str host)
{
	struct str rest = line, name, target = STR_NONE, more;
	str_word(&rest, &name);
	str_word(&rest, &target);
	bool out = name.p[0] == '!';
	struct str domain = out ? str_skip(name, 1) : name;
	if (impossible(domain) || (target.n && impossible(target)) || str_word(&rest, &more)) {
		d->faults++;
		return true;
	}
	char *key = canonical(a, domain, host);
	char *value = out ? mem_strdup("!") : canonical(a, target, host);
	if (key && value)
		return add(d, key, value);
	free(key);
	free(value);
	return false;
}

struct domains *domains_new(struct str text, struct str host)
{
	struct domains *d = mem_new(struct domains);
	struct arena *a = arena_new(LINE_ARENA_MAX);
	struct str line;
	d->entries = map_new();
	buf_init(&d->value, DOMAIN_VALUE_MAX);
	bool good = d->entries && a;
	for (unsigned n = 1; good && str_split(&text, '\n', &line); n++) {
		line = str_trim(line);
		unsigned faults = d->faults;
		if (line.n && line.p[0] != '#')
			good = add_line(d, a, line, host);
		if (faults == 0 && d->faults)
			d->first_fault = n;
	}
	arena_free(a);
	if (good)
		return d;
	domains_free(d);
	return NULL;
}

void domains_free(struct domains *d)
{
	if (!d)
		return;
	map_free(d->entries, free);
	table_close(d->table);
	buf_free(&d->value);
	free(d);
}

struct domains *domains_of_table(struct table *t)
{
	struct domains *d = mem_new(struct domains);
	d->table = t;
	buf_init(&d->value, DOMAIN_VALUE_MAX);
	return d;
}

/* 1 and the value, 0 absent, -1. */
static int entry(struct domains *d, struct str key, struct str *value)
{
	if (d->table) {
		int r = table_get(d->table, key, &d->value);
		*value = buf_str(&d->value);
		return r < 0 && errno == ENOENT ? 0 : r;
	}
	const char *z = map_get(d->entries, key);
	*value = str_of(z);
	return z != NULL;
}

int domains_match(struct domains *d, struct str domain, struct domain_match *m)
{
	struct str value;
	size_t at = 0;
	int r = entry(d, domain, &value);
	for (size_t i = 1; r == 0 && i < domain.n; i++)
		if (domain.p[i] == '.') {
			r = entry(d, str_skip(domain, i), &value);
			at = i;
		}
	if (m)
		*m = (struct domain_match){0};
	if (r <= 0)
		return r;
	if (str_is(value, "!"))
		return 0;
	if (m)
		*m = (struct domain_match){.target = value, .at = at};
	return 1;
}

unsigned domains_faults(const struct domains *d, unsigned *first)
{
	*first = d->first_fault;
	return d->faults;
}

bool domains_next(const struct domains *d, size_t *at, struct str *key, struct str *value)
{
	void *v;
	if (!map_next(d->entries, at, key, &v))
		return false;
	*value = str_of(v);
	return true;
}
