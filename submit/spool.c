#include "config.h"

#include "submit/spool.h"
#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MIME_ARENA_MAX = 16 * 1024 * 1024, HEADER_GROWTH = 64 * 1024 };

void spool_init(struct spool *s, struct gate_process *g, struct policy *p)
{
	*s = (struct spool){.gate = g, .policy = p, .fd = -1, .refusals = mem_refusals()};
	buf_init(&s->head, p->header_max);
	buf_init(&s->body, SPOOL_WAIT_MAX);
	/* a small body joins it, and may have grown to three times its size */
	buf_init(&s->done, 2 * p->header_max + HEADER_GROWTH + 4 * (size_t)QUEUE_INLINE_MAX);
	s->mime_arena = arena_new(MIME_ARENA_MAX);
	if (s->mime_arena)
		s->mime = mime_parser_new(s->mime_arena, &mime_default_limits);
	if (!s->mime)
		s->error = REPLY_NO_MEMORY;
}

void spool_limit_header(struct spool *s, size_t max)
{
	buf_init(&s->head, max);
	buf_init(&s->done, 2 * max + HEADER_GROWTH);
}

void spool_free(struct spool *s)
{
	if (!s->gate)
		return;
	if (s->asked)
		queue_tmpfile_cancel(s->gate->queue, s->asked);
	if (s->fd >= 0)
		close(s->fd);
	if (s->file[0])
		queue_tmpfile_drop(s->gate->queue, s->file);
	rewrite_job_free(s);
	buf_free(&s->head);
	buf_free(&s->body);
	buf_free(&s->done);
	arena_free(s->mime_arena);
	*s = (struct spool){0};
}

bool disk_has_room(const struct gate_process *g, const struct policy *p, uint64_t more)
{
	struct statvfs v;
	if (statvfs(service_instance(g->service)->var, &v) < 0)
		return true; /* whoever writes there will find out */
	uint64_t kib = (uint64_t)v.f_bavail * v.f_frsize / 1024;
	bool inodes = v.f_files == 0 || v.f_favail >= p->disk.inodes;
	return inodes && kib >= p->disk.blocks + more / 1024;
}

enum reply_id spool_limit(const struct spool *s, enum reply_id why)
{
	return mem_refusals() == s->refusals ? why : REPLY_NO_MEMORY;
}

void spool_fail(struct spool *s, enum reply_id why)
{
	if (s->error == REPLY_OK)
		s->error = why;
	buf_free(&s->head);
	buf_free(&s->body);
}

void spool_make_header(struct spool *s, struct str block, bool add_mime)
{
	if (s->error != REPLY_OK)
		return;
	s->finished = true;
	s->said_mime = add_mime;
	buf_clear(&s->done);
	switch (s->header(s->ctx, block, add_mime, &s->done)) {
	case HEADER_OK:
		break;
	case HEADER_LOOP:
		spool_fail(s, REPLY_LOOP);
		break;
	case HEADER_FULL:
		spool_fail(s, spool_limit(s, REPLY_HEADER_LARGE));
		break;
	}
}

void spool_write(struct spool *s, struct str bytes)
{
	if (s->error != REPLY_OK)
		return;
	if (file_write_all(s->fd, bytes.p, bytes.n) == 0) {
		s->written += bytes.n;
		return;
	}
	log_error(NULL, "cannot write a message to the queue's file: %m");
	spool_fail(s, errno == ENOSPC || errno == EDQUOT ? REPLY_DISK_FULL : REPLY_QUEUE_DOWN);
}

static void on_file(void *ctx, int fd, const char *name)
{
	struct spool *s = ctx;
	s->asked = 0;
	if (fd < 0) {
		log_error(NULL, "the scheduler gives no file for a message: %m");
		spool_fail(s, errno == ENOSPC ? REPLY_DISK_FULL : REPLY_QUEUE_DOWN);
	} else {
		s->fd = fd;
		memcpy(s->file, name, strnlen(name, sizeof(s->file) - 1));
		if (!s->finished)
			spool_make_header(s, buf_str(&s->head),
			    s->eight_bit && s->mime_mode != SPOOL_MIME_NONE &&
				!header_has_mime(buf_str(&s->head)));
		spool_write(s, buf_str(&s->done));
		spool_write(s, buf_str(&s->body));
		buf_free(&s->body);
	}
	s->file_there(s->ctx);
}

bool spool_ask(struct spool *s)
{
	s->asked = queue_tmpfile(s->gate->queue, on_file, s);
	if (!s->asked)
		spool_fail(s, REPLY_QUEUE_DOWN);
	return s->asked;
}

static void add_body(struct spool *s, struct str bytes)
{
	if (s->fd >= 0) {
		spool_write(s, bytes);
		return;
	}
	if (!s->eight_bit)
		s->eight_bit = str_has_8bit(bytes);
	if (!buf_adds(&s->body, bytes)) {
		spool_fail(s, REPLY_QUEUE_DOWN); /* the scheduler is too slow */
		return;
	}
	/* The header must fit in as well. */
	if (s->asked || s->held || s->body.n + s->head.n + HEADER_GROWTH / 8 <= QUEUE_INLINE_MAX)
		return;
	spool_ask(s);
}

/* Takes header bytes up to and with the empty line; the rest of *bytes is body. */
static void add_head(struct spool *s, struct str *bytes)
{
	while (bytes->n && !s->head_ended) {
		ptrdiff_t lf = str_chr(*bytes, '\n');
		size_t n = lf < 0 ? bytes->n : (size_t)lf + 1;
		bool at_start = s->head.n == 0 || s->head.p[s->head.n - 1] == '\n';
		if (at_start && n == 1 && bytes->p[0] == '\n')
			s->head_ended = true;
		else if (!buf_add(&s->head, bytes->p, n)) {
			spool_fail(s, spool_limit(s, REPLY_HEADER_LARGE));
			return;
		}
		*bytes = str_skip(*bytes, n);
	}
}

static bool within_limits(struct spool *s, size_t more)
{
	const struct policy *p = s->policy;
	s->size += more;
	if (s->size_limit && s->size > s->size_limit) {
		spool_fail(s, REPLY_TOO_LARGE);
		return false;
	}
	if (s->size - s->looked < p->disk.step)
		return true;
	s->looked = s->size;
	if (disk_has_room(s->gate, p, 0))
		return true;
	spool_fail(s, REPLY_DISK_FULL);
	return false;
}

void spool_add(struct spool *s, struct str bytes)
{
	if (s->error != REPLY_OK || !within_limits(s, bytes.n))
		return;
	if (!mime_parser_push(s->mime, bytes)) {
		spool_fail(s, spool_limit(s, REPLY_COMPLEX));
		return;
	}
	if (!s->head_ended)
		add_head(s, &bytes);
	if (bytes.n && s->error == REPLY_OK)
		add_body(s, bytes);
}

int spool_end(struct spool *s)
{
	if (s->asked || s->held)
		return 0;
	if (s->error == REPLY_OK && s->mime && mime_parser_finish(s->mime, &s->result) < 0)
		spool_fail(s, spool_limit(s, REPLY_COMPLEX));
	s->junk = header_has_junk(buf_str(&s->head));
	return 1;
}

bool spool_faults(struct spool *s, struct mime_result *out)
{
	*out = s->result;
	return s->result.root;
}
