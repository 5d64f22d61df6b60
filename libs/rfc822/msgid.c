#include "config.h"

#include "rfc822/mailaddr-private.h"

/* The id between its brackets, or false: white space is dropped, since folded ids exist. */
static bool collect(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		if (c < 32 || c == 127)
			return false;
		buf_addc(out, (char)c);
	}
	return out->n > 0 && !out->failed;
}

/* <"a.b"@c> and <a.b@c> are the same id (RFC 5256): quotes go where the text needs none. */
static struct str unquoted(struct arena *a, struct str id)
{
	struct lexer lx = {.in = id};
	struct token t;
	lexer_next(&lx, &t);
	struct str host = str_skip(id, lx.at);
	if (t.kind != TOKEN_QUOTED || t.raw.p != id.p || !str_starts(host, STR("@")))
		return arena_str(a, id);
	struct buf text;
	buf_init(&text, id.n + 2);
	token_text(&t, &text);
	struct buf made;
	buf_init(&made, id.n * 2 + 2);
	mailaddr_print_spec(&made, buf_str(&text), STR_NONE);
	buf_adds(&made, host);
	struct str s = text.failed || made.failed ? STR_NONE : arena_str(a, buf_str(&made));
	buf_free(&text);
	buf_free(&made);
	return s;
}

/* Cuts "<...>" off *rest; an unclosed one ends at the next "<" or the end and gives nothing. */
static bool cut(struct str *rest, struct str *inner)
{
	for (;;) {
		ptrdiff_t open = str_chr(*rest, '<');
		if (open < 0) {
			*rest = str_skip(*rest, rest->n);
			return false;
		}
		*rest = str_skip(*rest, (size_t)open + 1);
		size_t n = 0;
		while (n < rest->n && rest->p[n] != '>' && rest->p[n] != '<')
			n++;
		*inner = str_head(*rest, n);
		bool closed = n < rest->n && rest->p[n] == '>';
		*rest = str_skip(*rest, closed ? n + 1 : n);
		if (closed)
			return true;
	}
}

bool msgid_next(struct arena *a, struct str *rest, struct str *id)
{
	struct str inner;
	while (cut(rest, &inner)) {
		struct buf text;
		buf_init(&text, MSGID_MAX);
		bool ok = collect(inner, &text);
		if (ok)
			*id = unquoted(a, buf_str(&text));
		buf_free(&text);
		if (ok)
			return id->p != NULL;
	}
	return false;
}
