#include "submit/aliases.h"
#include "rfc822/rfc822.h"
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

bool alias_of_domain(
    const struct names *n, const struct address *a, struct str target, struct buf *out)
{
	struct buf local;
	target = str_trim(target);
	buf_init(&local, KEY_MAX);
	buf_adds(&local, target);
	if (!str_ends(target, STR("!")))
		buf_addc(&local, '-');
	buf_adds(&local, a->local);
	bool good = !local.failed && mailaddr_print_spec(out, buf_str(&local), n->me) &&
		    buf_addc(out, '\n');
	buf_free(&local);
	return good;
}

/* "@domain" stands for accounts whose extension is the local part. */
static int get_domain(
    struct table *t, const struct names *n, const struct address *a, struct buf *out)
{
	char key[KEY_MAX];
	struct buf targets;
	struct str line;
	int len = snprintf(key, sizeof(key), "@%.*s", STR_FMT(a->domain));
	if (len < 0 || (size_t)len >= sizeof(key))
		return 0;
	buf_init(&targets, ALIAS_TEXT_MAX);
	int r = get(t, str_at(key, (size_t)len), &targets);
	for (struct str rest = buf_str(&targets); r > 0 && str_split(&rest, '\n', &line);)
		if (line.n && !alias_of_domain(n, a, line, out)) {
			errno = EFBIG;
			r = -1;
		}
	buf_free(&targets);
	return r;
}

static bool is_own_domain(const struct names *n, const struct address *a)
{
	return a->kind == ADDRESS_LOCAL || str_ieq(a->domain, n->defaultdomain);
}

/* Each system has a postmaster: the one of a hosted domain is, without an alias, the system's. */
static bool may_stand_alone(const struct names *n, const struct address *a)
{
	return is_own_domain(n, a) || (a->kind == ADDRESS_HOSTED && str_is(a->local, "postmaster"));
}

unsigned alias_keys(const struct names *n, struct arena *a, const struct address *addr,
    struct str keys[ALIAS_KEYS_MAX])
{
	unsigned count = 0;
	struct buf b;
	if (addr->text.n > KEY_MAX / 2)
		return 0;
	keys[count++] = addr->text;
	buf_init(&b, KEY_MAX);
	if (addr->kind == ADDRESS_HOSTED && !str_eq(addr->at, addr->domain) &&
	    mailaddr_print_spec(&b, addr->local, addr->at))
		keys[count++] = arena_str(a, buf_str(&b));
	buf_free(&b);
	if (may_stand_alone(n, addr))
		keys[count++] = addr->local;
	return count;
}

int aliases_lookup(struct table *t, const struct names *n, const struct address *a, struct buf *out)
{
	struct str keys[ALIAS_KEYS_MAX];
	struct arena *arena = arena_new(4 * KEY_MAX);
	unsigned count = arena ? alias_keys(n, arena, a, keys) : 0;
	int r = arena ? 0 : -1;
	for (unsigned i = 0; r == 0 && i < count; i++)
		r = get(t, keys[i], out);
	if (r == 0 && count)
		r = get_domain(t, n, a, out);
	int e = errno;
	arena_free(arena);
	errno = e;
	return r < 0 && e == ENOENT ? 0 : r;
}

const char *const alias_source_names[ALIAS_SOURCES] = {"esmtp", "uucp", "local"};

bool alias_source_parse(struct str name, enum alias_source *out)
{
	for (unsigned i = 0; i < ALIAS_SOURCES; i++)
		if (str_is(name, alias_source_names[i])) {
			*out = (enum alias_source)i;
			return true;
		}
	return false;
}

bool alias_is_instruction(const struct address *a)
{
	return a->kind == ADDRESS_LOCAL &&
	       (str_istarts(a->local, STR(".xalias/")) || str_istarts(a->local, STR(".xalias-")));
}
