/*
 * libs/service: the skeleton of every daemon and module.
 *
 * A program of the suite that stays describes itself in a `struct service_desc` and calls
 * service_main; the skeleton does the rest in one order that is the same for all: control channel
 * (descriptor 3, from the supervisor) and first message; instance, log, configuration; setup() with
 * the rights it was started with; chroot and drop of privileges as the supervisor's role table
 * says; no_new_privs, not dumpable; start(); then the loop.  Readiness, reload, new edges, graceful
 * stop and the death of the supervisor (which ends the process) are handled here.
 *
 * Edges: a role never opens a socket to another: it asks the supervisor, which makes a socketpair
 * when its table allows the edge, and hands one end to each.  What comes in over `edge` is
 * therefore who it is said to be.
 */
#ifndef COURIER_SERVICE_H
#define COURIER_SERVICE_H

#include "config/config.h"
#include "ipc/ipc.h"

struct service;

struct service_desc {
	const char *role; /* as in the supervisor's table */
	const struct config_component *const *components;
	size_t n_components;
	/* Before privileges are dropped: open what must be opened.  -1 (logged): the process ends.
	 */
	int (*setup)(struct service *s);
	/* With final privileges.  Call service_ready when serving (at once or later). */
	int (*start)(struct service *s);
	/* A listening socket: name is the role's own word for it ("smtp", "submission", ...), where
	 * the address it is bound to ("[::]:25").  The descriptor is the service's. */
	void (*listener)(struct service *s, const char *name, const char *where, int fd);
	/* A peer has asked for us; the descriptor is the service's (ipc_new it). */
	void (*edge)(struct service *s, const char *peer_role, unsigned peer_number, int fd);
	/* A new snapshot is in place (service_config). */
	void (*reload)(struct service *s);
	bool reload_unread; /* the new configuration is not read before: only a new process can */
	/* Stop gracefully: take no new work, call service_exit when idle.  NULL: exits at once. The
	 * skeleton ends the process after the supervisor's grace time in any case.
	 * Called again when a retired service (see below) is to stop after all. */
	void (*drain)(struct service *s);
	/* A line of facts for `courier status`: NAME=value words.  May be NULL. */
	void (*stats)(struct service *s, struct buf *out);
	/* Further requests from the supervisor that only this role understands (flush, ...). */
	void (*command)(struct service *s, struct str text);
};

int service_main(const struct service_desc *desc, int argc, char **argv);

struct loop *service_loop(struct service *s);
const struct instance *service_instance(struct service *s);
struct config *service_config(struct service *s); /* the snapshot in force; hold it to keep it */
const char *service_role(struct service *s);      /* as the supervisor calls it */
unsigned service_number(struct service *s);       /* 0, 1, ... among the processes of its role */
bool service_jailed(struct service *s); /* its root folder is another one; from start() on */
bool service_draining(struct service *s);
bool service_retired(struct service *s); /* draining, but not hurried: a successor serves */
/* The name of the listener whose clients alone are to come to an end; NULL: all. */
const char *service_retired_for(struct service *s);
void *service_data(struct service *s);
void service_set_data(struct service *s, void *data);

void service_ready(struct service *s);
void service_exit(struct service *s, int status);
/* Asks the supervisor to restart this process (the scheduler in quiet moments). */
void service_restart_me(struct service *s);

/*
 * An edge to another role.  number: which of its processes, or SERVICE_ANY (spread evenly).
 * connected() gets the descriptor (ipc_new it), or -1 when the edge is not allowed or the role is
 * not part of this instance.  While the role is down the request waits at the supervisor.
 */
enum { SERVICE_ANY = 0xffff };
void service_connect(struct service *s, const char *role, unsigned number,
    void (*connected)(void *ctx, int fd), void *ctx);

/*
 * A standing edge: connected on demand, and again (with back-off) when the peer dies.  on_up and
 * on_down tell; link_ipc is NULL while it is down.  Handlers' ctx is the link's ctx.
 */
struct service_link;
struct service_link *service_link_new(struct service *s, const char *role, unsigned number,
    const struct ipc_handlers *h, void (*on_up)(void *ctx), void (*on_down)(void *ctx), void *ctx);
struct ipc *service_link_ipc(struct service_link *k);
/* The peer misbehaved: closed at once, on_down follows from the loop, then it is connected anew. */
void service_link_drop(struct service_link *k);
/* Its peer leaves: when it has gone and on_down has told, the link frees itself. */
void service_link_last(struct service_link *k);
void service_link_free(struct service_link *k);

#endif
