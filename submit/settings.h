/* The settings of the gate, and the snapshot it works with. */
#ifndef COURIER_SUBMIT_SETTINGS_H
#define COURIER_SUBMIT_SETTINGS_H

#include "config/config.h"
#include "access/options.h"
#include "submit/aliases.h"
#include "submit/authsenders.h"
#include "submit/bofh.h"
#include "submit/claims.h"
#include "submit/decide.h"
#include "submit/header.h"
#include "table/table.h"

/* What the gate reads in the files of the ESMTP server, which are its own otherwise. */
extern const struct config_component sender_settings[3];
/* The access file that a setting names, without ".dat", to be freed. */
char *access_file(
    const struct instance *in, const struct config *c, const char *component, const char *setting);
extern const struct config_component submit_settings; /* file submit; also sizelimit, locals, ... */

/* What is set for one kind of listener: port 25, submission, submission under TLS. */
struct door_policy {
	struct tcpd_options options; /* BLACKLISTS, DROP and TCPDOPTS together */
	struct access *access;       /* the text of ACCESSFILE, when there is no table */
	struct table *access_table;
	bool borrowed;  /* both belong to an earlier door with the same file */
	bool exclusive; /* ALLOW_EXCLUSIVE */
	bool check_dns; /* BOFHCHECKDNS */
};
enum { POLICY_DOORS = 3 };

/* What a transaction needs of the configuration; transactions keep the one they began with. */
struct policy {
	unsigned refs;
	struct arena *arena;
	struct policy *root; /* of a virtual host's policy: the one it belongs to; else NULL */
	struct map *vhosts;  /* KEY -> policy: settings NAME.KEY in place of NAME; root only */
	struct str vhost;    /* KEY, or empty */
	struct names names;
	struct claims *claims; /* which module has which addresses; root only */
	/* aliases.dat; root only, as are the doors: see policy_root */
	struct table *aliases, *aliases_of[ALIAS_SOURCES];
	struct door_policy doors[POLICY_DOORS];
	struct str greeting;
	uint64_t size_limit;
	uint32_t max_rcpts, batch;
	bool rcpts_hard; /* 531, not 431 */
	struct bofh *bofh;
	unsigned bound[3]; /* AUTH_SENDER of esmtpd, esmtpd-msa, esmtpd-ssl: enum bound */
	struct authsenders *authsenders; /* root only */
	size_t header_max;
	unsigned received_max;
	struct disk_need disk;
	enum check_mode header8, body8, mime;
	bool add_date, add_msgid, extensions;
	enum header_rewrite rewrite;
	uint64_t drop_max_size;
	bool filter_esmtp, filter_local, filter_uucp; /* sources that are filtered */
	bool mailbox_filters, alias_filter;           /* of owners (maildropfilter); of aliases */
	int64_t filter_ms;
	bool track_smtp, track_auth; /* whose mail is subject to the delivery track */
};

/*
 * NULL (logged) when it can't be made: the old one stays in force.
 *
 * Virtual hosts: when there is a file vhost.KEY, every setting that has a file of its own is read
 * from NAME.KEY, where there is one, for a message that came in on the address KEY, or whose sender
 * has logged in as somebody@KEY.  Each KEY has a policy of its own, which lives and dies with its
 * root: holding either holds both.
 */
enum { POLICY_VHOSTS_MAX = 1000 };
struct policy *policy_load(const struct instance *in, const struct config *c);
struct policy *policy_hold(struct policy *p);
void policy_drop(struct policy *p);
static inline struct policy *policy_root(struct policy *p)
{
	return p->root ? p->root : p;
}
/* The policy for KEY, or the root's.  Not held. */
struct policy *policy_vhost(struct policy *p, struct str key);
/* Of the address a client has connected to and the name it has logged in with (each may be empty).
 * An address goes before a domain. */
struct policy *policy_of_client(struct policy *p, struct str local_ip, struct str login);

/* The names alone, for command-line tools; strings live in the arena.  -1 (logged). */
/* The name of this host; the file me, or the system's. */
struct str names_me(const struct config *c, const char *vhost, struct arena *a);
int names_load(const struct instance *in, const struct config *c, const char *vhost,
    struct arena *a, struct names *out);
void names_free(struct names *n);
/* FILE.dat, or the text FILE; for claims_load. */
struct domains *names_list(const struct instance *in, const char *file, struct str me);

/* What of a message is bound to its account, by AUTH_SENDER. */
unsigned policy_bound(const struct policy *p, const char *service);
/* Of a service: "smtp", "submission", "smtps". */
const struct door_policy *policy_door(struct policy *p, const char *service);
/* For policy_load: false (logged) when a file can't be read. */
bool policy_doors_load(struct policy *p, const struct instance *in, const struct config *c);
void policy_doors_free(struct policy *p);

/* The access table's answer for a client: NAME=value lines into env.  false: the table can't be
 * read or understood (answer 4xx). */
struct access_question {
	struct str ip, local_ip;
	uint16_t local_port;
};
bool policy_access(
    const struct door_policy *d, const struct access_question *q, struct buf *env, bool *deny);

#endif
