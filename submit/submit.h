/*
 * submit: the program by which others hand mail to the gate, line by line.
 *
 *	-> SENDER [TAB FORMAT [TAB ENVID]] LF      <- reply
 *	-> RCPT [TAB NOTIFY [TAB ORCPT]] LF        <- reply, for each
 *	-> LF
 *	-> the message, to the end of input        <- reply
 */
#ifndef COURIER_SUBMIT_SUBMIT_H
#define COURIER_SUBMIT_SUBMIT_H

#include "gate/gate.h"

enum { SUBMIT_LINE_MAX = 8 * 1024, SUBMIT_HEADER_MAX = 16 * 1024 * 1024 };

struct submit_options {
	const char *expn, *vrfy, *rfc3848, *vhost, *src;
	bool bcc, verp;
	uint32_t hold; /* as in gate_mail */
	const char *module, *from_mta;
};
/* 0, or -1 and *wrong: the word that is not understood, NULL: something is missing. */
int submit_parse_options(
    int argc, const char *const *argv, struct submit_options *o, const char **wrong);

/* Pure: the lines of the envelope.  Strings are views, envid lives in the arena.  NULL, or what is
 * wrong (static text). */
struct submit_sender {
	struct str address, security, envid;
	char ret; /* 'F', 'H', 0 */
	bool verp, utf8;
};
const char *submit_sender_line(struct arena *a, struct str line, struct submit_sender *out);
const char *submit_rcpt_line(struct str line, struct gate_rcpt *out);
/* Letters of S F D N as GATE_NOTIFY_*; others are passed over. */
uint8_t submit_notify(struct str letters);

/* The dialogue over standard input and output; the exit status. */
int submit_run(const struct instance *in, const struct submit_options *o);

#endif
