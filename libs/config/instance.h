/*
 * An instance: the folders that one mail system lives in.
 *
 * It is found by -C DIR, else by COURIER_HOME in the environment (ignored when the process is more
 * privileged than its caller), else it is the installation's own (configure's folders).  With DIR
 * the folders are DIR/etc, DIR/var, DIR/log, DIR/mail.  Root refuses an instance whose folders
 * others may write.
 */
#ifndef COURIER_CONFIG_INSTANCE_H
#define COURIER_CONFIG_INSTANCE_H

#include "base/base.h"

struct instance {
	char *home; /* DIR, or NULL for the installation itself */
	char *etc;  /* configuration */
	char *var;  /* queue, sockets, state */
	char *log;  /* NULL: syslog */
	char *mail; /* mailboxes of virtual accounts; NULL: none */
	char *run;  /* var/run: sockets and pid files */
};

/* dir: the argument of -C or NULL.  0, or -1 and *why tells the reason (static or arena-free text
 * that the caller frees). */
int instance_find(struct instance *in, const char *dir, char **why);
void instance_free(struct instance *in);
char *instance_path(const char *folder, const char *name); /* "folder/name", to be freed */

#endif
