/* Streaming encoders to quoted-printable and base64 (RFC 2045, 6.7 and 6.8). */
#include "config.h"

#include "mime/mime.h"

enum { LINE = 76, QP_ROOM = LINE - 1, B64_GROUP = 3 };

void mime_encoder_init(struct mime_encoder *e, enum mime_cte cte, const char *eol)
{
	*e = (struct mime_encoder){.cte = cte, .eol = eol};
}

static void b64_group(struct mime_encoder *e, struct str group, struct buf *out)
{
	base64_encode(group, out);
	e->column += 4;
	if (e->column == LINE) {
		buf_addz(out, e->eol);
		e->column = 0;
	}
}

static bool b64_encode(struct mime_encoder *e, struct str in, struct buf *out)
{
	while (in.n) {
		while (e->n < B64_GROUP && in.n) {
			e->hold[e->n++] = (unsigned char)in.p[0];
			in = str_skip(in, 1);
		}
		if (e->n == B64_GROUP) {
			b64_group(e, str_at(e->hold, B64_GROUP), out);
			e->n = 0;
		}
		/* whole lines at once where a line starts */
		while (e->n == 0 && e->column == 0 && in.n >= LINE / 4 * B64_GROUP) {
			base64_encode(str_head(in, LINE / 4 * B64_GROUP), out);
			buf_addz(out, e->eol);
			in = str_skip(in, LINE / 4 * B64_GROUP);
		}
	}
	return !out->failed;
}

static bool b64_end(struct mime_encoder *e, struct buf *out)
{
	if (e->n)
		b64_group(e, str_at(e->hold, e->n), out);
	if (e->column)
		buf_addz(out, e->eol);
	e->n = 0;
	e->column = 0;
	return !out->failed;
}

static void qp_room(struct mime_encoder *e, size_t n, struct buf *out)
{
	if (e->column + n > QP_ROOM) {
		buf_addc(out, '=');
		buf_addz(out, e->eol);
		e->column = 0;
	}
	e->column += n;
}

static void qp_escape(struct mime_encoder *e, unsigned char c, struct buf *out)
{
	qp_room(e, 3, out);
	buf_addf(out, "=%02X", c);
}

static void qp_plain(struct mime_encoder *e, unsigned char c, struct buf *out)
{
	/* a soft break must not bring forth a boundary that was inside a line */
	if (c == '-' && (e->column + 1 > QP_ROOM || (e->guard_dashes && e->column == 0))) {
		qp_escape(e, c, out);
		return;
	}
	qp_room(e, 1, out);
	buf_addc(out, (char)c);
}

/* hold[0] is a blank or CR whose fate the next byte decides; next < 0: there is none. */
static void qp_release(struct mime_encoder *e, int next, struct buf *out)
{
	if (e->n == 0)
		return;
	unsigned char c = e->hold[0];
	e->n = 0;
	if (c != '\r') { /* at the end of a line a blank would get lost */
		if (next < 0 || next == '\r' || next == '\n')
			qp_escape(e, c, out);
		else
			qp_plain(e, c, out);
	} else if (next != '\n') {
		qp_escape(e, c, out);
	}
}

static void qp_byte(struct mime_encoder *e, unsigned char c, struct buf *out)
{
	qp_release(e, c, out);
	if (c == '\n') {
		buf_addz(out, e->eol);
		e->column = 0;
	} else if (c == ' ' || c == '\t' || c == '\r') {
		e->hold[0] = c;
		e->n = 1;
	} else if (c > ' ' && c < 127 && c != '=') {
		qp_plain(e, c, out);
	} else {
		qp_escape(e, c, out);
	}
}

bool mime_encode(struct mime_encoder *e, struct str in, struct buf *out)
{
	if (e->cte == MIME_BASE64)
		return b64_encode(e, in, out);
	if (e->cte != MIME_QP)
		return buf_adds(out, in);
	for (size_t i = 0; i < in.n; i++)
		qp_byte(e, (unsigned char)in.p[i], out);
	return !out->failed;
}

bool mime_encode_end(struct mime_encoder *e, struct buf *out)
{
	if (e->cte == MIME_BASE64)
		return b64_end(e, out);
	if (e->cte == MIME_QP)
		qp_release(e, -1, out);
	return !out->failed;
}
