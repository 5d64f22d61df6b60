/*
 * The page of the edge to a delivery worker (courierlocal-worker), which runs as the owner of the
 * mailboxes.  Its peers are the local module and, for questions, the broker.  Requests may be
 * pipelined; each is answered once, in any order, with the id it carried.
 *
 *	WORKER_LOOK     rules, home, ext
 *	WORKER_LOOKED   u8 enum broker_looked_at
 *
 *	WORKER_FILTER   u32 uid, u32 gid, u32 seconds it may run, program, filter, home, host,
 *address, sender, mailbox, quota, environment (NAME=value LF)
 *	                                                   + descriptor of the message, or not
 *	WORKER_FILTERED u8 ended by itself, u32 exit status, output or why it did not
 *
 *	WORKER_DELIVER  rules, u32 flags, u64 size, u32 uid, u32 seconds a program may run,
 *	                u64 bytes of memory it may have, u8 percent of a quota from which the user
 *	                is warned, user, ext, home, maildir, quota, default delivery, address,
 *	                sender, queue id, environment (NAME=value LF), path of maildrop, text of
 *	                the quota warning, place, then the rest: the message, when it is inline; a
 *	                descriptor of the message comes with it when it is not
 *	WORKER_RESULT   u8 enum worker_outcome, status ("4.2.2"), text, forwards (LF after each),
 *	                Delivered-To line to put before what is forwarded, u8 something was stored
 *	                or run here as well, place of a file that is not synced (or empty), u64
 *device
 *
 *	rules           dot name ("courier"), u8 fold to lower case, separators ("-+")
 *
 * A worker dies (its edge closes) at the first frame that is not as above.
 */
#ifndef COURIER_LOCAL_WORKER_PROTO_H
#define COURIER_LOCAL_WORKER_PROTO_H

#include "broker/broker-proto.h"

enum worker_type {
	WORKER_LOOK = 1,
	WORKER_LOOKED,
	WORKER_DELIVER,
	WORKER_RESULT,
	WORKER_FILTER,
	WORKER_FILTERED,
};

enum worker_flags {
	WORKER_FRESH = 1,        /* programs may run: the worker is this account's alone */
	WORKER_NO_SYNC = 2,      /* the queue keeps the message until the file systems are synced */
	WORKER_NO_DYNAMIC = 4,   /* "||" instructions are switched off */
	WORKER_DOTLOCK = 8,      /* mbox files are locked by a file beside them, too */
	WORKER_QUOTA_FAILS = 16, /* over quota is for ever */
	WORKER_DOUBT = 32,       /* place: the disk may not have what was written there */
	WORKER_SYNC = 64 /* nothing is delivered: sync the file system of the folder `maildir` */
};

enum worker_outcome {
	WORKER_OK, /* done, when the forwards are accepted */
	WORKER_DEFER,
	WORKER_FAIL,
	WORKER_NEED_FRESH, /* nothing was done: ask again through a fresh worker */
	WORKER_NO_HOME,    /* nothing was done: the home folder is missing */
	WORKER_BOUNCE,     /* WORKER_FAIL, but it says nothing of the address (EX_SOFTWARE) */
};

enum {
	WORKER_INLINE_MAX = 64 * 1024,   /* bytes of a message that travels inside the frame */
	WORKER_FORWARDS_MAX = 16 * 1024, /* bytes of all forward addresses of a delivery */
	WORKER_TEXT_MAX = 2048,          /* of a diagnostic */
	WORKER_PATH_MAX = 4096,
	WORKER_WARNING_MAX = 8 * 1024, /* bytes of the quota warning */
};

struct worker_rules {
	struct str dot; /* file names are .DOT and .DOT-EXT */
	bool lower;
	struct str seps; /* characters that count as "-" in an extension */
};
void worker_put_rules(struct ipc *c, const struct worker_rules *r);
bool worker_get_rules(struct ipc_reader *r, struct worker_rules *out);

struct worker_delivery {
	struct worker_rules rules;
	uint32_t flags, uid, program_seconds;
	uint64_t size, program_memory; /* memory 0: no limit */
	uint8_t warn_percent;          /* 0: never */
	struct str user, ext, home, maildir, quota, delivery, address, sender, id, env;
	struct str maildrop, warning;
	struct str place; /* delivered there before, perhaps: make sure of it */
	struct str body;  /* .p NULL: the descriptor has it */
};
/* What a worker takes at all: it ends at anything else, so askers look first. */
bool worker_delivery_ok(const struct worker_delivery *d);
/* body as in d; fd -1 for inline ones.  ipc_send's result. */
int worker_send_delivery(struct ipc *c, uint32_t id, const struct worker_delivery *d, int fd);
bool worker_read_delivery(const struct ipc_msg *m, struct worker_delivery *out);

struct worker_result {
	enum worker_outcome outcome;
	struct str status, text, forwards, delivered_to;
	struct str place; /* done, but not synced; empty: it is */
	uint64_t device;  /* of place */
	bool kept;        /* with forwards: other instructions have been carried out, too */
};
int worker_send_result(struct ipc *c, uint32_t id, const struct worker_result *r);
bool worker_read_result(const struct ipc_msg *m, struct worker_result *out);

/* A filter of the account's owner: PROGRAM -D uid/gid -M filter host address sender mailbox quota
 */
struct worker_filter {
	uint32_t uid, gid, seconds;
	struct str program, filter, home, host, address, sender, mailbox, quota, env;
};
int worker_send_filter(struct ipc *c, uint32_t id, const struct worker_filter *f, int message);
bool worker_read_filter(const struct ipc_msg *m, struct worker_filter *out);

struct worker_filtered {
	bool ended;
	uint32_t status;
	struct str output; /* at most BROKER_OUTPUT_MAX bytes */
};
int worker_send_filtered(struct ipc *c, uint32_t id, const struct worker_filtered *r);
bool worker_read_filtered(const struct ipc_msg *m, struct worker_filtered *out);

#endif
