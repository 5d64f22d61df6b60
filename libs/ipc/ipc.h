/*
 * libs/ipc: framed, typed, capped messages with descriptor passing between our own processes.
 *
 * An edge is a SOCK_SEQPACKET socketpair made by the supervisor; each end is a `struct ipc`.  A
 * message is a type, an id (of the transaction it belongs to, chosen by the asking side), a body of
 * fields and at most one descriptor.  Composing and reading are mirror images; reading never goes
 * past the body, and a reader that does not end exactly at its end has found a broken peer:
 *
 *	ipc_compose(c, GATE_RCPT, txn);        ipc_read(m, &r);
 *	ipc_put_str(c, address);               address = ipc_get_str(&r);
 *	ipc_put_u32(c, flags);                 flags = ipc_get_u32(&r);
 *	ipc_send(c, -1);                       if (!ipc_done(&r)) -> drop the edge
 *
 * Both ends are of the same build (the supervisor restarts all of them together), so there is one
 * protocol version a build, checked by the first frame of an edge.  Bodies are at most
 *IPC_BODY_MAX. Sent messages that the peer does not take wait in memory up to IPC_QUEUE_MAX bytes;
 *past that the edge is closed: watch ipc_pending() and on_drain for bulk data.
 */
#ifndef COURIER_IPC_H
#define COURIER_IPC_H

#include "event/event.h"

enum {
	IPC_BODY_MAX = 128 * 1024,
	IPC_CHUNK = 60 * 1024,
	IPC_QUEUE_SOFT = 1024 * 1024,
	IPC_QUEUE_MAX = 64 * 1024 * 1024
};

struct ipc;

struct ipc_msg {
	uint16_t type;
	uint32_t id;
	struct str body; /* valid inside the callback only (or until the next ipc_recv) */
	int fd;          /* -1, or a descriptor that is closed after the callback unless taken */
};

struct ipc_handlers {
	void (*on_msg)(void *ctx, struct ipc *c, struct ipc_msg *m);
	void (*on_close)(void *ctx, struct ipc *c); /* the peer is gone or broken: ipc_free it */
	void (*on_drain)(void *ctx, struct ipc *c); /* nothing waits any more; may be NULL */
};

/* Owns fd.  loop may be NULL: then the end is blocking and read by ipc_recv. NULL without memory.
 */
struct ipc *ipc_new(struct loop *l, int fd, const struct ipc_handlers *h, void *ctx);
void ipc_free(struct ipc *c); /* allowed in its own callbacks; NULL is fine */
int ipc_fd(const struct ipc *c);

/* One message at a time.  A put that does not fit makes ipc_send fail with EMSGSIZE. */
void ipc_compose(struct ipc *c, uint16_t type, uint32_t id);
void ipc_put_u8(struct ipc *c, uint8_t v);
void ipc_put_u32(struct ipc *c, uint32_t v);
void ipc_put_u64(struct ipc *c, uint64_t v);
void ipc_put_str(struct ipc *c, struct str s);  /* length and bytes */
void ipc_put_z(struct ipc *c, const char *z);   /* NULL is sent as empty */
void ipc_put_rest(struct ipc *c, struct str s); /* bytes up to the end of the body */
/* fd: -1, or a descriptor that is duplicated into the peer (still the caller's to close). */
int ipc_send(struct ipc *c, int fd);
int ipc_reply(struct ipc *c, uint16_t type, uint32_t id); /* an empty message */
size_t ipc_pending(const struct ipc *c);

struct ipc_reader {
	struct str left;
	bool bad;
};
void ipc_read(const struct ipc_msg *m, struct ipc_reader *r);
uint8_t ipc_get_u8(struct ipc_reader *r);
uint32_t ipc_get_u32(struct ipc_reader *r);
uint64_t ipc_get_u64(struct ipc_reader *r);
struct str ipc_get_str(struct ipc_reader *r); /* a view into the body */
struct str ipc_get_rest(struct ipc_reader *r);
bool ipc_done(const struct ipc_reader *r); /* everything was there and nothing is left over */
int ipc_take_fd(struct ipc_msg *m);        /* -1 when there is none */

/* Blocking ends: 1 a message, 0 the peer is gone, -1 errno (ETIMEDOUT after ms; -1 waits for ever).
 */
int ipc_recv(struct ipc *c, struct ipc_msg *m, int64_t ms);

int ipc_pair(int fds[2]); /* both close-on-exec */

#endif
