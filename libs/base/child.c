#include "base/child.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

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

/* The sanitizers look for leaks by ptrace. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

bool process_shuts(void)
{
#ifdef SANITIZED
	return false;
#else
	return true;
#endif
}

void process_shut(void)
{
	if (process_shuts())
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
