/*
 * MTA-0509: a home made from a skeleton.  Killed before each of its system calls, and with each of
 * them failing, it is whole or not there, and somebody else's home is never touched.
 */
#include "config.h"

#include "auth/home-copy.h"
#include "tests/lib/failsys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char top[64], skeleton[64];

static int remove_one(
    const char *path, const struct stat *s UNUSED, int flag UNUSED, struct FTW *f UNUSED)
{
	return remove(path);
}

static void put(const char *path, mode_t mode)
{
	char full[256];
	snprintf(full, sizeof full, "%s/%s", skeleton, path);
	int fd = open(full, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0 && write(fd, "text\n", 5) == 5 && fchmod(fd, mode) == 0);
	close(fd);
}

static void folder(const char *path)
{
	char full[256];
	snprintf(full, sizeof full, "%s/%s", skeleton, path);
	assert_int_equal(mkdir(full, 0700), 0);
}

/* Root's skeletons must lie where nobody else can change them. */
static int setup(void **state UNUSED)
{
	snprintf(top, sizeof top, "/tmp/home-copy.XXXXXX");
	snprintf(skeleton, sizeof skeleton, "%s/skeleton.XXXXXX", geteuid() ? "/tmp" : "/root");
	if (!mkdtemp(top) || !mkdtemp(skeleton))
		return -1;
	umask(022);
	chmod(skeleton, 0750);
	folder("Maildir");
	folder("Maildir/new");
	put("Maildir/file", 0640);
	put("program", 04755);
	char name[256];
	snprintf(name, sizeof name, "%s/link", skeleton);
	return symlink("/etc/passwd", name);
}

