/*
 * libs/module: the question "is this address yours?", asked by the gate, and its answer.
 *
 * Frames of the edge between gate and module; the id names the question; bodies are text as in
 * module-proto.h.
 *
 * MODULE_FRAME_CLAIM, gate to module:
 *	address TEXT      local TEXT        domain TEXT      (the canonical form and its two parts)
 *	sender ADDR       source WORD       login NAME
 *	own queued relay accepted           (flags, see below)
 *	env TEXT          NAME=value lines of the access table for this client
 *
 * MODULE_FRAME_CLAIMED, module to gate, within CLAIM_WAIT_MS:
 *	claim no|yes|open|refuse|defer
 *	host KEY          to ADDRESS        (yes, open; empty: the domain and the address)
 *	code 513          status 5.7.1      diagnostic TEXT  (refuse, defer)
 */
#ifndef COURIER_MODULE_CLAIM_H
#define COURIER_MODULE_CLAIM_H

#include "base/base.h"

enum { MODULE_FRAME_CLAIM = 0x304, MODULE_FRAME_CLAIMED = 0x305 };
enum { CLAIM_WAIT_MS = 10000, CLAIM_TEXT_MAX = 32 * 1024 };

struct claim_ask {
	struct str address, local, domain;
	struct str sender, source, login;
	struct str env;
	bool own;      /* the domain is one of this system's */
	bool queued;   /* accepted already: where to, not whether */
	bool relay;    /* the client may send anywhere */
	bool accepted; /* mail for this domain is taken from everybody */
};

enum claim_word {
	CLAIM_NO,     /* not mine: the next module is asked */
	CLAIM_YES,    /* mine, if the client may send there at all: `relay` or `accepted` */
	CLAIM_OPEN,   /* mine, and the module has seen to it that this client may */
	CLAIM_REFUSE, /* nobody's: the reply is code, status and diagnostic */
	CLAIM_DEFER,  /* cannot be said now */
};

struct claim_answer {
	enum claim_word claim;
	struct str host, to;
	uint16_t code; /* 0: 550, or 451 for CLAIM_DEFER */
	struct str status, diagnostic;
};

bool claim_encode_ask(const struct claim_ask *q, struct buf *out);
/* Strings live in the arena or in text.  -1: not understood. */
int claim_decode_ask(struct str text, struct arena *a, struct claim_ask *out);
bool claim_encode_answer(const struct claim_answer *w, struct buf *out);
int claim_decode_answer(struct str text, struct arena *a, struct claim_answer *out);

#endif
