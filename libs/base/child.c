#include "base/child.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

void child_signals(void)
{
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

const char *child_env(char *const *env, struct str name)
{
	for (; env && *env; env++)
		if (!strncmp(*env, name.p ? name.p : "", name.n) && (*env)[name.n] == '=')
			return *env + name.n + 1;
	return NULL;
}
