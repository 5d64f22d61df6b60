/*
 * libs/queue: frames between gate and scheduler.  G: sent by the gate, S: by the scheduler.
 *
 *	G IDS_ASK      u32 how many                S IDS        u64 first sequence number, u32 how
 *many G TMP_ASK      (id: the gate's handle)     S TMP        (id) str name, with the descriptor;
 *name empty: rest is the reason G TMP_DROP     rest name G COMMIT_PART  (id) rest: a piece of a
 *long envelope text G COMMIT       (id) str idempotency, str file, u8 keep-file, str last piece of
 *the envelope text, rest: body            S COMMITTED  (id) u8 durable, str queue id, rest: reason
 *	G GENERATION   u64
 *	S ROUTE_ASK    (id: the scheduler's question) str address, sender, source, login, vhost,
 *security G ROUTE        (id) u32 code, str enhanced, text, module, host, to
 *	                                           S TRACK_NONE   the gate's track is empty now
 *	                                           S TRACK        (id: the letter, 0: off the list)
 *	                                                          rest: address
 */
#ifndef COURIER_QUEUE_PROTO_H
#define COURIER_QUEUE_PROTO_H

enum {
	QUEUE_IDS_ASK = 0x201,
	QUEUE_IDS,
	QUEUE_TMP_ASK,
	QUEUE_TMP,
	QUEUE_TMP_DROP,
	QUEUE_COMMIT_PART,
	QUEUE_COMMIT,
	QUEUE_COMMITTED,
	QUEUE_GENERATION,
	QUEUE_ROUTE_ASK,
	QUEUE_ROUTE,
	QUEUE_TRACK_NONE,
	QUEUE_TRACK,
};

/* A gate that has used up its numbers must refuse mail until the next ones come: enough for a burst
 * of all connections that there may be. */
enum { QUEUE_IDS_BLOCK = 32768, QUEUE_IDS_LOW = 8192, QUEUE_PIECE = 48 * 1024 };

#endif
