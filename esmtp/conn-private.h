/* A session with a server, shared by conn.c, session.c, auth.c and transaction.c. */
#ifndef COURIER_ESMTP_CONN_PRIVATE_H
#define COURIER_ESMTP_CONN_PRIVATE_H

#include "esmtp/esmtp.h"
#include "esmtp/terms.h"
#include "sasl/sasl.h"
#include "smtp/outgoing.h"
#include "smtp/socks-stream.h"

/*
 * Legal transitions:
 *
 *	CONNECT -> GREETING, or TLS_FIRST -> GREETING (SMTPS); SOCKS before them by way of a proxy
 *	GREETING -> NAME -> EHLO -> STARTTLS -> TLS -> EHLO    (NAME only when esmtphelo is "*")
 *	EHLO -> HELO -> ready;  EHLO -> AUTH -> ready;  EHLO -> ready
 *	ready = ENVELOPE or IDLE
 *	IDLE -> ENVELOPE, RSET, QUIT;  RSET -> ready
 *	ENVELOPE -> BODY -> FINAL -> ready, ENVELOPE (recipients left) or RSET
 *	ENVELOPE -> CANCEL (354 without a recipient) -> RSET;  ENVELOPE -> RSET
 *	ENVELOPE -> PROBE (the null sender was refused: is another one?) -> RSET
 *
 * Before the session is ready any trouble leads to the next candidate (CONNECT again) or to the end
 * of the connection; afterwards to the end of the connection.
 */
enum conn_state {
	CONN_CONNECT,
	CONN_SOCKS,
	CONN_TLS_FIRST,
	CONN_GREETING,
	CONN_NAME,
	CONN_EHLO,
	CONN_HELO,
	CONN_STARTTLS,
	CONN_TLS,
	CONN_AUTH,
	CONN_IDLE,
	CONN_ENVELOPE,
	CONN_BODY,
	CONN_FINAL,
	CONN_PROBE,
	CONN_CANCEL,
	CONN_RSET,
	CONN_QUIT,
	CONN_STATES,
};

enum conn_ext {
	EXT_PIPELINING = 1,
	EXT_SIZE = 2,
	EXT_8BITMIME = 4,
	EXT_SMTPUTF8 = 8,
	EXT_DSN = 16,
	EXT_STARTTLS = 32,
	EXT_AUTH = 64,
	EXT_XEXDATA = 128,
	EXT_SECURITY = 256, /* XSECURITY with STARTTLS, and the mail demands it */
	EXT_REQUIRETLS = 512,
	EXT_DELIVERBY = 1024,
	EXT_PRDR = 2048,
};

/* One MAIL with its RCPTs. */
struct transaction {
	size_t *rcpts; /* indices into job->rcpts, in the order they are named */
	size_t n;
	size_t asked, answered; /* commands sent, replies read: MAIL, RCPT..., DATA */
	size_t accepted;
	bool mail_ok;
	uint16_t kept; /* code of MAIL's refusal, its text in `said`; 0: results were given */
	struct smtp_stuff stuff;
	uint64_t offset; /* of the message, what has been given to the stream */
	bool all_given;
	bool prdr;                     /* was asked for */
	bool each;                     /* 353 was said: a reply for each follows */
	size_t n_each;                 /* how many have come */
	struct buf said;               /* they, as they were */
	struct conversion *conversion; /* goes instead of the message; NULL: none */
};

/* One of two that are connecting (connect.c). */
struct attempt {
	struct conn *conn;
	int fd; /* -1: none */
	struct watch *watch;
	size_t candidate;
};

struct conn {
	struct target *t;
	struct esmtp *e;
	enum conn_state state;
	bool opened; /* was ready once: its target counts on it */
	size_t candidate;
	struct tls_need need; /* of this candidate */
	bool clear_only;      /* STARTTLS failed with this candidate just now */
	bool resuming;        /* the handshake at hand is of an earlier session */

	struct attempt attempts[2];
	size_t used;  /* the candidate that was connected */
	size_t raced; /* 1 + the one that was tried beside another; 0: none */
	struct socks socks;
	struct timer *timer; /* connecting, idle */
	struct stream *st;
	struct reply reply;
	struct outgoing_name peer;

	unsigned ext;
	uint64_t size_max;
	int64_t by_min; /* of DELIVERBY */
	struct peer_limits limits;
	uint32_t mails; /* MAILs said in this session */
	char mechanisms[256];
	bool tls;
	char helo[DNS_NAME_SIZE];
	uint64_t helo_lookup;
	struct sasl_client *sasl;

	unsigned messages; /* handed over since the session began */
	int64_t idle_since;
	struct job *job;
	struct transaction tx;
};

void conn_enter(struct conn *c, enum conn_state st); /* with the state's deadline */
void conn_command(struct conn *c, enum conn_state st, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void conn_ready(struct conn *c); /* for the next job */
bool conn_spent(const struct conn *c);
/*
 * conn-trouble.c: the session can't go on.  Before it was ready the next candidate is tried;
 * afterwards the job at hand is deferred (or queued again when the peer had just closed an idle
 * session) and the connection ends.  The conn may be gone when these return.
 */
void conn_trouble(struct conn *c, const char *command, const char *status, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void conn_refused(struct conn *c, const char *command); /* the same with the reply at hand */
/* connect.c has got a connection, or there is no candidate any more. */
void conn_connected(struct conn *c, int fd, const struct sockaddr_storage *to);
void conn_no_more(struct conn *c);
void conn_disconnect(struct conn *c);  /* back to nothing but the target */
void conn_lose(struct conn *c);        /* the end: the target hears of it, the conn is gone */
void conn_retry_clear(struct conn *c); /* the same candidate without STARTTLS */
void conn_hang_up(struct conn *c);     /* hang-up.c: closes; the answer is not waited for */
/* An enhanced code of the reply's own, or X.0.0 of its class; cut off *text. */
struct str reply_status(const struct reply *r, struct str *text);

/* session.c */
void session_secure(struct conn *c);                  /* TLS is up */
const char *session_tls_reason(const struct conn *c); /* who demands it: " (...)", or "" */
void session_start(struct conn *c);                   /* the TCP connection is there */
void session_reply(struct conn *c);                   /* a reply in a state of session.c */
/* auth.c: 1 an exchange was begun, 0 none is due. */
int auth_begin(struct conn *c);
void auth_reply(struct conn *c);
/* transaction.c */
void transaction_begin(struct conn *c);
void transaction_reply(struct conn *c);
void transaction_more(struct conn *c);   /* there is room for message text */
void transaction_settle(struct conn *c); /* gives results that a probe has kept back */
void transaction_free(struct conn *c);

#endif
