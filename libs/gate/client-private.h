/* The async client's insides: client.c (answers, sending, the edge) and client-calls.c. */
#ifndef COURIER_GATE_CLIENT_PRIVATE_H
#define COURIER_GATE_CLIENT_PRIVATE_H

#include "gate/gate-proto.h"

struct request {
	struct request *next;
	gate_answer cb;
	void *ctx;
	const struct gate_reply *failed; /* the answer from here, when the gate won't give one */
};

struct frame {
	struct frame *next;
	uint16_t type;
	size_t n;
	char body[];
};

struct gate_client {
	struct service *service;
	struct service_link *link;
	struct timer *patience;
	struct map *txns; /* id -> struct gate_txn */
	uint32_t last_id;
	uint64_t epoch;
	struct buf scratch;
};

struct gate_txn {
	struct gate_client *client;
	uint32_t id;
	uint64_t epoch;           /* of the edge that has our OPEN; 0: none */
	struct buf open;          /* the encoded origin */
	struct buf name;          /* the encoded name, when it came later; may be empty */
	gate_connected connected; /* waits for the policy when not NULL */
	void *connected_ctx;
	struct request *requests, **requests_end;
	struct frame *waiting, **waiting_end;
	size_t waiting_bytes;
	void (*writable)(void *ctx);
	void *writable_ctx;
	bool open_failed; /* the policy is answered from here */
	bool in_message;  /* MAIL was asked, END or RESET not yet */
	bool lost;        /* the gate that had the beginning of this message is gone */
	bool login;       /* the gate has been told who this is */
	bool login_lost;  /* and it is gone */
	bool closed;
	unsigned busy; /* callbacks running */
};

static inline struct str gate_id_key(const uint32_t *id)
{
	return str_at(id, sizeof(*id));
}

extern const struct gate_reply gate_gone, gate_forgotten; /* temporary failures from here */

void gate_txn_free(struct gate_txn *t);
/* By the edge that is up, or later. */
void gate_txn_send(struct gate_txn *t, uint16_t type, struct str body);
void gate_put_on_wire(struct gate_txn *t, struct ipc *c, uint16_t type, struct str body);
void gate_say_open(struct gate_txn *t, struct ipc *c); /* unless this edge has heard it */
/* Of the loop: answers what has failed here, in its turn. */
void gate_answer_failed(void *txn);

#endif
