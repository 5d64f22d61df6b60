/*
 * The supervisor: root's part that binds ports, starts every process of an instance, introduces
 * them to each other, restarts what dies and stops all in order.  It parses nothing that comes from
 * the network or from mail: only its own configuration, fixed frames of its children and one-word
 * requests of the administrator.  Nothing here allocates after the start but what libs/event and
 * libs/ipc do for a child's channel; a failure there costs that child, never the supervisor.
 */
#ifndef COURIER_SUPERVISOR_H
#define COURIER_SUPERVISOR_H

#include "service/service.h"
#include "service/control-proto.h"
#include "courierd/roles.h"

enum { PROCS_MAX = 64, WAITING_EDGES_MAX = 256, LISTENERS_MAX = 64, AT_ONCE_FILES = 11 };

/* DOWN -> STARTING -> READY -> STOPPING -> DOWN; any of them -> DOWN when it dies. */
enum proc_state { PROC_DOWN, PROC_STARTING, PROC_READY, PROC_STOPPING };

struct supervisor;

struct proc {
	struct supervisor *sup;
	const struct role *role;
	unsigned number;
	bool used;
	pid_t pid;
	enum proc_state state;
	struct ipc *control;
	struct timer *timer; /* restart after a death; kill after the grace */
	int64_t started_ms, backoff_ms;
	unsigned restarts;
	bool again;       /* start anew when gone */
	bool retired;     /* another one serves in its place; it ends with its last session */
	unsigned silent;  /* turns of the watchdog since it was asked; 0: it has answered */
	bool answers;     /* it knows that question */
	char stats[3072]; /* courierfilterd has a word for each filter */
};

struct listener {
	const struct role *role;
	char name[16], where[80];
	int fd;
	bool network, off; /* off: closed by the administrator's word */
};

struct waiting_edge {
	struct proc *from; /* NULL: free */
	uint32_t id;
	const struct role *to;
	unsigned number;
};

/* A file whose changes count at once: what tells one version from another; all 0: there is none. */
struct at_once_file {
	uint64_t inode;
	int64_t size, changed;
};

struct supervisor {
	struct loop *loop;
	struct instance instance;
	struct config *config;
	struct roles roles;
	struct proc procs[PROCS_MAX];
	struct listener listeners[LISTENERS_MAX];
	size_t n_listeners;
	struct waiting_edge waiting[WAITING_EDGES_MAX];
	unsigned spread; /* next process for SERVICE_ANY */
	int ready_fd;    /* tells `courier start` how it went; -1 once told */
	int lock_fd;
	bool root, stopping, syslog;
	unsigned stop_stage;
	int64_t stop_deadline_ms, started_at;
	struct timer *start_timer, *stop_timer, *watchdog;
	char *empty_dir;
	struct {
		struct timer *timer;
		struct at_once_file seen[AT_ONCE_FILES], used[AT_ONCE_FILES];
	} at_once;
	struct {
		struct timer *timer;
		int64_t ahead; /* of the time since the machine's start, in microseconds */
	} clock;
};

/* process.c */
int proc_start_all(struct supervisor *s);
int proc_start_role(struct supervisor *s, const struct role *r);
int proc_spawn(struct proc *p);
void proc_stop(struct proc *p, int64_t grace_ms, bool again);
/* A new one serves at once, this one ends with its sessions; those of the listener's name alone
 * (NULL: all) are told to go. */
void proc_replace(struct proc *p, const char *listener);
#define NO_LISTENER "-" /* for it: no client is told to go */
int proc_send_listener(struct proc *p, const struct listener *l);
void proc_reap(struct supervisor *s); /* after SIGCHLD */
unsigned proc_alive(const struct supervisor *s, unsigned stage);

/* edges.c */
void edge_asked(struct proc *from, uint32_t id, struct str role, uint32_t number);
void edges_retry(struct supervisor *s, const struct role *now_up);
void edges_forget(struct supervisor *s, const struct proc *gone);

/* watchdog.c */
int watchdog_start(struct supervisor *s);
void watchdog_heard(struct proc *p);

/* listeners.c: binds everything the configuration asks for; -1 with one line in *why */
int listeners_open(struct supervisor *s, char **why);
bool role_wanted(const struct supervisor *s, const struct role *r);

/* parts.c: "start", "stop", "restart" or "reload" of a role ("esmtpd", "local") or of one service
 * of a role ("submission" or "esmtpd-msa").  NULL, or why not (static text). */
const char *part_request(struct supervisor *s, struct str verb, struct str name);

/* admin.c: the control socket var/run/courierd */
int admin_open(struct supervisor *s);

/* supervisor.c */
bool supervisor_checked(struct supervisor *s); /* the configuration has no fault */
void supervisor_check_ready(struct supervisor *s);
void supervisor_give_up(struct supervisor *s, const char *why);
void supervisor_stop(struct supervisor *s);
void supervisor_stop_step(struct supervisor *s);
/* which: NULL for every process, else those of the roles it is true for; then no client is told to
 * go. */
void supervisor_reload(
    struct supervisor *s, bool (*which)(const struct supervisor *s, const struct role *r));

/* at-once.c */
int at_once_start(struct supervisor *s);
void at_once_taken(struct supervisor *s); /* the files as they stand are in use */

/* clock-step.c */
int clock_step_start(struct supervisor *s);

extern const struct config_component supervisor_settings, port_settings[];
extern const size_t n_port_settings;

#endif