static int teardown(void **state UNUSED)
{
	nftw(skeleton, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct home_plan plan(const char *home)
{
	bool root = geteuid() == 0;
	return (struct home_plan){.skeleton = skeleton,
	    .home = home,
	    .uid = root ? 12345 : geteuid(),
	    .gid = root ? 12346 : getegid(),
	    .give = root};
}

static void is_mode(const char *home, const char *path, mode_t type, mode_t mode)
{
	struct stat st;
	char full[256];
	struct home_plan p = plan(home);
	snprintf(full, sizeof full, "%s/%s", home, path);
	assert_int_equal(lstat(full, &st), 0);
	assert_int_equal(st.st_mode & S_IFMT, type);
	assert_int_equal(st.st_uid, p.uid);
	assert_int_equal(st.st_gid, p.gid);
	if (type != S_IFLNK)
		assert_int_equal(st.st_mode & 07777, mode);
}

static void is_whole(const char *home)
{
	is_mode(home, "", S_IFDIR, 0750);
	is_mode(home, "Maildir", S_IFDIR, 0700);
	is_mode(home, "Maildir/new", S_IFDIR, 0700);
	is_mode(home, "Maildir/file", S_IFREG, 0640);
	is_mode(home, "program", S_IFREG, 0755); /* not set-uid any more */
	is_mode(home, "link", S_IFLNK, 0);
}

static unsigned entries(const char *dir)
{
	unsigned n = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	if (d)
		closedir(d);
	return n;
}

static int make(const char *home, struct buf *why)
{
	struct home_plan p = plan(home);
	buf_clear(why);
	return home_copy(&p, why);
}

static void made(void **state UNUSED)
{
	char home[128];
	struct buf why;
	buf_init(&why, 1024);
	snprintf(home, sizeof home, "%s/joe", top);
	assert_int_equal(make(home, &why), 0);
	is_whole(home);
	assert_int_equal(entries(top), 1);
	/* What is there stays. */
	snprintf(home, sizeof home, "%s/other", top);
	assert_int_equal(mkdir(home, 0711), 0);
	assert_int_equal(make(home, &why), 0);
	assert_int_equal(entries(home), 0);
	snprintf(home, sizeof home, "%s/linked", top);
	assert_int_equal(symlink("/nonexistent", home), 0);
	assert_int_equal(make(home, &why), 0);
	assert_int_equal(entries(top), 3);
	snprintf(home, sizeof home, "%s/none/joe", top);
	assert_int_equal(make(home, &why), -1); /* the folder above is somebody else's business */
	assert_non_null(strstr(why.p, "cannot make the home folder"));
	assert_int_equal(make("/", &why), -1);
	assert_int_equal(make("/tmp/..", &why), -1);
	buf_free(&why);
}

/* A skeleton that others may change is root's rights for them. */
static void distrusted(void **state UNUSED)
{
	char home[128];
	struct buf why;
	struct home_plan p;
	if (geteuid() != 0)
		skip();
	buf_init(&why, 1024);
	snprintf(home, sizeof home, "%s/joe", top);
	chmod(skeleton, 0777);
	p = plan(home);
	assert_int_equal(home_copy(&p, &why), -1);
	assert_int_equal(entries(top), 0);
	buf_free(&why);
}

/* A link that the owner has put in the way leads root nowhere. */
static void redirected(void **state UNUSED)
{
	char own[128], there[128], home[192];
	struct buf why;
	if (geteuid() != 0)
		skip();
	buf_init(&why, 1024);
	struct home_plan p = plan(home);
	chmod(top, 0711);
	snprintf(own, sizeof own, "%s/own", top);
	snprintf(there, sizeof there, "%s/there", top);
	p.skeleton = "/etc/skel";
	assert_true(mkdir(own, 0755) == 0 && chown(own, p.uid, p.gid) == 0);
	assert_int_equal(mkdir(there, 0755), 0);
	snprintf(home, sizeof home, "%s/joe", own);
	assert_int_equal(home_copy(&p, &why), 0);
	is_mode(home, "", S_IFDIR, 0755);
	snprintf(home, sizeof home, "%s/link", own);
	assert_int_equal(symlink(there, home), 0);
	snprintf(home, sizeof home, "%s/link/joe", own);
	assert_int_equal(home_copy(&p, &why), -1);
	assert_non_null(strstr(why.p, "owner's rights"));
	assert_int_equal(geteuid(), 0);
	buf_free(&why);
	assert_int_equal(entries(there), 0);
}

static int child(const char *home, int at, int error, long *count)
{
	int status, ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct buf why;
		buf_init(&why, 1024);
		failsys_arm(at, error, false);
		int r = make(home, &why);
		long n = failsys_count();
		failsys_disarm();
		_exit(write(ends[1], &n, sizeof n) == sizeof n ? r != 0 : 3);
	}
	close(ends[1]);
	*count = 0;
	ssize_t got = read(ends[0], count, sizeof *count);
	close(ends[0]);
	waitpid(pid, &status, 0);
	return got == 0 || WIFSIGNALED(status) ? 2 : WEXITSTATUS(status);
}

static void step_by_step(void **state UNUSED)
{
	char home[128];
	long calls, n;
	snprintf(home, sizeof home, "%s/count", top);
	assert_int_equal(child(home, 0, 0, &calls), 0);
	assert_in_range(calls, 5, 200);
	for (int error = 0; error <= ENOSPC; error += ENOSPC)
		for (int at = 1; at <= calls; at++) {
			snprintf(home, sizeof home, "%s/h%d-%d", top, error, at);
			unsigned before = entries(top);
			int r = child(home, at, error, &n);
			bool there = access(home, F_OK) == 0;
			if (there)
				is_whole(home);
			assert_true(r != 0 || there);
			if (error && !there) /* nothing is left lying about */
				assert_int_equal(entries(top), before);
			/* The next attempt succeeds whatever happened. */
			assert_int_equal(child(home, 0, 0, &n), 0);
			is_whole(home);
		}
}

#define with_skeleton(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    with_skeleton(made),
	    with_skeleton(distrusted),
	    with_skeleton(redirected),
	    with_skeleton(step_by_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
