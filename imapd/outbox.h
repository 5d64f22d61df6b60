/*
 * The Outbox: a folder whose messages are sent as mail when they come in (OUTBOX, SENDMAIL).
 *
 * The session may run no program (Landlock), so a child is forked before that, which waits for the
 * word.  Both have one file without a name; the session writes the message into it, the child runs
 * SENDMAIL on it and says how it went.  A message is sent before it is stored: a client that hears
 * OK has sent it, and one that hears NO has not.
 */
#ifndef COURIER_IMAPD_OUTBOX_H
#define COURIER_IMAPD_OUTBOX_H

#include "imapd/session.h"

int outbox_start(struct session *s); /* before the session is shut in; 0 also when there is none */
void outbox_end(struct session *s);
bool outbox_is(const struct session *s, const char *name);
/* May n messages go to this folder at once?  False: the reply is made. */
bool outbox_takes(struct session *s, const char *name, size_t n);
/* When it is the Outbox, the message at fd is sent.  0, also for other folders; -1: reply made. */
int outbox_send(struct session *s, const char *name, int fd);
/* The same for a message of the selected folder. */
int outbox_send_selected(struct session *s, const char *name, size_t i);
void outbox_capability(const struct session *s, struct buf *out);

#endif
