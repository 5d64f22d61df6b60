/*
 * A message that comes as a literal8 (RFC 3516): with binary parts, whose bytes must arrive as they
 * were sent although files of a Maildir have lines with LF.  It is kept in a file without a name
 * until it is complete; then what is binary becomes base64.
 */
#ifndef COURIER_IMAPD_APPEND_BINARY_H
#define COURIER_IMAPD_APPEND_BINARY_H

#include "base/base.h"

/* A file in dir/tmp that nobody sees; -1 with errno. */
int binary_file(const char *dir);
/* Gives the converted message to take, piece by piece.  -1 with errno: EBADMSG when it has bytes
 * that are no line and in no binary part, EMSGSIZE when it has too many parts. */
int binary_convert(int fd, int (*take)(void *ctx, struct str piece), void *ctx);

#endif
