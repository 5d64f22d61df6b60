/* Streaming decoders of quoted-printable and base64 (RFC 2045, 6.7 and 6.8). */
#include "config.h"

#include "mime/mime.h"

enum qp_state {
	QP_TEXT,
	QP_EQUALS,     /* "=" was read */
	QP_HEX,        /* "=X": the digit is in bits */
	QP_SOFT_BLANK, /* "=" and blanks, which are in hold: a soft break if the line ends now */
	QP_SOFT_CR,
};

void mime_decoder_init(struct mime_decoder *d, enum mime_cte cte)
{
	*d = (struct mime_decoder){.cte = cte};
}

static void release(struct mime_decoder *d, struct buf *out)
{
	buf_add(out, d->hold, d->held);
	d->held = 0;
}

/* Blanks wait: at the end of a line they are not part of the text.  Absurdly many are let go. */
static void hold(struct mime_decoder *d, char c, struct buf *out)
{
	if (d->held == sizeof d->hold)
		release(d, out);
	d->hold[d->held++] = c;
}

static void qp_text(struct mime_decoder *d, char c, struct buf *out)
{
	d->n = QP_TEXT;
	if (c == ' ' || c == '\t') {
		hold(d, c, out);
	} else if (c == '\r' || c == '\n') {
		d->held = 0;
		buf_addc(out, c);
	} else {
		release(d, out);
		d->damaged = d->damaged || (c & 0x80) || c == 0;
		if (c == '=')
			d->n = QP_EQUALS;
		else
			buf_addc(out, c);
	}
}

/* What began with "=" is nothing known: it is text. */
static void qp_undo(struct mime_decoder *d, char c, struct buf *out)
{
	d->damaged = true;
	buf_addc(out, '=');
	if (d->n == QP_HEX)
		buf_addc(out, (char)d->bits);
	release(d, out);
	qp_text(d, c, out);
}

static void qp_equals(struct mime_decoder *d, char c, struct buf *out)
{
	if (c == '\n') {
		d->held = 0;
		d->n = QP_TEXT;
	} else if (c == '\r') {
		d->held = 0;
		d->n = QP_SOFT_CR;
	} else if (c == ' ' || c == '\t') {
		d->n = QP_SOFT_BLANK;
		if (d->held < sizeof d->hold)
			d->hold[d->held++] = c;
	} else if (d->n == QP_EQUALS && hex_digit((unsigned char)c) >= 0) {
		d->n = QP_HEX;
		d->bits = (unsigned char)c;
	} else {
		qp_undo(d, c, out);
	}
}

static void qp_byte(struct mime_decoder *d, char c, struct buf *out)
{
	switch (d->n) {
	case QP_EQUALS:
	case QP_SOFT_BLANK:
		qp_equals(d, c, out);
		break;
	case QP_HEX:
		if (hex_digit((unsigned char)c) < 0) {
			qp_undo(d, c, out);
			break;
		}
		buf_addc(out,
		    (char)(hex_digit((unsigned char)d->bits) << 4 | hex_digit((unsigned char)c)));
		d->n = QP_TEXT;
		break;
	case QP_SOFT_CR:
		d->n = QP_TEXT;
		if (c != '\n') {
			d->damaged = true;
			qp_text(d, c, out);
		}
		break;
	default:
		qp_text(d, c, out);
	}
}

static bool qp_plain(char c)
{
	return c > ' ' && c != '=' && c != 127;
}

static bool qp_decode(struct mime_decoder *d, struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n;) {
		size_t run = i;
		while (d->n == QP_TEXT && run < in.n && qp_plain(in.p[run]))
			run++;
		if (run > i) {
			release(d, out);
			buf_add(out, in.p + i, run - i);
			i = run;
		} else {
			qp_byte(d, in.p[i++], out);
		}
	}
	return !out->failed;
}

static bool qp_end(struct mime_decoder *d, struct buf *out)
{
	if (d->n == QP_HEX) {
		d->damaged = true;
		buf_addc(out, '=');
		buf_addc(out, (char)d->bits);
	}
	d->held = 0;
	d->n = QP_TEXT;
	return !out->failed;
}

