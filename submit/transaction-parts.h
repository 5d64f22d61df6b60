/* Among transaction*.c only. */
#ifndef COURIER_SUBMIT_TRANSACTION_PARTS_H
#define COURIER_SUBMIT_TRANSACTION_PARTS_H

#include "submit/transaction.h"

enum { TRANSACTION_ENV_MAX = 16 * 1024 };

/* transaction-client.c */
void transaction_copy_origin(struct transaction *t, const struct gate_open_frame *o);
/* The newest snapshot's policy for this client; true: it is another one than before. */
bool transaction_choose_policy(struct transaction *t, struct str login);
void transaction_read_environment(struct transaction *t, bool *deny);
/* What the access table has set already is not asked for. */
void transaction_start_lists(struct transaction *t);
uint64_t transaction_size_limit(const struct transaction *t);
/* NOADDDATE and kin: unset, empty and 0 are off. */
bool transaction_env_number(const struct transaction *t, const char *name, uint64_t *out);

/* transaction-mail.c */
void message_free(struct message *m);

#endif
