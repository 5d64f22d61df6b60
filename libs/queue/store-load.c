/* A message's control text: from the journal, from its file, and what is still on its way there. */
#include "config.h"

#include "queue/store.h"

#include <errno.h>
#include <stdlib.h>

int store_control(struct store *s UNUSED, struct stored *m, struct buf *out)
{
	char *p = m->tail.failed ? NULL : buf_reserve(out, m->control_n);
	if (!p) {
		errno = ENOMEM;
		return -1;
	}
	if (file_pread_all(segment_fd(m->segment), p, m->control_n, (off_t)m->at))
		return -1;
	out->n += m->control_n;
	out->p[out->n] = 0;
	if (buf_adds(out, buf_str(&m->tail)))
		return 0;
	errno = ENOMEM;
	return -1;
}

/* An unfinished last line is left of a torn write; the next append begins there. */
static void cut_torn_line(struct buf *b)
{
	while (b->n && b->p[b->n - 1] != '\n')
		b->n--;
	b->p[b->n] = 0;
}

static int read_file(struct store *s, uint64_t seq, const struct stored *m, struct buf *control)
{
	char name[STORE_NAME_SIZE];
	store_name(name, 'C', seq);
	if (file_read(s->msgs_dir, name, control))
		return -1;
	if (!m || !m->behind) {
		cut_torn_line(control);
		return 0;
	}
	if (control->n > m->file_n)
		control->n = m->file_n;
	if (!m->tail.failed && buf_adds(control, buf_str(&m->tail)))
		return 0;
	errno = ENOMEM;
	return -1;
}

static int load_file(struct store *s, uint64_t seq, struct buf *control)
{
	struct stored *m = store_get(s, seq);
	if (read_file(s, seq, m, control))
		return -1;
	if (!m && !(m = store_add(s, seq)))
		return -1;
	if (!m->appends)
		m->length = control->n;
	m->state = STORED_FILE;
	m->datafile = true;
	m->parked = false;
	return 0;
}

/* Callers have been promised to find what they appended, durable yet or not: a message that is put
 * down and loaded again at once must not look as if nothing had been delivered. */
static int with_flying(int r, const struct stored *m, struct buf *control)
{
	if (r || !m || !m->appends)
		return r;
	if (!m->flying.failed && buf_adds(control, buf_str(&m->flying)))
		return 0;
	errno = ENOMEM;
	return -1;
}

int store_peek(struct queue *q, uint64_t seq, struct buf *control)
{
	struct store *s = (struct store *)q;
	struct stored *m = store_get(s, seq);
	if (m && (m->state == STORED_JOURNAL || m->state == STORED_MOVING))
		return with_flying(store_control(s, m, control), m, control);
	return with_flying(read_file(s, seq, m, control), m, control);
}

int store_load(struct queue *q, uint64_t seq, struct buf *control)
{
	struct store *s = (struct store *)q;
	struct stored *m = store_get(s, seq);
	if (m && (m->removed || m->state == STORED_COMMITTING)) {
		errno = ENOENT;
		return -1;
	}
	if (!m || m->state == STORED_FILE)
		return with_flying(load_file(s, seq, control), m, control);
	m->parked = false;
	return with_flying(store_control(s, m, control), m, control);
}
