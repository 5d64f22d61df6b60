/*
 * The two algorithms of THREAD (RFC 5256, section 3).  They work on facts alone and touch neither
 * files nor the session.
 */
#ifndef COURIER_IMAPD_THREAD_H
#define COURIER_IMAPD_THREAD_H

#include "imapd/sort.h"

/* A message in its place, or (facts NULL) the missing parent of some. */
struct thread_node {
	struct thread_node *parent, *child, *next;
	const struct sort_facts *facts;
};

/* The threads, linked by ->next, in the order they are shown; NULL also without messages.
 * *failed: the arena is full.  facts may be reordered. */
struct thread_node *thread_ordered_subject(
    struct arena *a, struct sort_facts *facts, size_t n, bool *failed);
struct thread_node *thread_references(
    struct arena *a, struct sort_facts *facts, size_t n, bool *failed);

#endif
