/*
 * The page of the edge between the broker and those who ask it.  Bodies are libs/ipc fields in the
 * order given; each request has its own id, its one answer carries the same.
 *
 *	BROKER_SESSION  program, ticket, env (lines NAME=value LF)   + descriptor of the client
 *	BROKER_WORKER   u8 fresh, account name
 *	BROKER_LOOK     account name, extension
 *	BROKER_FILTER   account name, filter, sender, env            + descriptor of the message, or
 *not
 *	BROKER_HOME     account name
 *
 *	BROKER_ANSWER   u8 result (enum broker_result, or broker_looked_at for LOOK), u32 uid,
 *	                u32 gid, text                                + descriptor of a worker's edge
 *	                (FILTER: the exit status in place of the uid; the output as text)
 */
#ifndef COURIER_BROKER_PROTO_H
#define COURIER_BROKER_PROTO_H

#include "broker/broker.h"

enum broker_type {
	BROKER_SESSION = 1,
	BROKER_WORKER,
	BROKER_LOOK,
	BROKER_FILTER,
	BROKER_ANSWER,
	BROKER_HOME,
};
enum broker_result { BROKER_DONE, BROKER_REFUSED_NOW, BROKER_REFUSED };

enum {
	BROKER_PROGRAM_MAX = 32,  /* bytes of a program's name */
	BROKER_NAME_MAX = 512,    /* ... of an account name */
	BROKER_EXT_MAX = 256,     /* ... of an extension */
	BROKER_FILTER_MAX = 4096, /* ... of a filter's name, which may hold an address */
	BROKER_SENDER_MAX = 4096,
	BROKER_OUTPUT_MAX = 4096,   /* ... of what a filter says */
	BROKER_ENV_MAX = 96 * 1024, /* of a session's environment; it may hold pipelined input */
};

struct broker_request {
	enum broker_type type;
	struct str program, ticket, env; /* SESSION */
	struct str name, ext;            /* WORKER, LOOK, FILTER and HOME (the name alone) */
	struct str filter, sender;       /* FILTER, with env */
	bool fresh;                      /* WORKER */
};

/* The broker's whole parsing of what others send: false for anything malformed or too long.  Pure.
 */
bool broker_request_read(const struct ipc_msg *m, struct broker_request *out);

#endif
