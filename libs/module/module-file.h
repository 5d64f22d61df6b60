/*
 * libs/module: the files module.NAME of the configuration folder, which make a program a transport.
 *
 * One reader for the supervisor (what to start, as whom), the gate (which addresses are claimed)
 * and the scheduler (how much at a time).  courier-module(5) is the administrator's page.
 */
#ifndef COURIER_MODULE_FILE_H
#define COURIER_MODULE_FILE_H

#include "config/config.h"

enum {
	MODULE_FILES_MAX = 32,
	MODULE_CLAIMS_MAX = 16,
	MODULE_NAME_MAX = 31,
	MODULE_PRIORITY_MAX = 1000,
	MODULE_LIMIT_MAX = 100000,
};

/* One word of CLAIM. */
enum claim_kind {
	CLAIM_LOCAL,  /* "local": mailboxes of this system, looked up among the accounts */
	CLAIM_REMOTE, /* "remote": every domain that is not this system's */
	CLAIM_BANG,   /* "bang": node!user in a domain of this system */
	CLAIM_DOMAIN, /* "@domain", "@.domain" (those below it), "@word*" (what begins so) */
	CLAIM_LIST,   /* "list:FILE": domains of a file; what stands behind one is the host */
};

struct module_claim {
	enum claim_kind kind;
	struct str text; /* the domain without "@", lower case; or the file's name */
};

struct module_file {
	char name[MODULE_NAME_MAX + 1];
	int priority; /* who is asked first: the smallest */
	unsigned maxdels, maxhost, maxrcpt;
	char *prog; /* absolute; NULL: mail only comes in through it */
	char *user; /* that it runs as; NULL: the default for programs of administrators */
	struct module_claim claims[MODULE_CLAIMS_MAX];
	size_t n_claims;
	bool bang;   /* REWRITE=bang: addresses of mail that it brings in are UUCP paths */
	bool ask;    /* the module itself is asked about what it claims */
	char *words; /* the claims' text */
};

struct module_files {
	struct module_file v[MODULE_FILES_MAX]; /* by priority, then by name */
	size_t n;
};

/* All of them, the suite's own included.  -1 (logged): the folder, or one of the files, has faults.
 */
int module_files_load(struct module_files *f, const struct instance *in);
void module_files_free(struct module_files *f);

/* "module.NAME", and no editor's or package's left-over: the name, else .p NULL. */
struct str module_file_name(struct str entry);
/* Pure.  False: there is no such claim. */
bool module_claim_parse(struct str word, struct module_claim *out);

#endif
