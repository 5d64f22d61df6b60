/*
 * The last look at a message that has been accepted: its bodies in the form that was asked for, a
 * header that says what the body is, and everything on the disk.
 */
#include "config.h"

#include "rfc822/rfc822.h"
#include "submit/spool.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ARENA_MAX = 64 * 1024 * 1024, STEP = 1024 * 1024, PIECE_MAX = 256 * 1024 };

struct rewrite_job {
	struct arena *arena;
	struct mime_source source;
	struct mime_convert *convert; /* NULL: nothing but the header is new */
	struct buf head, piece;
	size_t done_n; /* bytes of the header in the old file */
	int fd;        /* the old file; -1: it was in memory */
	char file[QUEUE_TMP_NAME_SIZE];
	struct str body; /* in memory */
	struct buf old;  /* its memory */
	size_t at;       /* of the body that is copied */
};

bool spool_mime_parse(struct str s, enum mime_mode *out)
{
	static const char *const words[] = {
	    [SPOOL_MIME_NONE] = "none", [SPOOL_MIME_7BIT] = "7bit", [SPOOL_MIME_8BIT] = "8bit"};
	for (unsigned i = SPOOL_MIME_NONE; i < ARRAY_LEN(words); i++)
		if (str_iis(s, words[i])) {
			*out = (enum mime_mode)i;
			return true;
		}
	return false;
}

/* ---- what is to be done ---------------------------------------------------------------------- */

/* Undeclared 8-bit text is called UTF-8. */
static bool wants_mime(struct spool *s)
{
	return s->mime_mode != SPOOL_MIME_NONE && (s->result.faults & MIME_FAULT_BODY_8BIT) &&
	       !header_has_mime(buf_str(&s->head));
}

/* Flags for mime_convert_new, 0: the body stays as it is. */
static unsigned conversion(const struct spool *s)
{
	unsigned flags = 0, faults = s->result.faults;
	const struct mime_part *root = s->result.root;
	/* A header that ends elsewhere for the parser: the offsets would not fit. */
	if (!root || root->header.end != s->head.n + s->head_ended)
		return 0;
	if (s->mime_mode == SPOOL_MIME_8BIT)
		return MIME_TO_8BIT;
	if (s->mime_mode != SPOOL_MIME_7BIT)
		return 0;
	if (faults & (MIME_FAULT_BODY_8BIT | MIME_FAULT_BINARY))
		flags |= MIME_TO_7BIT;
	if ((faults & MIME_FAULT_HEADER_8BIT) && !s->declared_utf8)
		flags |= MIME_TO_ASCII;
	return flags;
}

/* ---- reading the old one --------------------------------------------------------------------- */

static size_t copy_part(char *p, size_t n, struct str from, uint64_t at)
{
	struct str rest = str_skip(from, at < from.n ? (size_t)at : from.n);
	rest = str_head(rest, n);
	if (rest.n)
		memcpy(p, rest.p, rest.n);
	return rest.n;
}

/* Offsets are those of the message as it came. */
static bool read_message(void *ctx, char *p, size_t n, uint64_t at)
{
	struct spool *s = ctx;
	struct rewrite_job *j = s->again;
	size_t got = copy_part(p, n, buf_str(&s->head), at), head = s->head.n;
	if (got < n && at + got == head && s->head_ended)
		p[got++] = '\n';
	uint64_t body = at + got - (head + s->head_ended);
	if (got == n)
		return true;
	if (j->fd < 0)
		return copy_part(p + got, n - got, j->body, body) == n - got;
	return file_pread_all(j->fd, p + got, n - got, (off_t)(j->done_n + body)) == 0;
}

/* ---- writing the new one --------------------------------------------------------------------- */

static void write_steps(void *ctx);

void rewrite_job_free(struct spool *s)
{
	struct rewrite_job *j = s->again;
	if (!j)
		return;
	loop_defer_cancel(service_loop(s->gate->service), write_steps, s);
	if (j->fd >= 0)
		close(j->fd);
	if (j->file[0])
		queue_tmpfile_drop(s->gate->queue, j->file);
	arena_free(j->arena);
	buf_free(&j->head);
	buf_free(&j->piece);
	buf_free(&j->old);
	free(j);
	s->again = NULL;
}

/* The new header, from the plan's first pieces. */
static bool convert_header(struct spool *s)
{
	struct rewrite_job *j = s->again;
	while (mime_convert_in_header(j->convert))
		if (mime_convert_next(j->convert, &j->head) < 0)
			return false;
	return true;
}

static void make_header(struct spool *s)
{
	struct rewrite_job *j = s->again;
	bool add = wants_mime(s);
	struct str block = buf_str(&s->head);
	if (j->convert) {
		if (!convert_header(s)) {
			spool_fail(s, REPLY_HEADER_LARGE);
			return;
		}
		block = str_head(buf_str(&j->head), header_length(buf_str(&j->head), NULL));
		add = add && !header_has_mime(block);
	}
	spool_make_header(s, block, add);
}

/* The next slice of the body: 1 there is more, 0 that was all, -1 failed. */
static int next_slice(struct spool *s)
{
	struct rewrite_job *j = s->again;
	buf_clear(&j->piece);
	if (j->convert)
		return mime_convert_next(j->convert, &j->piece);
	size_t head = s->head.n + s->head_ended, size = (size_t)s->size;
	size_t left = size - head - j->at, n = left < PIECE_MAX / 2 ? left : PIECE_MAX / 2;
	char *p = n ? buf_reserve(&j->piece, n) : NULL;
	if (n && (!p || !read_message(s, p, n, head + j->at)))
		return -1;
	j->piece.n = n;
	j->at += n;
	return n > 0;
}

