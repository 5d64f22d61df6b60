/*
 * libs/queue: the gate's side of the edge between gate and scheduler.
 *
 * One per gate process.  Towards the scheduler go commits; towards the gate go route questions,
 * over the same edge.  Nothing here blocks.  Callbacks come from the loop, never from inside the
 * call.
 */
#ifndef COURIER_QUEUE_CLIENT_H
#define COURIER_QUEUE_CLIENT_H

#include "queue/envelope.h"
#include "service/service.h"

struct queue_client;

/* A question of the scheduler: where does this recipient go now? */
struct queue_route_ask {
	struct str address; /* canonical, as it was accepted */
	struct str sender, source, login, vhost;
	struct str security;
};
struct queue_route {
	uint16_t code; /* 250: module, host, to are set; 4xx or 5xx: why not */
	struct str enhanced, text;
	struct str module, host, to;
};
struct queue_client_handlers {
	/* Answer now or later, once, with queue_route_answer; *ask is valid inside the call only.
	 */
	void (*route)(void *ctx, uint32_t question, const struct queue_route_ask *ask);
	/* The scheduler is there and so are ids: messages can be taken; may come often.  May be
	 * NULL. */
	void (*serving)(void *ctx);
};

struct queue_client *queue_client_new(
    struct service *s, const struct queue_client_handlers *h, void *ctx);
bool queue_client_up(const struct queue_client *q);
bool queue_client_serves(const struct queue_client *q); /* it is up, and ids are at hand */
void queue_route_answer(struct queue_client *q, uint32_t question, const struct queue_route *r);

/*
 * The generation of the routes the gate computes at present: any number that differs whenever
 * routes may differ, also across restarts (start time in microseconds will do, anew at each
 * reload).  Put the same into envelope.generation.  The scheduler asks again for messages of other
 * generations.
 */
void queue_client_generation(struct queue_client *q, uint64_t generation);

/* What the delivery track has on a canonical address: 'F' its mail failed, 'D' it had to wait, 0
 * nothing (or there is no scheduler to know). */
char queue_client_track(const struct queue_client *q, struct str address);

/* A new queue id.  false: none at hand (the scheduler is down or slow): answer 4xx. */
bool queue_client_id(struct queue_client *q, struct queue_id *id);

/*
 * A file for a message that is too large to go inline.  The descriptor is the caller's: write to
 * it, file_sync() it, close it, and name it in the commit.  The scheduler removes it when the edge
 * goes down or at queue_tmpfile_drop.  answer: fd -1 and errno when there is none.  cancel: by the
 * handle; 0 when the scheduler is down (then no callback comes).
 */
enum { QUEUE_TMP_NAME_SIZE = 40 };
typedef void (*queue_tmpfile_answer)(void *ctx, int fd, const char *name);
uint32_t queue_tmpfile(struct queue_client *q, queue_tmpfile_answer cb, void *ctx);
void queue_tmpfile_cancel(struct queue_client *q, uint32_t handle);
void queue_tmpfile_drop(struct queue_client *q, const char *name);

/*
 * Hands a message over.  e->id from queue_client_id; body: the whole message with LF line ends when
 * it is at most QUEUE_INLINE_MAX bytes, else empty and `file` names a temporary file (several
 * commits of one split message may name the same: it is linked; keep_file says that more will
 * come). All is copied.  answer: durable, id is the message's (with an idempotency key perhaps that
 * of an earlier submission); or not durable and text says why (answer 4xx to the client). 0: the
 * scheduler is down, no callback comes.
 */
enum { QUEUE_INLINE_MAX = 64 * 1024 };
typedef void (*queue_commit_answer)(void *ctx, bool durable, struct str id, struct str text);
uint32_t queue_commit(struct queue_client *q, const struct envelope *e, struct str body,
    const char *file, bool keep_file, queue_commit_answer cb, void *ctx);
/* The client has gone: no callback; the message may become durable all the same. */
void queue_commit_cancel(struct queue_client *q, uint32_t handle);

#endif
