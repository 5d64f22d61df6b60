/* Decoding of encoded words (RFC 2047).  Words side by side are one text: the blanks between them
 * go, and a character may even be cut in two by careless senders, so their charset's converter
 * stays open from one to the next. */
#include "config.h"

#include "mime/mime-private.h"
#include "unicode/unicode.h"

enum { CHARSET_NAME_MAX = 60 };

struct word {
	struct str charset, text;
	bool base64;
};

/* At "=?"; the length of the word or 0. */
static size_t word_at(struct str s, struct word *w)
{
	struct str rest = str_skip(s, 2);
	ptrdiff_t n = str_chr(str_head(rest, CHARSET_NAME_MAX + 1), '?');
	if (n <= 0)
		return 0;
	w->charset = str_head(rest, (size_t)n);
	ptrdiff_t star = str_chr(w->charset, '*'); /* RFC 2231: a language tag */
	if (star >= 0)
		w->charset.n = (size_t)star;
	rest = str_skip(rest, (size_t)n + 1);
	if (rest.n < 2 || rest.p[1] != '?' || !strchr("bBqQ", rest.p[0] ? rest.p[0] : 'x'))
		return 0;
	w->base64 = rest.p[0] == 'b' || rest.p[0] == 'B';
	rest = str_skip(rest, 2);
	n = str_chr(rest, '?');
	if (n < 0 || (size_t)n + 1 >= rest.n || rest.p[n + 1] != '=')
		return 0;
	w->text = str_head(rest, (size_t)n);
	for (size_t i = 0; i < w->text.n; i++)
		if (w->text.p[i] == ' ' || w->text.p[i] == '\t')
			return 0;
	return (size_t)(rest.p + n + 2 - s.p);
}

static void word_bytes(const struct word *w, struct buf *out)
{
	if (w->base64) {
		struct mime_decoder d;
		mime_decoder_init(&d, MIME_BASE64);
		mime_decode(&d, w->text, out);
		mime_decode_end(&d, out);
		return;
	}
	for (size_t i = 0; i < w->text.n; i++) {
		char c = w->text.p[i];
		int h =
		    c == '=' && i + 2 < w->text.n ? hex_digit((unsigned char)w->text.p[i + 1]) : -1;
		int l = h >= 0 ? hex_digit((unsigned char)w->text.p[i + 2]) : -1;
		if (l >= 0)
			c = (char)(h << 4 | l);
		else if (c == '_')
			c = ' ';
		buf_addc(out, c);
		i += l >= 0 ? 2 : 0;
	}
}

struct decoder {
	struct buf out, bytes;
	struct charset charset; /* of the run of words that is open */
	struct str name;
	bool open;
};

static void run_end(struct decoder *d)
{
	if (!d->open)
		return;
	charset_end(&d->charset, &d->out);
	charset_close(&d->charset);
	d->open = false;
}

static bool run_word(struct decoder *d, const struct word *w)
{
	if (d->open && !str_ieq(d->name, w->charset))
		run_end(d);
	if (!d->open && !charset_open(&d->charset, w->charset))
		return false;
	d->open = true;
	d->name = w->charset;
	buf_clear(&d->bytes);
	word_bytes(w, &d->bytes);
	return charset_convert(&d->charset, buf_str(&d->bytes), &d->out);
}

/* Text between words: as it is when UTF-8, else as the empty charset reads it. */
static void plain(struct decoder *d, struct str s)
{
	struct charset c;
	if (s.n == 0)
		return;
	charset_open(&c, STR(""));
	charset_convert(&c, s, &d->out);
	charset_end(&c, &d->out);
	charset_close(&c);
}

static void decode(struct decoder *d, struct str s)
{
	bool after_word = false;
	for (size_t at = 0; at < s.n;) {
		struct str rest = str_skip(s, at);
		struct word w;
		ptrdiff_t next = str_find(rest, STR("=?"));
		size_t before = next < 0 ? rest.n : (size_t)next;
		size_t n = next < 0 ? 0 : word_at(str_skip(rest, before), &w);
		bool between = after_word && n && str_trim(str_head(rest, before)).n == 0;
		if (!between) {
			run_end(d);
			plain(d, str_head(rest, before));
		}
		at += before;
		after_word = n && run_word(d, &w);
		if (!after_word && next >= 0) {
			run_end(d);
			n = n ? n : 2;
			plain(d, str_at(s.p + at, n));
		}
		at += n;
	}
	run_end(d);
}

struct str mime_words_decode(struct arena *a, struct str text)
{
	if (!str_has_8bit(text) && str_find(text, STR("=?")) < 0)
		return arena_str(a, text);
	if (text.n > SIZE_MAX / 16)
		return STR_NONE;
	struct decoder d = {0};
	buf_init(&d.out, text.n * 12 + 64);
	buf_init(&d.bytes, text.n + 64);
	decode(&d, text);
	for (size_t i = 0; i < d.out.n; i++) /* nobody gets a second header line out of a word */
		if (d.out.p[i] == '\r' || d.out.p[i] == '\n' || d.out.p[i] == 0)
			d.out.p[i] = ' ';
	struct str s = d.out.failed ? arena_str(a, text) : arena_str(a, buf_str(&d.out));
	buf_free(&d.out);
	buf_free(&d.bytes);
	return s;
}
