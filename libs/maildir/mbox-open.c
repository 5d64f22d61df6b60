#include "config.h"

#include "maildir/mbox-open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLAGS = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK };

/* The folder, when everybody may write to it; -1 otherwise. */
static int public_folder(const char *path, struct stat *st)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd >= 0 && (fstat(fd, st) < 0 || !(st->st_mode & S_IWOTH))) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool trusted(const struct stat *entry, const struct stat *folder)
{
	return entry->st_uid == geteuid() || entry->st_uid == folder->st_uid;
}

static bool ours(int dir, const struct stat *folder, const char *path, int fd)
{
	struct stat entry, file;
	const char *slash = strrchr(path, '/');
	if (fstatat(dir, slash ? slash + 1 : path, &entry, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstat(fd, &file) < 0 || !trusted(&entry, folder) || !trusted(&file, folder))
		return false;
	if (S_ISLNK(entry.st_mode))
		return true;
	return entry.st_dev == file.st_dev && entry.st_ino == file.st_ino && file.st_nlink == 1;
}

int mbox_open(const char *path, mode_t mode, bool *made)
{
	struct stat folder;
	int dir = public_folder(path, &folder), fd = open(path, FLAGS);
	*made = fd < 0 && errno == ENOENT;
	if (*made)
		fd = open(path, FLAGS | O_CREAT | (dir < 0 ? 0 : O_EXCL), mode);
	if (fd < 0 && *made && errno == EEXIST)
		errno = EPERM; /* a link to nowhere */
	int saved = errno;
	if (dir >= 0 && fd >= 0 && !ours(dir, &folder, path, fd)) {
		close(fd);
		fd = -1;
		saved = EPERM;
	}
	if (dir >= 0)
		close(dir);
	errno = saved;
	return fd;
}
