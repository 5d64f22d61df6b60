/* base/sandbox: what a process has given up it cannot have again. */
#include "config.h"

#include "base/sandbox.h"

#include <errno.h>
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

static char sand[] = "/tmp/sandbox-test.XXXXXX";

/* In a child each: there is no way back.  Exit status 0: as it should be. */
static int confined(int (*check)(void))
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		if (chdir(sand) < 0)
			_exit(9);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(check());
	}
	waitpid(pid, &status, 0);
	return status;
}

static int check_folders(void)
{
	const char *folders[] = {sand};
	int r = sandbox_folders(folders, 1);
	int fd = open("inside", O_RDWR | O_CREAT | O_TRUNC, 0600);
	int ok = fd >= 0 && mkdir("sub", 0700) == 0 && rename("inside", "sub/moved") == 0 &&
		 unlink("sub/moved") == 0 && rmdir("sub") == 0;
	int outside = open("/etc/passwd", O_RDONLY);
	return ok && (r == 1 || (r == 0 && outside < 0 && errno == EACCES)) ? 0 : 1;
}

static int check_programs(void)
{
	int r = sandbox_no_programs();
	if (open("/etc/passwd", O_RDONLY) < 0 || mkdir("a", 0700) || mkdir("b", 0700) ||
	    mkdir("a/x", 0700) || rename("a/x", "b/x") || rmdir("b/x") || rmdir("a") || rmdir("b"))
		return 2;
	execl("/bin/true", "true", (char *)NULL);
	return r == 0 && errno == EACCES ? 0 : 3;
}

static void test_sandbox(void **state)
{
	assert_int_equal(sandbox_no_programs(), 1); /* without no_new_privs: nothing */
	assert_non_null(mkdtemp(sand));
	assert_int_equal(confined(check_folders), 0);
	assert_int_equal(confined(check_programs), 0);
	rmdir(sand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sandbox),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
