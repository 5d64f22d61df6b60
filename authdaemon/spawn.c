#include "config.h"

#include "authdaemon/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between fork and exec: nothing but system calls. */
static _Noreturn void become(const char *name, int fd)
{
	char *argv[] = {(char *)(uintptr_t)name, NULL};
	if (dup2(fd, 0) == 0) {
		close_range(3, ~0U, 0);
		execv("/proc/self/exe", argv);
	}
	_exit(127);
}

pid_t spawn_self(const char *name, int fd)
{
	pid_t pid = fork();
	if (pid == 0)
		become(name, fd);
	int saved = errno;
	close(fd);
	errno = saved;
	return pid;
}

void spawn_end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
