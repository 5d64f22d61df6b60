/* userdb: edits accounts. */
#include "config.h"

#include "authdaemon/tool.h"
#include "authdaemon/userdb.h"
#include "sasl/password.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: userdb [-C DIR] [-f FILE] [PATH/]ACCOUNT set FIELD=VALUE|FIELD...\n"
    "       userdb [-C DIR] [-f FILE] [PATH/]ACCOUNT unset FIELD...\n"
    "       userdb [-C DIR] [-f FILE] [PATH/]ACCOUNT del\n"
    "       userdb [-C DIR] -show [-f FILE|PATH] [ACCOUNT]\n";

struct options {
	const char *dir, *file;
	bool show;
};

static int parse_options(char **argv, struct options *o)
{
	int i = 1;
	while (argv[i] && argv[i][0] == '-') {
		if (tool_flag(argv, &i, "show"))
			o->show = true;
		else if (!tool_option(argv, &i, "C", &o->dir) &&
			 !tool_option(argv, &i, "f", &o->file))
			tool_usage(usage);
	}
	return i;
}

static char *base_path(const struct options *o)
{
	char *etc = tool_etc(o->dir);
	char *base = instance_path(etc, "userdb");
	free(etc);
	return base;
}

static bool is_folder(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Showing. */

static int print_name(void *ctx UNUSED, const struct userdb_entry *e)
{
	printf("%.*s\n", STR_FMT(e->name));
	return 0;
}

static int print_fields(void *ctx, const struct userdb_entry *e)
{
	struct str record = e->record, field, value;
	if (!str_is(e->name, ctx))
		return 0;
	while (userdb_next(&record, &field, &value))
		printf("%.*s=%.*s\n", STR_FMT(field), STR_FMT(value));
	return 1;
}

static int show(const struct options *o, char **argv)
{
	char *why = NULL, *account = argv[0];
	char *path = o->file ? mem_strdup(o->file) : base_path(o);
	if (!o->file && argv[0] && is_folder(path)) {
		char *below = instance_path(path, argv[0]); /* -show PATH [ACCOUNT] */
		if (access(below, F_OK) == 0) {
			free(path);
			path = mem_strdup(below);
			account = argv[1];
		}
		free(below);
	}
	int r = account ? userdb_read(path, print_fields, account, &why)
			: userdb_read(path, print_name, NULL, &why);
	if (r < 0)
		tool_die("%s", why);
	if (account && r == 0)
		tool_die("'%s': no such account", account);
	free(path);
	return 0;
}

/* Editing. */

/* The file to edit.  *account loses its PATH/. */
static char *file_of(const struct options *o, char **account)
{
	char *why = NULL;
	if (o->file)
		return mem_strdup(o->file);
	char *base = base_path(o), *slash = strrchr(*account, '/');
	char *file;
	if (slash) {
		if (!is_folder(base))
			tool_die("'%s' is one file: there are no paths in it", base);
		*slash = 0;
		if (strstr(*account, ".."))
			tool_die("'%s' leaves the folder", *account);
		file = instance_path(base, *account);
		*account = slash + 1;
	} else {
		file = userdb_file_of(base, str_of(*account), &why);
	}
	if (!file)
		tool_die("%s", why);
	free(base);
	return file;
}

static struct userdb_change set_of(char *arg)
{
	char *eq = strchr(arg, '=');
	struct userdb_change c = {USERDB_SET, str_of(arg), STR_NONE};
	if (eq) {
		c.field = str_range(arg, eq);
		c.value = str_of(eq + 1);
	} else {
		char *prompt = mem_printf("%s: ", arg);
		c.value = str_of(tool_secret(prompt, false));
		free(prompt);
	}
	if (userdb_is_secret(c.field) && str_ends(c.field, STR("systempw")) && c.value.n &&
	    !password_scheme_of(c.value))
		tool_die("'%.*s' wants a hash, as userdbpw makes it", STR_FMT(c.field));
	return c;
}

static int change(const struct options *o, char **argv)
{
	enum { FIELDS_MAX = 64 };
	struct userdb_change c[FIELDS_MAX];
	char *account = argv[0], *verb = argv[1], *why = NULL;
	size_t n = 0;
	if (!account || !verb) {
		tool_usage(usage);
		return 64; /* unreached; analysers want to see it */
	}
	bool set = strcmp(verb, "set") == 0, unset = strcmp(verb, "unset") == 0;
	bool del = strcmp(verb, "del") == 0;
	if ((!set && !unset && !del) || (del && argv[2]) || (!del && !argv[2]))
		tool_usage(usage);
	for (char **arg = argv + 2; *arg; arg++) {
		if (n == FIELDS_MAX)
			tool_die("more than %d fields", FIELDS_MAX);
		c[n++] = set ? set_of(*arg)
			     : (struct userdb_change){USERDB_UNSET, str_of(*arg), STR_NONE};
	}
	char *file = file_of(o, &account);
	int r = userdb_edit(file, str_of(account), c, n, &why);
	if (r < 0)
		tool_die("%s", why);
	if (r == 1)
		tool_die("'%s': no such account in '%s'", account, file);
	free(file);
	return 0;
}

int main(int argc UNUSED, char **argv)
{
	struct options o = {0};
	umask(077);
	int i = parse_options(argv, &o);
	return o.show ? show(&o, argv + i) : change(&o, argv + i);
}
