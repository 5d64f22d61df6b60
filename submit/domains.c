#include "submit/domains.h"

struct domains {
	struct map *entries; /* "dom" or ".dom" -> "" (in), "!" (out) or the target */
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
	if (*key && !map_get(d->entries, str_of(key)) &&
	    !map_set(d->entries, str_of(key), value)) {
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
	free(d);
}

bool domains_match(const struct domains *d, struct str domain, struct str *target)
{
	const char *value = map_get(d->entries, domain);
	if (target)
		*target = STR_NONE;
	for (size_t i = 1; !value && i < domain.n; i++)
		if (domain.p[i] == '.')
			value = map_get(d->entries, str_skip(domain, i));
	if (!value || *value == '!')
		return false;
	if (target)
		*target = str_of(value);
	return true;
}

bool domains_next(const struct domains *d, size_t *at, struct str *key, struct str *value)
{
	void *v;
	if (!map_next(d->entries, at, key, &v))
		return false;
	*value = str_of(v);
	return true;
}