/* Values of digits plus one; 0: none. */
static const unsigned char b64_values[256] = {
    ['+'] = 63,
    ['/'] = 64,
    ['0'] = 53,
    ['1'] = 54,
    ['2'] = 55,
    ['3'] = 56,
    ['4'] = 57,
    ['5'] = 58,
    ['6'] = 59,
    ['7'] = 60,
    ['8'] = 61,
    ['9'] = 62,
    ['A'] = 1,
    ['B'] = 2,
    ['C'] = 3,
    ['D'] = 4,
    ['E'] = 5,
    ['F'] = 6,
    ['G'] = 7,
    ['H'] = 8,
    ['I'] = 9,
    ['J'] = 10,
    ['K'] = 11,
    ['L'] = 12,
    ['M'] = 13,
    ['N'] = 14,
    ['O'] = 15,
    ['P'] = 16,
    ['Q'] = 17,
    ['R'] = 18,
    ['S'] = 19,
    ['T'] = 20,
    ['U'] = 21,
    ['V'] = 22,
    ['W'] = 23,
    ['X'] = 24,
    ['Y'] = 25,
    ['Z'] = 26,
    ['a'] = 27,
    ['b'] = 28,
    ['c'] = 29,
    ['d'] = 30,
    ['e'] = 31,
    ['f'] = 32,
    ['g'] = 33,
    ['h'] = 34,
    ['i'] = 35,
    ['j'] = 36,
    ['k'] = 37,
    ['l'] = 38,
    ['m'] = 39,
    ['n'] = 40,
    ['o'] = 41,
    ['p'] = 42,
    ['q'] = 43,
    ['r'] = 44,
    ['s'] = 45,
    ['t'] = 46,
    ['u'] = 47,
    ['v'] = 48,
    ['w'] = 49,
    ['x'] = 50,
    ['y'] = 51,
    ['z'] = 52,
};

static int b64_value(unsigned char c)
{
	return b64_values[c] - 1;
}

/* Digits that make no whole group of four. */
static void b64_rest(struct mime_decoder *d, struct buf *out)
{
	if (d->n == 1)
		d->damaged = true;
	if (d->n == 2)
		buf_addc(out, (char)(d->bits >> 4));
	if (d->n == 3) {
		buf_addc(out, (char)(d->bits >> 10));
		buf_addc(out, (char)(d->bits >> 2));
	}
	d->n = 0;
	d->bits = 0;
}

static void b64_digit(struct mime_decoder *d, unsigned v, struct buf *out)
{
	if (d->ended) /* encodings put one behind the other: read on, but it is not right */
		d->damaged = true;
	d->ended = false;
	d->bits = d->bits << 6 | v;
	if (++d->n < 4)
		return;
	char three[3] = {(char)(d->bits >> 16), (char)(d->bits >> 8), (char)d->bits};
	buf_add(out, three, 3);
	d->n = 0;
	d->bits = 0;
}

/* Whole groups of four digits, which is nearly all there is; how many bytes were read. */
static size_t b64_groups(const struct mime_decoder *d, struct str in, struct buf *out)
{
	char made[192];
	size_t i = 0, n = 0;
	for (; d->n == 0 && !d->ended && i + 4 <= in.n && n < sizeof made; i += 4) {
		uint32_t w = 0;
		int bad = 0;
		for (size_t k = 0; k < 4; k++) {
			int v = b64_value((unsigned char)in.p[i + k]);
			bad |= v;
			w = w << 6 | (unsigned)v;
		}
		if (bad < 0)
			break;
		made[n++] = (char)(w >> 16);
		made[n++] = (char)(w >> 8);
		made[n++] = (char)w;
	}
	buf_add(out, made, n);
	return i;
}

static bool b64_decode(struct mime_decoder *d, struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		i += b64_groups(d, str_skip(in, i), out);
		if (i == in.n)
			break;
		unsigned char c = (unsigned char)in.p[i];
		int v = b64_value(c);
		if (v >= 0) {
			b64_digit(d, (unsigned)v, out);
		} else if (c == '=') {
			if (d->n)
				b64_rest(d, out);
			d->ended = true;
		} else if (!ascii_space(c)) {
			d->damaged = true;
		}
	}
	return !out->failed;
}

bool mime_decode(struct mime_decoder *d, struct str in, struct buf *out)
{
	if (d->cte == MIME_QP)
		return qp_decode(d, in, out);
	if (d->cte == MIME_BASE64)
		return b64_decode(d, in, out);
	return buf_adds(out, in);
}

bool mime_decode_end(struct mime_decoder *d, struct buf *out)
{
	if (d->cte == MIME_QP)
		return qp_end(d, out);
	if (d->cte == MIME_BASE64) {
		d->damaged = d->damaged || d->n; /* padding is missing */
		b64_rest(d, out);
	}
	return !out->failed;
}
