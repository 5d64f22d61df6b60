#include <config.h>

#include "config/instance.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *instance_path(const char *folder, const char *name)
{
	return mem_printf("%s/%s", folder, name);
}

/* Where configure put things; a system installation logs to syslog. */
static void installed(struct instance *in)
{
	in->etc = mem_strdup(SYSCONFDIR);
	in->var = mem_strdup(LOCALSTATEDIR);
}

static int self_contained(struct instance *in, const char *dir, char **why)
{
	char real[PATH_MAX];
	struct stat st;
	if (!realpath(dir, real) || stat(real, &st) < 0) {
		*why = mem_printf("no instance at '%s': %s", dir, strerror(errno));
		return -1;
	}
	in->home = mem_strdup(real);
	in->etc = instance_path(real, "etc");
	in->var = instance_path(real, "var");
	in->log = instance_path(real, "log");
	in->mail = instance_path(real, "mail");
	if (stat(in->etc, &st) < 0 || !S_ISDIR(st.st_mode)) {
		*why = mem_printf(
		    "'%s' is no instance: it has no folder etc; make one with courier init", dir);
		return -1;
	}
	return 0;
}

int instance_find(struct instance *in, const char *dir, char **why)
{
	*in = (struct instance){0};
	if (!dir || !*dir)
		dir = secure_getenv("COURIER_HOME");
	if (!dir || !*dir) {
		installed(in);
	} else if (self_contained(in, dir, why) < 0) {
		instance_free(in);
		return -1;
	}
	in->run = instance_path(in->var, "run");
	if (geteuid() == 0 && getuid() == 0 && access(in->etc, F_OK) == 0 &&
	    !file_path_trusted(in->etc, 0)) {
		*why =
		    mem_printf("'%s' or a folder above it belongs to or can be written by others; "
			       "root does not use it (chown root, chmod go-w)",
			in->etc);
		instance_free(in);
		return -1;
	}
	return 0;
}

void instance_free(struct instance *in)
{
	free(in->home);
	free(in->etc);
	free(in->var);
	free(in->log);
	free(in->mail);
	free(in->run);
	*in = (struct instance){0};
}
