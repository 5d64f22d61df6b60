/* authdb/shut: what the process of a directory or database can open. */
#include "config.h"

#include "authdb/shut.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char sand[] = "/tmp/shut-test.XXXXXX";

static void make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static int prepare(void **state UNUSED)
{
	static const char *const folders[] = {
	    "lib", "lib/courier", "lib/courier/etc", "lib/courier/share", "db", "certs"};
	if (!mkdtemp(sand) || chdir(sand) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		assert_int_equal(mkdir(folders[i], 0700), 0);
	make("lib/plugin");
	make("lib/courier/share/text");
	make("lib/courier/etc/userdb.dat");
	make("lib/courier/etc/ca.pem");
	make("db/users");
	make("certs/one");
	return symlink("courier/etc", "lib/link");
}

static int clean(void **state UNUSED)
{
	static const char *const files[] = {"lib/plugin", "lib/link", "lib/courier/share/text",
	    "lib/courier/etc/userdb.dat", "lib/courier/etc/ca.pem", "db/users", "certs/one"};
	static const char *const folders[] = {
	    "lib/courier/etc", "lib/courier/share", "lib/courier", "lib", "db", "certs"};
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		unlink(files[i]);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		rmdir(folders[i]);
	return chdir("/") < 0 ? -1 : rmdir(sand);
}

static struct authdb_shut *shut_of(const char *etc)
{
	char path[100];
	const struct instance in = {
	    .etc = (char *)(uintptr_t)etc, .var = (char *)(uintptr_t) "/nowhere"};
	struct authdb_shut *s = authdb_shut_new(&in);
	snprintf(path, sizeof path, "%s/lib", sand);
	authdb_reads(s, path);
	snprintf(path, sizeof path, "%s/lib/courier/etc/ca.pem", sand);
	authdb_reads(s, path);
	snprintf(path, sizeof path, "%s/db/users", sand);
	authdb_changes(s, path);
	return s;
}

static bool opens(const char *path, int how)
{
	int fd = open(path, how | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* 0, or the number of the first thing that is not as it should be. */
static int judge(bool shut)
{
	const bool good[] = {opens("lib/plugin", O_RDONLY),
	    opens("lib/courier/share/text", O_RDONLY), opens("lib/courier/etc/ca.pem", O_RDONLY),
	    opens("db/users", O_RDWR), opens("db/users-journal", O_RDWR | O_CREAT),
	    unlink("db/users-journal") == 0, opens("/etc/passwd", O_RDONLY),
	    opens("/dev/urandom", O_RDONLY)};
	const bool bad[] = {opens("lib/courier/etc/userdb.dat", O_RDONLY),
	    opens("lib/link/userdb.dat", O_RDONLY), opens("certs/one", O_RDONLY),
	    opens("lib/plugin", O_RDWR), opens("lib/courier/etc/ca.pem", O_RDWR)};
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!good[i])
			return 1 + (int)i;
	for (size_t i = 0; shut && i < ARRAY_LEN(bad); i++)
		if (bad[i])
			return 101 + (int)i;
	return 0;
}

static void test_shut(void **state UNUSED)
{
	char etc[100];
	int status = -1;
	snprintf(etc, sizeof etc, "%s/lib/courier/etc", sand);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		int r = authdb_shut_enter(shut_of(etc));
		_exit(r < 0 ? 99 : judge(r == 0));
	}
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_stale(void **state UNUSED)
{
	char etc[100];
	snprintf(etc, sizeof etc, "%s/lib/courier/etc", sand);
	struct authdb_shut *s = shut_of(etc);
	assert_null(authdb_shut_stale(s));
	make("lib/courier/etc/new");
	assert_int_equal(rename("lib/courier/etc/new", "lib/courier/etc/ca.pem"), 0);
	const char *stale = authdb_shut_stale(s);
	assert_non_null(stale);
	assert_non_null(strstr(stale, "/ca.pem"));
	authdb_shut_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shut),
	    cmocka_unit_test(test_stale),
	};
	return cmocka_run_group_tests(tests, prepare, clean);
}
