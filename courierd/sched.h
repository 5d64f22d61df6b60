/*
 * The scheduler: which recipient is tried when and through which module, and what follows.
 *
 * It owns the queue (libs/queue) and knows no transport.  The core (sched-message, -dest, -module,
 * -result, -retry, -dsn, -index) knows neither sockets nor clocks: it asks its hooks, so that tests
 * run it over virtual days with a queue in memory.  sched-main, -gate, -link and -control are its
 * edges.  It never ends for want of memory: what finds none is tried later.
 *
 * The life of a message in here:  committed (durable) -> routed -> deliveries -> the round ends:
 * results written, then one of: removed; a report is delivered through the module dsn and the round
 * ends again; put down (settled, only its number and time stay in the index) until it is due.
 */
#ifndef COURIER_SCHED_H
#define COURIER_SCHED_H

#include "queue/queue.h"
#include "queue/queue-client.h"
#include "module/module-proto.h"

struct sched;
struct message;
struct delivery;

/* Settings (sched-config.c). */
struct sched_limits {
	int64_t queuetime, warntime, submitdelay;
	int64_t retryalpha, retrygamma;
	unsigned retrybeta, retrymaxdelta;
	size_t queuelo, queuehi;
	int64_t queuefill, respawnlo, respawnhi;
	bool quiet_delays; /* of delays those are told who asked for it */
	int64_t modulettl; /* a module that is silent on a delivery for longer is taken for dead */
	char backuprelay[256]; /* takes what esmtp could not deliver by the time of a warning */
};

/* sched-retry.c: pure.  How long to wait after the n-th round (n from 1). */
int64_t retry_pause(const struct sched_limits *l, uint32_t rounds);
/* When a message that came at `arrival` is given up, and when its sender is told of the delay (-1:
 * never).  What waits for its release (RFC 4865) ages from then on; a time to deliver by (RFC 2852)
 * is the end in mode R, and the time to tell in mode N. */
int64_t retry_expiry(const struct sched_limits *l, const struct envelope *e, int64_t arrival);
int64_t retry_warning(const struct sched_limits *l, const struct envelope *e, int64_t arrival);
/*
 * Its time is over.  A clock may have been wrong: nobody's mail comes back before it was tried for
 * a day (or half its time), counted by its rounds; and mail that came from the future has no age
 * but that of its rounds.
 */
enum { RETRY_TRIED = 86400, RETRY_FUTURE = 3600 };
bool retry_over(const struct sched_limits *l, const struct envelope *e, int64_t now);
int64_t retry_longest(const struct sched_limits *l); /* no pause is longer */
/* The time of the next attempt, which those times may bring forward. */
int64_t retry_next(const struct envelope *e, int64_t now, int64_t next);
/* No attempt is to be made any more: the time to deliver by is over. */
bool retry_too_late(const struct envelope *e, int64_t now);

/*
 * A host (or mailbox owner) as a module sees it: deliveries to it that wait, and whether it is up.
 * Messages for which there is no room beside the others of the host are parked: their numbers alone
 * are kept here (sched-park.c).
 */
struct dest {
	struct sched_module *module;
	char *host;
	struct delivery *head, **tail; /* waiting */
	size_t waiting;
	unsigned active;
	unsigned window; /* so many at once; it grows with each answer, up to maxhost */
	bool proven;     /* it answered last time, and soon */
	VEC(uint64_t) parked;
	size_t unparked; /* so many of them, from the first on, are in memory again */
	struct dest *parked_next;
	bool parked_listed;
	unsigned failures; /* connections in a row that failed; the host is down while > 0 */
	int64_t down_until;
	struct module_result *why; /* the last failure, for messages that are not even tried */
	bool in_ring;
	struct dest *next;        /* in the ring */
	struct delivery *filling; /* the one that takes more recipients of a message */
};

/* What is known of a host: it failed, nothing good (it is new, or slow), it answers. */
enum host_rank { HOST_FAILED, HOST_DOUBTFUL, HOST_PROVEN, HOST_RANKS };
struct sched_ring {
	struct dest *head, **tail;
};

struct sched_module {
	char name[32];
	int priority;
	unsigned maxdels, maxhost, maxrcpt;
	bool configured, up;
	struct sched *s;
	struct map *dests;
	struct sched_ring ring[HOST_RANKS]; /* those with something to do now, in turn */
	unsigned turn, active, busy[HOST_RANKS];
	struct delivery *running;
	unsigned epoch; /* of the edge in use */
	void *link;     /* sched-link.c's */
	uint64_t delivered, failed, deferred;
};
enum { SCHED_MODULES_MAX = 32, DEST_IDLE_MAX = 20000 };

/* One message, one dest, some recipients. */
struct delivery {
	uint64_t id;
	struct message *msg;
	struct dest *dest;
	struct delivery *next;                 /* waiting at the dest */
	struct delivery *run_next, **run_prev; /* running */
	uint32_t *rcpts;
	uint8_t *answered;
	size_t n, cap;
	int64_t started;
	unsigned epoch;      /* the edge it went out on */
	unsigned deaths;     /* modules that died on it */
	bool report;         /* a DSN */
	enum host_rank rank; /* of the host when it began */
	bool connection;     /* some result said that the host is unreachable */
};

