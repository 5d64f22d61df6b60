/*
 * One client of the ESMTP server.
 *
 * The states, and what leads on:
 *
 *	CONNECT   -> HELLO | CLOSED      the gate has said what it knows of the client
 *	CONNECT   -> SECURING -> HELLO   the same with TLS at once: nobody unwanted costs
 *	                                 a handshake
 *	HELLO     -> READY               HELO, EHLO
 *	READY     -> MAIL | AUTH | SECURING
 *	MAIL      -> RCPT | READY        an accepted RCPT; RSET, HELO
 *	RCPT      -> DATA | CHUNK | READY
 *	DATA      -> READY               the end of the text and the gate's answer
 *	CHUNK     -> CHUNKS | READY      the end of a chunk; of the last one
 *	CHUNKS    -> CHUNK | READY       BDAT; RSET
 *	AUTH      -> READY
 *	SECURING  -> HELLO               STARTTLS: everything said before is forgotten
 *	any       -> CLOSED
 *
 * One command is carried out at a time.  While something else is waited for (the gate, authdaemond,
 * a delay) `waiting` is set and the stream is paused: input stays in the kernel, and replies stay
 *in `out`, so that those of a pipelined group leave together.  A session is freed by the loop,
 *never inside its own calls.
 */
#ifndef ESMTPD_SESSION_H
#define ESMTPD_SESSION_H

#include <netinet/in.h>
#include <sys/socket.h>
#include "esmtpd/board.h"
#include "esmtpd/esmtpd.h"

enum session_state {
	ST_SECURING = 1,
	ST_CONNECT = 2,
	ST_HELLO = 4,
	ST_READY = 8,
	ST_MAIL = 16,
	ST_RCPT = 32,
	ST_DATA = 64,
	ST_AUTH = 128,
	ST_CLOSED = 256,
	ST_CHUNK = 512,   /* octets of a chunk are read, also of one that is refused */
	ST_CHUNKS = 1024, /* between chunks */
	ST_TEXT = ST_DATA | ST_CHUNK,
};

enum {
	SESSION_IN_MAX = 32 * 1024,    /* bytes of one client that are not yet understood */
	SESSION_OUT_MAX = 128 * 1024,  /* replies that a client does not read */
	SESSION_GROUP_MAX = 16 * 1024, /* replies collected before they leave in any case */
	COMMAND_ARENA_MAX = 64 * 1024, /* what one command may need */
	SESSION_ID_SIZE = 13,
	GATE_ANSWER_MS = 15 * 60 * 1000, /* longer than any client waits (RFC 5321, 4.5.3.2) */
	REVERSE_MS = 5000,               /* longest wait for a client's name */
	GREETING_ROOM = 300,
};

/* What the gate has said of this client. */
struct client_policy {
	char *host;     /* what we call ourselves */
	char *greeting; /* the whole text of the banner; NULL: made of the name */
	uint64_t size_limit;
	uint32_t max_rcpts;  /* 0: none */
	uint32_t max_per_ip; /* MAXCPERIP, if it was said */
	bool says_per_ip, auth_required, tls_required, tarpit, no_vrfy, no_expn;
};

struct session {
	struct esmtpd *server;
	struct session *next, **slot;
	struct door *door;
	struct door_settings *settings;
	struct client_policy policy;
	struct stream *stream;
	struct gate_txn *txn;
	struct auth_sasl *sasl;
	struct timer *timer;
	uint64_t dns_query;

	char id[SESSION_ID_SIZE];
	char peer[INET6_ADDRSTRLEN], peer_log[INET6_ADDRSTRLEN + 8], local[INET6_ADDRSTRLEN];
	uint16_t peer_port, local_port;
	struct board_place place;
	bool over_ip;      /* more from its address than MAXPERIP: only MAXCPERIP lets it in */
	char *outer_tls;   /* TLS in front of us, as Received tells it; NULL: none */
	char *host_name;   /* the client's, from the DNS; NULL: none */
	char *remote_info; /* the balancer it came through; NULL: none */
	char *held_mail;   /* MAIL that waits for the name: its arguments */
	size_t held_n;

	enum session_state state;
	bool waiting, last, secure, congested, penalised, blocked;
	int64_t deadline; /* of the whole session, monotonic ms */
	int64_t line_by;  /* when the line that is awaited must be whole; 0: none is */

	struct smtp_lines lines;
	struct buf out;
	struct smtp_data data;
	bool oversize;
	struct smtp_chunks chunks;
	uint64_t chunk_left;
	bool chunk_last;
	enum smtp_reply_id chunk_refusal; /* what the chunk is answered with once it is read */
	enum session_state before_chunk;  /* of one that is refused */
	bool binary, prdr;                /* BODY=BINARYMIME, PRDR */
	uint32_t mails;                   /* MAILs so far */