static void trouble(struct spool *s)
{
	log_error(NULL, "a message can't be written anew: %m");
	spool_fail(s, REPLY_QUEUE_DOWN);
}

/* In memory: small bodies, at once. */
static void write_memory(struct spool *s)
{
	struct rewrite_job *j = s->again;
	int more;
	j->old = s->body;
	buf_init(&s->body, SPOOL_WAIT_MAX);
	make_header(s);
	while (s->error == REPLY_OK && (more = next_slice(s)) != 0)
		if (more < 0 || !buf_adds(&s->body, buf_str(&j->piece)))
			trouble(s);
}

static void write_steps(void *ctx)
{
	struct spool *s = ctx;
	struct rewrite_job *j = s->again;
	int more = 1;
	for (size_t n = 0; n < STEP && more > 0 && s->error == REPLY_OK; n += j->piece.n) {
		more = next_slice(s);
		if (more < 0)
			trouble(s);
		else
			spool_write(s, buf_str(&j->piece));
	}
	if (more > 0 && s->error == REPLY_OK) {
		loop_defer(service_loop(s->gate->service), write_steps, s);
		return;
	}
	rewrite_job_free(s);
	s->file_there(s->ctx);
}

static void on_new_file(void *ctx, int fd, const char *name)
{
	struct spool *s = ctx;
	struct rewrite_job *j = s->again;
	s->asked = 0;
	if (fd < 0) {
		log_error(NULL, "the scheduler gives no second file for a message: %m");
		spool_fail(s, errno == ENOSPC ? REPLY_DISK_FULL : REPLY_QUEUE_DOWN);
		s->file_there(s->ctx);
		return;
	}
	j->fd = s->fd;
	j->done_n = s->done.n;
	memcpy(j->file, s->file, sizeof(j->file));
	s->fd = fd;
	memset(s->file, 0, sizeof(s->file));
	memcpy(s->file, name, strnlen(name, sizeof(s->file) - 1));
	s->written = 0;
	make_header(s);
	spool_write(s, buf_str(&s->done));
	loop_defer(service_loop(s->gate->service), write_steps, s);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void plan(struct spool *s, unsigned flags)
{
	struct rewrite_job *j = s->again;
	if (!flags || s->error != REPLY_OK)
		return;
	j->arena = arena_new(ARENA_MAX);
	char *me = j->arena ? arena_strz(j->arena, s->policy->names.me) : NULL;
	if (me)
		j->convert =
		    mime_convert_new(j->arena, &j->source, s->result.root, flags, me, "\n");
	if (!j->convert)
		spool_fail(s, spool_limit(s, REPLY_COMPLEX));
	else if (!mime_convert_changes(j->convert))
		j->convert = NULL;
	if (!j->convert)
		return;
	unsigned kept = mime_convert_kept(j->convert);
	s->body8 =
	    flags & MIME_TO_7BIT ? kept & MIME_KEPT_BODY : s->body8 || (flags & MIME_TO_8BIT);
	s->headers8 = flags & MIME_TO_ASCII ? kept & MIME_KEPT_HEADER : s->headers8;
}

/* Begins the work; false: there is none, or it is done. */
static bool begin(struct spool *s)
{
	s->body8 = s->result.faults & MIME_FAULT_BODY_8BIT;
	s->headers8 = s->result.faults & MIME_FAULT_HEADER_8BIT;
	bool stale = s->fd >= 0 && wants_mime(s) != s->said_mime;
	struct rewrite_job *j = s->again = mem_new(struct rewrite_job);
	j->fd = -1;
	j->source = (struct mime_source){read_message, s};
	buf_init(&j->head, 12 * s->policy->header_max + PIECE_MAX);
	buf_init(&j->piece, PIECE_MAX);
	buf_init(&j->old, 1);
	j->body = buf_str(&s->body);
	if (s->fd >= 0) { /* the plan reads from it */
		j->fd = s->fd;
		j->done_n = s->done.n;
	}
	plan(s, conversion(s));
	j->fd = -1;
	bool work = s->error == REPLY_OK && (j->convert || stale);
	if (work && s->fd >= 0) {
		s->asked = queue_tmpfile(s->gate->queue, on_new_file, s);
		if (s->asked)
			return true;
		spool_fail(s, REPLY_QUEUE_DOWN);
	} else if (work)
		write_memory(s);
	rewrite_job_free(s);
	return false;
}

/* Small ones travel inside the frame; the header may have grown too much for that. */
static int join(struct spool *s)
{
	if (!s->finished)
		spool_make_header(s, buf_str(&s->head), wants_mime(s));
	if (s->error != REPLY_OK)
		return 1;
	if (!buf_adds(&s->done, buf_str(&s->body))) {
		spool_fail(s, REPLY_HEADER_LARGE);
		return 1;
	}
	buf_free(&s->body);
	if (s->done.n <= QUEUE_INLINE_MAX) {
		s->written = s->done.n;
		return 1;
	}
	return spool_ask(s) ? 0 : 1;
}

int spool_finish(struct spool *s)
{
	if (s->asked || s->again)
		return 0;
	if (s->error == REPLY_OK && !s->begun) {
		s->begun = true;
		if (begin(s))
			return 0;
	}
	if (s->error != REPLY_OK)
		return 1;
	if (s->fd < 0)
		return join(s);
	if (file_sync(s->fd) < 0) {
		log_error(NULL, "cannot sync a message in the queue's file: %m");
		spool_fail(s, REPLY_QUEUE_DOWN);
	}
	return 1;
}
