/* courierlocal-worker driven over its edge: what its tests share. */
#ifndef COURIER_TESTS_LOCAL_BENCH_H
#define COURIER_TESTS_LOCAL_BENCH_H

#include "local/worker-proto.h"

struct bench {
	char home[64];
	struct ipc *c;
	pid_t pid;
	bool fresh; /* may run programs */
	char text[4096], forwards[512], status[16], place[512];
	uint64_t device;
};

void bench_start(struct bench *b);
int bench_stop(struct bench *b); /* its status */
int bench_setup(void **state);
int bench_setup_fresh(void **state);
int bench_teardown(void **state);
void bench_put(struct bench *b, const char *name, const char *text);
char *bench_get(struct bench *b, const char *name); /* NULL: there is none */
/* Messages in Maildir/sub; the last one's name. */
unsigned bench_count(struct bench *b, const char *sub, char *name, size_t size);
extern const char bench_body[];
struct worker_delivery bench_delivery(struct bench *b);
int bench_answer(struct bench *b);
int bench_deliver(struct bench *b, const struct worker_delivery *d);

#endif
