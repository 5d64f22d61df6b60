#include "config.h"

#include "imapd/append-binary.h"
#include "mime/mime.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONVERT_ARENA_MAX = 64 << 20, PIECE_MAX = 256 << 10 };

struct whole {
	const char *p;
	size_t n;
};

int binary_file(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int file = openat(fd, "tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int saved = errno;
	close(fd);
	errno = saved;
	return file;
}

static bool read_at(void *ctx, char *p, size_t n, uint64_t at)
{
	const struct whole *w = ctx;
	if (at > w->n || n > w->n - at)
		return false;
	memcpy(p, w->p + at, n);
	return true;
}

static int give(struct mime_convert *c, int (*take)(void *ctx, struct str piece), void *ctx)
{
	struct buf piece;
	int more = 1, r = 0;
	buf_init(&piece, PIECE_MAX);
	while (more > 0 && r == 0) {
		buf_clear(&piece);
		more = mime_convert_next(c, &piece);
		if (more >= 0 && piece.n)
			r = take(ctx, buf_str(&piece));
	}
	buf_free(&piece);
	if (r < 0)
		return -1;
	errno = more < 0 ? EMSGSIZE : EBADMSG;
	return more < 0 || mime_convert_bare(c) ? -1 : 0;
}

static int convert(struct whole *w, int (*take)(void *ctx, struct str piece), void *ctx)
{
	struct mime_result m;
	struct arena *a = arena_new(CONVERT_ARENA_MAX);
	struct mime_source source = {.read = read_at, .ctx = w};
	struct mime_convert *c = NULL;
	int r = -1;
	if (a && mime_parse(a, str_at(w->p, w->n), &mime_default_limits, &m) == 0)
		c = mime_convert_new(a, &source, m.root, MIME_TO_LINES, "imapd", "\n");
	errno = EMSGSIZE;
	if (c)
		r = give(c, take, ctx);
	int saved = errno;
	arena_free(a);
	errno = saved;
	return r;
}

int binary_convert(int fd, int (*take)(void *ctx, struct str piece), void *ctx)
{
	struct stat st;
	struct whole w = {.p = ""};
	if (fstat(fd, &st) < 0)
		return -1;
	if (st.st_size > 0) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			return -1;
		w = (struct whole){p, (size_t)st.st_size};
	}
	int r = convert(&w, take, ctx), saved = errno;
	if (w.n)
		munmap((void *)(uintptr_t)w.p, w.n);
	errno = saved;
	return r;
}
