#include "config.h"

#include "imapd/fetch.h"

static const struct fetch_item simple[] = {
    {.what = FETCH_FLAGS, .old_name = "FLAGS"},
    {.what = FETCH_UID, .old_name = "UID"},
    {.what = FETCH_INTERNALDATE, .old_name = "INTERNALDATE"},
    {.what = FETCH_SIZE, .old_name = "RFC822.SIZE"},
    {.what = FETCH_ENVELOPE, .old_name = "ENVELOPE"},
    {.what = FETCH_BODYSTRUCTURE, .old_name = "BODYSTRUCTURE"},
    {.what = FETCH_MODSEQ, .old_name = "MODSEQ"},
    {.what = FETCH_SAVEDATE, .old_name = "SAVEDATE"},
    {.what = FETCH_SECTION, .old_name = "RFC822"},
    {.what = FETCH_SECTION, .section = SECTION_HEADER, .peek = true, .old_name = "RFC822.HEADER"},
    {.what = FETCH_SECTION, .section = SECTION_TEXT, .old_name = "RFC822.TEXT"},
};

static const struct {
	const char *name;
	enum fetch_what items[5];
	size_t n;
} macros[] = {
    {"ALL", {FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE, FETCH_ENVELOPE}, 4},
    {"FAST", {FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE}, 3},
    {"FULL", {FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE, FETCH_ENVELOPE, FETCH_BODY}, 5},
};

/* Letters, digits and dots: section words end at "]" or a blank. */
static struct str take_word(struct parser *p)
{
	size_t n = 0;
	while (n < p->rest.n && (ascii_alnum((unsigned char)p->rest.p[n]) || p->rest.p[n] == '.'))
		n++;
	struct str word = str_head(p->rest, n);
	p->rest = str_skip(p->rest, n);
	return word;
}

static bool parse_path(struct parser *p, struct fetch_item *it)
{
	unsigned v[PARSE_PART_DEPTH];
	uint32_t n;
	while (p->rest.n && ascii_digit((unsigned char)p->rest.p[0])) {
		if (it->depth == PARSE_PART_DEPTH || !parse_number(p, &n) || n == 0)
			return false;
		v[it->depth++] = n;
		if (!parse_char(p, '.'))
			break;
		if (p->rest.n == 0 || p->rest.p[0] == ']')
			return false;
	}
	if (it->depth) {
		it->path = arena_alloc(p->arena, it->depth * sizeof *v);
		if (!it->path)
			return false;
		memcpy(it->path, v, it->depth * sizeof *v);
	}
	return true;
}

static bool parse_fields(struct parser *p, struct fetch_item *it)
{
	it->fields = arena_alloc(p->arena, FETCH_FIELDS_MAX * sizeof *it->fields);
	if (!it->fields || !parse_sp(p) || !parse_char(p, '('))
		return false;
	do
		if (it->nfields == FETCH_FIELDS_MAX ||
		    !parse_astring(p, &it->fields[it->nfields++]))
			return false;
	while (parse_sp(p));
	return parse_char(p, ')');
}

static bool parse_section(struct parser *p, struct fetch_item *it)
{
	if (!parse_path(p, it))
		return false;
	struct str word = take_word(p);
	if (word.n == 0)
		it->section = SECTION_ALL;
	else if (str_iis(word, "HEADER"))
		it->section = SECTION_HEADER;
	else if (str_iis(word, "TEXT"))
		it->section = SECTION_TEXT;
	else if (str_iis(word, "MIME") && it->depth)
		it->section = SECTION_MIME;
	else if (str_iis(word, "HEADER.FIELDS"))
		it->section = SECTION_FIELDS;
	else if (str_iis(word, "HEADER.FIELDS.NOT"))
		it->section = SECTION_FIELDS_NOT;
	else
		return false;
	bool fields = it->section == SECTION_FIELDS || it->section == SECTION_FIELDS_NOT;
	if (fields && !parse_fields(p, it))
		return false;
	return parse_char(p, ']');
}

static bool parse_partial(struct parser *p, struct fetch_item *it)
{
	if (!parse_char(p, '<'))
		return true;
	it->partial = true;
	return parse_number(p, &it->from) && parse_char(p, '.') && parse_number(p, &it->count) &&
	       it->count > 0 && parse_char(p, '>');
}

/* Part numbers alone. */
static bool parse_binary(struct parser *p, struct fetch_item *it, bool size)
{
	it->what = size ? FETCH_BINARY_SIZE : FETCH_BINARY;
	return parse_char(p, '[') && parse_path(p, it) && parse_char(p, ']') &&
	       (size || parse_partial(p, it));
}

/* "PREVIEW" or "PREVIEW (LAZY)": ours is always there. */
static bool parse_preview(struct parser *p, struct fetch_item *it)
{
	struct parser q = *p;
	*it = (struct fetch_item){.what = FETCH_PREVIEW, .peek = true, .old_name = "PREVIEW"};
	if (!parse_sp(&q) || !parse_char(&q, '('))
		return true;
	if (!parse_word(&q, "LAZY") || !parse_char(&q, ')'))
		return false;
	*p = q;
	return true;
}

