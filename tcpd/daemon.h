/*
 * A tool in the background: its pid file, and the rights it goes on with.
 *
 * PIDFILE holds the number, PIDFILE.lock a lock (flock) as long as the process lives, however it
 * ends.  A stop or a restart signals the number only while somebody holds the lock: an old file
 * never hits a stranger.
 */
#ifndef COURIER_TCPD_DAEMON_H
#define COURIER_TCPD_DAEMON_H

#include "base/base.h"

enum { DAEMON_STOP_MS = 10000 };

/* Takes the lock.  0; 1: another one runs; -1 with errno. */
int daemon_lock(const char *pidfile);
/*
 * Goes into the background: returns 0 in the child, which calls daemon_ready when it serves, and
 * -1 with errno without one.  The parent waits for that and exits 0, or 1 when the child dies
 * first. Standard input and output become /dev/null.
 */
int daemon_background(void);
int daemon_number(const char *pidfile); /* writes the number; 0, or -1 with errno */
void daemon_ready(void);                /* the parent may go; standard error is /dev/null now */
/* Sends the signal; with wait, until the lock is free.  0, also when nothing runs; -1 with errno,
 * ETIMEDOUT when it does not end. */
int daemon_signal(const char *pidfile, int signo, bool wait);

/* user and group: names or numbers, NULL for none; a user brings the group and the groups. */
struct daemon_rights {
	bool any;
	uid_t uid;
	gid_t gid;
	char *name; /* of the user, for its groups; NULL: unknown */
};
/* NULL, or what is wrong (static text). */
const char *daemon_rights_find(const char *user, const char *group, struct daemon_rights *r);
/* 0, or -1 with errno; proved. */
int daemon_rights_take(const struct daemon_rights *r);

#endif
