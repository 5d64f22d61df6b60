#include "config.h"

#include "module/module-body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

ssize_t module_body_read(struct module_body *b, void *p, size_t n, uint64_t at)
{
	if (at >= b->size)
		return 0;
	if (n > b->size - at)
		n = (size_t)(b->size - at);
	if (b->text.p) {
		memcpy(p, b->text.p + at, n);
		return (ssize_t)n;
	}
	ssize_t r;
	do
		r = pread(b->fd, p, n, (off_t)(b->offset + at));
	while (r < 0 && errno == EINTR);
	if (r == 0 && n) { /* shorter than promised: damage, not an end */
		errno = EIO;
		return -1;
	}
	return r;
}

struct str module_body_inline(const struct module_body *b)
{
	return b->text;
}

/* A new open file of a descriptor, so that its position is its own. */
static int reopened(int fd)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int copy_to(int fd, struct module_body *b)
{
	char chunk[16384];
	uint64_t at = 0;
	while (at < b->size) {
		ssize_t n = module_body_read(b, chunk, sizeof chunk, at);
		if (n <= 0 || file_write_all(fd, chunk, (size_t)n))
			return -1;
		at += (uint64_t)n;
	}
	return 0;
}

int module_body_fd(struct module_body *b)
{
	struct stat st;
	if (!b->text.p && b->offset == 0 && fstat(b->fd, &st) == 0 &&
	    (uint64_t)st.st_size == b->size) {
		int fd = reopened(b->fd);
		if (fd >= 0)
			return fd;
	}
	int fd = memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	int ro = -1;
	if (copy_to(fd, b) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK) == 0)
		return fd;
	int e = errno;
	close(fd);
	errno = e;
	return ro;
}
