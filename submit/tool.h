/* What the command-line tools that build tables have in common. */
#ifndef COURIER_SUBMIT_TOOL_H
#define COURIER_SUBMIT_TOOL_H

#include "submit/settings.h"

struct tool {
	const char *name;
	struct instance in;
	struct config *config;
	struct arena *arena;
	struct names names;
};

/* Takes "-C DIR" off the front of the arguments and loads the instance.  Says what is wrong on
 * standard error and returns -1. */
int tool_open(struct tool *t, const char *name, int *argc, char ***argv);
/* One tool that builds tables at a time; the next one waits.  Held until the process ends. */
int tool_lock(const struct tool *t);
void tool_close(struct tool *t);

#endif
