#include "config.h"

#include "base/base.h"
#include "service/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif

static char *room;
static size_t room_size;

/* The kernel shows the memory where argv and the environment stood: it is ours once they have
 * moved. */
void title_init(int argc, char **argv)
{
	char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	for (char **e = environ; *e; e++) {
		if (*e == end)
			end = *e + strlen(*e) + 1;
		*e = mem_strdup(*e);
	}
	for (int i = 1; i < argc; i++)
		argv[i] = mem_strdup(argv[i]);
	room = argv[0];
	room_size = (size_t)(end - argv[0]);
	argv[0] = mem_strdup(argv[0]);
}

void title_set(const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (room_size > 1) {
		memset(room, 0, room_size);
		snprintf(room, room_size, "%s", text);
	}
#ifdef HAVE_SYS_PRCTL_H
	char name[16];
	snprintf(name, sizeof name, "%.15s", text);
	name[strcspn(name, ":")] = 0;
	prctl(PR_SET_NAME, name);
#endif
}
