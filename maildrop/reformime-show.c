/* reformime: what a message is made of (no option, -i, -e, -V, -u). */
#include "config.h"

#include "maildrop/reformime.h"
#include "unicode/unicode.h"

#include <stdio.h>

/* What makes a message's structure doubtful, so that scripts should not go on. */
enum {
	FATAL = MIME_FAULT_BAD_TYPE | MIME_FAULT_NO_BOUNDARY | MIME_FAULT_UNCLOSED |
		MIME_FAULT_DEPTH | MIME_FAULT_PARTS | MIME_FAULT_HEADER_SIZE,
	/* facts, not faults, where LF is the line end */
	HARMLESS = MIME_FAULT_BARE_LF | MIME_FAULT_BODY_8BIT | MIME_FAULT_BINARY,
};

static void print_tag(const struct mime_part *p)
{
	struct buf b;
	buf_init(&b, REFORMIME_TAG_MAX);
	reformime_tag(p, &b);
	reformime_put(buf_str(&b));
	buf_free(&b);
}

int reformime_list(const struct reformime *r)
{
	for (size_t i = 0; i < r->picked.n; i++) {
		print_tag(r->picked.v[i]);
		putchar('\n');
	}
	return r->mime.faults & FATAL ? 1 : 0;
}

/* One line of it; an empty value is left out. */
static void fact(const char *name, struct str value)
{
	if (value.n)
		printf("%s: %.*s\n", name, STR_FMT(value));
}

static void info(const struct reformime *r, const struct mime_part *p)
{
	struct str charset = mime_param_value(r->arena, p->params, "charset");
	fputs("section: ", stdout);
	print_tag(p);
	printf("\ncontent-type: %.*s/%.*s\n", STR_FMT(p->type), STR_FMT(p->subtype));
	fact("content-name", mime_param_value(r->arena, p->params, "name"));
	fact("content-transfer-encoding", p->has_encoding ? p->encoding : STR("8bit"));
	fact("charset", charset.n ? charset : STR("UTF-8"));
	fact("content-disposition", p->disposition);
	fact("content-disposition-name", mime_param_value(r->arena, p->disposition_params, "name"));
	fact("content-disposition-filename",
	    mime_param_value(r->arena, p->disposition_params, "filename"));
	fact("content-id", p->id);
	fact("content-language", p->language);
	fact("content-md5", p->md5);
	printf("starting-pos: %zu\nstarting-pos-body: %zu\nending-pos: %zu\n", p->header.start,
	    p->body.start, p->body.end);
	printf("line-count: %zu\nbody-line-count: %zu\n", p->header.lines + p->body.lines,
	    p->body.lines);
}

int reformime_info(const struct reformime *r)
{
	for (size_t i = 0; i < r->picked.n; i++) {
		info(r, r->picked.v[i]);
		putchar('\n');
	}
	return 0;
}

int reformime_extract(const struct reformime *r)
{
	for (size_t i = 0; i < r->picked.n; i++)
		reformime_put(reformime_content(r, r->picked.v[i]));
	return 0;
}

/* ---- -V -------------------------------------------------------------------------------------- */

static void warn(const struct mime_part *p, unsigned faults)
{
	for (unsigned bit = 1; bit && bit <= faults; bit <<= 1) {
		const char *text = faults & bit ? mime_fault_text(bit) : NULL;
		if (!text)
			continue;
		print_tag(p);
		printf(": %s%s\n", bit & FATAL ? "" : "warning: ", text);
	}
}

/* The faults of one part, without those of the parts in it. */
static unsigned own_faults(const struct reformime *r, const struct mime_part *p)
{
	struct mime_result m;
	struct mime_range g = p->header;
	g.end = p->body.end;
	if (mime_parse(r->arena, reformime_range(r, g), &mime_default_limits, &m) < 0)
		return 0;
	unsigned inside = 0;
	for (const struct mime_part *c = p->child; c; c = c->next)
		inside |= own_faults(r, c);
	return m.faults & ~inside;
}

int reformime_validate(const struct reformime *r)
{
	unsigned all = r->mime.faults & ~(unsigned)HARMLESS, told = 0;
	for (size_t i = 0; all && i < r->picked.n; i++) {
		unsigned faults = own_faults(r, r->picked.v[i]) & all;
		warn(r->picked.v[i], faults);
		told |= faults;
	}
	warn(r->mime.root, all & ~told);
	return all & FATAL ? 1 : 0;
}

/* ---- -u -------------------------------------------------------------------------------------- */

static void header_text(const struct reformime *r, const struct mime_part *p)
{
	struct str block = reformime_range(r, p->header);
	struct header_field f;
	while (header_next(&block, &f)) {
		struct str body = mime_words_decode(r->arena, header_unfold(r->arena, f.body));
		if (f.name.n)
			printf("%.*s: ", STR_FMT(f.name));
		reformime_put(body);
		putchar('\n');
	}
}

static void body_text(const struct reformime *r, const struct mime_part *p)
{
	struct str text = reformime_content(r, p);
	struct str charset = mime_param_value(r->arena, p->params, "charset");
	struct str utf8 = charset_to_utf8(r->arena, charset, text);
	if (!utf8.p) /* a charset nobody knows: what is ASCII in it can still be found */
		utf8 = charset_to_utf8(r->arena, STR("us-ascii"), text);
	reformime_put(utf8);
	if (utf8.n && utf8.p[utf8.n - 1] != '\n')
		putchar('\n');
}

int reformime_search_text(const struct reformime *r)
{
	for (size_t i = 0; i < r->picked.n; i++) {
		const struct mime_part *p = r->picked.v[i];
		header_text(r, p);
		if (!p->child && str_is(p->type, "text"))
			body_text(r, p);
	}
	return 0;
}
