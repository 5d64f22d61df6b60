/*
 * The text of a message on its way in and out.
 *
 * The reader's states name what has been seen since the last line end.  Nothing but CR LF leads
 * back to the start of a line, so nothing else can be followed by the dot that ends the message.
 */
#include "config.h"
#include "smtp/smtp.h"

enum data_state {
	AT_START,    /* at the start of a line */
	AFTER_DOT,   /* a dot stands at its start */
	AFTER_DOTCR, /* and a CR behind that: with LF it is the end */
	INSIDE,
	AFTER_CR,
};

void smtp_data_init(struct smtp_data *d)
{
	*d = (struct smtp_data){.state = AT_START};
}

/* Bytes at p that neither CR nor LF interrupts. */
static size_t plain_run(const char *p, size_t n)
{
	const char *cr = memchr(p, '\r', n);
	size_t run = cr ? (size_t)(cr - p) : n;
	const char *lf = memchr(p, '\n', run);

	return lf ? (size_t)(lf - p) : run;
}

static enum data_state step(struct smtp_data *d, unsigned char c, char **out)
{
	switch (d->state) {
	case AT_START:
		if (c == '.')
			return AFTER_DOT;
		break;
	case AFTER_DOTCR:
		if (c == '\n') {
			d->done = true;
			return AT_START;
		}
		d->bare = true;
		break;
	case AFTER_DOT:
		if (c == '\r')
			return AFTER_DOTCR;
		break;
	case AFTER_CR:
		if (c == '\n') {
			*(*out)++ = '\n';
			d->size += 2;
			return AT_START;
		}
		d->bare = true;
		break;
	default:
		break;
	}
	if (c == '\r')
		return AFTER_CR;
	if (c == '\n') {
		d->bare = true;
		return INSIDE;
	}
	*(*out)++ = (char)c;
	d->size++;
	return INSIDE;
}

size_t smtp_data_feed(struct smtp_data *d, struct str in, char *out, size_t *n)
{
	char *start = out;
	size_t i = 0;

	while (i < in.n && !d->done) {
		if (d->state == INSIDE) {
			size_t run = plain_run(in.p + i, in.n - i);

			memmove(out, in.p + i, run);
			out += run;
			d->size += run;
			i += run;
			if (i == in.n)
				break;
		}
		d->state = (uint8_t)step(d, (unsigned char)in.p[i++], &out);
	}
	*n = d->bare ? 0 : (size_t)(out - start);
	return i;
}

size_t smtp_chunks_feed(struct smtp_chunks *c, struct str in, char *out)
{
	char *start = out;

	c->size += in.n;
	while (in.n) {
		size_t run = c->cr ? 0 : plain_run(in.p, in.n);

		if (run)
			memcpy(out, in.p, run);
		out += run;
		in = str_skip(in, run);
		if (!in.n)
			break;
		c->bare |= c->cr != (in.p[0] == '\n');
		if (in.p[0] != '\r')
			*out++ = in.p[0];
		c->cr = in.p[0] == '\r';
		in = str_skip(in, 1);
	}
	return c->bare ? 0 : (size_t)(out - start);
}

void smtp_chunks_end(struct smtp_chunks *c)
{
	c->bare |= c->cr;
	c->cr = false;
}

void smtp_stuff_init(struct smtp_stuff *s)
{
	*s = (struct smtp_stuff){0};
}

static void stuff_byte(struct smtp_stuff *s, char c, struct buf *out)
{
	if (s->cr) {
		s->cr = false;
		if (c != '\n') {
			buf_addc(out, ' ');
			s->inside = true;
		}
	}
	if (c == '\r') {
		s->cr = true;
		return;
	}
	if (c == '\n') {
		buf_add(out, "\r\n", 2);
		s->inside = false;
		return;
	}
	if (c == '.' && !s->inside)
		buf_addc(out, '.');
	buf_addc(out, c);
	s->inside = true;
}

bool smtp_stuff_feed(struct smtp_stuff *s, struct str in, struct buf *out)
{
	size_t i = 0;

	while (i < in.n && !out->failed) {
		if (s->inside && !s->cr) {
			size_t run = plain_run(in.p + i, in.n - i);

			buf_add(out, in.p + i, run);
			i += run;
			if (i == in.n)
				break;
		}
		stuff_byte(s, in.p[i++], out);
	}
	return !out->failed;
}

bool smtp_stuff_end(struct smtp_stuff *s, struct buf *out)
{
	if (s->cr)
		stuff_byte(s, '\n', out); /* a last CR was meant as a line end */
	else if (s->inside)
		buf_add(out, "\r\n", 2);
	s->inside = false;
	return buf_add(out, ".\r\n", 3);
}
