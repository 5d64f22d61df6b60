/*
 * authdaemond: what its parts share.
 *
 *	main.c       the description of the service, and the faces of its helpers
 *	edge.c       the private channel: who may ask what, one arm for each frame
 *	text.c       the original's socket protocol (text-request.c its pure parser)
 *	exchange.c   one SASL exchange, whoever carries it
 *	check.c      is this the password?  by cache, verifier or helper
 *	account.c    the back ends, in their order
 *	ticket.c     one-time tickets;  attempts.c  failures by address
 *
 * Everything runs on one loop in one process, but hashes and PAM, which have processes of their
 *own.
 */
#ifndef COURIER_AUTHDAEMON_DAEMON_H
#define COURIER_AUTHDAEMON_DAEMON_H

#include "auth/auth-proto.h"
#include "authdaemon/account.h"
#include "authdaemon/verifier.h"

enum {
	EDGES_MAX = 256,
	TEXT_CONNECTIONS_MAX = 256,
	TICKETS_MAX = 20000, /* more than these at once: the oldest are gone */
	ATTEMPTS_MAX = 8192, /* addresses remembered */
	ATTEMPTS_FREE = 5,   /* failures of an address before its delays grow */
	ATTEMPTS_FACTOR_MAX = 8,
	ATTEMPTS_FORGET_MS = 15 * 60 * 1000,
};

struct peer;
struct text_connection;
struct tickets;
struct attempts;
struct cache;

struct authd {
	struct service *service;
	struct loop *loop;
	struct accounts accounts;
	struct verifier *verifier;
	struct helper *helper; /* NULL: not started, PAM and shadow can't be asked */
	int helper_fd;
	struct cache *cache;
	struct tickets *tickets;
	struct attempts *attempts;
	unsigned char fake_key[SASL_FAKE_KEY_SIZE];
	struct buf dummy; /* what unknown users' passwords are compared with */
	struct peer *peers;
	struct text_connection *connections;
	unsigned n_peers, n_connections;
	struct watch *listener;
	struct timer *accept_again;
	int64_t fail_delay_ms;
	unsigned
	    external; /* where TLS_EXTERNAL is set, a front end's word counts for certificates */
	int debug;
	uint64_t right, wrong, failed; /* for status */
};

/* check.c: is this the password?  CHECK_* by callback, never inside the call. */
enum check_result { CHECK_RIGHT, CHECK_WRONG, CHECK_FAILED };
struct check;
typedef void (*checked)(void *ctx, enum check_result r);
/* account NULL: nobody of that name; takes as long and ends in CHECK_WRONG */
struct check *check_password(struct authd *d, const struct account *account, const char *service,
    struct str password, struct str peer, checked done, void *ctx);
void check_cancel(struct check *k); /* NULL is fine */

/* cache.c: passwords that were right lately, as keyed digests of everything that made them so. */
struct cache *cache_new(size_t max, int64_t ttl_ms);
void cache_free(struct cache *c);
bool cache_has(struct cache *c, struct str login, struct str stored, struct str password);
void cache_add(struct cache *c, struct str login, struct str stored, struct str password);

/* attempts.c */
struct attempts *attempts_new(void);
void attempts_free(struct attempts *t);
void attempts_failed(struct attempts *t, struct str peer);
void attempts_right(struct attempts *t, struct str peer);
unsigned attempts_factor(struct attempts *t, struct str peer); /* 1 .. ATTEMPTS_FACTOR_MAX */

/* ticket.c */
struct tickets *tickets_new(void);
void tickets_free(struct tickets *t);
/* Owns a.  For the role `redeemer` (a constant) alone. */
void ticket_issue(
    struct tickets *t, struct account *a, const char *redeemer, char out[AUTH_TICKET_SIZE + 1]);
struct account *ticket_redeem(
    struct tickets *t, struct str ticket, const char *role); /* NULL; else account_free it */

/* exchange.c */
struct exchange;
/* AUTH_CONTINUE: data is the challenge.  AUTH_OK: account may be taken with exchange_take_account.
 * After anything but AUTH_CONTINUE only exchange_free is left to do.  May be called inside
 * exchange_step. */
typedef void (*exchange_said)(void *ctx, struct exchange *x, enum auth_verdict v, struct str data);
struct exchange *exchange_new(struct authd *d, struct str service, struct str mechanism,
    struct str peer, struct str binding, struct str external, exchange_said said,
    void *ctx); /* NULL: no such mechanism */
void exchange_free(struct exchange *x);
void exchange_set_domain(struct exchange *x, struct str domain, struct str separators);
void exchange_set_challenge(struct exchange *x, struct str challenge); /* CRAM of a text client */
void exchange_step(struct exchange *x, struct str in); /* .p NULL: no initial response */
struct account *exchange_take_account(struct exchange *x);

/* edge.c */
void edge_accept(struct authd *d, const char *role, int fd);
void edge_close_all(struct authd *d);

/* text.c */
int text_listen(struct authd *d, int fd);
void text_close_all(struct authd *d);

#endif
