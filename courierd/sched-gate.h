/* The scheduler's edges to gates: sched-gate.c, and sched-gate-commit.c for what they hand over. */
#ifndef COURIER_SCHED_GATE_H
#define COURIER_SCHED_GATE_H

#include "courierd/sched-main.h"
#include "queue/queue-proto.h"

enum { GATES_MAX = 64 };

struct tmp {
	struct tmp *next;
	char name[QUEUE_TMP_NAME_SIZE];
};

struct part {
	struct part *next;
	uint32_t txn;
	struct buf text;
};

struct gate {
	struct gates *all;
	struct ipc *edge;
	unsigned number;
	uint64_t serial, generation;
	struct tmp *tmp;
	size_t n_tmp, n_parts;
	struct part *parts;
};

struct gates {
	struct scheduler *x;
	struct gate *v[GATES_MAX];
	size_t n, turn;
	uint64_t serial;
};

static inline struct sched *gate_core(struct gate *t)
{
	return &t->all->x->core;
}

void gate_check_sent(struct gate *t, int r); /* of a frame; logs */
void gate_drop_tmp(struct gate *t, const char *name, bool unlink);

/* A long control text comes in parts before its commit.  commit: false for a malformed frame. */
void gate_part(struct gate *t, uint32_t txn, struct str piece);
bool gate_commit(struct gate *t, uint32_t txn, struct ipc_reader *r);
void gate_parts_drop(struct gate *t);

#endif
