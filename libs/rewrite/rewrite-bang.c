#include "config.h"

#include "rewrite/rewrite.h"

/* "node!" at the front. */
static bool begins_with_node(struct str path, struct str node)
{
	return node.n && path.n > node.n && str_starts(path, node) && path.p[node.n] == '!';
}

struct str bang_path(
    struct arena *a, const struct rewrite_bang *b, struct str local, struct str domain)
{
	bool own = domain.n == 0 || (b->own && b->own(b->ctx, domain));
	if (own && begins_with_node(local, b->node))
		return str_skip(local, b->node.n + 1);
	if (own && begins_with_node(local, b->me))
		return local;
	char *z = own ? arena_printf(a, "%.*s!%.*s", STR_FMT(b->me), STR_FMT(local))
		      : arena_printf(
			    a, "%.*s!%.*s!%.*s", STR_FMT(b->me), STR_FMT(domain), STR_FMT(local));
	return str_of(z);
}

void bang_address(
    const struct rewrite_bang *b, struct str path, struct str *local, struct str *domain)
{
	while (begins_with_node(path, b->me))
		path = str_skip(path, b->me.n + 1);
	*local = path;
	*domain = STR_NONE;
	ptrdiff_t bang = str_chr(path, '!');
	if (bang <= 0 || (size_t)bang + 1 == path.n)
		return;
	struct str first = str_head(path, (size_t)bang);
	ptrdiff_t dot = str_chr(first, '.');
	if (dot <= 0 || (size_t)dot + 1 == first.n)
		return; /* a node's name: the path stays what it is */
	*domain = first;
	*local = str_skip(path, (size_t)bang + 1);
}

int rewrite_bang_out(void *bang, struct arena *a, struct str *local, struct str *domain)
{
	struct str path = bang_path(a, bang, *local, *domain);
	if (!path.p)
		return -1;
	*local = path;
	*domain = STR_NONE;
	return 1;
}

int rewrite_bang_in(void *bang, struct arena *a UNUSED, struct str *local, struct str *domain)
{
	const struct rewrite_bang *b = bang;
	struct str l, d;
	if (str_chr(*local, '!') < 0 || (domain->n && !(b->own && b->own(b->ctx, *domain))))
		return 0;
	bang_address(b, *local, &l, &d);
	if (d.n == 0 && l.n == local->n)
		return 0;
	*local = l;
	if (d.n)
		*domain = d;
	return 1;
}
