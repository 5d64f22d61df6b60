/* A call-out's inside, shared by verifyfilter-callout.c (address, hosts, verdict), -conn.c
 * (connection) and -session.c (what is said). */
#ifndef COURIER_FILTERS_VERIFYFILTER_CONN_H
#define COURIER_FILTERS_VERIFYFILTER_CONN_H

#include "filters/verifyfilter-callout.h"
#include "smtp/outgoing.h"
#include "smtp/reply-read.h"
#include "smtp/smtp.h"
#include "smtp/socks-stream.h"

/*
 * LOOKUP -> CONNECT (-> SOCKS) -> GREETING (SMTPS: TLS_FIRST before it) -> NAME -> EHLO
 * EHLO -> HELO -> MAIL;  EHLO -> STARTTLS -> TLS -> EHLO;  EHLO -> MAIL -> RCPT
 * Trouble with a host leads to CONNECT with the next address, or to the end.
 */
enum callout_state {
	CALLOUT_LOOKUP,
	CALLOUT_CONNECT,
	CALLOUT_SOCKS,
	CALLOUT_TLS_FIRST,
	CALLOUT_GREETING,
	CALLOUT_NAME,
	CALLOUT_EHLO,
	CALLOUT_HELO,
	CALLOUT_STARTTLS,
	CALLOUT_TLS,
	CALLOUT_MAIL,
	CALLOUT_RCPT,
	CALLOUT_STATES,
};

struct callout_host {
	char *name;
	struct sockaddr_storage addr; /* with the port */
};

struct callout {
	struct callout_env *env;
	struct arena *arena;
	struct str address, domain;
	struct route route;
	callout_done done;
	void *ctx;
	uint64_t lookup; /* under way */
	struct callout_host hosts[CALLOUT_HOSTS_MAX];
	size_t n_hosts, host;
	enum callout_state state;
	bool clear_only; /* STARTTLS failed with this host */
	struct socks socks;
	bool has_tls, has_utf8, tls;
	int fd; /* while connecting */
	struct watch *connecting;
	struct timer *timer; /* of the step, while there is no stream */
	struct timer *end;   /* of it all */
	struct stream *st;
	struct reply reply;
	char helo[DNS_NAME_SIZE];
	struct outgoing_name peer;
	struct buf command; /* the last one */
	/* What is known so far; said when no host is left. */
	enum verify_verdict verdict;
	bool known;
	uint16_t code;
	struct buf text, about, on_command;
};

/* callout.c: notes what a host's trouble was.  The word of a host that said "later" is not
 * overruled by one that said no. */
void callout_note(struct callout *c, enum verify_verdict v, uint16_t code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void callout_finish(struct callout *c); /* tells what was noted; frees */

/* conn.c */
void callout_connect(struct callout *c); /* to hosts[host] and those behind it */
void callout_next(struct callout *c);    /* this host will not do */
void callout_disconnect(struct callout *c);
void callout_retry_clear(struct callout *c);
void callout_enter(struct callout *c, enum callout_state st);

/* session.c */
void callout_talk(struct callout *c);    /* connected */
void callout_secured(struct callout *c); /* TLS is up */
void callout_reply(struct callout *c);   /* a whole reply is there */

#endif
