/*
 * The protocol machine of esmtpd without its neighbours: a gate and an authdaemond that live in the
 * same process and answer later, as the real ones do, by simple rules.
 *
 * Addresses whose local part begins with "no" are refused, with "later" deferred, with "gone" the
 * gate is lost (421).  The password of everybody is "secret".
 */
#ifndef TESTS_ESMTPD_FAKE_H
#define TESTS_ESMTPD_FAKE_H

#include "esmtpd/session.h"

struct fake {
	struct esmtpd *server;
	struct loop *loop;
	struct timer *watchdog;
	struct buf log;  /* what the gate was told: "M<a@b> R<c@d> D[text] E ", "X " for a reset */
	struct buf body; /* of the message at hand */
	bool congest;    /* each chunk of data has to wait */
	bool deny;       /* the client is refused */
	bool no_ticket;  /* tickets are not believed */
	bool balanced;   /* it comes from 192.0.2.1 by way of a balancer: PROXY comes first */
	bool hangs_up;   /* the client goes when it has said all, and waits for nothing */
	unsigned name_turns; /* its name is found after so many turns of the loop; 0: no DNS */
	bool timed_out;      /* the watchdog has barked */
	struct str env;      /* what the policy carries */
	uint64_t size_limit;
	uint32_t max_rcpts;
	struct gate_mail last_mail; /* with, flags, size; strings are not kept */
	char with[16], login[64], helo[64], envid[128];
	struct gate_rcpt last_rcpt;
	char orcpt[128];
};

struct fake *fake_new(void);
void fake_free(struct fake *f);
struct door_settings *fake_settings(struct fake *f); /* of the door that is used */

/* One connection: sends text in pieces of `piece` bytes (0: at once), closes its side, collects
 * what comes back until the server has closed too. */
void fake_talk(struct fake *f, struct str text, size_t piece, struct buf *out);
/* The same without waiting for the end: a session that is left alone. Returns the client's end. */
int fake_connect(struct fake *f);
/* Runs the loop for ms. */
void fake_run(struct fake *f, int64_t ms);

#endif
