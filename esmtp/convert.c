#include <stdlib.h>
#include "esmtp/convert.h"
#include "mime/mime.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

static bool add(void *ctx, struct str piece)
{
	return buf_adds(ctx, piece);
}

/* The whole message: a view, or a copy in the arena. */
static struct str whole(const struct job *j, struct arena *a)
{
	struct str text = module_body_inline(j->body);
	size_t size = (size_t)j->d->size, have = 0;
	if (text.p)
		return text;
	char *p = arena_alloc(a, size + 1);
	while (p && have < size) {
		ssize_t n = module_body_read(j->body, p + have, size - have, have);
		if (n <= 0)
			return STR_NONE;
		have += (size_t)n;
	}
	return str_at(p, have);
}

bool convert_to_7bit(const struct job *j, struct buf *out)
{
	struct mime_result m;
	if (j->d->size > CONVERT_MAX)
		return false;
	struct arena *a = arena_new(ARENA_MAX + (size_t)j->d->size);
	struct str text = a ? whole(j, a) : STR_NONE;
	bool good = text.p && str_has_8bit(text) &&
		    !mime_parse(a, text, &mime_default_limits, &m) &&
		    (m.faults & MIME_FAULT_BODY_8BIT) &&
		    mime_to_7bit(text, m.root, j->e->settings->me, add, out) && !out->failed;
	arena_free(a);
	return good;
}
