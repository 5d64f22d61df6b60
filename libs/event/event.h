/*
 * libs/event: the event loop and buffered connections on it.
 *
 * One loop a process, one thread.  Everything here is owned by the caller through the pointer it
 * got; freeing an object inside its own callback is allowed.  Callbacks never run inside the call
 * that registers them.  Times are milliseconds of the monotonic clock.  Built on libevent; nobody
 * else includes its headers.
 */
#ifndef COURIER_EVENT_H
#define COURIER_EVENT_H

#include "base/base.h"

struct loop;
struct timer;
struct watch;
struct signal_watch;

struct loop *loop_new(void); /* NULL without memory */
void loop_free(struct loop *l);
int loop_run(struct loop *l); /* until loop_stop; -1 when the kernel's event interface fails */
void loop_stop(struct loop *l);
/* fn runs once, after the events at hand and before the loop sleeps again. -1 without memory. */
int loop_defer(struct loop *l, void (*fn)(void *ctx), void *ctx);
void loop_defer_cancel(struct loop *l, void (*fn)(void *ctx), void *ctx); /* every pending one */

/* NULL without memory.  timer_set arms (again); 0 fires at the next turn. */
struct timer *timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx);
void timer_set(struct timer *t, int64_t ms);
void timer_clear(struct timer *t);
bool timer_armed(const struct timer *t);
void timer_free(struct timer *t); /* NULL is fine, here and below */

enum { WATCH_READ = 1, WATCH_WRITE = 2 };
struct watch *watch_new(struct loop *l, int fd, void (*fn)(void *ctx, int fd, int what), void *ctx);
void watch_set(struct watch *w, int what); /* 0: sleeps */
void watch_free(struct watch *w);          /* the descriptor stays open */
/* Frees it and closes the descriptor, once the kernel has been told: for one that other processes
 * hold as well, or the kernel would go on waking us for it. */
void watch_close(struct watch *w);

struct signal_watch *signal_watch_new(
    struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx);
void signal_watch_free(struct signal_watch *s);

/*
 * A stream: a non-blocking connection with bounded buffers.
 *
 * Input is collected up to in_max and shown by on_input; the handler looks at stream_input() and
 * takes what it has understood with stream_consume().  Reading stops while the buffer is full.
 * Output is collected and leaves in one write when the loop is through with the events at hand (or
 * at stream_flush).  More than out_max waiting output ends the stream (STREAM_OVERFLOW): look at
 * stream_output_pending() and wait for on_drain before producing more.
 * A buffer that is empty holds no memory: an idle connection costs its record alone.
 * At end of file on_input still runs for what is buffered, then on_close(STREAM_EOF).
 */
struct stream;

enum stream_end {
	STREAM_EOF,      /* the peer has closed its side */
	STREAM_ERROR,    /* errno is set */
	STREAM_TIMEOUT,  /* the time set by stream_timer is over */
	STREAM_OVERFLOW, /* the peer does not read */
	STREAM_TLS,      /* TLS failed; stream_error() has the text */
};

struct stream_handlers {
	void (*on_input)(void *ctx, struct stream *s);
	void (*on_drain)(void *ctx, struct stream *s); /* all output has left; may be NULL */
	void (*on_close)(
	    void *ctx, struct stream *s, enum stream_end why); /* then stream_free it */
	void (*on_secure)(void *ctx, struct stream *s);        /* TLS handshake done; may be NULL */
};

struct stream *stream_new(struct loop *l, int fd, size_t in_max, size_t out_max,
    const struct stream_handlers *h, void *ctx); /* owns fd, makes it non-blocking, TCP_NODELAY */
void stream_handlers(struct stream *s, const struct stream_handlers *h, void *ctx); /* hands over */
void stream_free(struct stream *s); /* closes; output not yet sent is dropped */
/* Sends what waits (10 s at most), closes, frees: no more callbacks.  Also in on_close(STREAM_EOF):
 * the peer may have closed its own side only, and read on. */
void stream_finish(struct stream *s);
int stream_detach(struct stream *s); /* gives the descriptor back and frees; plain streams only */
int stream_fd(const struct stream *s);

struct str stream_input(const struct stream *s);
void stream_consume(struct stream *s, size_t n);
void stream_discard(struct stream *s); /* all buffered input, e.g. at STARTTLS */
/* No more reading and no on_input until resumed; stream_resume runs on_input soon if bytes wait. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);
bool stream_eof(const struct stream *s);

void stream_write(struct stream *s, const void *p, size_t n);
void stream_put(struct stream *s, struct str text);
void stream_printf(struct stream *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void stream_flush(struct stream *s);
size_t stream_output_pending(const struct stream *s);

void stream_timer(struct stream *s, int64_t ms); /* one-shot deadline; 0 disarms */
const char *stream_error(const struct stream *s);

/*
 * One line of input.  1: *line is set (without its end), consumed by the next stream_consume of
 * *used bytes; 0: not there yet; -1: longer than max bytes; -2 (strict only): a bare LF or CR
 * stands in it.  strict: only CRLF ends a line; otherwise LF does and a CR before it is dropped.
 */
int stream_line(const struct stream *s, size_t max, bool strict, struct str *line, size_t *used);

/*
 * The transport below a stream; libs/tls puts its own in place of read(2) and write(2).
 * read/write: > 0 bytes, 0 end of file (read), -1 with errno, EAGAIN with *want = the event to wait
 * for.  handshake: 1 done, 0 not yet (*want; 0: stream_shake_again tells), -1 failed.
 */
struct stream_io {
	ssize_t (*read)(void *io, void *p, size_t n, int *want);
	ssize_t (*write)(void *io, const void *p, size_t n, int *want);
	int (*handshake)(void *io, int *want);
	void (*shutdown)(void *io);
	const char *(*error)(void *io);
	void (*free)(void *io);
};
/* Discards clear input that is buffered and starts the handshake; on_secure or on_close follows. */
void stream_set_io(struct stream *s, const struct stream_io *ops, void *io);
/* The handshake can go on.  Not from within the stream's own calls. */
void stream_shake_again(struct stream *s);
void *stream_io(const struct stream *s); /* NULL on a plain stream */

#endif
