#include "config.h"

#include "filters/filter-control.h"

#include <fcntl.h>

enum { DECODE_MAX = 64 * 1024 * 1024 };

static bool keep(struct arena *a, const struct envelope *e, bool first, struct filter_facts *out)
{
	out->rcpts += e->n_rcpts;
	if (!first)
		return true;
	queue_id_format(&e->id, out->id);
	out->sender = arena_str(a, e->sender);
	out->login = arena_str(a, e->login);
	out->source = arena_str(a, e->source);
	out->uid = e->uid;
	return out->sender.p && out->login.p && out->source.p;
}

static int one(struct arena *a, const char *path, bool first, struct filter_facts *out)
{
	struct buf text;
	struct envelope e;
	const char *why = "out of memory";
	int r = -1;
	buf_init(&text, ENVELOPE_TEXT_MAX);
	struct arena *scratch = arena_new(DECODE_MAX);
	if (file_read(AT_FDCWD, path, &text) < 0)
		log_error(NULL, "cannot read the control file '%s': %m", path);
	else if (!scratch || envelope_decode(buf_str(&text), scratch, &e, &why) < 0 ||
		 !keep(a, &e, first, out))
		log_error(NULL, "cannot use the control file '%s': %s", path, why);
	else
		r = 0;
	arena_free(scratch);
	buf_free(&text);
	return r;
}

int filter_facts_read(struct arena *a, const struct filter_paths *p, struct filter_facts *out)
{
	*out = (struct filter_facts){0};
	for (size_t i = 0; i < p->n; i++)
		if (one(a, p->controls[i], !i, out) < 0)
			return -1;
	return 0;
}
