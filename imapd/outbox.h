/*
 * The Outbox: a folder whose mail is sent when it is put there (parity: OUTBOX).
 *
 * The session is shut into its Maildir and can run no program, so a helper that was forked before
 * runs the one command there is: SENDMAIL -oi -t -f ADDRESS, with the message on its standard
 * input. The helper has the account's rights, no connection of the client, and ends with the
 * session.
 */
#ifndef COURIER_IMAPD_OUTBOX_H
#define COURIER_IMAPD_OUTBOX_H

#include "imapd/session.h"

enum {
	OUTBOX_WAIT_MS = 300000, /* for the command */
	OUTBOX_SAID_MAX = 1024,  /* bytes of what it says */
};

/* Before the session is shut in.  -1: no helper, and nothing can be sent. */
int outbox_start(struct session *s);
bool name_is_outbox(const struct session *s, const char *name);
/* Sends the message in an open file (read from its start).  False: it was not sent, reply made. */
bool outbox_send(struct session *s, int fd);
/* For COPY and MOVE: sends the messages picked when the target is the Outbox.  False: reply made.
 */
bool outbox_send_picked(struct session *s, const struct picked *set);

#endif
