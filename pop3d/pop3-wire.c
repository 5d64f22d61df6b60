#include "config.h"

#include "pop3d/pop3d.h"

void pop3_measure_init(struct pop3_measure *m)
{
	*m = (struct pop3_measure){.line_empty = true};
}

void pop3_measure_add(struct pop3_measure *m, struct str more)
{
	for (size_t i = 0; i < more.n; i++) {
		char c = more.p[i];
		m->size++;
		if (c == '\n') {
			m->size += !m->cr;
			m->in_body = m->in_body || m->line_empty;
			m->line_empty = true;
		} else if (c != '\r') {
			m->line_empty = false;
			m->utf8 = m->utf8 || (!m->in_body && (c & 0x80));
		}
		m->cr = c == '\r';
		m->any = c != '\n';
	}
}

uint64_t pop3_measure_end(struct pop3_measure *m)
{
	/* A lone CR at the end gets its LF, like any line that lacks its end. */
	return m->size + (m->any ? 2 : 0);
}

void pop3_wire_init(struct pop3_wire *w, uint64_t body_lines)
{
	*w = (struct pop3_wire){.blank = true, .lines_left = body_lines};
}

static void line_end(struct pop3_wire *w)
{
	if (!w->in_body) {
		w->in_body = w->blank;
		w->done = w->in_body && w->lines_left == 0;
	} else if (w->lines_left != UINT64_MAX) {
		w->done = --w->lines_left == 0;
	}
	w->blank = true;
}

size_t pop3_wire_add(struct pop3_wire *w, struct str more, struct buf *out)
{
	size_t i = 0;
	while (i < more.n && !w->done) {
		char c = more.p[i];
		if (c == '\n') { /* with the CR that was held back, if any */
			buf_add(out, "\r\n", 2);
			w->cr = false;
			line_end(w);
			i++;
			continue;
		}
		if (w->cr) {
			buf_addc(out, '\r');
			w->blank = false;
		}
		w->cr = c == '\r';
		if (w->cr) {
			i++;
			continue;
		}
		if (w->blank && c == '.')
			buf_addc(out, '.');
		w->blank = false;
		size_t from = i;
		while (i < more.n && more.p[i] != '\n' && more.p[i] != '\r')
			i++;
		buf_add(out, more.p + from, i - from);
	}
	return i;
}

void pop3_wire_end(struct pop3_wire *w, struct buf *out)
{
	if (w->cr)
		buf_addc(out, '\r');
	if (w->cr || !w->blank)
		buf_addz(out, "\r\n");
	buf_addz(out, ".\r\n");
}
