/*
 * esmtpd: the ESMTP server for ports 25, 587 and 465.
 *
 * One worker process is one loop with many sessions.  It knows no table and no file: what a client
 * may do comes from the gate when it connects, who it is from authdaemond, keys from the key
 * process.  A session (session.h) belongs to a listener (struct door), whose settings it keeps as
 * they were when it began.
 */
#ifndef ESMTPD_ESMTPD_H
#define ESMTPD_ESMTPD_H

#include "access/options.h"
#include "auth/auth.h"
#include "dns/dns.h"
#include "gate/gate.h"
#include "smtp/smtp.h"
#include "tls/tls.h"

/* What STARTTLS does on purpose (TLS_DEBUG_FAIL_STARTTLS_*). */
enum tls_fail { TLS_FAIL_NO, TLS_FAIL_SOFT, TLS_FAIL_HARD };

/* The settings of one kind of listener, resolved; counted, since sessions outlive a reload. */
struct door_settings {
	unsigned refs;
	bool auth_required, tls_required, tls_at_once;
	bool starttls; /* offered */
	enum tls_fail tls_fail;
	bool tarpit, no_vrfy, no_expn, log_dialog, reverse_dns;
	char *gate_env;        /* NAME=value lines that the gate is to know */
	char *auth, *auth_tls; /* mechanisms in clear and under TLS, blank separated, upper case */
	char *external; /* field of a client's certificate that names who logs in; or empty */
	uint32_t max_total, max_per_ip, max_per_net;
	uint32_t warn;               /* a line in the log above so many connections */
	struct arena *arena;         /* of the options */
	struct tcpd_options options; /* TCPDOPTS */
	struct access *proxy_from;   /* who may say PROXY; NULL: nobody */
	uint32_t max_bad, max_refused, max_idle;
	uint32_t line_max, max_mails;
	unsigned discard; /* SMTP_EXT_* that are not offered */
	int64_t hold_max; /* FUTURERELEASE, seconds; 0: not offered */
	int64_t tarpit_max_ms;
	int64_t command_ms, data_ms, session_ms;
};
/* component: "esmtpd", "esmtpd-msa" or "esmtpd-ssl". */
struct door_settings *door_settings_new(const struct config *c, const char *component);
struct door_settings *door_settings_hold(struct door_settings *d);
void door_settings_drop(struct door_settings *d);

/* A kind of listener: its name is the service's that the gate hears of. */
struct door {
	struct esmtpd *server;
	const char *name;      /* "smtp", "submission", "smtps" */
	const char *component; /* whose settings */
	struct door_settings *settings;
	struct tls_server *tls; /* NULL: none */
	bool shut;              /* its sessions are to come to an end */
};
enum { DOORS = 3 };

struct session;
struct board;
struct proxied;
struct esmtpd {
	struct loop *loop;
	struct gate_client *gate;
	struct auth_client *auth;
	struct dns *dns; /* NULL: names of clients are not looked up */
	struct board *board;
	struct door doors[DOORS];
	struct session *sessions;
	size_t n_sessions;
	struct proxied *proxied; /* connections that must first say PROXY */
	size_t n_proxied;
	unsigned load; /* 0; 1: near the limit of connections, 2: at it; for the log */
	uint64_t accepted_connections, accepted_messages;
	bool draining;
	bool single; /* the first session is the only one: idle() when it has ended */
	void (*idle)(struct esmtpd *e); /* the last session of a draining worker has ended */
	void *idle_ctx;
	struct arena *arena;   /* what one command needs; emptied before each */
	char chunk[64 * 1024]; /* message text between the stream and the gate */
};

/* Takes the connected socket over, whatever happens. */
void esmtpd_connection(
    struct esmtpd *e, struct door *d, int fd, const struct sockaddr_storage *peer);
/* Whether a balancer may stand at this address. */
bool door_proxy_from(const struct door_settings *d, const struct access_addr *addr);
/* Idle sessions of this kind are told to go, the others after their message. */
void esmtpd_shut(struct esmtpd *e, struct door *d);
/* No new work, and the same with the door of this name; NULL: with all. */
void esmtpd_drain(struct esmtpd *e, const char *door);

extern const struct config_component esmtpd_settings, esmtpd_msa_settings, esmtpd_ssl_settings;

#endif
