#include "config.h"

#include "mime/mime.h"
#include "submit/binary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	IN_MEMORY = 256 * 1024,
	ARENA_MAX = 64 * 1024 * 1024,
	STEP = 1024 * 1024, /* of lines, before others have their turn */
	PIECE_MAX = 256 * 1024,
	LOOK = 4 * 1024 * 1024, /* at the disk, each time so much has come */
};

struct binary {
	struct gate_process *gate;
	const struct policy *policy;
	struct arena *arena;
	struct mime_parser *parser;
	struct mime_source source;
	struct mime_convert *convert;
	struct buf text, piece;
	int fd; /* -1: it is in memory */
	uint64_t size, limit, looked;
	enum reply_id error;
	void (*take)(void *ctx, struct str bytes);
	void (*done)(void *ctx, enum reply_id error);
	void *ctx;
};

static bool read_raw(void *ctx, char *p, size_t n, uint64_t at)
{
	struct binary *b = ctx;
	if (b->fd >= 0)
		return file_pread_all(b->fd, p, n, (off_t)at) == 0;
	if (at > b->text.n || n > b->text.n - at)
		return false;
	if (n)
		memcpy(p, b->text.p + at, n);
	return true;
}

struct binary *binary_new(struct gate_process *g, const struct policy *p, uint64_t size_limit,
    void (*take)(void *ctx, struct str bytes), void (*done)(void *ctx, enum reply_id error),
    void *ctx)
{
	struct binary *b = mem_new(struct binary);
	*b = (struct binary){.gate = g,
	    .policy = p,
	    .fd = -1,
	    .limit = size_limit,
	    .take = take,
	    .done = done,
	    .ctx = ctx};
	b->source = (struct mime_source){read_raw, b};
	buf_init(&b->text, IN_MEMORY);
	buf_init(&b->piece, PIECE_MAX);
	b->arena = arena_new(ARENA_MAX);
	if (b->arena)
		b->parser = mime_parser_new(b->arena, &mime_default_limits);
	if (!b->parser)
		b->error = REPLY_NO_MEMORY;
	return b;
}

static void step(void *ctx);

void binary_free(struct binary *b)
{
	if (!b)
		return;
	loop_defer_cancel(service_loop(b->gate->service), step, b);
	if (b->fd >= 0)
		close(b->fd);
	buf_free(&b->text);
	buf_free(&b->piece);
	arena_free(b->arena);
	free(b);
}

/* Nobody can open it, and it is gone with us. */
static int nameless_file(const struct binary *b)
{
	char *dir = instance_path(service_instance(b->gate->service)->var, "tmp");
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd < 0)
		log_error(NULL, "cannot make a file without a name in '%s': %m", dir);
	free(dir);
	return fd;
}

static enum reply_id disk_fault(void)
{
	return errno == ENOSPC || errno == EDQUOT ? REPLY_DISK_FULL : REPLY_QUEUE_DOWN;
}

static void keep(struct binary *b, struct str bytes)
{
	if (b->fd < 0 && b->text.n + bytes.n <= IN_MEMORY) {
		if (!buf_adds(&b->text, bytes))
			b->error = REPLY_NO_MEMORY;
		return;
	}
	if (b->fd < 0) {
		b->fd = nameless_file(b);
		if (b->fd < 0 || file_write_all(b->fd, b->text.p, b->text.n))
			b->error = disk_fault();
		buf_free(&b->text);
	}
	if (!b->error && file_write_all(b->fd, bytes.p, bytes.n))
		b->error = disk_fault();
}

static bool within_limits(struct binary *b, size_t more)
{
	b->size += more;
	if (b->limit && b->size > b->limit)
		b->error = REPLY_TOO_LARGE;
	if (b->size - b->looked >= LOOK) {
		b->looked = b->size;
		if (!disk_has_room(b->gate, b->policy, 0))
			b->error = REPLY_DISK_FULL;
	}
	return !b->error;
}

void binary_add(struct binary *b, struct str bytes)
{
	if (b->error || !within_limits(b, bytes.n))
		return;
	if (mime_parser_push(b->parser, bytes))
		keep(b, bytes);
	else
		b->error = REPLY_COMPLEX;
}

static void over(struct binary *b)
{
	b->done(b->ctx, b->error);
}

static void step(void *ctx)
{
	struct binary *b = ctx;
	int more = b->error ? 0 : 1;
	for (size_t n = 0; n < STEP && more > 0; n += b->piece.n) {
		buf_clear(&b->piece);
		more = mime_convert_next(b->convert, &b->piece);
		if (more > 0)
			b->take(b->ctx, buf_str(&b->piece));
	}
	if (more > 0) {
		loop_defer(service_loop(b->gate->service), step, b);
		return;
	}
	if (more < 0)
		b->error = REPLY_QUEUE_DOWN;
	else if (!b->error && mime_convert_bare(b->convert))
		b->error = REPLY_BARE_NEWLINE;
	over(b);
}

void binary_end(struct binary *b)
{
	struct mime_result m;
	char *me = b->error ? NULL : arena_strz(b->arena, b->policy->names.me);
	if (!b->error && mime_parser_finish(b->parser, &m) < 0)
		b->error = REPLY_COMPLEX;
	if (!b->error && me)
		b->convert =
		    mime_convert_new(b->arena, &b->source, m.root, MIME_TO_LINES, me, "\n");
	if (!b->error && !b->convert)
		b->error = REPLY_COMPLEX;
	loop_defer(service_loop(b->gate->service), step, b);
}