	char *helo;
	bool esmtp, utf8; /* EHLO was said; SMTPUTF8 in the message at hand */
	char *login;
	char *external; /* who the client is by its certificate (TLS_EXTERNAL); NULL: nobody */
	/* AUTH: what takes effect when the gate has redeemed the ticket; `last_word`: and the
	 * client has answered the server's last word with nothing. */
	char *auth_login, *auth_ticket, *auth_mechanism;
	bool last_word;
	bool bindable;       /* the TLS channel has a binding for -PLUS mechanisms */
	char *sender, *rcpt; /* for the log; rcpt: the one being asked about */
	uint32_t rcpts, refused, bad, idle, errors;
	char *command; /* the last line, for the log */
};

/* session.c */
struct session_ends { /* of a connection; as a balancer has told, if one was in between */
	struct sockaddr_storage peer, local;
	char via[INET6_ADDRSTRLEN]; /* the balancer; empty: none */
	struct str tls;             /* of TLS that somebody in front speaks; empty: nobody */
};
struct session *session_new(struct esmtpd *e, struct door *d, int fd,
    const struct session_ends *ends, const struct board_place *place, bool over_ip);
void session_go(struct session *s);               /* goes on with what is buffered */
void session_wait(struct session *s, int64_t ms); /* something else is awaited, at most ms */
void session_wake(struct session *s);             /* it has come */
void session_close(struct session *s);            /* replies leave, then it ends */
void session_abort(struct session *s);            /* it ends at once */
void session_drain(struct session *s);            /* 421 unless a message is under way */
void session_reset(struct session *s);            /* forgets the message at hand */
void session_set(char **field, struct str value); /* a copy in place of the old one */
void session_forget(struct session *s);           /* all that the client has said so far */

/* session-reply.c: every reply goes through here, is counted, logged and delayed. */
void session_say(struct session *s, enum smtp_reply_id id);
void session_say_text(struct session *s, enum smtp_reply_id id, struct str text);
/* What the gate has answered; a fault about `rcpt` when that is set. */
void session_pass(struct session *s, const struct gate_reply *r);
void session_pass_each(struct session *s, const struct gate_reply *r); /* 558 in PRDR's form */
void session_flush(struct session *s);

/* session-connect.c */
void session_connect(struct session *s);
void session_connect_cancel(struct session *s);
void session_greet(struct session *s);
/* MAIL waits until the client's name is there, or its time is over.  True: it does. */
bool session_hold_mail(struct session *s, struct str args);
void session_name_late(struct session *s); /* it is over */

/* server.c: a connection whose client is known. */
void esmtpd_admit(struct esmtpd *e, struct door *d, int fd, const struct session_ends *ends);
/* proxy.c: true when the connection has to say PROXY first, which is then seen to. */
bool proxy_take(struct esmtpd *e, struct door *d, int fd, const struct session_ends *ends);
void proxy_end_all(struct esmtpd *e);

/* session-commands.c */
void session_command(struct session *s, struct str line);

/* session-mail.c */
void session_mail(struct session *s, struct str args);
void session_rcpt(struct session *s, struct str args);
void session_data(struct session *s, struct str args);
bool session_data_input(struct session *s);     /* false: wants more */
void session_give(struct session *s, size_t n); /* n bytes of the server's chunk to the gate */
void session_end_message(struct session *s);

/* session-bdat.c */
void session_bdat(struct session *s, struct str args, enum smtp_reply_id wrong);
bool session_bdat_input(struct session *s); /* as session_data_input */

/* session-ehlo.c */
unsigned session_extensions(const struct session *s);       /* SMTP_EXT_* in force */
void session_offer(const struct session *s, struct buf *b); /* their lines for EHLO */

/* session-auth.c */
bool session_offers_auth(const struct session *s, struct str mechanism);
void session_auth_channel(struct session *s); /* at EHLO: looks at what AUTH may build on */
/* The mechanisms that are offered now, in the command's memory; "": none. */
const char *session_auth_words(const struct session *s);
void session_auth(struct session *s, struct str args);
void session_auth_line(struct session *s, struct str line);
void session_auth_cancel(struct session *s);

/* session-tls.c */
bool session_offers_tls(const struct session *s);
/* SMTP_R_NONE, or what to say to a client that must use TLS and does not. */
enum smtp_reply_id session_tls_missing(const struct session *s);
void session_starttls(struct session *s, struct str args);
void session_secure(struct session *s); /* starts the handshake */
void session_secured(struct session *s);

#endif
