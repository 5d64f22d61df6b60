/* The message on its way out: read, converted, stuffed, never more than the stream has room for. */
#include <errno.h>
#include "esmtp/conn-private.h"

enum {
	CHUNK = 64 * 1024,
	PENDING_MAX = 256 * 1024, /* message text that waits in the stream */
};

/* The next piece into e->chunk, stuffed.  0 the end was reached, 1 there is more, -1 errno. */
static int next_converted(struct conn *c)
{
	struct buf piece;
	buf_init(&piece, 4 * CHUNK);
	int more = conversion_next(c->tx.conversion, &piece);
	buf_clear(&c->e->chunk);
	smtp_stuff_feed(&c->tx.stuff, buf_str(&piece), &c->e->chunk);
	buf_free(&piece);
	if (more == 0)
		smtp_stuff_end(&c->tx.stuff, &c->e->chunk);
	errno = EIO;
	return more;
}

static int next_piece(struct conn *c)
{
	static char raw[CHUNK];
	if (c->tx.conversion)
		return next_converted(c);
	struct str whole = module_body_inline(c->job->body);
	uint64_t size = whole.p ? whole.n : c->job->d->size;
	struct str piece = str_head(str_skip(whole, (size_t)c->tx.offset), CHUNK);
	if (!whole.p) {
		uint64_t left = size - c->tx.offset;
		ssize_t n = module_body_read(
		    c->job->body, raw, left < CHUNK ? (size_t)left : CHUNK, c->tx.offset);
		if (n < 0 || (!n && left)) {
			errno = n < 0 ? errno : EIO;
			return -1;
		}
		piece = str_at(raw, (size_t)n);
	}
	buf_clear(&c->e->chunk);
	smtp_stuff_feed(&c->tx.stuff, piece, &c->e->chunk);
	c->tx.offset += piece.n;
	if (c->tx.offset < size)
		return 1;
	smtp_stuff_end(&c->tx.stuff, &c->e->chunk);
	return 0;
}

void transaction_more(struct conn *c)
{
	/* Without its end no server takes a message, so a message that can't be read is given up
	 * by leaving. */
	while (!c->tx.all_given && stream_output_pending(c->st) < PENDING_MAX) {
		int more = next_piece(c);
		if (more < 0 || c->e->chunk.failed) {
			conn_trouble(c, NULL, "4.3.0", "cannot read the message: %s",
			    strerror(more < 0 ? errno : ENOMEM));
			return;
		}
		stream_put(c->st, buf_str(&c->e->chunk));
		c->tx.all_given = !more;
	}
	conn_enter(c, c->tx.all_given ? CONN_FINAL : CONN_BODY);
}
