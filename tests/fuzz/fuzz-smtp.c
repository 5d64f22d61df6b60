/* Command lines, parameters and message text of SMTP. The text is read whole and byte by byte: both
 * must agree, and what comes out must survive the way out and in again. */
#include "config.h"

#include <stdlib.h>
#include "smtp/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void commands(struct str in)
{
	struct arena *a = arena_new(1024 * 1024);
	struct smtp_lines l;
	struct smtp_command c;
	struct smtp_mail m;
	struct smtp_rcpt r;
	struct smtp_chunk chunk;
	struct str line, one, two;
	size_t used;
	bool utf8;

	smtp_lines_init(&l, 300);
	while (smtp_lines_next(&l, in, &line, &used) != SMTP_LINE_MORE) {
		in = str_skip(in, used);
		if (l.skipping)
			continue;
		smtp_command_parse(line, &c);
		if (smtp_mail_parse(a, c.args, ~0U, &m) == SMTP_R_NONE && !m.address.p)
			abort();
		smtp_rcpt_parse(a, c.args, ~0U, true, &r);
		smtp_rcpt_parse(a, c.args, ~0U, false, &r);
		smtp_bdat_parse(c.args, &chunk);
		smtp_ext_find(c.args);
		smtp_auth_parse(a, c.args, &one, &two);
		smtp_vrfy_parse(a, c.args, &utf8, &one);
		smtp_helo_ok(c.args);
		arena_reset(a);
	}
	arena_free(a);
}

static struct smtp_data feed(struct str in, size_t piece, struct buf *out)
{
	struct smtp_data d;

	smtp_data_init(&d);
	while (in.n && !d.done) {
		size_t n = piece < in.n ? piece : in.n, wrote;
		char *to = buf_reserve(out, n);

		in = str_skip(in, smtp_data_feed(&d, str_head(in, n), to, &wrote));
		out->n += wrote;
	}
	return d;
}

/* In chunks of one byte and as a whole: the same, and no CR comes out. */
static void chunks(struct str in)
{
	struct smtp_chunks a = {0}, b = {0};
	char *whole = malloc(in.n + 1), *bytes = malloc(in.n + 1);
	size_t n, m = 0;

	if (!whole || !bytes)
		abort();
	n = smtp_chunks_feed(&a, in, whole);
	for (size_t i = 0; i < in.n; i++)
		m += smtp_chunks_feed(&b, str_at(in.p + i, 1), bytes + m);
	smtp_chunks_end(&a);
	smtp_chunks_end(&b);
	if (a.bare != b.bare || a.size != b.size)
		abort();
	if (!a.bare && (!str_eq(str_at(whole, n), str_at(bytes, m)) || memchr(whole, '\r', n)))
		abort();
	free(whole);
	free(bytes);
}

static void text(struct str in)
{
	struct buf whole, bytes, wire, back;
	struct smtp_data a, b;
	struct smtp_stuff s;

	buf_init(&whole, in.n + 1);
	buf_init(&bytes, in.n + 1);
	buf_init(&wire, 4 * in.n + 100);
	buf_init(&back, 4 * in.n + 100);
	a = feed(in, in.n ? in.n : 1, &whole);
	b = feed(in, 1, &bytes);
	if (a.done != b.done || a.bare != b.bare)
		abort();
	if (!a.bare && (a.size != b.size || !str_eq(buf_str(&whole), buf_str(&bytes))))
		abort();
	/* anything at all, sent by us, ends where we end it */
	smtp_stuff_init(&s);
	if (!smtp_stuff_feed(&s, in, &wire) || !smtp_stuff_end(&s, &wire))
		abort();
	b = feed(buf_str(&wire), wire.n, &back);
	if (!b.done || b.bare)
		abort();
	buf_free(&whole);
	buf_free(&bytes);
	buf_free(&wire);
	buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_reply_line l;
	struct str in = str_at(data, size), rest, enhanced;

	commands(in);
	text(in);
	chunks(in);
	if (smtp_reply_line_parse(in, &l)) {
		rest = l.text;
		smtp_enhanced_cut(&rest, l.code, &enhanced);
	}
	return 0;
}
