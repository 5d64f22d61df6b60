#include "config.h"

#include "filter/filter-private.h"
#include "mime/mime.h"
#include "rfc822/rfc822.h"
#include "unicode/unicode.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * What patterns see: UTF-8, a field on one line, the bodies of text parts decoded.  Each text is at
 * most so large; a message that decodes to more is an error, not a half-searched message.
 *
 * A body that says what it means as it stands is not copied.  Others are decoded window by window,
 * and what is more than VIEW_MEMORY goes to a file without name, which is mapped.
 */
enum {
	VIEW_MAX = 1 << 30,
	VIEW_MEMORY = 4 << 20,
	WINDOW = 64 * 1024,
	FIELD_ARENA = 64 << 20,
	MIME_ARENA = 256 << 20
};

/* A view in the making. */
struct making {
	struct filter_run *r;
	struct view *v;
	struct buf *out; /* of v; what is not in the file yet */
	int fd;          /* -1: it is in memory as a whole */
	size_t spilled;
	bool end_of_line, any;
};

/* Between two pieces of text. */
static bool settle(struct making *k)
{
	if (k->out->failed || k->spilled + k->out->n > VIEW_MAX)
		return false;
	if (k->out->n) {
		k->any = true;
		k->end_of_line = k->out->p[k->out->n - 1] == '\n';
	}
	if (k->out->n <= VIEW_MEMORY || !k->r->host->scratch)
		return true;
	if (k->fd < 0 && (k->fd = k->r->host->scratch(k->r)) < 0)
		return true; /* then in memory */
	if (file_write_all(k->fd, k->out->p, k->out->n) < 0)
		return false;
	k->spilled += k->out->n;
	buf_clear(k->out);
	return true;
}

static bool map_view(struct making *k)
{
	struct view *v = k->v;
	if (file_write_all(k->fd, k->out->p, k->out->n) < 0)
		return false;
	v->map_size = k->spilled + k->out->n;
	v->map = mmap(NULL, v->map_size, PROT_READ, MAP_PRIVATE, k->fd, 0);
	if (v->map == MAP_FAILED) {
		v->map = NULL;
		return false;
	}
	v->whole = str_at(v->map, v->map_size);
	buf_free(&v->text);
	buf_init(&v->text, VIEW_MAX);
	return true;
}

static bool finish(struct making *k, bool ok)
{
	struct view *v = k->v;
	ok = ok && settle(k);
	if (ok && k->fd >= 0)
		ok = map_view(k);
	else if (ok)
		v->whole = v->slice.p ? v->slice : buf_str(&v->text);
	if (k->fd >= 0)
		close(k->fd);
	return ok;
}

static const char *const address_fields[] = {"from", "to", "cc", "bcc", "sender", "reply-to",
    "resent-from", "resent-to", "resent-cc", "resent-bcc", "resent-sender", "resent-reply-to",
    "errors-to", "return-receipt-to", "disposition-notification-to"};

static bool is_address_field(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(address_fields); i++)
		if (str_iis(name, address_fields[i]))
			return true;
	return false;
}

/* On one line; a line end becomes a blank, as the original has it. */
static struct str one_line(struct arena *a, struct str body)
{
	char *p = arena_alloc(a, body.n + 1);
	size_t n = 0;
	for (size_t i = 0; p && i < body.n; i++)
		if (body.p[i] != '\r' || i + 1 == body.n || body.p[i + 1] != '\n')
			p[n++] = body.p[i] == '\n' ? ' ' : body.p[i];
	return p ? str_trim(str_at(p, n)) : STR_NONE;
}

static void add_mailbox(struct arena *a, const struct mailaddr *m, struct buf *out)
{
	struct str name = m->name.n ? m->name : m->comment;
	if (name.n) {
		buf_adds(out, m->name_quoted ? name : mime_words_decode(a, name));
		buf_addz(out, " <");
	}
	mailaddr_print_spec(out, m->local, m->domain);
	if (name.n)
		buf_addc(out, '>');
}

static bool add_addresses(struct arena *a, struct str body, struct buf *out)
{
	struct mailaddr_list l;
	if (mailaddr_parse(a, body, MAILADDR_MAX_DEFAULT, &l) < 0 || l.malformed || l.limit)
		return false;
	bool comma = false;
	for (const struct mailaddr *m = l.first; m; m = m->next) {
		if (m->kind == MAILADDR_GROUP_END) {
			buf_addc(out, ';');
			continue;
		}
		buf_addz(out, comma ? ", " : "");
		comma = m->kind == MAILADDR_MAILBOX;
		if (comma)
			add_mailbox(a, m, out);
		else
			buf_addf(out, "%.*s: ", STR_FMT(mime_words_decode(a, m->name)));
	}
	return true;
}

