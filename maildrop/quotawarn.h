/* The warning that a mailbox is nearly full (maildrop -w, deliverquota -w). */
#ifndef COURIER_MAILDROP_QUOTAWARN_H
#define COURIER_MAILDROP_QUOTAWARN_H

/* When the Maildir that dir is or lies in is at least so full: delivers the text of `file` (whole
 * headers and body; Date and Message-Id are added) to it, at most once a day. */
void quota_warn(const char *dir, int percent, const char *file);

#endif
