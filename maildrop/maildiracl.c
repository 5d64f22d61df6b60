/* maildiracl: who may do what with a folder. */
#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "usage: maildiracl -list MAILDIR FOLDER\n"
			    "       maildiracl -set MAILDIR FOLDER [-]WHO [+|-]RIGHTS\n"
			    "       maildiracl -delete MAILDIR FOLDER [-]WHO\n"
			    "       maildiracl -compute MAILDIR FOLDER WHO ...\n"
			    "       maildiracl -reset MAILDIR\n"
			    "FOLDER is INBOX or INBOX.NAME; WHO is owner, anyone, user=LOGIN, "
			    "group=NAME, administrators;\n"
			    "RIGHTS are letters of " MAILDIR_RIGHTS_ALL "\n";

static _Noreturn void refuse(void)
{
	fputs(usage, stderr);
	exit(1);
}

static _Noreturn void fail(const char *what, const char *name)
{
	fprintf(stderr, "maildiracl: %s '%s': %s\n", what, name, strerror(errno));
	exit(1);
}

static const char *folder_of(const char *name)
{
	const char *folder = strncmp(name, "INBOX.", 6) == 0 ? name + 6 : "";
	if ((!*folder && strcmp(name, "INBOX") != 0) ||
	    (*folder && !maildir_folder_ok(str_of(folder)))) {
		fprintf(stderr,
		    "maildiracl: '%s' is no folder's name, which is INBOX or INBOX.NAME\n", name);
		exit(1);
	}
	return folder;
}

static void save(const char *dir, const char *folder, const struct maildir_acl *acl)
{
	const char *whose = maildir_acl_fault(acl);
	if (whose) {
		fprintf(stderr,
		    "maildiracl: %s has rights that cannot be taken away: the owner a and l, "
		    "administrators all\n",
		    whose);
		exit(1);
	}
	if (maildir_acl_save(dir, folder, acl) < 0)
		fail("cannot write the list of", *folder ? folder : "INBOX");
}

static void check_who(const char *who)
{
	if (!maildir_acl_who_ok(str_of(who))) {
		fprintf(stderr,
		    "maildiracl: '%s' is nobody: say owner, anyone, user=LOGIN, group=NAME or "
		    "administrators\n",
		    who);
		exit(1);
	}
}

static void set(struct maildir_acl *acl, const char *who, const char *rights)
{
	char how = *rights == '+' || *rights == '-' ? *rights : '=';
	unsigned mask;
	check_who(who);
	if (!maildir_rights_parse(str_of(how == '=' ? rights : rights + 1), &mask)) {
		fprintf(stderr, "maildiracl: '%s': rights are letters of " MAILDIR_RIGHTS_ALL "\n",
		    rights);
		exit(1);
	}
	if (!maildir_acl_change(acl, str_of(who), how, mask)) {
		errno = ENOSPC;
		fail("no more entries for", who);
	}
}

static void compute(const struct maildir_acl *acl, char **names, int n)
{
	char text[MAILDIR_RIGHTS_SIZE];
	struct str *ids = mem_alloc((size_t)n * sizeof *ids);
	for (int i = 0; i < n; i++)
		ids[i] = str_of(names[i]);
	maildir_rights_text(maildir_acl_rights(acl, ids, (size_t)n), text);
	puts(text);
	free(ids);
}

static void list(const struct maildir_acl *acl)
{
	struct buf text;
	buf_init(&text, MAILDIR_ACL_FILE_MAX);
	maildir_acl_print(acl, '\t', &text);
	fputs(text.p, stdout);
	buf_free(&text);
}

static void with_folder(const char *verb, const char *dir, int argc, char **argv)
{
	struct maildir_acl acl = {0};
	const char *folder = folder_of(argv[0]);
	if (maildir_acl_load(dir, folder, &acl) < 0)
		fail("cannot read the list of", argv[0]);
	if (!strcmp(verb, "-list") && argc == 1) {
		list(&acl);
	} else if (!strcmp(verb, "-compute") && argc > 1) {
		compute(&acl, argv + 1, argc - 1);
	} else if (!strcmp(verb, "-set") && argc == 3) {
		set(&acl, argv[1], argv[2]);
		save(dir, folder, &acl);
	} else if (!strcmp(verb, "-delete") && argc == 2) {
		maildir_acl_remove(&acl, str_of(argv[1]));
		save(dir, folder, &acl);
	} else {
		refuse();
	}
	maildir_acl_free(&acl);
}

int main(int argc, char **argv)
{
	log_open("maildiracl", LOG_TO_STDERR, -1);
	if (argc < 3)
		refuse();
	if (!maildir_exists(argv[2])) {
		fprintf(stderr, "maildiracl: there is no Maildir '%s'\n", argv[2]);
		return 1;
	}
	if (!strcmp(argv[1], "-reset") && argc == 3) {
		if (maildir_acl_reset(argv[2]) < 0)
			fail("cannot tidy", argv[2]);
	} else if (argc > 3) {
		with_folder(argv[1], argv[2], argc - 3, argv + 3);
	} else {
		refuse();
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
