/*
 * Files that were delivered without a sync of their own (courierd/sched-owed.c): where each stands,
 * and, when nobody has said that its file system was synced, making sure of it.
 *
 * A place is the kernel's name of its present run, a blank and the path below new/.  In the same
 * run what was written is there, and a file that is missing was taken away by its reader.  In
 * another one power may have failed: then what is missing, or is not what the queue still has, is
 * made again under the same name.
 */
#include "config.h"

#include "local/worker.h"
#include "maildir/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { BOOT_MAX = 40, CHUNK = 32768 };

/* Where there is no name it is made up, so that it is another one each time. */
static const char *boot(void)
{
	static char name[BOOT_MAX];
	struct buf b;
	if (name[0])
		return name;
	buf_init(&b, BOOT_MAX);
	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &b) == 0)
		snprintf(name, sizeof name, "%.*s", STR_FMT(str_trim(buf_str(&b))));
	buf_free(&b);
	if (!name[0] || strchr(name, ' '))
		random_token(name, 22);
	return name;
}

char *place_text(const char *dir, const char *file)
{
	return mem_printf("%s %s/new/%s", boot(), dir, file);
}

char *place_of(const char *path)
{
	return mem_printf("%s %s", boot(), path);
}

/* Those whose syncfs is known to be what it should; a network's server has a disk of its own. */
bool place_may_wait(int fd)
{
	static const uint32_t local[] = {0xef53, 0x58465342, 0x9123683e, 0xf2f52010,
	    0x01021994}; /* ext, xfs, btrfs, f2fs, tmpfs */
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(local); i++)
		if ((uint32_t)fs.f_type == local[i])
			return true;
	return false;
}

int place_sync_all(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : syncfs(fd), saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return r;
}

struct place {
	bool same_run;
	char *dir;        /* the Maildir */
	const char *name; /* below new/ */
	int dirfd;
	char found[600]; /* "new/NAME" or "cur/NAME:2,S"; empty: it is in neither */
};

static bool parse(struct str text, struct place *p)
{
	struct str run;
	if (!str_split(&text, ' ', &run) || !text.n || text.p[0] != '/')
		return false;
	p->same_run = str_is(run, boot());
	p->dir = mem_strndup(text.p, text.n);
	char *slash = strrchr(p->dir, '/');
	if (slash - p->dir < 5 || memcmp(slash - 4, "/new", 4) != 0 || !slash[1] ||
	    strlen(slash + 1) > 500)
		return false;
	slash[-4] = 0;
	p->name = slash + 1;
	return true;
}

