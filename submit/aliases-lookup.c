#include "submit/aliases.h"
#include <errno.h>
#include <stdio.h>

enum { KEY_MAX = 1024 };

/* One key with its continuation records. */
static int get(struct table *t, struct str key, struct buf *out)
{
	struct buf part;
	char next[KEY_MAX];
	buf_init(&part, TABLE_VALUE_MAX);
	int r = table_get(t, key, &part);
	for (unsigned i = 1; r > 0; i++) {
		if (!buf_adds(out, buf_str(&part))) {
			errno = EFBIG;
			r = -1;
			break;
		}
		int n = snprintf(next, sizeof(next), "%.*s\n%u", STR_FMT(key), i);
		if (part.n < ALIAS_CHUNK / 2 || n < 0 || (size_t)n >= sizeof(next))
			break; /* a record that another follows is at least half full */
		r = table_get(t, str_at(next, (size_t)n), &part);
		if (r == 0) {
			r = 1;
			break;
		}
	}
	buf_free(&part);
	return r;
}

/* "@domain" stands for an account whose extension is the local part. */
static int get_domain(
    struct table *t, const struct names *n, const struct address *a, struct buf *out)
{
	char key[KEY_MAX];
	struct buf target;
	int len = snprintf(key, sizeof(key), "@%.*s", STR_FMT(a->domain));
	if (len < 0 || (size_t)len >= sizeof(key))
		return 0;
	buf_init(&target, KEY_MAX);
	int r = table_get(t, str_at(key, (size_t)len), &target);
	if (r > 0) {
		struct str account = str_trim(buf_str(&target));
		buf_addf(
		    out, "%.*s-%.*s@%.*s\n", STR_FMT(account), STR_FMT(a->local), STR_FMT(n->me));
	}
	buf_free(&target);
	return r;
}

static bool is_own_domain(const struct names *n, const struct address *a)
{
	return a->kind == ADDRESS_LOCAL || str_ieq(a->domain, n->defaultdomain);
}

int aliases_lookup(struct table *t, const struct names *n, const struct address *a, struct buf *out)
{
	if (a->text.n > KEY_MAX / 2)
		return 0;
	int r = get(t, a->text, out);
	if (r == 0 &&
	    (is_own_domain(n, a) || (a->kind == ADDRESS_HOSTED && str_is(a->local, "postmaster"))))
		r = get(t, a->local, out);
	if (r == 0)
		r = get_domain(t, n, a, out);
	return r < 0 && errno == ENOENT ? 0 : r;
}
