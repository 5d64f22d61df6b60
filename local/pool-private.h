/* Shared by local-pool.c, which has the workers, and pool-own.c, which has the accounts' own ones.
 */
#ifndef COURIER_LOCAL_POOL_PRIVATE_H
#define COURIER_LOCAL_POOL_PRIVATE_H

#include "local/local.h"

struct queue {
	struct task *first, **end;
	size_t n;
};

struct slot {
	struct slot *next;
	struct group *group; /* NULL: an account's own worker */
	char *account;       /* of that, and the extension of its last delivery */
	char *ext;
	int64_t since; /* when it was there */
	struct pool *pool;
	struct ipc *c;
	struct queue flying;
	uint32_t uid; /* as the broker says */
	int64_t idle_since;
};

struct group {
	struct group *next;
	struct pool *pool;
	bool alias; /* of the pseudo account: its ids are the broker's business */
	uint32_t uid, gid;
	struct slot *slots;
	unsigned n, asked; /* workers there are, and are asked for */
	int64_t ask_after; /* the broker has said no to one more */
	struct queue waiting;
};

struct request { /* to the broker */
	struct pool *pool;
	struct group *group;
	struct task *task; /* for an own worker; it is in no queue meanwhile */
	struct request *next;
	int64_t since;
};

struct pool {
	struct service *service;
	struct broker_client *broker;
	struct timer *sweep, *patience;
	struct pool_limits limits;
	struct group *groups;
	struct slot *own;
	struct request *asked_own;
	unsigned n_own; /* with those asked for */
	struct queue waiting_own;
	uint32_t last_id;
};

void queue_put(struct queue *q, struct task *t);
struct task *queue_take(struct queue *q);
/* A worker's edge becomes a slot of g, or with g NULL an account's own.  NULL: fd is closed. */
struct slot *slot_new(struct pool *p, struct group *g, int fd, uint32_t uid);
void slot_drop(struct slot *s, const char *why);
void slot_give(struct slot *s, struct task *t);
void pool_ask(struct pool *p, struct group *g, struct task *own, struct str account);
bool task_is_alias(const struct task *t);

void own_got(struct request *q, int result, int fd, uint32_t uid, struct str why);
void own_dispatch(struct pool *p);
void own_out_of_patience(void *pool);

#endif
