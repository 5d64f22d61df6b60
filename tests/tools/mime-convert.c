/*
 * Converts a message as the gate and the esmtp module do, for tests:
 *
 *	mime-convert LETTERS FILE >NEW
 *
 * Letters: 7 to 7-bit, 8 to 8-bit, a headers to ASCII, m missing MIME fields, b break signatures.
 * The exit status is 0, 1 when it can't be done, or 16 and what mime_convert_kept says.
 */
#include "config.h"

#include "mime/mime.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA = 64 * 1024 * 1024, PIECE = 64 * 1024 };

static bool read_file(void *ctx, char *p, size_t n, uint64_t at)
{
	return file_pread_all(*(int *)ctx, p, n, (off_t)at) == 0;
}

static struct mime_part *parse(struct arena *a, int fd, uint64_t size)
{
	static char piece[PIECE];
	struct mime_result r = {0};
	struct mime_parser *p = mime_parser_new(a, &mime_default_limits);
	for (uint64_t at = 0, n; p && at < size; at += n) {
		n = size - at < PIECE ? size - at : PIECE;
		if (!read_file(&fd, piece, (size_t)n, at))
			return NULL;
		mime_parser_push(p, str_at(piece, (size_t)n));
	}
	return p && mime_parser_finish(p, &r) == 0 ? r.root : NULL;
}

static unsigned flags_of(const char *letters)
{
	static const char known[] = "78amb";
	unsigned flags = 0;
	for (; *letters; letters++) {
		const char *at = strchr(known, *letters);
		flags |= at ? 1U << (at - known) : 0;
	}
	return flags;
}

int main(int argc, char **argv)
{
	struct stat st;
	struct buf out;
	int fd = argc == 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
	struct arena *a = arena_new(ARENA);
	if (fd < 0 || !a || fstat(fd, &st) < 0)
		return 1;
	struct mime_source source = {read_file, &fd};
	struct mime_part *root = parse(a, fd, (uint64_t)st.st_size);
	struct mime_convert *c =
	    root ? mime_convert_new(a, &source, root, flags_of(argv[1]), "us", "\n") : NULL;
	int more = c ? 1 : -1;
	buf_init(&out, 4 * PIECE);
	while (more > 0) {
		buf_clear(&out);
		more = mime_convert_next(c, &out);
		if (fwrite(out.p, 1, out.n, stdout) != out.n)
			return 1;
	}
	buf_free(&out);
	if (more < 0 || fflush(stdout))
		return 1;
	return mime_convert_kept(c) ? 16 + (int)mime_convert_kept(c) : 0;
}
