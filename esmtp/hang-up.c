/* How a session ends that we end: with QUIT, and over TLS with its notice (RFC 5321, 4.1.1.10). */
#include "esmtp/conn-private.h"

/* Is it ours to speak?  Not to a server that goes away itself, or waits for TLS. */
static bool our_turn(const struct conn *c)
{
	unsigned code = c->reply.code;
	switch (c->state) {
	case CONN_GREETING:
	case CONN_EHLO:
	case CONN_HELO:
	case CONN_AUTH:
	case CONN_RSET:
		return code && code != 421;
	case CONN_STARTTLS:
		return code >= 400 && code != 421;
	default:
		return false;
	}
}

void conn_hang_up(struct conn *c)
{
	bool quit = our_turn(c);
	if (quit)
		stream_put(c->st, STR("QUIT\r\n"));
	if (quit || c->state == CONN_QUIT || c->state == CONN_IDLE)
		stream_finish(c->st);
	else
		stream_free(c->st);
	c->st = NULL;
}

bool conn_session(const struct conn *c)
{
	return c->opened && !c->job;
}

void conn_part(struct conn *c)
{
	if (c->state == CONN_IDLE)
		conn_quit(c);
	else if (conn_session(c))
		conn_enter(c, c->state); /* with the short time of the end */
}
