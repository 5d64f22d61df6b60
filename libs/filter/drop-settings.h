/* What an administrator may decide for every maildrop: the file maildropsettings. */
#ifndef COURIER_MAILDROP_DROP_SETTINGS_H
#define COURIER_MAILDROP_DROP_SETTINGS_H

#include "config/config.h"

extern const struct config_component maildrop_settings; /* component "maildrop" */

struct drop_settings {
	unsigned seconds; /* for a whole run */
	size_t small;     /* a message up to this size is kept in memory */
	mode_t mode;      /* of a new mbox */
	bool dot_lock, kernel_lock;
	bool syslog;
	const char *default_mailbox; /* "%u" is the account, "%h" its home; "" none */
	const char *sendmail;        /* "" */
	const char *lock_sleep, *lock_timeout, *lock_refresh;
};

/* Strings live as long as the snapshot. */
void drop_settings_of(const struct config *c, struct drop_settings *out);

#endif
