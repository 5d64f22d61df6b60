#include "submit/domains.h"
#include "table/table.h"
#include <errno.h>

enum { DOMAIN_VALUE_MAX = 1024 };

struct domains {
	struct map *entries; /* "dom" or ".dom" -> "" (in), "!" (out) or the target */
	struct table *table; /* or this instead of the map */
	struct buf value;    /* what the table said last */
};

static char *lower(struct str s, struct str host)
{
	struct buf b;
	buf_init(&b, s.n + host.n + 1);
	if (s.n && s.p[0] == '*' && (s.n == 1 || s.p[1] == '.')) {
		buf_adds(&b, host);
		s = str_skip(s, 1);
	}
	buf_adds(&b, s);
	for (size_t i = 0; i < b.n; i++)
		b.p[i] = (char)ascii_lower((unsigned char)b.p[i]);
	char *z = mem_strndup(b.p, b.n);
	buf_free(&b);
	return z;
}

static bool add_line(struct domains *d, struct str line, struct str host)
{
	struct str rest = line, name, target = STR_NONE;
	if (!str_word(&rest, &name))
		return true;
	str_word(&rest, &target);
	bool out = name.p[0] == '!';
	char *key = lower(out ? str_skip(name, 1) : name, host);
	char *value = out ? mem_strdup("!") : lower(target, host);
	/* The first line for a name counts, as in a list that is read from the top. */
	if (*key && !map_get(d->entries, str_of(key)) && !map_set(d->entries, str_of(key), value)) {
		free(key);
		free(value);
		return false;
	}
	if (map_get(d->entries, str_of(key)) != value)
		free(value);
	free(key);
	return true;
}

struct domains *domains_new(struct str text, struct str host)
{
	struct domains *d = mem_new(struct domains);
	struct str line;
	d->entries = map_new();
	buf_init(&d->value, DOMAIN_VALUE_MAX);
	bool good = d->entries != NULL;
	while (good && str_split(&text, '\n', &line)) {
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			good = add_line(d, line, host);
	}
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

int domains_match(struct domains *d, struct str domain, struct str *target)
{
	struct str value;
	int r = entry(d, domain, &value);
	if (target)
		*target = STR_NONE;
	for (size_t i = 1; r == 0 && i < domain.n; i++)
		if (domain.p[i] == '.')
			r = entry(d, str_skip(domain, i), &value);
	if (r <= 0)
		return r;
	if (str_is(value, "!"))
		return 0;
	if (target)
		*target = value;
	return 1;
}

bool domains_next(const struct domains *d, size_t *at, struct str *key, struct str *value)
{
	void *v;
	if (!map_next(d->entries, at, key, &v))
		return false;
	*value = str_of(v);
	return true;
}
