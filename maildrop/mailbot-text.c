/*
 * mailbot: what of the message goes into the answer.  Text leaves as format=flowed with delsp=yes
 * (RFC 3676): a line that flows into the next ends with a blank, which the reader takes off, so the
 * blank between two words stands before it.
 */
#include "config.h"

#include "maildrop/mailbot.h"
#include "unicode/unicode.h"

#include <stdio.h>
#include <sysexits.h>
#include <time.h>

static struct str field(const struct mailbot *b, const char *name)
{
	struct header_field f;
	if (!header_find(b->header, name, &f))
		return STR_NONE;
	return str_trim(mime_words_decode(b->arena, header_unfold(b->arena, f.body)));
}

/* ---- the plain text of a message ------------------------------------------------------------- */

static const struct mime_part *plain_part(const struct mime_part *p)
{
	if (str_is(p->type, "text") && str_is(p->subtype, "plain"))
		return p;
	for (const struct mime_part *c = p->multipart ? p->child : NULL; c; c = c->next) {
		const struct mime_part *found = plain_part(c);
		if (found)
			return found;
	}
	return NULL;
}

static struct str decoded(struct arena *a, struct str message, const struct mime_part *p)
{
	struct str raw = str_head(str_skip(message, p->body.start), p->body.end - p->body.start);
	struct mime_decoder d;
	struct buf out;
	buf_init(&out, MAILBOT_INPUT_MAX);
	mime_decoder_init(&d, p->cte);
	if (!mime_decode(&d, raw, &out) || !mime_decode_end(&d, &out))
		return STR_NONE;
	struct str utf8 =
	    charset_to_utf8(a, mime_param_value(a, p->params, "charset"), buf_str(&out));
	if (!utf8.p)
		utf8 = charset_to_utf8(a, STR("us-ascii"), buf_str(&out));
	buf_free(&out);
	return utf8;
}

bool mailbot_plain_text(struct arena *a, struct str message, const struct mime_part *root,
    struct str *text, bool *flowed, bool *delsp)
{
	const struct mime_part *p = plain_part(root);
	if (!p)
		return false;
	*text = decoded(a, message, p);
	*flowed = str_iis(mime_param_value(a, p->params, "format"), "flowed");
	*delsp = *flowed && str_iis(mime_param_value(a, p->params, "delsp"), "yes");
	return text->p != NULL;
}

/* ---- quoting --------------------------------------------------------------------------------- */

static void add_line(struct buf *out, const char *before, struct str line, bool flowed, bool delsp)
{
	while (line.n && (line.p[line.n - 1] == '\r' || (!flowed && line.p[line.n - 1] == ' ')))
		line.n--;
	buf_addz(out, before);
	buf_adds(out, line);
	/* "-- " begins a signature and never flows */
	if (flowed && !delsp && line.n && line.p[line.n - 1] == ' ' && !str_is(line, "-- "))
		buf_addc(out, ' ');
	buf_addc(out, '\n');
}

/* A line of the text with a mark before it, or as it is. */
static void add_text(struct buf *out, struct str text, bool quote, bool flowed, bool delsp)
{
	struct str line;
	while (text.n && str_split(&text, '\n', &line)) {
		bool stuffed = flowed && line.n && line.p[0] == ' ';
		if (stuffed && quote)
			line = str_skip(line, 1);
		const char *before = !quote                                   ? ""
				     : line.n && line.p[0] == '>' && !stuffed ? ">"
									      : "> ";
		add_line(out, before, line, flowed, delsp);
	}
}

/* The format is the user's own; strftime bounds what it writes. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void add_date(const struct mailbot *b, const char *format, struct buf *out)
{
	struct maildate d;
	struct tm tm;
	char text[512];
	if (!maildate_parse(field(b, "Date"), &d))
		return;
	time_t t = (time_t)d.epoch;
	if (localtime_r(&t, &tm) && strftime(text, sizeof text, format, &tm) > 0)
		buf_addz(out, text);
}

#pragma GCC diagnostic pop

static void add_sender(const struct mailbot *b, bool name, struct buf *out)
{
	struct mailaddr_list list;
	struct header_field f;
	if (!header_find(b->header, "From", &f) ||
	    mailaddr_parse(b->arena, f.body, MAILADDR_MAX_DEFAULT, &list) < 0)
		return;
	const struct mailaddr *m = list.first;
	while (m && m->kind != MAILADDR_MAILBOX)
		m = m->next;
	if (m && name && m->name.n)
		buf_adds(out, mime_words_decode(b->arena, m->name));
	else if (m)
		mailaddr_print_spec(out, m->local, m->domain);
}

/* %{format}d, s at the brace; without its end it is nothing special. */
static const char *substitute_date(const struct mailbot *b, const char *s, struct buf *out)
{
	const char *end = strstr(s, "}d");
	if (!end) {
		buf_addz(out, "%{");
		return s + 1;
	}
	add_date(b, arena_strz(b->arena, str_range(s + 1, end)), out);
	return end + 2;
}

/* One % sequence at s; what is behind it is returned. */
static const char *substitute(const struct mailbot *b, const char *s, struct buf *out)
{
	switch (*s) {
	case 0:
		buf_addc(out, '%');
		return s;
	case '%':
		buf_addc(out, '%');
		break;
	case 'n':
		buf_addc(out, '\n');
		break;
	case 'C':
		buf_adds(out, field(b, "X-Newsgroup"));
		break;
	case 'N':
		buf_adds(out, field(b, "Newsgroups"));
		break;
	case 'i':
		buf_adds(out, field(b, "Message-ID"));
		break;
	case 'S':
		buf_adds(out, field(b, "Subject"));
		break;
	case 'f':
		add_sender(b, false, out);
		break;
	case 'F':
		add_sender(b, true, out);
		break;
	case 'd':
		add_date(b, "%a, %d %b %Y %H:%M:%S %z", out);
		break;
	case '{':
		return substitute_date(b, s, out);
	default:
		buf_addf(out, "%%%c", *s);
	}
	return s + 1;
}

static void add_salutation(const struct mailbot *b, struct buf *out)
{
	for (const char *s = b->salutation; *s;) {
		if (*s != '%')
			buf_addc(out, *s++);
		else
			s = substitute(b, s + 1, out);
	}
	buf_addz(out, "\n\n");
}

void mailbot_quote(const struct mailbot *b, struct buf *out)
{
	struct str text;
	bool flowed, delsp;
	if (!mailbot_plain_text(b->arena, b->message, b->mime.root, &text, &flowed, &delsp))
		return;
	add_salutation(b, out);
	add_text(out, text, true, flowed, delsp);
	buf_addc(out, '\n');
}

void mailbot_forward_text(const struct mailbot *b, struct buf *out)
{
	static const char *const shown[] = {"From", "To", "Cc", "Subject", "Date", "Message-ID"};
	struct str text;
	bool flowed, delsp;
	buf_addf(out, "\n%s\n", b->marker);
	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		struct str v = field(b, shown[i]);
		if (v.n)
			buf_addf(out, "%s: %.*s\n", shown[i], STR_FMT(v));
	}
	buf_addc(out, '\n');
	if (mailbot_plain_text(b->arena, b->message, b->mime.root, &text, &flowed, &delsp))
		add_text(out, text, false, flowed, delsp);
}
