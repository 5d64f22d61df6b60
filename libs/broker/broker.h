/*
 * libs/broker: the client of the broker, the one process with root's rights that forks workers and
 * sessions as the owner of a mailbox.  It never takes a uid from anybody: it redeems a ticket, or
 * asks authdaemond for the name itself, and refuses uid 0 and uids outside the configured range.
 */
#ifndef COURIER_BROKER_H
#define COURIER_BROKER_H

#include "service/service.h"

struct broker_client;
struct broker_client *broker_client_new(struct service *s);
void broker_client_free(struct broker_client *b);

/*
 * Login processes: a session ("imapd", "pop3d") for the ticket's account; client is the descriptor
 * that becomes its standard input and output (duplicated; the caller closes its own).  env: lines
 * NAME=value out of a fixed list (IMAP_LOGIN_TAG, IMAP_INITIAL, TCPREMOTEIP, ..., PROTOCOL).
 * ok(0): the session runs; ok(-1): refused, `why` is a line for the log and the client gets a
 * temporary failure.
 */
typedef void (*broker_ok)(void *ctx, int result, struct str why);
void broker_session(struct broker_client *b, const char *program, struct str ticket, struct str env,
    int client, broker_ok ok, void *ctx);

/*
 * Local delivery: a worker ("courierlocal-worker") running as the account `name`.  fd is the edge
 * to it (ipc_new it), uid and gid tell for whom else it may be reused; fresh: not to be shared with
 * other accounts of the same uid (programs and filters will run).  fd -1: result < 0 tells
 * temporary (-1) or permanent (-2, no such account) and why.
 */
typedef void (*broker_worker_got)(
    void *ctx, int result, int fd, uint32_t uid, uint32_t gid, struct str why);
void broker_worker(
    struct broker_client *b, struct str name, bool fresh, broker_worker_got got, void *ctx);

/*
 * Local delivery: the account's home is missing; it is made from AUTH_MKHOMEDIR_SKEL.  ok(0): it is
 * there; ok(-1): why not, which may be otherwise later.
 */
void broker_home(struct broker_client *b, struct str name, broker_ok ok, void *ctx);

/*
 * The gate, at RCPT: is there anything that takes mail for the account's extension `ext`?  Answered
 * as the account's owner, in whose home .courier-EXT and the -default chain are looked for.  An
 * empty ext asks only whether the home can be used.
 */
enum broker_looked_at {
	BROKER_LOOK_YES,
	BROKER_LOOK_NO,         /* no such extension: 550 5.1.1 */
	BROKER_LOOK_UNREADABLE, /* home missing, locked (sticky bit) or not accessible: accept,
				   delivery tells */
	BROKER_LOOK_TEMPFAIL,   /* nobody could be asked: 4xx */
	BROKER_LOOK_NO_ACCOUNT,
};
typedef void (*broker_looked)(void *ctx, enum broker_looked_at result);
void broker_look(
    struct broker_client *b, struct str name, struct str ext, broker_looked looked, void *ctx);

/*
 * The pseudo account of last resort: its home is etc/aliasdir, it runs as the user of filters and
 * alias programs (an instance of an ordinary user: as that user).  No authdaemond is asked.
 */
#define BROKER_ALIAS_ACCOUNT ".alias"

/*
 * The gate, at RCPT and at the end of a message: the filter of a mailbox's owner (setting
 * maildropfilter), run as the owner.  The caller names an account and a moment, never a program.
 */
#define BROKER_ALIAS_FILTER ".aliasfilter" /* the account of the file aliasfilteracct */
struct broker_filter {
	struct str name;   /* account as authdaemond knows it, or BROKER_ALIAS_FILTER */
	struct str filter; /* "rcptfilter-ext", "smtpfilter" */
	struct str sender; /* without <> */
	struct str env;    /* NAME=value lines about the client; others than the documented are
			      left out */
	int message;       /* standard input (duplicated); -1: nothing */
};
/* result 0: it has ended with `status`; -1: it could not be run, took too long or was killed, and
 * output says why. */
typedef void (*broker_filtered)(void *ctx, int result, unsigned status, struct str output);
void broker_filter(
    struct broker_client *b, const struct broker_filter *f, broker_filtered done, void *ctx);

#endif
