#include "config.h"

#include "queue/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void store_name(char out[STORE_NAME_SIZE], char letter, uint64_t seq)
{
	snprintf(out, STORE_NAME_SIZE, "%llu/%c%llu", (unsigned long long)(seq % STORE_FOLDERS),
	    letter, (unsigned long long)seq);
}

bool store_parse_name(const char *name, char *letter, uint64_t *seq)
{
	char again[32];
	if ((name[0] != 'C' && name[0] != 'D') || !str_u64(str_of(name + 1), seq))
		return false;
	snprintf(again, sizeof again, "%c%llu", name[0], (unsigned long long)*seq);
	*letter = name[0];
	return strcmp(again, name) == 0;
}

/* Folders are made when needed; the one above is synced with them. */
int store_folder(int msgs_dir, uint64_t seq)
{
	char name[8];
	snprintf(name, sizeof name, "%u", (unsigned)(seq % STORE_FOLDERS));
	if (mkdirat(msgs_dir, name, 0700) == 0)
		return file_sync_dir(msgs_dir, ".");
	return errno == EEXIST ? 0 : -1;
}

static int create(int msgs_dir, const char *name, uint64_t seq)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(msgs_dir, name, flags, 0600);
	if (fd < 0 && errno == ENOENT && store_folder(msgs_dir, seq) == 0)
		fd = openat(msgs_dir, name, flags, 0600);
	return fd;
}

/* Whole content; what stood there before was of an earlier attempt to do the same. */
int store_write(int msgs_dir, char letter, uint64_t seq, struct str text, int64_t mtime, bool sync)
{
	char name[STORE_NAME_SIZE];
	store_name(name, letter, seq);
	int fd = create(msgs_dir, name, seq);
	if (fd < 0)
		return -1;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = mtime}};
	int r = file_write_all(fd, text.p, text.n);
	if (!r && mtime)
		r = futimens(fd, times);
	if (!r && sync)
		r = file_sync_full(fd);
	int e = errno;
	if (file_close(fd) && !r)
		return -1;
	errno = e;
	return r;
}

int store_sync_folder(int msgs_dir, uint64_t seq)
{
	char name[8];
	snprintf(name, sizeof name, "%u", (unsigned)(seq % STORE_FOLDERS));
	return file_sync_dir(msgs_dir, name);
}

int store_write_at(int msgs_dir, uint64_t seq, struct str text, uint64_t at, int64_t mtime)
{
	char name[STORE_NAME_SIZE];
	store_name(name, 'C', seq);
	int fd = openat(msgs_dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	while (text.n) {
		ssize_t n = pwrite(fd, text.p, text.n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		text = str_skip(text, (size_t)n);
		at += (uint64_t)n;
	}
	int e = errno;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = mtime}};
	if (mtime)
		(void)futimens(fd, times);
	int r = file_close(fd);
	if (text.n) {
		errno = e;
		return -1;
	}
	return r;
}

void store_unlink(int msgs_dir, uint64_t seq)
{
	char name[STORE_NAME_SIZE];
	store_name(name, 'C', seq);
	file_unlink(msgs_dir, name);
	store_name(name, 'D', seq);
	file_unlink(msgs_dir, name);
}

int store_sync_all(int dir)
{
	return syncfs(dir);
}
