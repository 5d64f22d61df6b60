/* Making of an instance: what cmd-init.c asks and init-*.c do.  Every step says what fails. */
#ifndef COURIER_INIT_H
#define COURIER_INIT_H

#include "courierd/courier.h"

struct init_account {
	char *name;     /* without the domain */
	char *password; /* clear; wiped after hashing */
};

struct init_plan {
	const char *dir, *domain, *mail_user;
	char *host;        /* the name in `me` */
	int port_base;     /* -1: choose free ones */
	bool root, system; /* system: the installation itself, in its own folders */
	uid_t mail_uid;
	gid_t mail_gid;
	VEC(struct init_account) accounts;
	struct instance in;
	uint16_t ports[8];
};

enum init_port {
	INIT_SMTP,
	INIT_SUBMISSION,
	INIT_SMTPS,
	INIT_IMAP,
	INIT_IMAPS,
	INIT_POP3,
	INIT_POP3S,
	INIT_HTTP,
	INIT_PORTS
};

/* All: 0, or -1 with a line on standard error. */
int init_folders(struct init_plan *p);
int init_ports(struct init_plan *p);
int init_config(struct init_plan *p);
int init_accounts(struct init_plan *p);
int init_tables(struct init_plan *p);
int init_fail(const char *what, const char *subject); /* prints errno's text, returns -1 */
/* For root: gives etc/NAME (or var/NAME) to a system user. */
int init_own(const struct init_plan *p, const char *path, const char *user, mode_t mode);

#endif
