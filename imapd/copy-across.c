#include "config.h"

#include "imapd/copy-across.h"
#include "maildir/maildir.h"

#include <errno.h>
#include <unistd.h>

static int copy_bytes(int from, int to)
{
	char piece[65536];
	off_t at = 0;
	for (;;) {
		ssize_t n = pread(from, piece, sizeof piece, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		if (file_write_all(to, piece, (size_t)n) < 0)
			return -1;
		at += n;
	}
}

int copy_across(int from, int dirfd, const char *name, mode_t mode)
{
	struct stat st;
	int fd = file_create(dirfd, name, mode);
	if (fd < 0)
		return -1;
	int r = copy_bytes(from, fd);
	if (r == 0)
		r = maildir_share(dirfd, fd);
	if (r == 0 && fstat(from, &st) == 0)
		r = futimens(fd, (struct timespec[2]){st.st_mtim, st.st_mtim});
	if (r == 0)
		r = file_sync_full(fd);
	if (file_close(fd) < 0)
		r = -1;
	if (r < 0) {
		int saved = errno;
		file_unlink(dirfd, name);
		errno = saved;
	}
	return r;
}
