/* Addresses of mail that comes from nodes with paths for addresses (REWRITE=bang). */
#ifndef COURIER_SUBMIT_BANG_H
#define COURIER_SUBMIT_BANG_H

#include "rewrite/rewrite.h"
#include "submit/transaction.h"

bool bang_source(const struct transaction *t);
/* The address in the internet's form where it has one; else as it came. .p NULL: no memory. */
struct str bang_canonical(const struct transaction *t, struct arena *a, struct str address);
/* For header_job: maps paths, then everything to canonical form. */
int bang_header_map(void *transaction, struct arena *a, struct str *local, struct str *domain);

#endif
