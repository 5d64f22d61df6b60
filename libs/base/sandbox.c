#include "config.h"

#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<linux/landlock.h>) && defined(SYS_landlock_create_ruleset)
#include <linux/landlock.h>

/* Rights by the version of the kernel's interface; the header at hand may be older than either. */
enum {
	FS_1 = (1 << 13) - 1,      /* execute ... make_sym */
	FS_REFER = 1 << 13,        /* version 2 */
	FS_TRUNCATE = 1 << 14,     /* version 3 */
	FS_FILE = 7 | FS_TRUNCATE, /* those that a file can have: execute, write, read */
	NET_TCP = 3,               /* bind and connect, version 4 */
};

struct attr { /* as the kernel knows it since version 4; older ones take its first part */
	uint64_t fs, net;
};

/* Version 1 forbids every rename from one folder to another, and so is of no use to mail. */
static int version(void)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 0;
	int v = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return v >= 2 ? v : 0;
}

static int ruleset(int v, uint64_t fs, uint64_t net)
{
	struct attr a = {.fs = fs, .net = v >= 4 ? net : 0};
	return (int)syscall(SYS_landlock_create_ruleset, &a, v >= 4 ? sizeof a : sizeof a.fs, 0);
}

static int allow(int rules, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr a = {.allowed_access = rights};
	struct stat st;
	a.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (a.parent_fd < 0) /* what is not there needs no rule */
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -1;
	if (fstat(a.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		a.allowed_access &= FS_FILE;
	int r = (int)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
	close(a.parent_fd);
	return r;
}

static int enter(int rules, int r)
{
	if (r == 0)
		r = (int)syscall(SYS_landlock_restrict_self, rules, 0);
	int saved = errno;
	close(rules);
	errno = saved;
	return r < 0 ? -1 : 0;
}

static uint64_t every_right(int v)
{
	return FS_1 | FS_REFER | (v >= 3 ? FS_TRUNCATE : 0);
}

int sandbox_folders(const char *const *folders, size_t n)
{
	int v = version(), r = 0;
	uint64_t all = every_right(v);
	int rules = v > 0 ? ruleset(v, all, NET_TCP) : -1;
	if (rules < 0)
		return v > 0 ? -1 : 1;
	for (size_t i = 0; i < n && r == 0; i++)
		r = allow(rules, folders[i], all & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE);
	return enter(rules, r);
}

int sandbox_files(const struct sandbox_path *paths, size_t n)
{
	const uint64_t reads = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	const uint64_t never = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
			       LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK;
	int v = version(), r = 0;
	uint64_t all = every_right(v);
	int rules = v > 0 ? ruleset(v, all, 0) : -1;
	if (rules < 0)
		return v > 0 ? -1 : 1;
	for (size_t i = 0; i < n && r == 0; i++)
		r = allow(rules, paths[i].path, paths[i].change ? all & ~never : reads);
	return enter(rules, r);
}

int sandbox_no_programs(void)
{
	int v = version();
	uint64_t lost = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
			LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK;
	int rules = v > 0 ? ruleset(v, lost | FS_REFER, NET_TCP) : -1;
	if (rules < 0)
		return v > 0 ? -1 : 1;
	/* Without a rule for it, moving a file to another folder is forbidden by any rule set. */
	return enter(rules, allow(rules, "/", FS_REFER));
}

#else

int sandbox_folders(const char *const *folders, size_t n)
{
	(void)folders;
	(void)n;
	return 1;
}

int sandbox_files(const struct sandbox_path *paths, size_t n)
{
	(void)paths;
	(void)n;
	return 1;
}

int sandbox_no_programs(void)
{
	return 1;
}

#endif
