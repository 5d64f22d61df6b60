/*
 * The roles that ask directories and databases about accounts: what they share.
 *
 *	server.c     the role: its file, its edge to authdaemond, threads (libs/threads)
 *	rc.c         the grammar of the files;  sqlrc.c, ldaprc.c  their settings
 *	shut.c       which files its process can open
 *	clause.c     statements with $(variables)
 *	sql.c        questions -> statements, rows -> accounts
 *	mysql.c pgsql.c sqlite.c   one library each, and a main
 *	ldap.c       the directory, and a main
 *	pipe.c       a program of the administrator's (pipe-text.c its lines), and a main
 */
#ifndef COURIER_AUTHDB_H
#define COURIER_AUTHDB_H

#include "authdb/authdb-proto.h"
#include "authdb/rc.h"
#include "authdb/shut.h"
#include "threads/work.h"

enum {
	AUTHDB_VALUE_MAX = 8192,            /* bytes of one column or attribute */
	AUTHDB_JOB_MAX = 512 * 1024,        /* memory of one question */
	AUTHDB_LIST_MAX = 48 * 1024 * 1024, /* of a list of all accounts */
	AUTHDB_THREADS = 4,
};

struct authdb_item {
	struct authdb_item *next;
	struct auth_account a;
};

struct authdb_job {
	struct work_job work; /* first */
	struct arena *arena;  /* of everything below */
	enum authdb_frame kind;
	struct str service, name, password, fresh, made; /* fresh: the new password */
	enum authdb_verdict verdict;
	struct auth_account a; /* AUTHDB_LOOKUP with AUTHDB_YES, and below */
	struct str stored, clear;
	bool binds;
	struct authdb_item *items, **last; /* AUTHDB_EACH */
	/* the server's */
	void *peer;
	uint32_t id;
};

struct authdb_backend {
	const char *role, *what;    /* what: for the log, "the MySQL server of accounts" */
	const struct rc_file *file; /* NULL: none, and the first value is the folder etc */
	void (*configure)(const struct config *c); /* authdaemonrc; may be NULL */
	/* What it opens besides what everybody does; NULL: the process is not shut in. */
	void (*files)(const struct rc *rc, struct authdb_shut *s);
	/* Once; NULL: *why.  Then a state for each thread, and its questions. */
	void *(*prepare)(const struct rc *rc, struct arena *a, const char **why);
	void *(*open)(void *prepared);
	void (*run)(void *state, struct work_job *job);
};

int authdb_main(const struct authdb_backend *b, int argc, char **argv);

/* For run: a line in the log, and AUTHDB_UNKNOWN. */
void authdb_fail(struct authdb_job *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The server could not be asked: the next ones need not wait for it. */
void authdb_down(struct authdb_job *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool authdb_add_item(struct authdb_job *j, const struct auth_account *a); /* copies; false: full */
/* Whole: a number that is a uid or gid. */
bool authdb_id(struct str s, uint32_t *out);
/* name, and what is appended to it when it has no domain; in the arena. */
struct str authdb_full_name(struct str name, const char *domain, struct arena *a);
/* Instructions that take the place of the Maildir when mail is to be delivered: other software sees
 * them as the Maildir of the service "courier", the gate as an option.  NULL, or what is wrong. */
const char *authdb_deliver_by(struct authdb_job *j, struct str how);
bool authdb_is_instruction(struct str how); /* and can't be a Maildir */

#endif
