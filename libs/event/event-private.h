/* Shared by the files of libs/event only. */
#ifndef COURIER_EVENT_PRIVATE_H
#define COURIER_EVENT_PRIVATE_H

#include "event/event.h"

/*
 * States of a stream.  OPEN -> (HANDSHAKE -> OPEN) -> ENDED or FINISHING -> freed.
 * ENDED: on_close was called, the owner frees.  FINISHING: the owner has let go, output drains.
 */
enum stream_state { STREAM_OPEN, STREAM_HANDSHAKE, STREAM_ENDED, STREAM_FINISHING };

struct stream {
	struct loop *loop;
	int fd;
	enum stream_state state;
	bool eof, paused, kicked, flush_due, in_callback, dead, draining, half_closed;
	bool read_wants_write, write_wants_read, shake_waits;
	const struct stream_handlers *h;
	void *ctx;
	struct watch *watch;
	struct timer *timer;
	struct buf in, out;
	size_t in_used, out_sent; /* consumed of in, sent of out */
	const struct stream_io *io;
	void *io_ctx;
};

/* stream-io.c: 1 made progress, 0 would block, -1 ended (stream_end_now was called). */
int stream_fill(struct stream *s);
int stream_drain(struct stream *s);
int stream_shake(struct stream *s);
void stream_end_now(struct stream *s, enum stream_end why);
void stream_watch_update(struct stream *s);
/* Calls a handler; false when the stream is gone (or has ended) afterwards. */
bool stream_call_input(struct stream *s);
void stream_release(struct stream *s);

#endif
