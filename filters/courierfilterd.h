/* courierfilterd: the keeper of the global mail filters.  Private to the room. */
#ifndef COURIER_FILTERS_COURIERFILTERD_H
#define COURIER_FILTERS_COURIERFILTERD_H

#include "service/service.h"

enum {
	FILTERS_MAX = 32,
	FILTER_NAME_MAX = 63,
	FILTER_READY_MS = 30 * 1000, /* a start waits no longer for a filter that does not listen */
	FILTER_EOF_MS = 6 * 1000,    /* from the end of its input to SIGTERM */
	FILTER_TERM_MS = 1500,       /* from there to SIGKILL */
	FILTER_BACKOFF_MIN_MS = 200,
	FILTER_BACKOFF_MAX_MS = 30 * 1000,
	FILTER_STEADY_MS = 60 * 1000,
	FILTER_LOOK_MS = 3000,     /* between two looks at the sockets */
	FILTER_LINE_MAX = 1000,    /* bytes of a line that a filter writes to the log */
	FILTER_LINES_SECOND = 100, /* of such lines */
};

/* DOWN -> STARTING -> READY -> ENDING -> DOWN; a death leads to DOWN from anywhere. */
enum filter_state { FILTER_DOWN, FILTER_STARTING, FILTER_READY, FILTER_ENDING };

struct keeper;

struct filter {
	struct keeper *keeper;
	char name[FILTER_NAME_MAX + 1];
	bool used, wanted; /* wanted: it stands in filters/active */
	bool again;        /* ended to be started anew */
	enum filter_state state;
	pid_t pid;
	int input; /* our end of its standard input; its end tells it to stop */
	int ready; /* its descriptor 3 */
	int output;
	struct watch *ready_watch, *output_watch;
	struct timer *timer; /* DOWN: next start; ENDING: the next signal */
	bool told;           /* ENDING: SIGTERM was sent */
	int64_t started_ms, backoff_ms;
	struct buf line; /* of its output */
	int64_t second;
	unsigned lines; /* in that second */
};

struct keeper {
	struct service *service;
	struct filter filters[FILTERS_MAX];
	struct signal_watch *sigchld;
	struct timer *patience; /* until service_ready in any case */
	struct timer *look;
	bool ready;
};

/* courierfilter-child.c: forks and executes; fills in pid and the three descriptors.  -1 errno. */
int filter_spawn(struct filter *f);

/* courierfilter-log.c: what a filter writes goes to the log. */
void filter_log_start(struct filter *f);
void filter_log_stop(struct filter *f);

#endif
