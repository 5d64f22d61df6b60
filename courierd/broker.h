/* Private to courierbroker: the process with root's rights that starts others as their owners. */
#ifndef COURIER_COURIERD_BROKER_H
#define COURIER_COURIERD_BROKER_H

#include "auth/auth.h"
#include "broker/broker-proto.h"
#include "local/local-settings.h"
#include "local/worker-proto.h"

extern const struct config_component broker_settings; /* component "broker", file "broker" */

struct broker_limits {
	uint32_t min_uid, max_uid; /* max 0: none */
	uint32_t sessions, per_account, workers;
	bool root;        /* we may become anybody */
	uint32_t own_uid; /* used when we may not */
};

/* Whom a child shall be. Strings belong to whoever filled it. */
struct owner {
	const char *name;    /* canonical account name */
	const char *sysuser; /* for the supplementary groups; "" or NULL: none */
	uint32_t uid, gid;
	const char *home, *maildir, *quota, *fullname, *options;
};
/* Pure: may a child run as this account?  NULL yes, else why not. */
const char *broker_refusal(const struct broker_limits *l, const struct owner *o);

/* A child to be: everything is decided before the fork. */
struct spawn {
	const char *path;
	char *const *argv, *const *env;
	int in, out;      /* become 0 and 1; -1: /dev/null */
	int edge;         /* becomes 3; -1: none */
	const char *home; /* NULL: the root folder */
	uint32_t uid, gid;
	const char *sysuser;
	bool drop; /* change uid and gid (we are root) */
	bool no_new_privs;
};
enum spawn_step {
	SPAWN_FINE,
	SPAWN_FILES,
	SPAWN_GROUPS,
	SPAWN_GID,
	SPAWN_UID,
	SPAWN_REGAIN, /* rights could be taken back */
	SPAWN_HOME,
	SPAWN_LOCKED, /* the sticky bit of the home */
	SPAWN_LIMITS,
	SPAWN_EXEC,
};
struct spawn_report {
	int32_t step, error;
};
/* pid, or -1 errno.  *report: a descriptor that gives a spawn_report on failure, or only its end.
 */
pid_t spawn_child(const struct spawn *s, int *report);
/* Adds what went wrong, in words. */
void spawn_explain(const struct spawn_report *r, const char *home, struct buf *out);

enum child_kind { CHILD_SESSION, CHILD_WORKER };
struct broker;

/* Called once: pid and no report, or a text why it did not start. */
typedef void (*child_started)(void *ctx, struct str why);
/* -1: it could not be forked or is over a limit; why tells, started() is not called. */
int child_start(struct broker *b, enum child_kind kind, const struct owner *o,
    const struct spawn *s, child_started started, void *ctx, struct buf *why);
void children_reap(struct broker *b);
void children_signal(struct broker *b, enum child_kind kind, int signo);
size_t children_count(const struct broker *b, enum child_kind kind);

/* A descriptor to a new plain or fresh worker of the owner, or -1 and *why.  It is sent requests at
 * once: should the program not start, the edge closes. */
int worker_start(struct broker *b, const struct owner *o, bool fresh, struct buf *why);
int session_start(struct broker *b, const struct owner *o, const char *program, struct str env,
    int client, child_started started, void *ctx, struct buf *why);

/* Questions for accounts' workers. */
struct look_pool;
struct look_pool *look_pool_new(struct broker *b);
void look_pool_free(struct look_pool *p);
typedef void (*look_done)(void *ctx, enum broker_looked_at result);
void look_ask(
    struct look_pool *p, const struct owner *o, struct str ext, look_done done, void *ctx);

/* broker-filter.c: the filters of mailboxes' owners.  done() comes once, perhaps from inside. */
struct filter_job {
	const char *filter, *sender, *env;
	int message; /* -1: none */
};
typedef void (*filter_done)(void *ctx, const struct worker_filtered *r);
void filter_ask(struct broker *b, const struct owner *o, const struct filter_job *j,
    filter_done done, void *ctx);

void filter_workers_end(struct broker *b); /* those that wait for more */

/* Makes a missing home from AUTH_MKHOMEDIR_SKEL.  why NULL: it is there; may come at once. */
typedef void (*home_done)(void *ctx, const char *why);
void home_make(struct broker *b, const struct owner *o, home_done done, void *ctx);
bool home_reaped(struct broker *b, pid_t pid, int status); /* was it a child of ours? */

/* A process that asks us.  Bits of enum broker_peer_role say what it may ask. */
void peer_new(struct broker *b, const char *role, int fd);

struct broker {
	struct service *service;
	struct auth_client *auth;
	struct broker_limits limits;
	struct config *config; /* held */
	struct map *children;  /* by pid */
	struct map *per_account;
	size_t count[2];
	struct look_pool *looks;
	struct filter_call *idle_filters;
	size_t n_idle_filters;
	struct home *homes; /* being made */
	struct signal_watch *sigchld;
	struct timer *drain;
	int drain_step;
	bool draining;
};

#endif
