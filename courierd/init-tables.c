/* What a new instance's gate wants: a postmaster, the table of aliases, and a sendmail that may
 * write to the drop folder. */
#include "config.h"

#include "courierd/init.h"

#include <grp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Every mail system has a postmaster (RFC 5321, section 4.5.1): here the first account. */
static int postmaster(struct init_plan *p)
{
	char *path = instance_path(p->in.etc, "aliases/postmaster");
	int r = 0;
	if (p->accounts.n && access(path, F_OK) < 0) {
		char *text =
		    mem_printf("# Who is told of trouble; run makealiases after a change.\n"
			       "postmaster: %s@%s\n",
			p->accounts.v[0].name, p->domain);
		if (file_replace(-1, path, text, strlen(text), 0644) < 0)
			r = init_fail("write", path);
		free(text);
	}
	free(path);
	return r;
}

static int make_aliases(struct init_plan *p)
{
	char program[] = SBINDIR "/makealiases", option[] = "-C",
	     *dir = mem_strdup(p->system ? "" : p->dir);
	char *argv[] = {program, p->system ? NULL : option, dir, NULL};
	int status;
	pid_t pid;
	int r = posix_spawn(&pid, program, NULL, NULL, argv, environ);
	free(dir);
	if (r != 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "courier: %s has failed\n", program);
		return -1;
	}
	return 0;
}

/* Its group owns the drop folder and nothing else that it could reach. */
static void sendmail_group(const struct init_plan *p)
{
	const char *program = BINDIR "/sendmail";
	const struct group *gr = p->root ? getgrnam(MAILUSER "-drop") : NULL;
	struct stat st;
	if (!gr || lstat(program, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0)
		return;
	if (st.st_gid == gr->gr_gid && (st.st_mode & S_ISGID))
		return;
	if (chown(program, 0, gr->gr_gid) < 0 || chmod(program, 02755) < 0)
		perror("courier: cannot give sendmail its group");
	else
		printf("%s is now set-gid %s\n", program, gr->gr_name);
}

int init_tables(struct init_plan *p)
{
	sendmail_group(p);
	return postmaster(p) < 0 ? -1 : make_aliases(p);
}
