/* Whose mail it is: an account of the system, of authdaemond, or the caller. */
#ifndef COURIER_MAILDROP_DROP_ACCOUNT_H
#define COURIER_MAILDROP_DROP_ACCOUNT_H

#include "base/base.h"
#include "config/instance.h"

#include <sys/types.h>

struct drop_account {
	char *name, *home, *shell;
	char *maildir, *quota; /* of authdaemond, or NULL */
	uid_t uid;
	gid_t gid;
	bool system; /* has supplementary groups */
};

/* 0; 67 no such account; 75 cannot tell.  must: authdaemond has to answer. */
int drop_account_find(
    const struct instance *in, const char *user, bool must, struct drop_account *out);
int drop_account_caller(struct drop_account *out);
/* Local delivery has called, and says in the environment whose mail it is: an account without a
 * user of the system, perhaps, one of many with this uid.  Nobody gains by saying so himself. */
bool drop_account_served(void);
/* The name of the caller's user, or none at all. */
bool drop_account_is_caller(const char *user);
/* As root: an account that has never had mail gets its home (skeleton: "" none are made).  0, -1
 * and why. */
int drop_account_home(const struct drop_account *a, const char *skeleton, struct buf *why);
/* Becomes that user, for good.  0, -1 with errno. */
int drop_account_become(const struct drop_account *a);

#endif
