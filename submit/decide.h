/*
 * The decisions of the gate: facts in, reply out.  Nothing is looked up here.
 */
#ifndef COURIER_SUBMIT_DECIDE_H
#define COURIER_SUBMIT_DECIDE_H

#include "submit/address.h"
#include "submit/replies.h"

/* MAIL */
struct mail_facts {
	bool from_network;
	bool relay; /* RELAYCLIENT, authenticated or from this machine */
	bool null_sender;
	enum address_error sender;
	uint64_t size, size_limit; /* 0: unknown, none */
	bool disk_full;
	bool ids; /* the queue can take a message now */
};
enum reply_id decide_mail(const struct mail_facts *f);

/* RCPT, before anything is looked up.  REPLY_RCPT_OK: go on. */
struct rcpt_facts {
	enum address_error address;
	enum address_kind kind;
	int accepted; /* address_accepted */
	bool relay;
	bool asked;                     /* its module will be asked, and says who may send there */
	bool is_alias;                  /* aliases are ours whatever their domain */
	bool instruction, from_network; /* the private address of an alias's program or file */
	uint32_t rcpts, max_rcpts;      /* rcpts: accepted so far */
	bool hard;                      /* those beyond max_rcpts need not come again */
};
enum reply_id decide_rcpt(const struct rcpt_facts *f);

/* What accounts and home said of a local address. */
enum lookup_state {
	LOOKUP_FOUND,
	LOOKUP_NONE,
	LOOKUP_AUTH_DOWN,
	LOOKUP_BROKER_DOWN,
	LOOKUP_MODULE_DOWN, /* the module that is to be asked, or a list of domains */
	LOOKUP_REFUSED,     /* by a module, in its own words */
	LOOKUP_NOWHERE,     /* no module has it */
};
/* from_network: others hear of unknown users by a report later, so that no cron mail is lost. */
enum reply_id decide_local(enum lookup_state found, bool from_network);

/* What the delivery track has on an address whose mail is subject to it: 'F', 'D' or 0. */
enum reply_id decide_track(char letter);

/* The message, when all of it is here. */
enum check_mode { CHECK_REFUSE, CHECK_ACCEPT, CHECK_MARK };
struct message_facts {
	unsigned faults; /* MIME_FAULT_* */
	bool junk_header;
	bool smtputf8;
	bool trapped;     /* a spamtrap is among its recipients */
	bool base64_text; /* has text in base64, which is not wanted */
	bool exempt;      /* reports of our own, and mail submitted on this machine */
	enum check_mode header8, body8, mime;
};
/* REPLY_OK and *marked (some check said mark), or why not. */
enum reply_id decide_message(const struct message_facts *f, bool *marked);
bool check_mode_parse(struct str s, enum check_mode *out);

/* A disk that has too little left: the setting sizecheck "blocks inodes step". */
struct disk_need {
	uint64_t blocks, inodes, step; /* blocks of 1 KiB; step: bytes between two looks */
};
bool disk_need_parse(struct str s, struct disk_need *out);

#endif
