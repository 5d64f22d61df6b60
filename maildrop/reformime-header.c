/* reformime: headers decoded and encoded on the command line (-h, -H, -o, -O). */
#include "config.h"

#include "maildrop/charset-out.h"
#include "maildrop/reformime.h"
#include "unicode/unicode.h"

#include <stdio.h>

enum { TEXT_MAX = 16 << 20 };

static struct str to_charset(struct arena *a, const char *charset, struct str utf8)
{
	struct str s = charset_from_utf8(a, charset, utf8);
	if (!s.p)
		reformime_fail(charset, "no such character set");
	return s;
}

static struct str from_charset(struct arena *a, const char *charset, const char *text)
{
	if (!charset)
		return str_of(text);
	struct str s = charset_to_utf8(a, str_of(charset), str_of(text));
	if (!s.p)
		reformime_fail(charset, "no such character set");
	return s;
}

static void decode_address(struct arena *a, const struct mailaddr *m, struct buf *out)
{
	struct str name = m->name.n ? m->name : m->comment;
	if (m->kind != MAILADDR_MAILBOX) {
		mailaddr_print(out, m);
		return;
	}
	if (name.n) {
		buf_adds(out, m->name_quoted ? name : mime_words_decode(a, name));
		buf_addz(out, " <");
	}
	mailaddr_print_spec(out, m->local, m->domain);
	if (name.n)
		buf_addc(out, '>');
}

static void encode_address(const struct mailaddr *m, struct buf *out)
{
	if (m->kind != MAILADDR_MAILBOX || !str_has_8bit(m->name)) {
		mailaddr_print(out, m);
		return;
	}
	mime_words_encode(out, m->name, true, 0, "\n");
	buf_addz(out, " <");
	mailaddr_print_spec(out, m->local, m->domain);
	buf_addc(out, '>');
}

static void addresses(struct arena *a, struct str text, bool encode, struct buf *out)
{
	struct mailaddr_list list;
	if (mailaddr_parse(a, text, MAILADDR_MAX_DEFAULT, &list) < 0)
		reformime_fail("the addresses", "too many of them");
	for (const struct mailaddr *m = list.first; m; m = m->next) {
		if (encode)
			encode_address(m, out);
		else
			decode_address(a, m, out);
		bool border = m->kind == MAILADDR_GROUP_BEGIN ||
			      (m->next && m->next->kind == MAILADDR_GROUP_END);
		if (m->next)
			buf_addz(out, border ? " " : encode ? ",\n  " : ",\n");
	}
}

int reformime_header(char what, const char *charset, const char *text)
{
	struct arena *a = arena_new((size_t)16 * TEXT_MAX);
	struct buf out;
	bool encode = what == 'o' || what == 'O';
	struct str s = encode ? from_charset(a, charset, text) : str_of(text);
	buf_init(&out, (size_t)4 * TEXT_MAX);
	if (what == 'h')
		buf_adds(&out, mime_words_decode(a, header_unfold(a, s)));
	else if (what == 'o')
		mime_words_encode(&out, s, false, 0, "\n");
	else
		addresses(a, s, encode, &out);
	reformime_put(encode ? buf_str(&out) : to_charset(a, charset, buf_str(&out)));
	putchar('\n');
	return 0;
}
