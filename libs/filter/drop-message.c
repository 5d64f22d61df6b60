/*
 * The message: small ones in memory, others in a file that is mapped, never changed and given back
 * to the system as it is passed over.
 */
#include "config.h"

#include "base/child.h"
#include "filter/drop-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 1 << 20 };

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

int drop_scratch(const struct drop *d)
{
	const char *home = child_env(d->call->env, STR("HOME"));
	int fd = -1;
	if (home && *home) {
		char *dir = mem_printf("%s/.tmp", home);
		if (mkdir(dir, 0700) == 0 || errno == EEXIST)
			fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		free(dir);
	}
	return fd >= 0 ? fd : open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

void drop_passed(const struct drop *d, struct str text)
{
	if (!d->map || text.p < d->map || text.p >= d->map + d->map_size)
		return;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), from = (size_t)(text.p - d->map);
	from -= from % page;
	madvise(d->map + from, (size_t)(text.p - d->map) + text.n - from, MADV_DONTNEED);
}

int drop_in_windows(const struct drop *d, struct str text,
    int (*take)(void *ctx, const void *p, size_t n), void *ctx)
{
	int r = 0;
	while (r == 0 && text.n) {
		struct str window = str_head(text, WINDOW);
		r = take(ctx, window.p, window.n);
		drop_passed(d, window);
		text = str_skip(text, window.n);
	}
	return r;
}

static int map_file(struct drop *d, int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -1;
	if (st.st_size > DROP_MESSAGE_MAX) {
		errno = EFBIG;
		return -1;
	}
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	d->map = p;
	d->map_size = (size_t)st.st_size;
	return 0;
}

/* Takes over out, which may be -1; 0 when all of it has been written. */
static int map_instead(struct drop *d, int out, int written)
{
	void *old = d->map;
	size_t size = d->map_size;
	int r = written == 0 ? map_file(d, out) : -1, saved = errno;
	if (out >= 0)
		close(out);
	if (r == 0 && old)
		munmap(old, size);
	errno = saved;
	return r;
}

struct copy {
	int out;
	bool cr; /* the last byte was one, and is held back */
};

static int copy_without_cr(void *ctx, const void *p, size_t n)
{
	struct copy *c = ctx;
	size_t left = 0;
	char *text = mem_alloc(n + 1);
	if (c->cr)
		text[left++] = '\r';
	memcpy(text + left, p, n);
	left += n;
	c->cr = text[left - 1] == '\r';
	left -= c->cr;
	strip_cr(text, &left);
	int r = file_write_all(c->out, text, left);
	free(text);
	return r;
}

static int map_without_cr(struct drop *d)
{
	struct str all = str_at(d->map, d->map_size);
	bool any = false;
	for (struct str rest = all; !any && rest.n; rest = str_skip(rest, WINDOW)) {
		/* one byte more: the pair may lie across the border */
		any = str_has_crlf(str_head(rest, WINDOW + 1));
		drop_passed(d, str_head(rest, WINDOW));
	}
	if (!any)
		return 0;
	struct copy c = {.out = drop_scratch(d)};
	int done = c.out < 0 ? -1 : drop_in_windows(d, all, copy_without_cr, &c);
	if (done == 0 && c.cr)
		done = file_write_all(c.out, "\r", 1);
	d->changed = true;
	return map_instead(d, c.out, done);
}

static int spill(struct drop *d, int fd)
{
	int out = drop_scratch(d);
	ssize_t n = -1;
	uint64_t total = d->small.n;
	char *chunk = mem_alloc(WINDOW);
	if (out >= 0 && file_write_all(out, d->small.p, d->small.n) == 0)
		while ((n = read(fd, chunk, WINDOW)) > 0) {
			total += (uint64_t)n;
			if (total > DROP_MESSAGE_MAX) {
				errno = EFBIG;
				break;
			}
			if (file_write_all(out, chunk, (size_t)n) < 0)
				break;
		}
	int saved = errno;
	free(chunk);
	buf_free(&d->small);
	errno = saved;
	return map_instead(d, out, n == 0 ? 0 : -1);
}

int drop_read(struct drop *d, int fd)
{
	struct stat st;
	off_t at = lseek(fd, 0, SEEK_CUR);
	size_t most = d->call->set.small;
	if (at == 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)most)
		return map_file(d, fd) < 0 ? -1 : map_without_cr(d);
	for (;;) {
		char *p = buf_reserve(&d->small, 65536);
		ssize_t n = p ? read(fd, p, 65536) : -1;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		d->small.n += (size_t)n;
		if (d->small.n > most)
			return spill(d, fd) < 0 ? -1 : map_without_cr(d);
	}
	size_t before = d->small.n;
	strip_cr(d->small.p, &d->small.n);
	d->changed = d->small.n != before;
	return 0;
}

int drop_take(struct drop *d, struct str bytes)
{
	if (!str_has_crlf(bytes)) {
		d->given = bytes;
		return 0;
	}
	d->changed = true;
	if (bytes.n > d->call->set.small || !buf_adds(&d->small, bytes)) {
		errno = EFBIG;
		return -1;
	}
	strip_cr(d->small.p, &d->small.n);
	return 0;
}

struct filter_message drop_message(const struct drop *d)
{
	if (d->filtered.n)
		return (struct filter_message){.bytes = buf_str(&d->filtered)};
	return (struct filter_message){.extra = buf_str(&d->extra),
	    .bytes = d->map       ? str_at(d->map, d->map_size)
		     : d->given.p ? d->given
				  : buf_str(&d->small)};
}

void drop_output_begin(struct drop *d)
{
	buf_clear(&d->output);
	if (d->output_fd >= 0)
		close(d->output_fd);
	d->output_fd = -1;
	d->output_size = 0;
}

int drop_output_overflow(void *ctx, struct buf *out)
{
	struct drop *d = ctx;
	d->output_size += out->n;
	if (d->output_fd < 0)
		d->output_fd = drop_scratch(d);
	if (d->output_fd < 0 || d->output_size > DROP_OUTPUT_MAX ||
	    file_write_all(d->output_fd, out->p, out->n) < 0)
		return -1;
	buf_clear(out);
	return 0;
}

/* Takes the output's memory, or its file. */
static int take_output(struct drop *d)
{
	struct buf old = d->filtered;
	if (d->output_fd < 0 && d->output.n) {
		d->filtered = d->output;
		d->output = old;
		return 0;
	}
	if (!d->output_size || drop_output_overflow(d, &d->output) < 0)
		return -1;
	int fd = d->output_fd;
	d->output_fd = -1;
	if (map_instead(d, fd, 0) < 0)
		return -1;
	buf_free(&d->filtered);
	return 0;
}

int drop_replace(struct filter_run *r)
{
	struct drop *d = filter_ctx(r);
	int done = take_output(d);
	drop_output_begin(d);
	if (done < 0)
		return filter_fail(r, "xfilter: the program gave no message, or a too large one");
	buf_clear(&d->extra);
	d->changed = true;
	filter_message_set(r, drop_message(d));
	drop_variables_size(d);
	return 0;
}
