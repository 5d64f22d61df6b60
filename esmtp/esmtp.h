/*
 * esmtp: the module that hands mail to other hosts (RFC 5321, client side).
 *
 * One process, one loop.  A `job` is a delivery from the scheduler.  A `target` is a place that
 * mail is sent to (a domain by its MX, or a relay of esmtproutes): its addresses, its queue of
 * jobs, its connections.  A `conn` is one SMTP session; it takes one job after the other from its
 * target's queue and stays open for a while when there is none.
 */
#ifndef COURIER_ESMTP_H
#define COURIER_ESMTP_H

#include "dns/dns.h"
#include "esmtp/authclient.h"
#include "esmtp/convert.h"
#include "esmtp/esmtp-settings.h"
#include "esmtp/sts-client.h"
#include "esmtp/tls-need.h"
#include "smtp/reply-read.h"
#include "sts/no-tls.h"
#include "smtp/routes.h"
#include "smtp/socks.h"
#include "module/module.h"
#include "smtp/smtp.h"
#include "tls/tls.h"

/* ---- settings.c: what the configuration says, ready for use ---------------------------------- */

struct settings {
	struct config *config;
	struct routes *routes, *backup; /* backup: of backuprelay; NULL: none */
	struct authclient *authclient;
	char *me; /* our name: the setting, else the system's */
	int64_t command_ms, connect_ms, data_ms, helo_ms, keepalive_ms, ping_ms, quit_ms;
	int64_t down_s;         /* esmtpdelay */
	int64_t warn_s;         /* age at which mail goes to the backup relay; 0: never */
	size_t max_connections; /* to one target */
	bool starttls, verify_domain, verify_chain;
	struct socks_proxy *proxy; /* NULL: none */
	bool sts;                  /* MTA-STS counts: there is somebody to trust */
	enum signed_mode signed_8bit, dkim_8bit;
	struct map *vhosts; /* key -> struct settings; NULL: none yet */
};

/* Keeps the snapshot.  NULL: a file is wrong (logged). */
struct settings *settings_new(struct config *c);
void settings_free(struct settings *s);
/* Those of a virtual host, or s itself where it has none of its own. */
struct settings *settings_of(struct settings *s, struct str vhost);
/* Is mail from this source to be dropped here (ESMTP_BLOCKBACKSCATTER)? */
bool settings_drops_source(const struct settings *s, struct str source);

/* ---- self.c: is that address or name our own? ------------------------------------------------ */

struct self;
struct self *self_new(const struct config *c);
void self_free(struct self *s);
bool self_is_address(struct self *s, const struct sockaddr_storage *a, uint16_t port);

/* ---- the process ----------------------------------------------------------------------------- */

struct target;
struct conn;
struct job;

struct esmtp {
	struct service *service;
	struct loop *loop;
	struct dns *dns;
	struct tls_client *tls; /* NULL: no TLS */
	struct settings *settings;
	struct self *self;
	struct sts_client *sts;
	struct map *targets;
	struct no_tls *no_tls; /* "host [ip]" */
	struct no_tls
	    *told; /* what was logged of MTA-STS in testing mode, and until when it will do */
	struct timer *sweep, *start;
	unsigned awaited; /* looks for what must be known at the start */
	bool awaiting;    /* it is not yet */
	struct job *held; /* what has come meanwhile */
	size_t jobs, idle;
	struct buf chunk; /* the message text on its way out, used within one callback */
};

/* A policy that is being tested would stop mail: said once a day for each domain, host and reason.
 */
void esmtp_sts_report(struct esmtp *e, const char *domain, const char *host, const char *why);
/* This host's STARTTLS does not work: it gets mail in clear for a while. */
void esmtp_no_tls_add(struct esmtp *e, struct str host);

/* ---- job.c ----------------------------------------------------------------------------------- */

struct job_rcpt {
	const struct module_rcpt *rcpt;
	bool done;     /* a result was given */
	bool accepted; /* by the peer, in the transaction at hand */
	bool later;    /* the peer takes it in another transaction */
};

