/*
 * libs/base: one message with at most one descriptor, over a Unix socket that keeps messages apart
 * (SOCK_SEQPACKET).  libs/ipc makes frames of it; use this alone where a process has no loop and
 * nothing to say but the descriptor.
 */
#ifndef COURIER_BASE_DESCRIPTOR_H
#define COURIER_BASE_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* fd: -1, or a descriptor that is duplicated into the peer (still the caller's to close).  Never
 * raises SIGPIPE.  0, or -1 with errno. */
int descriptor_send(int sock, const void *p, size_t n, int fd);
/* Bytes received, 0 when the peer is gone, -1 with errno.  *fd: -1, or a descriptor that is the
 * caller's now, close-on-exec.  *cut: the peer sent more than n bytes or one descriptor, or there
 * was no free one here.  flags: recvmsg's. */
ssize_t descriptor_receive(int sock, void *p, size_t n, int flags, int *fd, bool *cut);

#endif
