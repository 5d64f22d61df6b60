#include "config.h"

#include "auth/home-copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 65536 };

struct copy {
	const struct home_plan *plan;
	unsigned entries, depth;
};

static int copy_folder(struct copy *c, int from, int to);

static int open_folder(int at, const char *name)
{
	return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Owner, then rights: a change of the owner takes rights away.  Nothing becomes set-uid. */
static int finish(struct copy *c, int fd, mode_t mode)
{
	if (c->plan->give && fchown(fd, c->plan->uid, c->plan->gid) < 0)
		return -1;
	return fchmod(fd, mode & 0777);
}

static int copy_bytes(int from, int to)
{
	char chunk[CHUNK];
	ssize_t n;
	while ((n = read(from, chunk, sizeof chunk)) > 0)
		if (file_write_all(to, chunk, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int copy_file(struct copy *c, int from, int to, const char *name, mode_t mode)
{
	int in = file_open_read(from, name), out = in < 0 ? -1 : file_create(to, name, 0600),
	    r = -1;
	if (out >= 0)
		r = copy_bytes(in, out) < 0 || finish(c, out, mode) < 0 ? -1 : 0;
	if (out >= 0 && file_close(out) < 0)
		r = -1;
	if (in >= 0)
		close(in);
	return r;
}

static int copy_link(struct copy *c, int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof target - 1);
	if (n < 0)
		return -1;
	target[n] = 0;
	if (symlinkat(target, to, name) < 0)
		return -1;
	return c->plan->give ? fchownat(to, name, c->plan->uid, c->plan->gid, AT_SYMLINK_NOFOLLOW)
			     : 0;
}

static int copy_sub(struct copy *c, int from, int to, const char *name, mode_t mode)
{
	if (mkdirat(to, name, 0700) < 0)
		return -1;
	int in = open_folder(from, name), out = open_folder(to, name);
	int r = in < 0 || out < 0 ? -1 : copy_folder(c, in, out);
	if (r == 0)
		r = finish(c, out, mode);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return r;
}

/* Devices, pipes and sockets have no place in a skeleton. */
static int copy_entry(struct copy *c, int from, int to, const char *name)
{
	struct stat st;
	if (++c->entries > HOME_ENTRIES_MAX) {
		errno = E2BIG;
		return -1;
	}
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return copy_sub(c, from, to, name, st.st_mode);
	if (S_ISREG(st.st_mode))
		return copy_file(c, from, to, name, st.st_mode);
	return S_ISLNK(st.st_mode) ? copy_link(c, from, to, name) : 0;
}

static int copy_folder(struct copy *c, int from, int to)
{
	int fd = open_folder(from, "."), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	if (!d || ++c->depth > HOME_DEPTH_MAX) {
		if (d)
			errno = ELOOP;
		r = -1;
	}
	while (r == 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			r = copy_entry(c, from, to, e->d_name);
	int saved = errno;
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	c->depth--;
	errno = saved;
	return r;
}

static void remove_tree(int at, const char *name, unsigned depth)
{
	int fd = open_folder(at, name);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	while (d && depth <= HOME_DEPTH_MAX && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    unlinkat(dirfd(d), e->d_name, 0) < 0)
			remove_tree(dirfd(d), e->d_name, depth + 1);
	if (d)
		closedir(d);
	unlinkat(at, name, AT_REMOVEDIR);
}

/* All of it in the folder `made`, which nobody else may enter before its last step. */
static int fill(const struct home_plan *p, int made)
{
	struct copy c = {.plan = p};
	struct stat st;
	int from = open(p->skeleton, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = from < 0 || fstat(from, &st) < 0 ? -1 : copy_folder(&c, from, made);
	if (r == 0)
		r = syncfs(made);
	if (r == 0)
		r = finish(&c, made, st.st_mode & ~(mode_t)(S_IWGRP | S_IWOTH));
	int saved = errno;
	if (from >= 0)
		close(from);
	errno = saved;
	return r;
}

static int make_in(const struct home_plan *p, int parent, const char *name)
{
	char token[13], tmp[NAME_MAX + 1];
	random_token(token, 12);
	if ((size_t)snprintf(tmp, sizeof tmp, ".%.200s.%s", name, token) >= sizeof tmp ||
	    mkdirat(parent, tmp, 0700) < 0)
		return -1;
	int made = open_folder(parent, tmp), r = made < 0 ? -1 : fill(p, made);
	if (r == 0)
		r = renameat2(parent, tmp, parent, name, RENAME_NOREPLACE);
	int saved = errno;
	if (made >= 0)
		close(made);
	if (r == 0)
		return fsync(parent);
	remove_tree(parent, tmp, 0);
	errno = saved;
	return saved == EEXIST ? 0 : -1; /* another one was quicker */
}

static int make_at(const struct home_plan *p, const char *parent, const char *name)
{
	int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -1 : make_in(p, fd, name);
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return r;
}

static _Noreturn void make_as_owner(struct home_plan p, const char *parent, const char *name)
{
	p.give = false;
	if (setgroups(0, NULL) < 0 || setresgid(p.gid, p.gid, p.gid) < 0 ||
	    setresuid(p.uid, p.uid, p.uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    make_at(&p, parent, name) < 0)
		_exit(errno && errno < 256 ? errno : EIO);
	_exit(0);
}

/* A child that is the owner does it. */
static int hand_over(const struct home_plan *p, const char *parent, const char *name)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		make_as_owner(*p, parent, name);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	return errno ? -1 : 0;
}

int home_copy(const struct home_plan *p, struct buf *why)
{
	const char *slash = strrchr(p->home, '/');
	if (p->give && !file_path_trusted(p->skeleton, 0)) {
		buf_addf(why, "the skeleton '%s' is missing, or others than root may change it",
		    p->skeleton);
		return -1;
	}
	if (!slash || !slash[1] || !strcmp(slash, "/.") || !strcmp(slash, "/..")) {
		buf_addf(why, "'%s' is no name of a home folder", p->home);
		return -1;
	}
	char *parent = mem_strndup(p->home, slash == p->home ? 1 : (size_t)(slash - p->home));
	bool own = p->give && !file_path_trusted(parent, 0);
	int r = own ? hand_over(p, parent, slash + 1) : make_at(p, parent, slash + 1);
	if (r < 0)
		buf_addf(why, "cannot make the home folder '%s' from '%s'%s: %s", p->home,
		    p->skeleton,
		    own ? " with its owner's rights (others than root may change the folder above)"
			: "",
		    strerror(errno));
	free(parent);
	return r;
}
