/*
 * couriertcpd: a server for any program that talks on its standard input and output.
 *
 * One process with a loop holds the ports; each connection gets a process of the program, once the
 * limits, the access table, the PROXY header, the names and the lists of the DNS have been asked.
 * What is asked costs a record here, never a process.
 *
 *	main.c      options, rights, signals         listen.c   ports
 *	client.c    one connection up to its process spawn.c    fork, end of processes
 *	lists.c     lists of the DNS                 slots.c    who has how many connections (pure)
 *	logger.c    standard error of the programs   ports.c    the list of ports (pure)
 *	environment.c  of the program (pure)
 */
#ifndef COURIER_TCPD_TCPD_H
#define COURIER_TCPD_TCPD_H

#include <sys/socket.h>
#include "access/dnslist.h"
#include "access/options.h"
#include "dns/dns.h"
#include "event/event.h"
#include "table/table.h"
#include "tcpd/daemon.h"

enum {
	TCPD_PORTS = 64,
	TCPD_PROCS = 40, /* unless told */
	TCPD_PER_IP = 4,
	TCPD_PROCS_MAX = 20000,
	TCPD_ENV_MAX = 64 * 1024, /* what tables and lists may add to an environment */
};

/* ---- ports.c -------------------------------------------------------------------------------- */

struct tcpd_port {
	bool any;                /* on every address */
	struct access_addr addr; /* else this one */
	uint16_t port;
};
/* "25,127.0.0.1.465,::1.587,smtp": service(name) gives the number of a name, or 0.  The number of
 * ports, or -1 with *bad, a view, the item that is wrong. */
int tcpd_ports_parse(struct str list, const struct access_addr *address,
    uint16_t (*service)(const char *name), struct tcpd_port out[TCPD_PORTS], struct str *bad);

/* ---- slots.c -------------------------------------------------------------------------------- */

struct slots;
struct slot_limits {
	uint32_t all, per_net, per_ip;
};
struct slots *slots_new(void);
void slots_free(struct slots *s);
/* false: as many as may be, and nothing changed. */
bool slots_enter(struct slots *s, const struct access_addr *a, const struct slot_limits *l);
/* Whether that one would still be allowed were this its limit. */
bool slots_within(const struct slots *s, const struct access_addr *a, uint32_t per_ip);
void slots_leave(struct slots *s, const struct access_addr *a);
uint32_t slots_count(const struct slots *s);

/* ---- environment.c -------------------------------------------------------------------------- */

/* The environment of the program: ours without what is said anew.  Pointers into the arena. */
char **tcpd_environment(struct arena *a, char **ours, struct str env);

/* ---- the server ----------------------------------------------------------------------------- */

struct logger;
struct tcpd_client;
struct tcpd {
	struct loop *loop;
	struct dns *dns;
	struct arena *arena;
	struct tcpd_options options; /* access/options.h */
	struct slot_limits limits;
	uint32_t warn;
	const char *access_path;
	struct table *access;
	struct tcpd_port ports[TCPD_PORTS];
	int n_ports;
	uint32_t backlog;
	struct tcpd_listener {
		struct tcpd *t;
		int fd;
		struct watch *watch;
	} listeners[2 * TCPD_PORTS];
	size_t n_listeners;
	struct timer *rest;
	struct slots *slots;
	struct map *children; /* pid -> address */
	struct tcpd_client *clients;
	char **program;
	bool full, warned;
	int stderr_fd; /* of programs; -1: the connection, -2: ours */
	struct logger *logger;
};

/* main.c: to the system's log with LOG_ALERT when we are in the background. */
void log_alert(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* listen.c: 0, or -1 (said). */
int tcpd_listen(struct tcpd *t);
void tcpd_listening(struct tcpd *t, bool yes);
/* client.c */
void tcpd_client_new(struct tcpd *t, int fd, const struct sockaddr_storage *peer);
void tcpd_released(struct tcpd *t, const struct access_addr *a); /* a place is free again */

struct tcpd_client {
	struct tcpd *t;
	struct tcpd_client *next, **slot;
	int fd;
	struct access_addr from, to; /* by the PROXY header, if there is one */
	struct access_addr counted;  /* who pays for it */
	uint16_t from_port, to_port;
	struct watch *watch;
	struct timer *timer;
	struct buf env; /* NAME=value lines, what stands later counts */
	uint64_t query;
	struct list_asker *lists;
};

/* lists.c: done() comes later, never inside the call. */
struct list_asker *lists_ask(
    struct tcpd *t, const struct access_addr *a, void (*done)(void *ctx), void *ctx);
const struct dns_list_answer *lists_answers(const struct list_asker *l);
void lists_free(struct list_asker *l);

/* spawn.c */
int tcpd_spawn(struct tcpd *t, struct tcpd_client *c); /* -1 with errno */
void tcpd_reap(struct tcpd *t);
void tcpd_kill_all(struct tcpd *t);

/* logger.c: a program that reads what others write to their standard error, kept alive. */
struct logger *logger_new(struct loop *l, const char *program, const char *name);
int logger_fd(const struct logger *g);         /* to write to */
bool logger_reap(struct logger *g, pid_t pid); /* it was the logger */

#endif