/* Only what is UTF-8, and one line a field. */
static void add_clean(struct buf *out, struct str s)
{
	size_t from = out->n;
	buf_adds(out, s);
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '\n' || out->p[i] == '\r')
			out->p[i] = ' ';
}

static bool field_text(struct arena *a, const struct header_field *f, struct buf *out)
{
	struct buf addresses;
	struct str body = one_line(a, f->body);
	buf_init(&addresses, VIEW_MAX);
	if (!body.p)
		return false;
	if (body.n && is_address_field(f->name) && add_addresses(a, body, &addresses)) {
		add_clean(out, buf_str(&addresses));
	} else {
		struct str decoded = mime_words_decode(a, body);
		add_clean(out, decoded.p ? decoded : body);
	}
	buf_free(&addresses);
	return !out->failed;
}

static bool add_header(struct str block, struct making *k)
{
	struct buf *out = k->out;
	struct header_field f;
	struct arena *a = arena_new(FIELD_ARENA);
	bool ok = a != NULL;
	while (ok && header_next(&block, &f)) {
		arena_reset(a);
		if (f.name.n) {
			buf_adds(out, f.name);
			buf_addz(out, ": ");
			if (!field_text(a, &f, out)) /* absurdly large: as it stands */
				add_clean(out, f.body);
		} else {
			add_clean(out, str_trim(f.raw));
		}
		ok = buf_addc(out, '\n') && settle(k);
	}
	arena_free(a);
	return ok;
}

static struct str top_block(const struct filter_message *m)
{
	return str_head(m->bytes, header_length(m->bytes, NULL));
}

static bool is_mime(const struct filter_message *m)
{
	struct header_field f;
	return header_find(top_block(m), "MIME-Version", &f);
}

/* Bytes of ASCII at its start. */
static size_t ascii_run(struct str s)
{
	size_t n = 0;
	for (uint64_t eight; n + 8 <= s.n; n += 8) {
		memcpy(&eight, s.p + n, 8);
		if (eight & 0x8080808080808080ULL)
			break;
	}
	while (n < s.n && (unsigned char)s.p[n] < 0x80)
		n++;
	return n;
}

static bool is_utf8(struct str s)
{
	for (;;) {
		uint32_t cp;
		s = str_skip(s, ascii_run(s));
		if (!s.n)
			return true;
		size_t n = utf8_next(s, &cp);
		if (!n)
			return false;
		s = str_skip(s, n);
	}
}

/* Decoding would give what stands there. */
static bool says_it_itself(struct str body, enum mime_cte cte, struct str charset)
{
	bool utf8 = !charset.n || str_iis(charset, "utf-8") || str_iis(charset, "us-ascii");
	bool ascii =
	    str_istarts(charset, STR("iso-8859-")) || str_istarts(charset, STR("windows-125"));
	if (cte == MIME_QP || cte == MIME_BASE64 || !(utf8 || ascii) || !body.n ||
	    body.p[body.n - 1] != '\n')
		return false;
	return (utf8 ? is_utf8(body) : ascii_run(body) == body.n) && !str_has_crlf(body);
}

/* One piece of text at a time, without the CR of line ends. */
struct texts {
	struct making *k;
	struct mime_decoder d;
	struct charset c;
	struct buf raw, text;
	bool cr; /* one is held back */
};

static void without_cr(struct texts *t, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (t->cr && s.p[i] != '\n')
			buf_addc(t->k->out, '\r');
		t->cr = s.p[i] == '\r';
		if (!t->cr)
			buf_addc(t->k->out, s.p[i]);
	}
}

static bool put_text(struct texts *t)
{
	struct str s = buf_str(&t->text);
	if (t->cr || str_chr(s, '\r') >= 0)
		without_cr(t, s);
	else
		buf_adds(t->k->out, s);
	buf_clear(&t->raw);
	buf_clear(&t->text);
	return settle(t->k);
}

static bool put_all(struct texts *t, struct str body)
{
	bool ok = true;
	while (ok && body.n) {
		ok = mime_decode(&t->d, str_head(body, WINDOW), &t->raw) &&
		     charset_convert(&t->c, buf_str(&t->raw), &t->text) && put_text(t);
		body = str_skip(body, WINDOW);
	}
	ok = ok && mime_decode_end(&t->d, &t->raw) &&
	     charset_convert(&t->c, buf_str(&t->raw), &t->text) && charset_end(&t->c, &t->text) &&
	     put_text(t);
	if (ok && t->cr)
		ok = buf_addc(t->k->out, '\r') && settle(t->k);
	return ok;
}

