#include "config.h"

#include "maildrop/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void strip_cr(char *p, size_t *n)
{
	size_t to = 0;
	if (!memchr(p, '\r', *n))
		return;
	for (size_t i = 0; i < *n; i++)
		if (p[i] != '\r' || i + 1 == *n || p[i + 1] != '\n')
			p[to++] = p[i];
	*n = to;
}

/* A file of its own, without a name, where the owner may have large ones. */
static int scratch(void)
{
	const char *home = getenv("HOME");
	int fd = -1;
	if (home && *home) {
		char *dir = mem_printf("%s/.tmp", home);
		if (mkdir(dir, 0700) == 0 || errno == EEXIST)
			fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		free(dir);
	}
	return fd >= 0 ? fd : open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* Private: what is changed here stays here. */
static int map_file(struct drop *d, int fd, off_t from)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -1;
	if (st.st_size - from > DROP_MESSAGE_MAX) {
		errno = EFBIG;
		return -1;
	}
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	d->map = p;
	d->map_size = (size_t)st.st_size;
	return 0;
}

static int spill(struct drop *d, int fd)
{
	int out = scratch(), r = -1;
	ssize_t n = 0;
	uint64_t total = d->small.n;
	char chunk[65536];
	if (out < 0)
		return -1;
	if (file_write_all(out, d->small.p, d->small.n) == 0) {
		while ((n = read(fd, chunk, sizeof chunk)) > 0) {
			total += (uint64_t)n;
			if (total > DROP_MESSAGE_MAX) {
				errno = EFBIG;
				break;
			}
			if (file_write_all(out, chunk, (size_t)n) < 0)
				break;
		}
		r = n == 0 ? map_file(d, out, 0) : -1;
	}
	int saved = errno;
	close(out);
	errno = saved;
	buf_free(&d->small);
	return r;
}

int drop_read(struct drop *d, int fd)
{
	struct stat st;
	off_t at = lseek(fd, 0, SEEK_CUR);
	buf_init(&d->small, 2 * d->set.small + 65536);
	buf_init(&d->filtered, DROP_OUTPUT_MAX);
	if (at == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size > (off_t)d->set.small) {
		if (map_file(d, fd, at) < 0)
			return -1;
		strip_cr(d->map, &d->map_size);
		return 0;
	}
	for (;;) {
		char *p = buf_reserve(&d->small, 65536);
		ssize_t n = p ? read(fd, p, 65536) : -1;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		d->small.n += (size_t)n;
		if (d->small.n <= d->set.small)
			continue;
		if (spill(d, fd) < 0)
			return -1;
		strip_cr(d->map, &d->map_size);
		return 0;
	}
	strip_cr(d->small.p, &d->small.n);
	return 0;
}

struct filter_message drop_message(const struct drop *d)
{
	struct filter_message m = {.extra = buf_str(&d->extra)};
	if (d->filtered.n)
		return (struct filter_message){.bytes = buf_str(&d->filtered)};
	m.bytes = d->map ? str_at(d->map, d->map_size) : buf_str(&d->small);
	return m;
}
