/*
 * The frames between the gate and its clients: the page, and the one encoder and decoder that both
 * sides link.
 *
 * A frame is an ipc message: type below, id = the transaction, chosen by the client (never 0), body
 * as encoded here.  Bodies are fields one after the other: u8; u32 and u64 in network order; text
 *as u32 length and bytes.  A decoder wants exactly its fields and not a byte more, and checks every
 * value's range; a frame that does not decode ends the edge.
 *
 * client -> gate                              gate -> client
 *	GATE_OPEN    struct gate_origin            GATE_POLICY  struct gate_policy   (one for an
 *OPEN) GATE_MAIL    struct gate_mail              GATE_REPLY   struct gate_reply    (one for each
 *	GATE_RCPT    struct gate_rcpt                           MAIL, RCPT, VRFY, END; in order)
 *	GATE_VRFY    u8 expand, text address
 *	GATE_AUTH    text ticket, text mechanism   (from esmtpd alone; answered by a GATE_REPLY)
 *	GATE_DATA    the bytes, nothing else
 *	GATE_END     empty
 *	GATE_RESET   empty
 *	GATE_CLOSE   empty; the id may be used anew
 *	GATE_NAME    text: remote_host, when it was not known at OPEN; before a MAIL
 *
 * OPEN comes first for an id.  Descriptors are never passed.
 */
#ifndef COURIER_GATE_PROTO_H
#define COURIER_GATE_PROTO_H

#include "gate/gate.h"

enum gate_frame {
	GATE_OPEN = 1,
	GATE_MAIL,
	GATE_RCPT,
	GATE_VRFY,
	GATE_DATA,
	GATE_END,
	GATE_RESET,
	GATE_CLOSE,
	GATE_AUTH,
	GATE_NAME,
	GATE_POLICY = 64,
	GATE_REPLY,
};

enum {
	GATE_TEXT_MAX = 64 * 1024,   /* any one text field */
	GATE_ADDRESS_MAX = 4 * 1024, /* an address or a parameter of one */
	GATE_FRAME_MAX = IPC_BODY_MAX,
};
#define GATE_TIME_MAX ((uint64_t)1 << 40) /* epoch seconds */

/* Encoders add to out and return false when it is full or a text is beyond its maximum.  Decoders
 * give views into the body. */
bool gate_encode_open(struct buf *out, const struct gate_origin *o);
bool gate_encode_mail(struct buf *out, const struct gate_mail *m);
bool gate_encode_rcpt(struct buf *out, const struct gate_rcpt *r);
bool gate_encode_vrfy(struct buf *out, struct str address, bool expand);
bool gate_encode_auth(struct buf *out, struct str ticket, struct str mechanism);
bool gate_encode_name(struct buf *out, struct str host);
bool gate_encode_policy(struct buf *out, const struct gate_policy *p);
bool gate_encode_reply(struct buf *out, const struct gate_reply *r);

/* The origin as it arrives: the C strings of gate_origin are views here. */
struct gate_open_frame {
	struct str source, service;
	struct str remote_ip, remote_host, local_ip, sender_id, vhost, env, from_mta, label;
	uint32_t remote_port, local_port;
};
/* `with` of the mail is not terminated on the wire. */
struct gate_mail_frame {
	struct gate_mail mail; /* .with is NULL */
	struct str with;
};
bool gate_decode_open(struct str body, struct gate_open_frame *o);
bool gate_decode_mail(struct str body, struct gate_mail_frame *m);
bool gate_decode_rcpt(struct str body, struct gate_rcpt *r);
bool gate_decode_vrfy(struct str body, struct str *address, bool *expand);
bool gate_decode_auth(struct str body, struct str *ticket, struct str *mechanism);
bool gate_decode_name(struct str body, struct str *host);
bool gate_decode_policy(struct str body, struct gate_policy *p);
bool gate_decode_reply(struct str body, struct gate_reply *r);

#endif
