/*
 * authdaemond's side of authldap, authmysql, authpgsql and authsqlite (authdb/authdb-proto.h): each
 * is a role of its own, asked over an edge, and nobody waits for it but who wants to know.
 */
#ifndef COURIER_AUTHDAEMON_REMOTE_H
#define COURIER_AUTHDAEMON_REMOTE_H

#include "authdaemon/account.h"
#include "authdb/authdb-proto.h"

enum { REMOTE_UP_MS = 5000 }; /* a role that has been away for longer is not waited for */

struct remotes *remotes_new(struct service *s);
void remotes_free(struct remotes *r);

/* done() comes once, never inside the call, unless the job is cancelled before. */
struct remote_job;
typedef void (*remote_done)(void *ctx, enum authdb_verdict v);

/* out must stay until then. */
struct remote_job *remote_lookup(struct remotes *r, const char *role, const char *service,
    struct str name, struct account *out, remote_done done, void *ctx);
/* Accounts with `binds`: the directory itself says whether this is the password. */
struct remote_job *remote_check(struct remotes *r, const char *role, const char *service,
    struct str name, struct str password, remote_done done, void *ctx);
struct remote_job *remote_change(struct remotes *r, const char *role, const char *service,
    struct str name, struct str old, struct str fresh, struct str made, remote_done done,
    void *ctx);
struct remote_job *remote_each(
    struct remotes *r, const char *role, account_listed fn, remote_done done, void *ctx);
void remote_cancel(struct remote_job *j); /* NULL is fine */

#endif