struct job {
	struct esmtp *e;
	struct job *next;
	const struct module_delivery *d;
	struct module_body *body;
	void *handle;
	struct job_rcpt *rcpts;
	size_t n, left; /* recipients; those without a result */
	bool utf8;      /* addresses or headers need SMTPUTF8 */
	bool requeued;  /* has lost a connection that had been idle before */
};

struct job *job_new(
    struct esmtp *e, struct module_delivery *d, struct module_body *b, void *handle);
/* The result of recipient i; logs. */
void job_result(struct job *j, size_t i, const struct module_result *r);
/* The same for all that have none yet. */
void job_result_rest(struct job *j, const struct module_result *r);
void job_free(struct job *j); /* the delivery is over: recipients without a result are deferred */

/* ---- target.c -------------------------------------------------------------------------------- */

struct candidate {
	char *host;
	uint16_t pref;
	struct sockaddr_storage addr; /* with the port */
	struct tls_need need;
};

enum { CANDIDATES_MAX = 40 };

/* Why no connection could be had. */
struct trouble {
	bool permanent;
	uint16_t code;
	char status[16];
	struct buf text; /* at most TROUBLE_TEXT_MAX */
	struct buf remote;
	const char *command; /* static; NULL: none */
	bool connection;
};
enum { TROUBLE_TEXT_MAX = REPLY_TEXT_MAX + 200 };
void trouble_init(struct trouble *t);
void trouble_free(struct trouble *t);

struct target {
	struct esmtp *e;
	char *key;
	char
	    *domain; /* of the first delivery: for credentials, and for MX when there is no relay */
	char *relay;
	char *vhost; /* whose settings count (NAME.VHOST in place of NAME); empty: nobody's */
	struct route route; /* relay points to `relay` */
	bool secured;       /* by the route or by its mail: SECURITY=STARTTLS */
	bool requiretls;    /* by its mail: REQUIRETLS */
	bool tls_optional;  /* by its mail: policies of the domain do not count (RFC 8689, 5) */
	VEC(struct candidate) candidates;
	uint64_t lookup; /* under way */
	struct sts_question *sts_question;
	enum sts_mode sts; /* of the domain's MTA-STS policy */
	char *sts_policy;  /* its text; NULL: none */
	int64_t resolved;  /* clock_mono_ms, 0: never */
	struct job *first, **last;
	size_t n_queued;
	VEC(struct conn *) conns; /* open or opening */
	size_t n_opening;
	int64_t down_since; /* epoch seconds */
	int64_t down_until_ms;
	int64_t crowded_until;  /* clock_mono_ms: it takes no more connections than it has */
	struct trouble trouble; /* of the last attempt */
	int64_t probed;         /* clock_mono_ms: whether it refuses reports; 0: never */
	int64_t used;           /* clock_mono_ms */
};

/* What counts for its mail; good until the settings are read anew. */
const struct settings *target_settings(const struct target *t);
/* Takes the job. */
void target_submit(struct esmtp *e, struct job *j);
/* The connection is ready for a job: gives it one (conn_deliver) or leaves it idle.  True: given.
 */
bool target_feed(struct target *t, struct conn *c);
/* A connection that was opening has made it, or has failed (with t->trouble set by conn). */
void target_opened(struct target *t);
void target_work(struct target *t); /* opens what is due */
void target_failed(struct target *t, struct conn *c);
void target_lost(struct target *t, struct conn *c); /* an open one is gone */
void target_requeue(struct target *t, struct job *j);
void targets_sweep(struct esmtp *e);
void targets_part(struct esmtp *e);          /* the end: sessions without mail say QUIT */
bool targets_parting(const struct esmtp *e); /* is any session still open? */

/* ---- conn.c ---------------------------------------------------------------------------------- */

void conn_open(struct target *t);
void conn_deliver(struct conn *c, struct job *j);
bool conn_idle(const struct conn *c);
bool conn_clearing(const struct conn *c); /* waits for RSET, then it is free */
void conn_quit(struct conn *c);           /* an idle one: says QUIT and goes */
void conn_part(struct conn *c);           /* at the end: QUIT, or soon */
bool conn_session(const struct conn *c);  /* it has got through, so it ends with QUIT */
void conn_drop(struct conn *c);           /* at once, without a word to its target */

#endif
