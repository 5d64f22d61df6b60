#include "config.h"

#include "filter/filter-private.h"

#include <stdlib.h>

struct kept {
	struct kept *next; /* the one used last stands first */
	struct filter *f;
	size_t n;
	char text[];
};

struct filter_cache {
	struct kept *first;
};

struct filter_cache *filter_cache_new(void)
{
	return mem_new(struct filter_cache);
}

static bool is(const struct kept *k, const char *name, struct str text)
{
	return k->n == text.n && !strcmp(k->f->name, name) &&
	       (!text.n || !memcmp(k->text, text.p, text.n));
}

struct filter *filter_cache_get(
    struct filter_cache *c, const char *name, struct str text, struct buf *error)
{
	struct kept **at = &c->first;
	while (*at && !is(*at, name, text))
		at = &(*at)->next;
	struct kept *k = *at;
	if (k) {
		*at = k->next;
	} else {
		struct filter *f = filter_parse(name, text, error);
		if (!f)
			return NULL;
		k = mem_alloc(sizeof *k + text.n + 1);
		k->f = f;
		k->n = text.n;
		if (text.n)
			memcpy(k->text, text.p, text.n);
	}
	k->next = c->first;
	c->first = k;
	return k->f;
}

void filter_cache_trim(struct filter_cache *c)
{
	size_t n = 0, bytes = 0;
	for (struct kept **at = &c->first; *at;) {
		struct kept *k = *at;
		bytes += k->n;
		if (++n <= FILTER_CACHE_FILES && bytes <= FILTER_CACHE_BYTES) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		filter_free(k->f);
		free(k);
	}
}

void filter_cache_free(struct filter_cache *c)
{
	while (c && c->first) {
		struct kept *k = c->first;
		c->first = k->next;
		filter_free(k->f);
		free(k);
	}
	free(c);
}
