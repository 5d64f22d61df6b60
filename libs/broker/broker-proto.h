/*
 * The page of the edge between the broker and those who ask it.  Bodies are libs/ipc fields in the
 * order given; each request has its own id, its one answer carries the same.
 *
 *	BROKER_SESSION  program, ticket, env (lines NAME=value LF)   + descriptor of the client
 *	BROKER_WORKER   u8 fresh, account name
 *	BROKER_LOOK     account name, extension
 *
 *	BROKER_ANSWER   u8 result (enum broker_result, or broker_looked_at for LOOK), u32 uid,
 *	                u32 gid, text                                + descriptor of a worker's edge
 */
#ifndef COURIER_BROKER_PROTO_H
#define COURIER_BROKER_PROTO_H

#include "broker/broker.h"

enum broker_type { BROKER_SESSION = 1, BROKER_WORKER, BROKER_LOOK, BROKER_ANSWER };
enum broker_result { BROKER_DONE, BROKER_REFUSED_NOW, BROKER_REFUSED };

enum {
	BROKER_PROGRAM_MAX = 32,    /* bytes of a program's name */
	BROKER_NAME_MAX = 512,      /* ... of an account name */
	BROKER_EXT_MAX = 256,       /* ... of an extension */
	BROKER_ENV_MAX = 96 * 1024, /* of a session's environment; it may hold pipelined input */
};

struct broker_request {
	enum broker_type type;
	struct str program, ticket, env; /* SESSION */
	struct str name, ext;            /* WORKER, LOOK */
	bool fresh;                      /* WORKER */
};

/* The broker's whole parsing of what others send: false for anything malformed or too long.  Pure.
 */
bool broker_request_read(const struct ipc_msg *m, struct broker_request *out);

#endif
