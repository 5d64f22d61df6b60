/* Opening and closing of parts, and what their headers say. */
#include "config.h"

#include "mime/mime-private.h"

static struct mime_open *top(struct mime_parser *p)
{
	return &p->stack[p->open - 1];
}

bool mime_part_begin(struct mime_parser *p, struct mime_part *parent, struct mime_pos at)
{
	struct mime_part *part = arena_new_of(p->arena, struct mime_part);
	if (!part) {
		p->failed = true;
		return false;
	}
	part->parent = parent;
	part->depth = parent ? parent->depth + 1 : 0;
	part->number = 1;
	p->r.parts++;
	p->stack[p->open++] = (struct mime_open){.part = part, .header = at, .body = at};
	p->in_header = true;
	return true;
}

/* The first of several fields counts. */
static bool first(struct mime_parser *p, bool seen)
{
	if (seen)
		p->r.faults |= MIME_FAULT_DUPLICATE;
	return !seen;
}

static void read_type(struct mime_parser *p, struct mime_part *part, struct str body)
{
	struct mime_type t;
	if (!first(p, part->type.p != NULL))
		return;
	unsigned faults = 0;
	part->has_type = mime_type_parse(p->arena, body, p->limits.params, &t, &faults);
	p->r.faults |= faults;
	p->failed = p->failed || (!part->has_type && !(faults & MIME_FAULT_BAD_TYPE));
	if (part->has_type) {
		part->type = t.type;
		part->subtype = t.subtype;
		part->params = t.params;
	} else { /* RFC 2045, 5.2 */
		part->type = STR("text");
		part->subtype = STR("plain");
	}
}

static void read_encoding(struct mime_parser *p, struct mime_part *part, struct str body)
{
	if (!first(p, part->has_encoding))
		return;
	part->has_encoding = true;
	part->cte = mime_cte_parse(body);
	struct str word = header_unfold(p->arena, body);
	part->encoding = word.p ? mime_lower(p->arena, word) : STR_NONE;
	if (!part->encoding.p)
		p->failed = true;
	if (part->cte == MIME_UNKNOWN && !str_istarts(part->encoding, STR("x-")))
		p->r.faults |= MIME_FAULT_BAD_ENCODING;
	if (part->cte == MIME_BINARY)
		p->r.faults |= MIME_FAULT_BINARY;
}

static void read_disposition(struct mime_parser *p, struct mime_part *part, struct str body)
{
	struct mime_type t;
	if (!first(p, part->disposition.p != NULL))
		return;
	unsigned faults = 0;
	bool ok = mime_disposition_parse(p->arena, body, p->limits.params, &t, &faults);
	p->r.faults |= faults;
	p->failed = p->failed || (!ok && !(faults & MIME_FAULT_BAD_DISPOSITION));
	if (ok) {
		part->disposition = t.type;
		part->disposition_params = t.params;
	}
}

static void read_text(struct mime_parser *p, struct str *to, struct str body)
{
	if (!first(p, to->p != NULL))
		return;
	*to = arena_str(p->arena, header_unfold(p->arena, body));
	if (!to->p)
		p->failed = true;
}

/* `field` lies in the parser's own buffer: what is kept must be copied. */
void mime_part_field(struct mime_parser *p, struct mime_part *part, struct str field)
{
	struct header_field f;
	/* a line of nothing but CR looks like the end of a header to header_next */
	if (!header_next(&field, &f) || f.name.n == 0) {
		p->r.faults |= MIME_FAULT_BAD_HEADER;
		return;
	}
	if (!str_istarts(f.name, STR("Content-")))
		return;
	struct str name = str_skip(f.name, 8);
	if (str_iis(name, "Type"))
		read_type(p, part, f.body);
	else if (str_iis(name, "Transfer-Encoding"))
		read_encoding(p, part, f.body);
	else if (str_iis(name, "Disposition"))
		read_disposition(p, part, f.body);
	else if (str_iis(name, "ID"))
		read_text(p, &part->id, f.body);
	else if (str_iis(name, "Description"))
		read_text(p, &part->description, f.body);
	else if (str_iis(name, "MD5"))
		read_text(p, &part->md5, f.body);
	else if (str_iis(name, "Location"))
		read_text(p, &part->location, f.body);
	else if (str_iis(name, "Language"))
		read_text(p, &part->language, f.body);
}

static void defaults(struct mime_part *part)
{
	bool digest =
	    part->parent && part->parent->multipart && str_is(part->parent->subtype, "digest");
	if (!part->type.p) {
		part->type = digest ? STR("message") : STR("text");
		part->subtype = digest ? STR("rfc822") : STR("plain");
	}
	if (!part->has_encoding)
		part->encoding = STR("7bit");
}