struct message {
	uint64_t seq;
	struct arena *arena;
	struct envelope env;
	char id[QUEUE_ID_SIZE];
	struct buf out;      /* records to be appended at the next occasion */
	size_t recorded;     /* bytes of its control text */
	unsigned deliveries; /* waiting or running */
	unsigned questions;  /* routes asked for */
	unsigned owed;       /* recipients whose files are not known to be on the disk */
	int64_t owed_since;
	unsigned lazy;              /* appends under way that nothing waits for, but the archive */
	unsigned writes;            /* appends that must be durable before the round can end */
	int64_t not_before;         /* the host is down until then */
	bool fresh;                 /* not yet durable */
	bool cancel;                /* X is written, the rest fails */
	bool gone;                  /* removal is under way */
	bool counted;               /* the round that is on has its C record */
	bool said;                  /* and its line in the log */
	struct message *dirty_next; /* rounds that end at the next turn */
	bool dirty;
	struct buf history; /* of the report under way */
	uint64_t round;
	uint32_t *reporting;
	size_t n_reporting;
	bool report_warns, report_deferred;
};

/* What the core needs of the world. */
struct sched_hooks {
	int64_t (*now)(void *ctx);
	/* Sends the delivery: 0; -1: there is no room now (it stays, and sched_turn comes when
	 * there is); 1: it cannot be sent at all (it is deferred). */
	int (*deliver)(void *ctx, struct sched_module *m, struct delivery *d);
	/* Asks a gate; sched_routed() follows, perhaps much later.  -1: nobody to ask now. */
	int (*route)(void *ctx, uint32_t question, const struct queue_route_ask *ask);
	bool (*generation)(
	    void *ctx, uint64_t generation); /* are routes of that generation good? */
	/* Something is to be done at once: call sched_turn soon. */
	void (*soon)(void *ctx);
	void (*module_stuck)(void *ctx, struct sched_module *m);
	/* What a module (or a host that is down) has said of a recipient; may be NULL. */
	void (*outcome)(void *ctx, const struct message *m, const struct envelope_rcpt *r);
	/* A message with the null sender was taken, or refused as such; may be NULL. */
	void (*report)(void *ctx, const struct envelope_rcpt *r, bool refused);
	/* It is about to leave the queue, m->out not yet written; may be NULL. */
	void (*finished)(void *ctx, struct message *m);
};

struct index_entry {
	int64_t next;
	uint64_t seq;
};
struct index {
	struct index_entry *v;
	size_t n, cap;
};

struct question {
	uint32_t id;
	uint64_t seq;
	uint32_t rcpt;
	bool asked;
	int64_t since; /* when it was asked */
	struct question *next;
};

struct sched {
	struct queue *q;
	struct sched_limits limits;
	const struct sched_hooks *hooks;
	void *ctx;
	struct sched_module modules[SCHED_MODULES_MAX];
	size_t n_modules;
	struct map *messages;
	size_t n_loaded, n_dests, n_parked, n_owed;
	struct dest *parked; /* those that have parked messages */
	bool archives;       /* what leaves the queue is copied: its text must be complete */
	struct index index;
	struct message *dirty;
	struct map *questions;
	uint32_t last_question;
	bool unasked; /* some questions found nobody to ask */
	uint64_t last_delivery;
	int64_t last_fill, last_load, started, last_swept, last_turn;
	uint64_t n_left, left_before; /* messages that left memory, and at the last count */
	int64_t last_count;
	bool brisk;    /* so many leave that there is no need to look for others */
	bool stopping; /* feeds nothing more */
	uint64_t n_new, n_completed;
};

static inline int64_t sched_now(struct sched *s)
{
	return s->hooks->now(s->ctx);
}

/* sched-core.c */
int sched_init(struct sched *s, struct queue *q, const struct sched_hooks *h, void *ctx);
void sched_free(struct sched *s); /* not the queue */
/* Does what is due; returns when to call it again (seconds, real time). */
int64_t sched_turn(struct sched *s);
void sched_limits_set(struct sched *s, const struct sched_limits *l);
size_t sched_active(const struct sched *s); /* deliveries running */

size_t sched_waiting(const struct sched *s); /* messages that are not in memory */

/* sched-clock.c: looks whether the clock was set since the last turn. */
void clock_turn(struct sched *s, int64_t now);
/* When it is due: as it says, but for a time that no pause could have made, nor a wish. */
int64_t clock_next(const struct sched *s, const struct envelope *e, int64_t now);
void clock_start(struct sched *s); /* the same for the whole index */

