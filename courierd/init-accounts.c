/* Virtual accounts of a new instance: a userdb line and a Maildir each. */
#include "config.h"

#include "courierd/init.h"
#include "maildir/maildir.h"
#include "maildir/tree.h"
#include "sasl/password.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int give(struct init_plan *p, const char *path)
{
	if (!p->root)
		return 0;
	return lchown(path, p->mail_uid, p->mail_gid) < 0 ? init_fail("give to the mail user", path)
							  : 0;
}

static int make_mailbox(struct init_plan *p, const char *name, char **home)
{
	static const char *const parts[] = {"", "/tmp", "/new", "/cur"};
	char *domain = instance_path(p->in.mail, p->domain);
	*home = instance_path(domain, name);
	char *maildir = instance_path(*home, "Maildir");
	int r = 0;
	if (file_mkdirs(-1, *home, 0755) < 0 || chmod(*home, 0700) < 0)
		r = init_fail("make the folder", *home);
	else if (maildir_make(maildir, 0700) < 0)
		r = init_fail("make the Maildir", maildir);
	if (r == 0)
		r = give(p, *home);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
		char *part = mem_printf("%s%s", maildir, parts[i]);
		r = give(p, part);
		free(part);
	}
	free(maildir);
	free(domain);
	return r;
}

static int add_account(struct init_plan *p, struct init_account *a, struct buf *userdb)
{
	struct buf hash;
	char *home = NULL;
	int r = make_mailbox(p, a->name, &home);
	buf_init(&hash, PASSWORD_STORED_MAX);
	if (r == 0 && !password_make("sha512-crypt", str_of(a->password), &hash)) {
		fprintf(stderr, "courier: the password of '%s' cannot be stored\n", a->name);
		r = -1;
	}
	if (r == 0)
		buf_addf(userdb, "%s@%s\tuid=%u|gid=%u|home=%s|mail=%s/Maildir|systempw=%s\n",
		    a->name, p->domain, (unsigned)p->mail_uid, (unsigned)p->mail_gid, home, home,
		    hash.p);
	mem_wipe(a->password, strlen(a->password));
	buf_free(&hash);
	free(home);
	return r;
}

int init_accounts(struct init_plan *p)
{
	struct buf userdb;
	int r = 0;
	buf_init(&userdb, 64 * 1024 * 1024);
	buf_addz(&userdb, "# accounts: NAME@DOMAIN<TAB>field=value|...; see userdb(8)\n");
	for (size_t i = 0; r == 0 && i < p->accounts.n; i++) {
		r = add_account(p, &p->accounts.v[i], &userdb);
		if (r == 0 && (i + 1) % 500 == 0)
			fprintf(stderr, "%zu of %zu accounts\n", i + 1, p->accounts.n);
	}
	char *path = instance_path(p->in.etc, "userdb");
	if (r == 0 && file_replace(-1, path, userdb.p, userdb.n, 0600) < 0)
		r = init_fail("write", path);
	if (r == 0)
		r = init_own(p, path, MAILUSER "-auth", 0600);
	free(path);
	buf_free(&userdb);
	return r;
}
