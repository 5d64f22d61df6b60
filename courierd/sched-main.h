/* The scheduler as a service: its core and its edges. */
#ifndef COURIER_SCHED_MAIN_H
#define COURIER_SCHED_MAIN_H

#include "courierd/sched-control.h"
#include "courierd/sched-settings.h"
#include "courierd/sched.h"
#include "courierd/track.h"

struct gates;

struct scheduler {
	struct sched core;
	struct service *service;
	struct queue *queue;
	struct gates *gates;
	struct control *control;
	struct track *track;
	char *archive; /* ARCHIVEDIR or NULL */
	struct timer *timer;
	bool turn_pending, ready, want_restart, restarting, closing;
	int64_t last_waiting;
};

void sched_settings_read(const struct config *c, struct sched_limits *out);
/* What a virtual host may have of its own: the times that are settled when a message is taken. */
void sched_settings_vhost(const struct config *c, const char *vhost, struct sched_limits *l);

/* sched-modules.c: the files module.NAME.  Returns how many modules there are: with a fault in a
 * file (logged) those of before. */
size_t modules_read(struct scheduler *x);

/* sched-archive.c */
void archive_configure(struct scheduler *x, struct str dir);
void archive_message(struct scheduler *x, struct message *m);

/* sched-gate.c */
struct gates *gates_new(struct scheduler *x);
void gates_edge(struct gates *g, unsigned number, int fd);
int gates_route(struct gates *g, uint32_t question, const struct queue_route_ask *ask);
void gates_track(struct gates *g, struct str address, char letter); /* 0: off the list */
bool gates_generation(const struct gates *g, uint64_t generation);

/* sched-link.c: the edges to modules */
void links_open(struct scheduler *x); /* for modules that have none yet */
int link_deliver(struct scheduler *x, struct sched_module *m, struct delivery *d);
void link_drop(struct sched_module *m);

#endif
