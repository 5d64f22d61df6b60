/*
 * sendmail, rmail: mail of this machine's users and programs.
 *
 * The whole message is read before anything is said to the gate, so that it can go to the drop
 * folder when the gate is not there, or goes away.
 */
#ifndef COURIER_SUBMIT_SENDMAIL_H
#define COURIER_SUBMIT_SENDMAIL_H

#include "config/config.h"
#include "gate/gate.h"

enum sendmail_mode {
	SENDMAIL_DELIVER,
	SENDMAIL_SMTP,
	SENDMAIL_QUEUE,
	SENDMAIL_ALIASES,
	SENDMAIL_SHOW
};

struct sendmail_options {
	enum sendmail_mode mode;
	const char *sender; /* -f; NULL: not given */
	const char *name;   /* -F */
	const char *envid, *security;
	const char *node; /* of rmail: the UUCP node that the mail comes from */
	uint8_t notify;
	char ret;
	bool bcc_only, verp;
	char **rcpts;
	size_t n_rcpts;
};
/* 0, or -1 and *why (static text). */
int sendmail_parse_options(int argc, char **argv, struct sendmail_options *o, const char **why);

/* Who sends: out of the account and the environment. */
struct sendmail_user {
	struct str user, host;           /* of the envelope sender; host may be empty */
	struct str from_user, from_host; /* of a From header that is made here */
	struct str name;                 /* real name; may be empty */
	struct str force_user, force_host, force_name; /* replace those of a From that is there */
};
void sendmail_find_user(struct arena *a, struct str me, struct sendmail_user *out);

struct sendmail_message {
	struct str sender;
	struct str *rcpts;
	size_t n_rcpts;
	const struct gate_rcpt *offers; /* n_rcpts, in place of rcpts; NULL: none of it */
	struct buf text;                /* header and body, LF line ends */
};
enum { SENDMAIL_RCPTS_MAX = 10000, SENDMAIL_MAX = 256 * 1024 * 1024 };

/* raw: what standard input said.  EX_OK, or another of sysexits(3) and *why. */
int sendmail_compose(struct arena *a, const struct sendmail_options *o,
    const struct sendmail_user *u, struct str raw, struct sendmail_message *out, const char **why);

/* Both say what is wrong on standard error and return a value of sysexits(3). */
int sendmail_submit(
    const struct instance *in, const struct sendmail_options *o, const struct sendmail_message *m);
int sendmail_drop(
    const struct instance *in, const struct sendmail_options *o, const struct sendmail_message *m);
int sendmail_smtp(const struct instance *in, struct str me);
int sendmail_exit_code(const struct gate_reply *r);

#endif
