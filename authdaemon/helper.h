/*
 * The helper: the one process of ours that keeps root's rights, because PAM and the shadow file
 * want them, and changing a password must be done as its user.  It takes only the frames below,
 * answers yes, no or "can't tell", and does each in a child of its own with a time limit.
 */
#ifndef COURIER_AUTHDAEMON_HELPER_H
#define COURIER_AUTHDAEMON_HELPER_H

#include "event/event.h"

enum helper_kind { HELPER_NOT, HELPER_PAM, HELPER_SHADOW };

enum { HELPER_PARALLEL = 16, HELPER_LIMIT_S = 30 };

enum helper_frame {
	HELPER_CHECK = 1, /* kind: u8; service, user, password, peer: str */
	HELPER_CHANGE,    /* user, old, new: str */
	HELPER_ANSWER,    /* verdict: u8, 0 right, 1 wrong, 2 can't tell */
};

struct helper;
struct helper_job;
/* verdict: 0 right, 1 wrong, -1 can't tell.  Never called inside the call that asks. */
typedef void (*helped)(void *ctx, int verdict);

/* In two steps: the process while we still have our first rights, the channel with the loop.  -1
 * with errno. */
int helper_start(void); /* the channel's descriptor */
struct helper *helper_new(struct loop *l, int fd, void (*lost)(void *ctx), void *ctx);
void helper_free(struct helper *h);
struct helper_job *helper_check(struct helper *h, enum helper_kind kind, const char *service,
    struct str user, struct str password, struct str peer, helped done, void *ctx);
/* A new password for a user of the system, by authsystem.passwd.  verdict: 0 changed, 1 refused. */
struct helper_job *helper_change(
    struct helper *h, struct str user, struct str old, struct str fresh, helped done, void *ctx);
void helper_cancel(struct helper_job *j);

/* system-check.c, in the helper's children: 0, 1, 2 as above */
/* system-change.c, the same */
int system_change(const char *user, const char *old, const char *fresh);
int system_check(enum helper_kind kind, const char *service, const char *user, const char *password,
    const char *peer);

#endif
