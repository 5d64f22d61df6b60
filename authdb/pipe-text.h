/*
 * authpipe: the lines that authdaemond and a program of the administrator's exchange.  Pure.
 *
 * On its standard input the program reads requests, one after the other:
 *
 *	PRE . SERVICE NAME                        who is that?
 *	AUTH N, then N bytes: SERVICE, "login", NAME and PASSWORD, each with a line feed
 *	PASSWD SERVICE<TAB>NAME<TAB>OLD<TAB>NEW
 *	ENUMERATE
 *
 * On its standard output it answers each: FAIL; or (PASSWD) OK; or (PRE, AUTH) lines
 *ATTRIBUTE=value and a line with a dot; or (ENUMERATE) lines of an account each, and a line with a
 *dot.  HOME, GID, ADDRESS, and UID or USERNAME must be there.  authpipe(7) is the page.
 */
#ifndef COURIER_AUTHDB_PIPE_TEXT_H
#define COURIER_AUTHDB_PIPE_TEXT_H

#include "authdb/authdb.h"

enum { PIPE_ANSWER_MAX = 64 * 1024, PIPE_LINE_MAX = 16 * 1024 };

/* The request of a job.  False: something in it can't stand in a line; the answer is no. */
bool pipe_request(const struct authdb_job *j, struct buf *out);

enum pipe_answer { PIPE_MORE, PIPE_YES, PIPE_NO, PIPE_BROKEN };
/* What has come so far in answer to anything but ENUMERATE. */
enum pipe_answer pipe_answer(enum authdb_frame kind, struct str text);
/* The account in a whole answer, strings in the job's arena.  NULL, or what is wrong.  uid is
 * UINT32_MAX when the answer names the system's user alone. */
const char *pipe_account(struct str text, struct authdb_job *j);

enum pipe_line { PIPE_ACCOUNT, PIPE_NOTHING, PIPE_END, PIPE_ODD };
/* A line of a list, without its end; a->… are views. */
enum pipe_line pipe_listed(struct str line, struct auth_account *a);

#endif
