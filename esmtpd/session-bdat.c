/*
 * BDAT (RFC 3030): the message in chunks whose length is said before.
 *
 * The octets of a chunk are read whatever becomes of it, so that none of them is ever taken for a
 * command; a chunk that is refused is read and dropped, and answered then.  Where the length can't
 * be known the session ends.
 *
 * Without BODY=BINARYMIME a chunk holds lines like the text behind DATA: a CR or LF that stands
 * alone makes the message bad, and nobody gets it.  Binary text goes to the gate as it is, which
 * turns it into lines (submit/binary.h).
 */
#include "config.h"
#include "esmtpd/session.h"

/* Reads the chunk, then answers `why`. */
static void drop(struct session *s, const struct smtp_chunk *c, enum smtp_reply_id why)
{
	s->chunk_left = c->size;
	s->chunk_refusal = why;
	s->before_chunk = s->state;
	s->state = ST_CHUNK;
}

static void begin(struct session *s)
{
	smtp_data_init(&s->data);
	s->chunks = (struct smtp_chunks){0};
	s->oversize = false;
}

/* wrong: why it is not the time for a chunk, or SMTP_R_NONE. */
void session_bdat(struct session *s, struct str args, enum smtp_reply_id wrong)
{
	struct smtp_chunk c;
	enum smtp_reply_id r = smtp_bdat_parse(args, &c);

	if (r == SMTP_R_NONE && !(session_extensions(s) & SMTP_EXT_CHUNKING) &&
	    s->state != ST_HELLO)
		r = SMTP_R_UNKNOWN;
	if (r != SMTP_R_NONE) {
		session_say(s, r);
		s->last = true; /* what follows may be text, which is not to be read as commands */
		return;
	}
	if (wrong == SMTP_R_NEED_RCPT || wrong == SMTP_R_NO_RCPTS)
		wrong = SMTP_R_NO_RCPT_CHUNK;
	if (wrong != SMTP_R_NONE) {
		drop(s, &c, wrong);
		return;
	}
	if (s->state == ST_RCPT)
		begin(s);
	s->chunk_left = c.size;
	s->chunk_last = c.last;
	s->chunk_refusal = SMTP_R_NONE;
	s->state = ST_CHUNK;
}

static void refuse(struct session *s, enum smtp_reply_id why)
{
	session_reset(s);
	session_say(s, why);
}

static bool end_chunk(struct session *s)
{
	if (s->chunk_refusal != SMTP_R_NONE) {
		s->state = s->before_chunk;
		session_say(s, s->chunk_refusal);
		return true;
	}
	if (s->chunk_last && !s->binary)
		smtp_chunks_end(&s->chunks);
	if (s->chunks.bare)
		refuse(s, SMTP_R_BARE_DATA);
	else if (s->oversize)
		refuse(s, SMTP_R_TOO_LARGE);
	else if (s->chunk_last)
		session_end_message(s);
	else {
		s->state = ST_CHUNKS;
		session_say(s, SMTP_R_CHUNK);
	}
	return true;
}

static size_t take(struct session *s, struct str in)
{
	if (!s->binary)
		return smtp_chunks_feed(&s->chunks, in, s->server->chunk);
	s->chunks.size += in.n;
	memcpy(s->server->chunk, in.p, in.n);
	return in.n;
}

bool session_bdat_input(struct session *s)
{
	size_t most = sizeof s->server->chunk;
	struct str in;

	if (!s->chunk_left)
		return end_chunk(s);
	if (s->chunk_left < most)
		most = (size_t)s->chunk_left;
	in = str_head(stream_input(s->stream), most);
	if (!in.n)
		return false;
	s->chunk_left -= in.n;
	if (s->chunk_refusal == SMTP_R_NONE) {
		size_t n = take(s, in);

		s->data.size = s->chunks.size;
		s->data.bare = s->chunks.bare;
		stream_consume(s->stream, in.n);
		session_give(s, n);
	} else
		stream_consume(s->stream, in.n);
	return !s->waiting;
}
