/* Private to courierlocal, the local delivery module. */
#ifndef COURIER_LOCAL_LOCAL_H
#define COURIER_LOCAL_LOCAL_H

#include "broker/local-key.h"
#include "gate/gate.h"
#include "local/local-settings.h"
#include "module/module.h"

enum {
	WORKER_IN_FLIGHT = 64, /* deliveries that one plain worker is given at once */
	WORKER_CROWDED = 16,   /* ... from which on a further worker is asked for */
	FORWARD_CHUNK = 32768,
	DELIVERY_ARENA_MAX = 1024 * 1024,
};

struct pool;

/* One delivery to one address, until done() has been called once. */
struct task {
	struct task *next; /* the pool's */
	struct worker_delivery d;
	const struct local_key *key;
	struct module_body *body;
	bool fresh; /* a filter or a program: the account's own worker */
	int64_t deadline, waits_since;
	uint32_t id;
	/* r NULL: no worker: for_ever tells no such account, why is for the log and the report. */
	void (*done)(void *ctx, const struct worker_result *r, bool for_ever, struct str why);
	void *ctx;
};

struct pool_limits {
	unsigned workers, programs; /* plain ones of a uid; accounts' own ones in all */
	int64_t idle_ms, delivery_ms;
};

/* Workers of all accounts. */
struct pool *pool_new(struct service *s, struct broker_client *broker);
void pool_set_limits(struct pool *p, const struct pool_limits *l);
void pool_give(struct pool *p, struct task *t);
/* Mail for this address has lately gone through a filter or a program. */
bool pool_has_own(const struct pool *p, const struct task *t);
void pool_stats(const struct pool *p, struct buf *out);

/* local-sync.c: places that workers have named and whose file systems are to be synced. */
struct syncer;
struct syncer *syncer_new(struct service *s, struct pool *p);
/* After the result has gone out.  key and place are copied. */
void syncer_owe(struct syncer *y, const struct local_key *key, uint64_t device, struct str place,
    struct str id, uint32_t num);

/* Mail that instructions forward: one transaction at the gate. */
struct forward_request {
	const struct module_delivery *delivery;
	struct module_body *body;
	struct str addresses;    /* LF after each */
	struct str delivered_to; /* a header line */
	struct str by;           /* the address whose instructions these are */
	struct str orcpt;        /* the address that the sender knows, if said */
	uint8_t notify;
};
/* outcome as for module_result: DELIVERED, DEFERRED or FAILED with code, status and text. */
typedef void (*forward_done)(
    void *ctx, enum module_outcome outcome, uint16_t code, struct str status, struct str text);
/* Strings of f are copied. done() is never called from inside. */
void forward_start(
    struct gate_client *g, const struct forward_request *f, forward_done done, void *ctx);

#endif
