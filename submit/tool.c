#include "submit/tool.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

enum { TOOL_ARENA_MAX = 16 * 1024 * 1024 };

int tool_open(struct tool *t, const char *name, int *argc, char ***argv)
{
	static const struct config_component *const components[] = {
	    &config_identity, &submit_settings};
	const char *dir = NULL;
	char *why;
	*t = (struct tool){.name = name};
	log_open(name, LOG_TO_STDERR, -1);
	if (*argc > 2 && strcmp((*argv)[1], "-C") == 0) {
		dir = (*argv)[2];
		*argc -= 2;
		*argv += 2;
	}
	if (instance_find(&t->in, dir, &why) < 0) {
		fprintf(stderr, "%s: %s\n", name, why);
		free(why);
		return -1;
	}
	t->config = config_load(&t->in, components, ARRAY_LEN(components), NULL);
	t->arena = arena_new(TOOL_ARENA_MAX);
	if (t->config && t->arena && names_load(&t->in, t->config, NULL, t->arena, &t->names) == 0)
		return 0;
	tool_close(t);
	return -1;
}

int tool_lock(const struct tool *t)
{
	int fd = open(t->in.etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return 0;
	fprintf(stderr, "%s: cannot lock '%s': %s\n", t->name, t->in.etc, strerror(errno));
	return -1;
}

void tool_close(struct tool *t)
{
	names_free(&t->names);
	config_drop(t->config);
	arena_free(t->arena);
	instance_free(&t->in);
}