static bool parse_item(struct parser *p, struct fetch_item *it)
{
	struct str word = take_word(p);
	*it = (struct fetch_item){0};
	for (size_t i = 0; i < ARRAY_LEN(simple); i++)
		if (str_iis(word, simple[i].old_name)) {
			*it = simple[i];
			return true;
		}
	if (str_iis(word, "PREVIEW"))
		return parse_preview(p, it);
	it->peek = str_iis(word, "BINARY.PEEK") || str_iis(word, "BINARY.SIZE");
	if (it->peek || str_iis(word, "BINARY"))
		return parse_binary(p, it, str_iis(word, "BINARY.SIZE"));
	it->peek = str_iis(word, "BODY.PEEK");
	if (!it->peek && !str_iis(word, "BODY"))
		return false;
	if (parse_char(p, '[')) {
		it->what = FETCH_SECTION;
		return parse_section(p, it) && parse_partial(p, it);
	}
	it->what = FETCH_BODY;
	it->old_name = "BODY";
	return !it->peek;
}

static bool parse_macro(struct parser *p, struct fetch_list *out)
{
	for (size_t i = 0; i < ARRAY_LEN(macros); i++) {
		if (!parse_word(p, macros[i].name))
			continue;
		for (size_t k = 0; k < macros[i].n; k++) {
			struct fetch_item *it = &out->v[out->n++];
			*it = (struct fetch_item){.what = FETCH_BODY, .old_name = "BODY"};
			for (size_t m = 0; m < ARRAY_LEN(simple); m++)
				if (simple[m].what == macros[i].items[k])
					*it = simple[m];
		}
		return true;
	}
	return false;
}

/* " (CHANGEDSINCE 5 VANISHED)" and the end. */
static bool parse_modifiers(struct parser *p, struct fetch_list *out)
{
	if (!parse_sp(p) || p->rest.n == 0)
		return parse_end(p);
	if (!parse_char(p, '('))
		return false;
	do {
		if (parse_word(p, "VANISHED"))
			out->vanished = true;
		else if (!parse_word(p, "CHANGEDSINCE") || !parse_sp(p) ||
			 !parse_number64(p, &out->since))
			return false;
		else
			out->changed_only = true;
	} while (parse_sp(p));
	return parse_char(p, ')') && parse_end(p) && (out->changed_only || !out->vanished);
}

static bool parse_items(struct parser *p, struct fetch_list *out)
{
	bool list = parse_char(p, '(');
	do
		if (out->n == FETCH_ITEMS_MAX || !parse_item(p, &out->v[out->n++]))
			return false;
	while (list && parse_sp(p));
	return !list || parse_char(p, ')');
}

static bool has_item(const struct fetch_list *l, enum fetch_what what)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].what == what)
			return true;
	return false;
}

bool fetch_parse(struct parser *p, struct fetch_list *out)
{
	*out =
	    (struct fetch_list){.v = arena_alloc(p->arena, (FETCH_ITEMS_MAX + 1) * sizeof *out->v)};
	if (!out->v || (!parse_macro(p, out) && !parse_items(p, out)) || !parse_modifiers(p, out))
		return false;
	/* RFC 7162, 3.1.4.1: who asks for changes gets their number */
	if (out->changed_only && !has_item(out, FETCH_MODSEQ))
		out->v[out->n++] = (struct fetch_item){.what = FETCH_MODSEQ, .old_name = "MODSEQ"};
	return true;
}

static void add_field_name(struct str name, struct buf *out)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (c == '"' || c == '\\')
			buf_addc(out, '\\');
		buf_addc(out, c > ' ' && c < 0x7f ? (char)c : '?');
	}
	buf_addc(out, '"');
}

bool fetch_item_name(const struct fetch_item *it, struct buf *out)
{
	static const char *const word[] = {
	    "", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"};
	if (it->old_name)
		return buf_addz(out, it->old_name);
	buf_addz(out, it->what == FETCH_BINARY        ? "BINARY["
		      : it->what == FETCH_BINARY_SIZE ? "BINARY.SIZE["
						      : "BODY[");
	for (size_t i = 0; i < it->depth; i++)
		buf_addf(out, "%s%u", i ? "." : "", it->path[i]);
	buf_addf(
	    out, "%s%s", it->depth && it->section != SECTION_ALL ? "." : "", word[it->section]);
	for (size_t i = 0; i < it->nfields; i++) {
		buf_addz(out, i ? " " : " (");
		add_field_name(it->fields[i], out);
	}
	buf_addz(out, it->nfields ? ")]" : "]");
	if (it->partial)
		buf_addf(out, "<%u>", it->from);
	return !out->failed;
}
