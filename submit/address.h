/*
 * Addresses as the gate sees them: what kind, in which canonical form, and for which account.
 *
 * Everything here is a function of the names snapshot and the address.
 */
#ifndef COURIER_SUBMIT_ADDRESS_H
#define COURIER_SUBMIT_ADDRESS_H

#include "submit/domains.h"

/* The names of this system: a snapshot, made anew at each reload (names-load.c). */
struct names {
	struct str me, defaultdomain, msgidhost;
	struct str uucpme; /* this host among UUCP nodes */
	struct str host;   /* the system's name: "*" in lists of domains */
	struct domains *locals;
	struct domains *hosted;
	struct domains *accept;      /* esmtpacceptmailfor; NULL: the file is missing, me alone */
	struct domains *accept_more; /* its table; NULL: none */
	struct domains *percent;     /* esmtppercentrelay; NULL: none */
	struct domains *percent_more;
	bool lowercase;      /* locallowercase: mailbox names know no case */
	char separators[16]; /* between account and extension; '-' is one always */
};

enum address_kind {
	ADDRESS_LOCAL,  /* a mailbox of this machine: the account is the local part */
	ADDRESS_HOSTED, /* kept here, the account is the whole address */
	ADDRESS_REMOTE,
};

struct address {
	enum address_kind kind;
	struct str local;  /* unquoted */
	struct str domain; /* canonical: lower case, U-labels */
	struct str text;   /* canonical form of both: what is queued */
	struct str key;    /* what two addresses of one mailbox have in common */
	struct str at;     /* the domain for account names: empty for ADDRESS_LOCAL */
	struct str wild;   /* the entry ".dom" that made it ADDRESS_HOSTED, or empty */
};

enum address_error {
	ADDRESS_OK,
	ADDRESS_SYNTAX,
	ADDRESS_NO_DOMAIN,  /* bare, and not allowed to be */
	ADDRESS_NEEDS_UTF8, /* beyond ASCII, and SMTPUTF8 was not said */
	ADDRESS_TOO_LONG,
	ADDRESS_TEMPORARY, /* a table can't be read, or no memory */
};

enum address_flags {
	ADDRESS_BARE = 1, /* a bare local part gets the default domain */
	ADDRESS_UTF8 = 2,
};

/* text: without <>.  local_ip: of the connection, or empty: user@[that] is user@defaultdomain.
 * <postmaster> may always be bare. */
enum address_error address_canonical(const struct names *n, struct arena *a, struct str text,
    struct str local_ip, unsigned flags, struct address *out);

/* user%dom@here with dom in esmtppercentrelay and `here` a local domain: 1 and user@dom, which is
 * accepted from everybody; 0; -1 (a table can't be read).  For mail from ESMTP clients. */
int address_percent(
    const struct names *n, struct arena *a, const struct address *addr, struct str *out);

/* Whether mail for it is accepted from everybody: 1, 0, or -1 (a table can't be read). */
int address_accepted(const struct names *n, const struct address *a);

/*
 * The account names to try for an address, in order: the whole local part, then what stands before
 * each separator, from the last to the first.  For a domain that stands in hosteddomains as ".dom"
 * the same again with "@.b.dom" and at last "@.dom" in place of "@a.b.dom".  In the end the account
 * alias@domain, of which the whole local part is the extension, in each of these domains.
 * *at starts at 0.
 */
enum { ADDRESS_SPLITS_MAX = 8, ADDRESS_STAGES_MAX = 4 };
struct address_try {
	struct str account; /* "alice" or "alice@example.com" */
	struct str ext;     /* what stands behind the separator; empty: none */
	char separator;     /* 0: none, or the account alias@domain */
};
bool address_next_try(const struct names *n, struct arena *a, const struct address *addr,
    unsigned *at, struct address_try *out);

#endif
