/*
 * Accounts as the back ends know them, and the order in which back ends are asked.
 *
 * A back end is a row of functions (backend-*.c).  A look-up must not wait for anything slower than
 * a local file: what does is a role of its own (remote.h), and its answer comes later.
 */
#ifndef COURIER_AUTHDAEMON_ACCOUNT_H
#define COURIER_AUTHDAEMON_ACCOUNT_H

#include "auth/auth.h"
#include "authdaemon/helper.h"
#include "authdaemon/userdb.h"
#include "sasl/sasl.h"

enum { ACCOUNT_ARENA_MAX = 256 * 1024, BACKENDS_MAX = 16 };

enum account_found { ACCOUNT_FOUND, ACCOUNT_ABSENT, ACCOUNT_TEMPFAIL, ACCOUNT_LATER };

struct backend;
struct account {
	struct arena *arena; /* owns all strings, and the account itself */
	const struct backend *backend;
	struct auth_account a;
	struct str stored;        /* stored password for the service asked for; empty: none */
	struct sasl_secrets sasl; /* sasl.clear: the password itself where it is known */
	bool binds;               /* the back end itself must be asked about passwords */
};

struct remotes;

struct accounts { /* the back ends in force; zeroed before accounts_configure */
	const struct backend *order[BACKENDS_MAX];
	size_t n;
	struct userdb *userdb;
	struct remotes *remotes; /* the owner's */
	char *default_domain, *default_options;
};

/* Something to list: name, uid, gid, home, maildir and options are set. */
typedef int (*account_listed)(void *ctx, const struct auth_account *a);

struct backend {
	const char *name;
	const char *role; /* NULL: it answers at once by the functions below */
	enum account_found (*lookup)(
	    struct accounts *s, struct str name, const char *service, struct account *out);
	/* -1: not everything could be listed */
	int (*each)(struct accounts *s, account_listed fn, void *ctx);
	/* Passwords are checked by the helper in this way. */
	enum helper_kind check;
	/* Puts a new password in place of the old one; -1 (logged).  NULL: can't be done. */
	int (*change)(struct accounts *s, const struct account *a, const char *service,
	    struct str password, struct str made);
};

extern const struct backend backend_userdb, backend_pam, backend_shadow, backend_pwd;
extern const struct backend backend_ldap, backend_mysql, backend_pgsql, backend_sqlite,
    backend_pipe;

/* Takes the settings in force; a name in authmodulelist that is no back end is logged and skipped.
 */
void accounts_configure(struct accounts *s, const struct instance *in, const struct config *c);
void accounts_release(struct accounts *s);
bool accounts_need_helper(const struct config *c);

/*
 * module: NULL or "." for all.  name: without a domain it is tried as it is, then with the default
 * domain.  *out is set when found: account_free it.  ACCOUNT_LATER: another process must be asked;
 * found() comes once and owns the account (NULL unless ACCOUNT_FOUND), unless *search is cancelled.
 */
struct search;
typedef void (*account_search_done)(void *ctx, enum account_found r, struct account *a);
enum account_found accounts_find(struct accounts *s, const char *module, const char *service,
    struct str name, struct account **out, struct search **search, account_search_done found,
    void *ctx);
void search_cancel(struct search *f); /* NULL is fine */
/* What mechanisms can make of the one stored record. */
void account_record_secrets(struct account *a);
void account_free(struct account *a); /* wipes; NULL is fine */

/* "smtp" of our fronts is what the original's fields and PAM files call "esmtp". */
const char *account_service(const char *service);
/* own options, and those of the defaults that it does not set itself */
struct str account_options(struct arena *arena, struct str own, const char *defaults);

#endif
