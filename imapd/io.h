/*
 * The connection of a session: bounded input, gathered output, both with time limits.
 *
 * Output is kept until it passes IO_FLUSH_AT or the session is about to wait for input, so the
 * replies to pipelined commands leave together.  After an error or a time-out writing does nothing
 * and reading ends: a session needs to look at it in one place only.
 */
#ifndef COURIER_IMAPD_IO_H
#define COURIER_IMAPD_IO_H

#include "base/base.h"

enum { IO_INPUT = 16384, IO_FLUSH_AT = 32768, IO_WRITE_WAIT_MS = 300000 };

enum io_result {
	IO_OK,
	IO_EOF,
	IO_TIMEOUT,
	IO_TOO_LONG, /* a line beyond the maximum; the rest of it is still to be read */
	IO_EVENT,    /* io_wait: the other descriptor has something */
};

struct io {
	int in, out;
	bool out_is_socket, dead;
	int timeout_ms; /* of one wait for input */
	char buffer[IO_INPUT];
	size_t at, end;
	struct buf output;
	uint64_t received, sent;
	int debug_fd; /* copies of what the client sends; -1 none */
};

void io_init(struct io *io, int in, int out);
void io_free(struct io *io);
void io_preload(struct io *io, struct str bytes); /* input read already by the login process */
bool io_pending(const struct io *io);             /* input is there without waiting */
void io_flush(struct io *io);

/* A line is added to `line` without its end (CR LF or LF).  max: of the whole buffer. */
enum io_result io_line(struct io *io, struct buf *line, size_t max);
/* What is there of the next n bytes, at least one; *got 0 at the end or on time-out. */
enum io_result io_some(struct io *io, size_t n, struct str *got);
/* Waits for input, for `other` (-1: none), or the time. */
enum io_result io_wait(struct io *io, int other, int timeout_ms);

void io_put(struct io *io, struct str s);
void io_putz(struct io *io, const char *z);
void io_putf(struct io *io, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Text with LF or CRLF line ends, sent with CRLF: of the result `count` bytes from `skip` on. */
uint64_t crlf_size(struct str s);
void io_put_crlf(struct io *io, struct str s, uint64_t skip, uint64_t count);

#endif