/* Its reader adds flags to the name, and may take ",S=..." for what it is: the part before ':'. */
static int find_in_cur(struct place *p)
{
	size_t n = strlen(p->name);
	int fd = openat(p->dirfd, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return -1;
	for (struct dirent *e; !p->found[0] && (e = readdir(d));)
		if (strncmp(e->d_name, p->name, n) == 0 &&
		    (e->d_name[n] == ':' || e->d_name[n] == 0))
			snprintf(p->found, sizeof p->found, "cur/%s", e->d_name);
	closedir(d);
	return 0;
}

static int find(struct place *p)
{
	struct stat st;
	char path[600];
	p->dirfd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dirfd < 0)
		return -1;
	snprintf(path, sizeof path, "new/%s", p->name);
	if (fstatat(p->dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		snprintf(p->found, sizeof p->found, "%s", path);
		return 0;
	}
	return errno == ENOENT ? find_in_cur(p) : -1;
}

/* True when the next n bytes of the file are p; *at moves on. */
static bool next_are(int fd, const char *p, size_t n, uint64_t *at)
{
	char chunk[CHUNK];
	while (n) {
		size_t k = n < sizeof chunk ? n : sizeof chunk;
		if (file_pread_all(fd, chunk, k, (off_t)*at) < 0 || memcmp(chunk, p, k) != 0)
			return false;
		p += k;
		n -= k;
		*at += k;
	}
	return true;
}

/* 1: the file is the message, 0: it is something else, -1 errno. */
static int is_whole(struct job *j, int fd, struct str head)
{
	char chunk[CHUNK];
	struct stat st;
	uint64_t at = 0, in = 0;
	ssize_t got;
	if (fstat(fd, &st) < 0)
		return -1;
	if ((uint64_t)st.st_size != head.n + j->msg.size || !next_are(fd, head.p, head.n, &at))
		return 0;
	while ((got = message_read(&j->msg, chunk, sizeof chunk, in)) > 0) {
		in += (uint64_t)got;
		if (!next_are(fd, chunk, (size_t)got, &at))
			return 0;
	}
	return got < 0 ? -1 : 1;
}

static int write_whole(struct job *j, int fd, struct str head)
{
	char chunk[CHUNK];
	uint64_t in = 0;
	ssize_t got;
	if (file_write_all(fd, head.p, head.n) < 0)
		return -1;
	while ((got = message_read(&j->msg, chunk, sizeof chunk, in)) > 0) {
		in += (uint64_t)got;
		if (file_write_all(fd, chunk, (size_t)got) < 0)
			return -1;
	}
	return got < 0 ? -1 : file_sync_full(fd);
}

/* Into tmp/ first, as ever: a reader sees all of it or what was there. */
static int make_again(struct job *j, struct place *p, struct str head)
{
	char tmp[600];
	snprintf(tmp, sizeof tmp, "tmp/%s", p->name);
	int fd = file_create(p->dirfd, tmp, 0600);
	if (fd < 0 && errno == EEXIST && file_unlink(p->dirfd, tmp) == 0)
		fd = file_create(p->dirfd, tmp, 0600);
	if (fd < 0)
		return -1;
	int r = maildir_share(p->dirfd, fd) < 0 ? -1 : write_whole(j, fd, head), saved = errno;
	if (file_close(fd) < 0 && r == 0)
		r = -1, saved = errno;
	if (!p->found[0])
		snprintf(p->found, sizeof p->found, "new/%s", p->name);
	if (r == 0 && (r = file_rename(p->dirfd, tmp, p->dirfd, p->found)) < 0)
		saved = errno;
	if (r < 0)
		file_unlink(p->dirfd, tmp);
	errno = saved;
	return r;
}

/* What stands on top: lines of our own, or the same ones as maildrop puts them. */
struct heads {
	struct buf own, filter;
};

static void heads_init(struct heads *h, const struct job *j)
{
	buf_init(&h->own, JOB_HEADER_MAX);
	buf_init(&h->filter, JOB_HEADER_MAX);
	job_header(j, &h->own);
	job_header_filter(j, &h->filter);
}

static void heads_free(struct heads *h)
{
	buf_free(&h->own);
	buf_free(&h->filter);
}

static int sync_found(struct job *j, struct place *p, const struct heads *h)
{
	int fd = file_open_read(p->dirfd, p->found);
	int r = fd < 0 ? -1 : is_whole(j, fd, buf_str(&h->own));
	if (r == 0)
		r = is_whole(j, fd, buf_str(&h->filter));
	if (r > 0)
		r = file_sync_full(fd) < 0 ? -1 : 1;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return r == 0 ? make_again(j, p, buf_str(&h->own)) : r < 0 ? -1 : 0;
}

static int secure(struct job *j, struct place *p, const struct heads *h)
{
	bool doubt = !p->same_run || (j->d->flags & WORKER_DOUBT);
	if (p->found[0] ? sync_found(j, p, h) < 0 : doubt && make_again(j, p, buf_str(&h->own)) < 0)
		return -1;
	char folder[4] = "new";
	if (p->found[0])
		memcpy(folder, p->found, 3);
	return file_sync_dir(p->dirfd, folder);
}

bool place_secure(struct job *j, enum verdict *v)
{
	struct place p = {.dirfd = -1};
	struct heads h;
	bool known = parse(j->d->place, &p);
	int there = known ? find(&p) : -1;
	if (there < 0 && errno == ENOENT) /* the mailbox has gone: it is delivered like any other */
		known = false;
	if (known) {
		int e = errno;
		heads_init(&h, j);
		bool failed = h.own.failed || h.filter.failed;
		errno = failed ? ENOMEM : e;
		*v = GO_ON;
		if (there < 0 || failed || secure(j, &p, &h) < 0)
			*v = job_errno(j, "cannot make sure of the mail in", p.dir);
		heads_free(&h);
	}
	if (p.dirfd >= 0)
		close(p.dirfd);
	free(p.dir);
	return known;
}
