/*
 * The pre-login front of IMAP and POP3: many connections in one jailed process.
 *
 * It greets, knows the few commands before a login, starts TLS, and asks authdaemond.  A yes comes
 * with a ticket; with it the broker makes a session as the mailbox's owner.  A connection in clear
 *is handed over to the session, descriptor and all; under TLS this process stays between the two
 *and carries the bytes.  It never sees a mailbox, a hash or a key.
 *
 * States of a connection:
 *	HANDSHAKE -> GREETING -> COMMAND <-> SASL -> HANDOVER -> (gone) or PROXY
 *	                                          -> CALL -> PROXY (a mailbox on another server)
 * A closing peer, a time-out or a broken TLS ends any of them.
 */
#ifndef COURIER_LOGIN_H
#define COURIER_LOGIN_H

#include "auth/auth.h"
#include "broker/broker.h"
#include "login/login-parse.h"
#include "tls/tls.h"

enum {
	LOGIN_INPUT_MAX = 20 * 1024, /* bytes of one command, literals and pipelined input */
	LOGIN_OUTPUT_MAX = 256 * 1024,
	LOGIN_HANDOVER_MAX = 6000, /* pipelined input that can go with a descriptor */
	LOGIN_FAILURES_MAX = 5,    /* failed logins of a connection, then it is closed */
	LOGIN_BAD_MAX = 10,        /* commands nobody knows */
	LOGIN_PROXY_BUFFER = 64 * 1024,
	LOGIN_PROXY_HARD = 4 * 1024 * 1024,
};

enum login_state {
	LOGIN_HANDSHAKE,
	LOGIN_COMMAND,
	LOGIN_SASL,
	LOGIN_HANDOVER,
	LOGIN_CALL,
	LOGIN_PROXY
};

struct login;
struct login_conn;
struct login_access;

struct login_protocol {
	const char *name;      /* "imap", "pop3": the service as authdaemond knows it */
	const char *log_name;  /* "IMAP" in log lines */
	const char *component; /* whose settings */
	const char *program;   /* the session */
	void (*greet)(struct login_conn *c);
	void (*input)(struct login_conn *c); /* a look at the stream in state COMMAND */
	void (*refused)(
	    struct login_conn *c, const char *code, const char *text); /* the login failed */
	void (*bye)(struct login_conn *c, const char *text);           /* the connection ends */
	void (*environment)(struct login_conn *c, struct buf *env);
	/* words of the protocol's own setting for mechanisms; none: authdaemond's hold */
	void (*mechanisms)(const struct login_conn *c, struct buf *out);
	/* the answer to a login at another server, which can do what `can` says, if anything */
	void (*proxied)(struct login_conn *c, struct str can, bool foreign);
};

struct login_ends { /* of a connection, as text; IPv4 as ::ffff:a.b.c.d */
	char peer[46], local[46];
	uint16_t peer_port;
	bool balanced; /* a balancer told them */
};

struct login_door { /* a service at a port */
	struct login *login;
	char name[16];
	const struct login_protocol *protocol;
	bool tls_at_once;
	uint16_t port;
};

struct login {
	struct service *s;
	struct auth_client *auth;
	struct broker_client *broker;
	struct tls_server *tls;
	struct login_access *access; /* NULL: everybody may connect */
	struct login_balancers *balancers;
	struct login_back *back; /* NULL: mailboxes of other servers are not proxied */
	struct listening *listening;
	struct login_door doors[16];
	size_t n_doors;
	struct map *per_address; /* address -> count */
	unsigned open;
	struct login_conn *conns;
	uint64_t logins, failures, accepted;
};

struct login_conn {
	struct login_conn *next, **prev;
	struct login *l;
	const struct login_protocol *protocol;
	struct config *config;
	struct stream *stream;
	enum login_state state;
	char peer[46], local[46];
	uint16_t peer_port, local_port;
	bool balanced;
	char *default_domain; /* DEFDOMAIN of the access table; NULL: the setting counts */
	bool tls, ended;
	bool utf8; /* POP3: UTF8 was said */
	unsigned failures, bad;
	size_t asked_at; /* IMAP: bytes of input when a literal was asked for; 0: none was */
	struct auth_sasl *sasl;
	char method[24];
	char service[32]; /* by AUTHSERVICEnnn */
	char *tag;        /* IMAP: of the login command */
	char *user;       /* POP3: of USER; for the log */
	char *ticket;
	char *external;    /* whom the client's certificate names (TLS_EXTERNAL); NULL: nobody */
	struct buf secret; /* the password, when another server may have to hear it */
	struct login_call *call;
	/* proxying */
	struct stream *back;
	char *mailhost; /* the other server; NULL: the session is here */
	uint64_t received, sent;
	int64_t since;
};

extern const struct login_protocol login_imap, login_pop3;
extern const struct config_component login_imap_settings, login_pop3_settings;

/* login-conn.c */
void login_conn_new(struct login_door *l, int fd, const struct login_ends *ends);
void login_conn_end(struct login_conn *c); /* flushes and frees */
void login_say(struct login_conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void login_start_tls(struct login_conn *c);
bool login_tls_offered(const struct login_conn *c);
bool login_plain_allowed(const struct login_conn *c);
void login_bad_command(struct login_conn *c); /* counts; ends the connection past the limit */
void login_arm_timer(struct login_conn *c);

/* login-access.c: before the jail; NULL (logged): the table can't be read, nobody may come in */
struct login_access *login_access_open(struct service *s);
struct login_wish {           /* what the table says of a client */
	int64_t max_per_ip;   /* MAXCPERIP in the place of what stands here */
	char *default_domain; /* DEFDOMAIN, to be freed; NULL: not said */
};
/* local: with -accesslocal our end, whose entry stands below the client's; NULL without. */
bool login_access_allows(struct login_access *a, const char *peer, const char *local,
    uint16_t local_port, struct login_wish *wish);

/* login-balancer.c */
struct login_balancers *login_balancers_new(struct config *c, const char *component);
const struct tcpd_options *login_tcpd_options(const struct login *l);
void login_admit(struct login_door *d, int fd, const struct login_ends *ends); /* owns fd */
void login_balancers_end(struct login *l);

/* login-auth.c */
void login_password(struct login_conn *c, struct str user, struct str password);
void login_sasl(struct login_conn *c, struct str mechanism, struct str initial);
void login_sasl_input(struct login_conn *c);
void login_failed(struct login_conn *c, struct str login); /* may end the connection */
void login_unavailable(struct login_conn *c);              /* the same */
bool login_mechanism_offered(struct login_conn *c, struct str mechanism);
void login_mechanisms(const struct login_conn *c, struct buf *out);

/* login-proxy.c */
void login_handover(struct login_conn *c);
void login_proxy_free(struct login_conn *c);
void login_proxy_carry(struct login_conn *c); /* from now on, between stream and back */

/* login-backend.c: mailboxes on other servers */
int login_back_setup(struct login *l, const struct login_protocol *p); /* before the jail */
bool login_back_mechanism_ok(const struct login_conn *c, struct str mechanism);
void login_secret_keep(struct login_conn *c, struct str password);
void login_secret_response(struct login_conn *c, struct str response);
void login_secret_forget(struct login_conn *c);
/* True: the mailbox is elsewhere, and the connection taken care of. */
bool login_elsewhere(struct login_conn *c, struct str options, struct str user);
void login_call_free(struct login_conn *c);

/* back-tls.c */
bool login_tls_policy_ok(struct str value);

#endif
