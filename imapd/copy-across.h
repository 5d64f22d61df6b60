/* A message copied into a Maildir of somebody else, where a link would not do: the file must be
 * theirs in every respect. */
#ifndef COURIER_IMAPD_COPY_ACROSS_H
#define COURIER_IMAPD_COPY_ACROSS_H

#include <sys/types.h>

/* The open message to a new file, synced, with its time (INTERNALDATE); -1: errno, nothing stays.
 */
int copy_across(int from, int dirfd, const char *name, mode_t mode);

#endif
