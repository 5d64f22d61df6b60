#ifndef COURIER_SERVICE_PRIVATE_H
#define COURIER_SERVICE_PRIVATE_H

#include "service/service.h"
#include "service/control-proto.h"

struct pending_connect {
	uint32_t id;
	void (*connected)(void *ctx, int fd);
	void *ctx;
};

struct held_fd { /* a listener or edge that came before start() */
	char *name, *where;
	unsigned number;
	int fd;
	bool is_listener;
};

struct service {
	const struct service_desc *desc;
	struct loop *loop;
	struct ipc *control;
	struct instance instance;
	struct config *config;
	char *role, *user, *group, *empty_dir;
	unsigned number;
	uint8_t flags;
	bool started, ready, draining, retired, jailed;
	char *retired_for; /* NULL: no listener in particular */
	int exit_status;
	void *data;
	struct timer *grace;
	VEC(struct pending_connect) connects;
	uint32_t next_connect;
	VEC(struct held_fd) held;
};

/* service-control.c */
int service_control_init(struct service *s);  /* waits for CONTROL_INIT */
int service_control_start(struct service *s); /* puts the channel on the loop */
void service_begin_drain(struct service *s, int64_t grace_ms, bool retired, struct str listener);

/* service-privs.c: the same order in every service; -1 logged */
int service_drop_privileges(struct service *s);

#endif