/* Decoded and in UTF-8; what can't be decoded stays readable.  Ends with a line's end. */
static bool decode(struct making *k, struct str body, enum mime_cte cte, struct str charset)
{
	struct texts t = {.k = k};
	buf_init(&t.raw, 4 * WINDOW);
	buf_init(&t.text, 16 * WINDOW);
	mime_decoder_init(&t.d, cte);
	bool ok = charset_open(&t.c, charset) || charset_open(&t.c, STR_NONE);
	if (ok) {
		size_t before = k->spilled + k->out->n;
		ok = put_all(&t, body);
		charset_close(&t.c);
		if (ok && k->spilled + k->out->n > before && !k->end_of_line)
			ok = buf_addc(k->out, '\n') && settle(k);
	}
	buf_free(&t.raw);
	buf_free(&t.text);
	return ok;
}

/* The first text may stay where it is; another one after it, and both are copied. */
static bool add_text(struct making *k, struct str body, enum mime_cte cte, struct str charset)
{
	struct str slice = k->v->slice;
	if (!k->any && !slice.p && says_it_itself(body, cte, charset)) {
		k->v->slice = body;
		return true;
	}
	k->v->slice = STR_NONE;
	if (slice.p && !decode(k, slice, MIME_8BIT, STR("utf-8")))
		return false;
	return decode(k, body, cte, charset);
}

struct walk {
	struct str bytes;
	struct arena *a;
	struct making *k;
	bool headers; /* or bodies */
};

static struct str between(struct str all, size_t start, size_t end)
{
	return str_head(str_skip(all, start), end - start);
}

static bool visit(struct walk *w, const struct mime_part *p)
{
	bool ok = true;
	if (w->headers)
		ok = add_header(between(w->bytes, p->header.start, p->header.end), w->k);
	else if (!p->multipart && !p->message && str_is(p->type, "text"))
		ok = add_text(w->k, between(w->bytes, p->body.start, p->body.end), p->cte,
		    mime_param_value(w->a, p->params, "charset"));
	for (const struct mime_part *c = p->child; ok && c; c = c->next)
		ok = visit(w, c);
	return ok;
}

/* Nested at most as deep as mime_default_limits says. */
static bool walk(struct making *k, bool headers)
{
	struct mime_result m;
	struct walk w = {k->r->msg.bytes, arena_new(MIME_ARENA), k, headers};
	bool ok =
	    w.a && mime_parse(w.a, w.bytes, &mime_default_limits, &m) == 0 && visit(&w, m.root);
	arena_free(w.a);
	return ok;
}

static bool make_body(struct making *k, bool mime)
{
	size_t body;
	if (mime)
		return walk(k, false);
	header_length(k->r->msg.bytes, &body);
	return add_text(k, str_skip(k->r->msg.bytes, body), MIME_7BIT, STR_NONE);
}

static bool make(struct filter_run *r, enum view_kind kind, struct view *v)
{
	struct making k = {.r = r, .v = v, .out = &v->text, .fd = -1};
	bool mime = kind != VIEW_TOP && is_mime(&r->msg);
	bool ok;
	if (kind == VIEW_BODY)
		ok = make_body(&k, mime);
	else
		ok = add_header(r->msg.extra, &k) &&
		     (mime ? walk(&k, true) : add_header(top_block(&r->msg), &k));
	return finish(&k, ok);
}

static void forget(struct view *v)
{
	if (v->map)
		munmap(v->map, v->map_size);
	buf_free(&v->text);
	*v = (struct view){0};
	buf_init(&v->text, VIEW_MAX);
}

bool view_get(struct filter_run *r, enum view_kind k, struct str *out)
{
	struct view *v = k == VIEW_TOP ? &r->top : k == VIEW_HEADERS ? &r->headers : &r->body;
	if (!v->made && !make(r, k, v)) {
		forget(v);
		filter_fail(r, "the message is too large to be searched");
		return false;
	}
	v->made = true;
	*out = v->whole;
	return true;
}

void view_forget(struct filter_run *r)
{
	forget(&r->top);
	forget(&r->headers);
	forget(&r->body);
}

struct str filter_header(struct filter_run *r, const char *name)
{
	struct str text, line;
	size_t n = strlen(name);
	if (!view_get(r, VIEW_TOP, &text))
		return STR_NONE;
	while (text.n && str_split(&text, '\n', &line))
		if (line.n > n && line.p[n] == ':' && str_istarts(line, str_of(name)))
			return str_trim(str_skip(line, n + 1));
	return STR_NONE;
}