/* sched-message.c */
struct message *message_find(struct sched *s, uint64_t seq);
/* A message that is durable and in memory begins. */
struct message *message_new(struct sched *s, struct str control, const char **why);
void message_start(struct sched *s, struct message *m);
struct message *message_load(struct sched *s, uint64_t seq);
void message_dirty(struct sched *s, struct message *m); /* look at it at the next turn */
void message_end_round(struct sched *s, struct message *m);
void message_free(struct sched *s, struct message *m);
void message_put_down(struct sched *s, struct message *m, int64_t next);
int message_write(struct sched *s, struct message *m, bool wait); /* m->out to the queue */

/* sched-recipient.c: routes */
void recipients_route(struct sched *s, struct message *m);
void recipients_ask_again(struct sched *s);  /* a gate has come up */
void recipients_asked_gone(struct sched *s); /* a gate went down: its questions are open again */
void recipients_ask_old(struct sched *s);    /* those that a gate keeps too long go to another */
void sched_routed(struct sched *s, uint32_t question, const struct queue_route *r);
void recipients_dispatch(struct sched *s, struct message *m);
struct str host_of(struct sched *s, const struct message *m, const struct envelope_rcpt *r);

/* sched-result.c: one recipient's result, into memory and m->out. */
void result_take(struct sched *s, struct message *m, uint32_t num, const struct module_result *r);
void result_plain(struct sched *s, struct message *m, uint32_t num, enum module_outcome o,
    const char *status, const char *text);
void result_log(const struct message *m, uint32_t num); /* of one that no module has told */
/* The same for what a delivery has brought: the world is told, too. */
void result_delivery(
    struct sched *s, struct message *m, uint32_t num, const struct module_result *r);
void delivery_result(
    struct sched *s, struct delivery *d, uint32_t num, const struct module_result *r);
void delivery_done(struct sched *s, struct delivery *d);
void delivery_over(
    struct sched *s, struct delivery *d); /* not running any more; unanswered: deferred */

/* sched-owed.c: places that modules have named (module.h) */
void owed_result(struct sched *s, struct message *m, uint32_t num, const struct module_result *r);
void sched_synced(
    struct sched *s, struct sched_module *mod, struct str id, uint32_t num, enum module_sync how);
void owed_module_down(struct sched *s, const struct sched_module *mod);
void owed_sweep(struct sched *s, int64_t now);
void owed_start(struct message *m);
/* Everybody has it; it is here only until the disks have it too. */
bool owed_only(const struct message *m);

/* sched-dest.c */
struct dest *dest_get(struct sched_module *m, struct str host);
void dest_add(struct dest *d, struct delivery *x);
void dest_result(struct dest *d, bool connection_failed, const struct module_result *r);
void dest_sweep(struct sched *s);
void dest_drop_waiting(struct sched *s, struct message *m);
void dest_flush(struct sched *s);
void dest_slow(struct dest *d); /* a delivery took long */
bool dest_down(const struct dest *d, int64_t now);

/* sched-park.c */
bool park(struct sched *s, struct message *m); /* true: m is not in memory any more */
bool park_turn(struct sched *s, int64_t now);  /* loads what there is room for; true: and more */
bool park_take(struct sched *s, uint64_t seq); /* out of the list; false: not in there */
size_t park_list(const struct sched *s, uint64_t *out, size_t max);
void park_forget(struct dest *d); /* it is about to be freed, for good */

/* sched-module.c */
struct sched_module *module_find(struct sched *s, struct str name);
struct sched_module *module_add(struct sched *s, const char *name);
void module_feed(struct sched_module *m);
void module_up(struct sched_module *m);
void module_down(struct sched_module *m);   /* its process died */
void module_leaves(struct sched_module *m); /* another takes its place, and what is new */
void module_left(struct sched_module *m, unsigned epoch); /* and now it has gone */
struct delivery *module_delivery_find(struct sched_module *m, uint64_t id);
void module_ring(struct sched_module *m, struct dest *d);
void delivery_free(struct delivery *d);
void delivery_unrun(struct delivery *d);
struct delivery *delivery_new(struct message *m, struct dest *d);
int delivery_add(struct delivery *d, uint32_t num);

enum { HISTORY_MAX = 40 * 1024 };
/* sched-dsn.c: 1: a report is on its way, 0: none is due, -1: could not begin one (try later) */
int dsn_begin(struct sched *s, struct message *m);
void dsn_end(struct sched *s, struct message *m, const struct module_result *r);

/* sched-index.c: a heap by time. */
bool index_add(struct index *x, uint64_t seq, int64_t next); /* false: no memory */
bool index_pop(struct index *x, int64_t now, struct index_entry *out);
bool index_find(const struct index *x, uint64_t seq, size_t *at);
void index_set(struct index *x, size_t at, int64_t next);
void index_drop(struct index *x, size_t at);
void index_all_now(struct index *x, int64_t now);
/* Moves the times behind `least`, not beyond it, and makes none later than `most`. */
void index_shift(struct index *x, int64_t by, int64_t least, int64_t most);

/* What people ask for (sched-ask.c).  0, or -1: no such message. */
int sched_flush(struct sched *s, uint64_t seq); /* 0: all */
int sched_cancel(struct sched *s, uint64_t seq, struct str reason);

#endif
