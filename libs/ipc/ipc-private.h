#ifndef COURIER_IPC_PRIVATE_H
#define COURIER_IPC_PRIVATE_H

#include "ipc/ipc.h"

/* On the wire, in the machine's own byte order: both ends are one build on one machine. */
struct ipc_header {
	uint32_t magic;
	uint16_t type;
	uint16_t has_fd;
	uint32_t id;
	uint32_t length;
};

/* Changes with every change of any frame: an end of another build is refused. */
enum { IPC_MAGIC = 0x43495031 };

struct ipc_waiting { /* a message the peer's buffer had no room for */
	struct ipc_waiting *next;
	int fd;
	size_t n;
	char data[];
};

struct ipc {
	struct loop *loop;
	int fd;
	struct watch *watch;
	const struct ipc_handlers *h;
	void *ctx;
	struct buf out; /* the message being composed, header first */
	char *in;
	struct ipc_waiting *first, **last;
	size_t waiting_bytes;
	bool composing_failed, in_callback, dead, closed, close_due;
};

#endif