static bool identity(enum mime_cte cte)
{
	return cte == MIME_7BIT || cte == MIME_8BIT || cte == MIME_BINARY;
}

/* May something be opened inside? */
static bool room_inside(struct mime_parser *p, const struct mime_part *part)
{
	if (part->depth >= p->limits.depth)
		p->r.faults |= MIME_FAULT_DEPTH;
	return part->depth < p->limits.depth;
}

static void open_multipart(struct mime_parser *p, struct mime_open *o)
{
	struct str boundary = mime_param_raw(o->part->params, "boundary");
	if (!identity(o->part->cte))
		p->r.faults |= MIME_FAULT_BAD_ENCODING;
	while (
	    boundary.n && (boundary.p[boundary.n - 1] == ' ' || boundary.p[boundary.n - 1] == '\t'))
		boundary.n--;
	if (boundary.n == 0 || boundary.n > MIME_BOUNDARY_MAX) {
		p->r.faults |= MIME_FAULT_NO_BOUNDARY;
		return;
	}
	if (!room_inside(p, o->part))
		return;
	o->part->multipart = true;
	o->boundary = boundary;
}

static void open_message(struct mime_parser *p, struct mime_open *o)
{
	if (!identity(o->part->cte)) {
		p->r.faults |= MIME_FAULT_BAD_ENCODING;
		return;
	}
	if (!room_inside(p, o->part))
		return;
	if (p->r.parts >= p->limits.parts) {
		p->r.faults |= MIME_FAULT_PARTS;
		return;
	}
	o->part->message = true;
	if (mime_part_begin(p, o->part, o->body))
		o->part->child = top(p)->part;
}

static struct mime_range range(struct mime_pos from, struct mime_pos to)
{
	return (struct mime_range){from.at, to.at, to.size - from.size, to.lines - from.lines};
}

void mime_part_header_done(struct mime_parser *p, struct mime_pos body)
{
	struct mime_open *o = top(p);
	p->in_header = false;
	o->body = body;
	o->part->header = range(o->header, body);
	if (!o->part->parent)
		p->r.header_bytes = body.at - o->header.at;
	defaults(o->part);
	if (str_is(o->part->type, "multipart"))
		open_multipart(p, o);
	else if (str_is(o->part->type, "message") &&
		 (str_is(o->part->subtype, "rfc822") || str_is(o->part->subtype, "global")))
		open_message(p, o);
}

struct mime_pos mime_part_end(struct mime_parser *p, struct mime_pos end)
{
	struct mime_open *o = top(p);
	if (end.at < o->body.at)
		end = o->body; /* the line end before the boundary is the header's */
	if (o->boundary.p && (!o->closed || !o->part->child))
		p->r.faults |= MIME_FAULT_UNCLOSED;
	o->part->body = range(o->body, end);
	p->open--;
	return end; /* what is around it can't end before it */
}

static bool boundary_is(struct str boundary, struct str line, bool *last)
{
	struct str rest = str_skip(line, 2);
	if (!str_starts(rest, boundary))
		return false;
	rest = str_skip(rest, boundary.n);
	*last = str_starts(rest, STR("--"));
	if (*last)
		rest = str_skip(rest, 2);
	return str_trim(rest).n == 0;
}

/* Innermost first; an outer boundary ends everything inside. */
struct mime_open *mime_boundary_match(struct mime_parser *p, struct str line, bool *last)
{
	for (size_t i = p->open; i-- > 0;) {
		struct mime_open *o = &p->stack[i];
		if (!o->boundary.p || o->closed || !boundary_is(o->boundary, line, last))
			continue;
		if (!*last && p->r.parts >= p->limits.parts) {
			p->r.faults |= MIME_FAULT_PARTS;
			return NULL;
		}
		return o;
	}
	return NULL;
}

/* Appends without walking the list. */
static void add_child(struct mime_open *o, struct mime_part *child)
{
	if (o->last) {
		child->number = o->last->number + 1;
		o->last->next = child;
	} else {
		o->part->child = child;
	}
	o->last = child;
}

void mime_boundary_act(struct mime_parser *p, struct mime_open *multipart, bool last)
{
	while (p->in_header) /* a message in the part begins and ends here, too */
		mime_part_header_done(p, p->line);
	struct mime_pos end = p->line_end;
	while (top(p) != multipart)
		end = mime_part_end(p, end);
	multipart->closed = last;
	p->in_header = false;
	if (!last && mime_part_begin(p, multipart->part, p->pos))
		add_child(multipart, top(p)->part);
}
