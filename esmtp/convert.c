#include <stdlib.h>
#include "esmtp/conn-private.h"
#include "esmtp/convert.h"
#include "rfc822/rfc822.h"

enum { ARENA_MAX = 64 * 1024 * 1024, PIECE = 64 * 1024, HEADER_MAX = 1024 * 1024 };

/* ---- the message ----------------------------------------------------------------------------- */

struct conversion {
	struct arena *arena;
	struct module_body *body;
	struct mime_source source;
	struct mime_convert *convert;
};

static bool read_body(void *ctx, char *p, size_t n, uint64_t at)
{
	struct conversion *c = ctx;
	for (size_t have = 0; have < n;) {
		ssize_t got = module_body_read(c->body, p + have, n - have, at + have);
		if (got <= 0)
			return false;
		have += (size_t)got;
	}
	return true;
}

static int parse(struct conversion *c, uint64_t size, struct mime_result *m)
{
	static char piece[PIECE];
	struct mime_parser *p = mime_parser_new(c->arena, &mime_default_limits);
	for (uint64_t at = 0, n; p && at < size; at += n) {
		n = size - at < PIECE ? size - at : PIECE;
		if (!read_body(c, piece, (size_t)n, at))
			return -1;
		mime_parser_push(p, str_at(piece, (size_t)n));
	}
	return p && mime_parser_finish(p, m) == 0 ? 0 : 1;
}

static bool has_dkim(struct conversion *c, const struct mime_part *root)
{
	size_t n = root->header.end < HEADER_MAX ? root->header.end : HEADER_MAX;
	char *block = mem_alloc(n + 1);
	struct header_field f;
	bool found =
	    read_body(c, block, n, 0) && header_find(str_at(block, n), "DKIM-Signature", &f);
	free(block);
	return found;
}

static int fault(struct convert_fault *f, const char *status, const char *text)
{
	*f = (struct convert_fault){status, text};
	return -1;
}

static int plan(struct conversion *c, const struct job *j, unsigned flags, struct convert_fault *f)
{
	const struct settings *s = j->e->settings;
	struct mime_result m;
	int r = parse(c, j->d->size, &m);
	if (r < 0)
		return fault(f, "4.3.0", "the message can't be read");
	if (r == 0 && s->signed_8bit == SIGNED_CONVERT)
		flags |= MIME_BREAK_SIGNED;
	if (r == 0)
		c->convert = mime_convert_new(c->arena, &c->source, m.root, flags, s->me, "\n");
	if (!c->convert)
		return fault(
		    f, "5.6.3", "the message can't be converted for a server without 8BITMIME");
	if (!mime_convert_changes(c->convert) && !mime_convert_kept(c->convert))
		return 0;
	switch (convert_decide(
	    mime_convert_kept(c->convert), has_dkim(c, m.root), s->signed_8bit, s->dkim_8bit)) {
	case CONVERT_GO:
		return 1;
	case CONVERT_AS_IS:
		return 0;
	case CONVERT_SIGNED:
		return fault(f, "5.6.3",
		    "the message is signed and would have to be changed for a server without "
		    "8BITMIME");
	case CONVERT_ADDRESS:
		break;
	}
	return fault(
	    f, "5.6.7", "the server does not know SMTPUTF8, which an address in the header needs");
}

int conversion_new(
    const struct job *j, unsigned ext, struct conversion **out, struct convert_fault *f)
{
	struct convert_facts facts = {.body8 = j->d->body8,
	    .headers8 = j->d->headers8,
	    .needs_utf8 = j->utf8,
	    .knows_8bitmime = ext & EXT_8BITMIME,
	    .knows_smtputf8 = ext & EXT_SMTPUTF8};
	unsigned flags = convert_flags(&facts);
	*out = NULL;
	if (!flags)
		return 0;
	struct conversion *c = mem_new(struct conversion);
	c->body = j->body;
	c->source = (struct mime_source){read_body, c};
	c->arena = arena_new(ARENA_MAX);
	int r =
	    c->arena ? plan(c, j, flags, f) : fault(f, "4.3.0", "no memory to convert the message");
	if (r == 1)
		*out = c;
	else
		conversion_free(c);
	return r;
}

int conversion_next(struct conversion *c, struct buf *out)
{
	return mime_convert_next(c->convert, out);
}

void conversion_free(struct conversion *c)
{
	if (!c)
		return;
	arena_free(c->arena);
	free(c);
}
