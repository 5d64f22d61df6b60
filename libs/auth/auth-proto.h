/*
 * The frames between authdaemond and its clients, over an edge of libs/ipc.  Both sides use this
 * page and the two functions at its end; nobody else needs it.
 *
 * The asking side chooses the id; a request has one answer, except AUTH_SASL_CANCEL and
 * AUTH_CANCEL, which have none and after which none comes.  A SASL exchange keeps its id from
 * AUTH_SASL_START to the first answer that is not AUTH_CONTINUE.  Who may ask what is a table in
 * authdaemon/edge.c: a peer that asks for more than that, or sends a frame that does not parse,
 * loses its edge.
 */
#ifndef COURIER_AUTH_PROTO_H
#define COURIER_AUTH_PROTO_H

#include "auth/auth.h"

enum auth_frame {
	/* requests */
	AUTH_SASL_START = 1, /* service, mechanism, peer, binding, domain, separators, external:
				str; tls, has_initial: u8; initial: rest */
	AUTH_SASL_STEP,      /* response: rest */
	AUTH_SASL_CANCEL,    /* nothing */
	AUTH_LOOKUP,         /* service, name: str */
	AUTH_REDEEM,         /* ticket: str */
	AUTH_CANCEL,         /* nothing: forget the lookup or redemption of this id */
	/* answers */
	AUTH_SASL_ANSWER, /* verdict: u8; data, login, ticket, options: str */
	AUTH_ACCOUNT,     /* verdict: u8; when it is AUTH_OK the account, by auth_put_account */
};

enum {
	AUTH_SERVICE_MAX = 32,
	AUTH_NAME_MAX = 512,
	AUTH_PEER_MAX = 64,
	AUTH_BINDING_MAX = 256,
	AUTH_DOMAIN_MAX = 256, /* DEFDOMAIN, DOMAINSEP */
	AUTH_RESPONSE_MAX = 8192,
	AUTH_PENDING_MAX = 4096, /* requests of one edge that wait for their answer */
	AUTH_TICKET_TTL_MS = 60 * 1000,
};

void auth_put_account(struct ipc *c, const struct auth_account *a);
void auth_get_account(struct ipc_reader *r, struct auth_account *a); /* views into the body */

/*
 * The whole name of who logs in as name: domain (DEFDOMAIN, its separator first) is appended to a
 * name that has none of the separators (DOMAINSEP; empty: the first character of domain).  False
 * when it does not fit into out.
 */
bool auth_full_name(struct str name, struct str domain, struct str separators, struct buf *out);

#endif
