/*
 * Safe files: the only place where durable file operations are done.
 *
 * Rules kept here: no path is followed through a symbolic link at its last component; every write,
 * sync and close is checked; a file appears under its final name only when it is complete and
 * synced, and then its directory is synced.  An fsync error is final for that file.
 * All calls return 0 (or a descriptor) and on failure -1 with errno, nothing half-made left behind.
 */
#ifndef COURIER_BASE_FILE_H
#define COURIER_BASE_FILE_H

#include <sys/stat.h>
#include <sys/types.h>
#include "base/buf.h"

int file_open_read(int dirfd, const char *path); /* O_CLOEXEC|O_NOFOLLOW; regular files only */
/* The whole file into out (its maximum is the limit: EFBIG past it). */
int file_read(int dirfd, const char *path, struct buf *out);
int file_read_fd(int fd, struct buf *out); /* from the descriptor's position to the end */
int file_create(int dirfd, const char *path, mode_t mode); /* O_EXCL, for writing and reading */
int file_write_all(int fd, const void *p, size_t n);
int file_pread_all(int fd, void *p, size_t n, off_t at); /* EIO when the file is shorter */
int file_sync(int fd);                                   /* contents and length (fdatasync) */
int file_sync_full(int fd);                              /* and metadata (fsync) */
int file_sync_dir(int dirfd, const char *path);          /* "." for dirfd itself */
int file_close(int fd); /* checked close; the descriptor is gone either way */
int file_rename(int fromdir, const char *from, int todir, const char *to); /* no sync */
int file_link(int fromdir, const char *from, int todir, const char *to);
int file_unlink(int dirfd, const char *path);
/* Of a folder whose files have numbers as names (hours, say): those below the least go. */
void file_unlink_below(int dirfd, int64_t least);
int file_mkdirs(int dirfd, const char *path, mode_t mode); /* with parents; each parent synced */
/* Atomic replacement: temporary name beside it, write, sync, rename, sync of the directory. */
int file_replace(int dirfd, const char *path, const void *p, size_t n, mode_t mode);

/* True when nobody but `owner` (or root) can change it or any part of its path, links included. */
bool file_path_trusted(const char *path, uid_t owner);
/* The same for what leads to a file, which may itself be anybody's, in a folder where only they can
 * write. */
bool file_way_trusted(const char *path, uid_t owner);

#endif
