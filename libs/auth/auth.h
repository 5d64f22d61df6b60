/*
 * libs/auth: the client of authdaemond.
 *
 * Two faces.  The private channel (an edge, libs/ipc): network roles ask whether a SASL exchange
 * succeeds and get yes or no, never a hash; a yes comes with a one-time ticket that one role (and
 * nobody else) turns into the account: the broker those of imaplogin and pop3login, the gate those
 * of esmtpd.  The original's text protocol on authdaemond's UNIX socket
 * (mode 0777 in a 0750 folder) is for other software, and for our own command-line tools.
 */
#ifndef COURIER_AUTH_H
#define COURIER_AUTH_H

#include "service/service.h"

enum auth_verdict {
	AUTH_OK,
	AUTH_NO,       /* wrong user or password: say no more than that */
	AUTH_TEMPFAIL, /* a back end is down */
	AUTH_CONTINUE, /* the mechanism wants another step: `data` is the challenge (raw bytes) */
};

struct auth_account {       /* strings live in the arena given to the call, or in the callback */
	struct str name;    /* canonical login name (ADDRESS) */
	struct str sysuser; /* USERNAME, may be empty */
	uint32_t uid, gid;
	struct str home;
	struct str maildir; /* empty: the default below home */
	struct str quota;
	struct str fullname;
	struct str options; /* "key=value,key=value" */
};

enum { AUTH_TICKET_SIZE = 32 }; /* bytes of a ticket: letters and digits */

struct auth_client;
/* Keeps a standing edge to authdaemond. Service roles only (esmtpd, login, gate, broker, ...). */
struct auth_client *auth_client_new(struct service *s);
void auth_client_free(struct auth_client *a);
/*
 * What is appended to the names of all exchanges that start from now on, whatever their mechanism:
 * domain with its separator first ("@example.com"), to names with none of the separators (empty:
 * none like the domain's first character).
 */
void auth_default_domain(struct auth_client *a, struct str domain, struct str separators);

/*
 * A SASL exchange.  mechanism: "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", ...; service: "imap",
 * "pop3", "smtp"; initial: the decoded initial response, .p NULL when there was none.  peer: the
 * client's address for logs and limits.  tls: the connection is encrypted; binding: tls-exporter
 * bytes for -PLUS, or empty.  done() is called once for each step: with AUTH_CONTINUE answer by
 * auth_sasl_step.  On AUTH_OK login is the canonical name and ticket the one-time ticket.
 * Failed attempts are delayed by authdaemond, not by the caller.  An exchange is gone when done()
 * is called with anything but AUTH_CONTINUE: do not cancel it then.  While authdaemond is down
 * requests wait for it; no answer within 90 s is AUTH_TEMPFAIL.
 */
struct auth_sasl;
struct auth_result {
	enum auth_verdict verdict;
	struct str data; /* challenge, or final server data that must still be sent (SCRAM) */
	struct str login;
	struct str ticket;
	struct str options; /* the account's options that concern the front (disableimap=1, ...) */
};
typedef void (*auth_done)(void *ctx, const struct auth_result *r);
struct auth_sasl *auth_sasl_start(struct auth_client *a, const char *service, struct str mechanism,
    struct str initial, struct str peer, bool tls, struct str binding, auth_done done, void *ctx);
void auth_sasl_step(struct auth_sasl *x, struct str response);
void auth_sasl_cancel(
    struct auth_sasl *x); /* the client sent "*" or went away: no more callbacks */

/*
 * EXTERNAL: name is what the client's verified certificate says (TLS_EXTERNAL).  Our word counts
 * for it, so authdaemond takes it only from front ends, each only when its settings ask for it.
 */
struct auth_sasl *auth_sasl_external(struct auth_client *a, const char *service, struct str name,
    struct str initial, struct str peer, auth_done done, void *ctx);

/* IMAP LOGIN, POP3 USER/PASS: the same, in one step (a PLAIN exchange). */
struct auth_sasl *auth_login(struct auth_client *a, const char *service, struct str user,
    struct str password, struct str peer, bool tls, auth_done done, void *ctx);

/* The words for CAPABILITY/EHLO: mechanisms that are configured, blank separated. */
struct str auth_mechanisms(const struct config *c, bool tls, struct buf *out);

/*
 * Whether one of these mechanisms is bound to the channel (-PLUS).  Only then hand the binding on:
 * a client that could bind and saw no such mechanism says so ("y", RFC 5802), which is an attack
 * only when there was one.
 */
bool auth_offers_binding(struct str mechanisms);

/* Who is `name` (a login, or a local address's account)?  Gate and broker only. */
typedef void (*auth_found)(void *ctx, enum auth_verdict v, const struct auth_account *acc);
uint32_t auth_lookup(
    struct auth_client *a, const char *service, struct str name, auth_found found, void *ctx);
/* Broker and gate only: a ticket for its account; a ticket works once, for 60 s, and for the role
 * that it was made for. */
uint32_t auth_redeem(struct auth_client *a, struct str ticket, auth_found found, void *ctx);
void auth_cancel(struct auth_client *a, uint32_t request);

extern const struct config_component auth_settings; /* file authdaemonrc */
/* TLS_EXTERNAL of the files esmtpd, esmtpd-msa, esmtpd-ssl, imapd and pop3d, which are the servers'
 * own otherwise, and whose word each makes count. */
enum { AUTH_EXTERNAL_SMTP = 1, AUTH_EXTERNAL_IMAP = 2, AUTH_EXTERNAL_POP3 = 4, AUTH_EXTERNALS = 5 };
extern const struct config_component auth_external_settings[AUTH_EXTERNALS];
extern const unsigned auth_external_kinds[AUTH_EXTERNALS];

#endif
