/*
 * Checking and making of stored passwords in processes that do nothing else: a hash may take a
 * second and a gigabyte, and nobody else's look-up shall wait for it, nor shall a fault in a hash
 * function have accounts in its reach.
 */
#ifndef COURIER_AUTHDAEMON_VERIFIER_H
#define COURIER_AUTHDAEMON_VERIFIER_H

#include "event/event.h"
#include "sasl/password.h"

enum { VERIFIER_QUEUE_MAX = 2000 };

struct verifier;
struct verify_job;
/* verdict -1: could not be checked (time, too many waiting, a dead child).  made: verifier_make
 * only; empty when it failed. Never called inside the call that asks. */
typedef void (*verified)(void *ctx, int verdict, struct str made);

struct verifier *verifier_new(struct loop *l, unsigned processes, int64_t timeout_ms);
void verifier_free(struct verifier *v);
struct verify_job *verifier_check(
    struct verifier *v, struct str stored, struct str password, verified done, void *ctx);
struct verify_job *verifier_make(
    struct verifier *v, const char *scheme, struct str password, verified done, void *ctx);
void verifier_cancel(struct verify_job *j);
size_t verifier_waiting(const struct verifier *v);

#endif
