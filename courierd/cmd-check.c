/* courier check: proves a configuration, naming file and line of each fault; courier config: shows
 * it. */
#include "config.h"

#include "config/folder.h"
#include "courierd/check-readable.h"
#include "courierd/check-shared.h"
#include "courierd/check-accounts.h"
#include "courierd/courier.h"
#include "esmtp/authclient.h"
#include "courierd/roles.h"
#include "ldapaliasd/ldapaliasrc.h"
#include "submit/settings.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names the original knows and this suite has decided not to carry: said once, then ignored. */
static const struct {
	const char *name, *instead;
} retired_files[] = {
    {"modules.ctl", "modules are found by their module.NAME files"},
    {"virtualdomains", "use aliases of the form @domain: user"},
    {"bouncefrom", "use dsnfrom"},
};

static const struct {
	const char *name, *instead;
} retired_names[] = {
    {"SOURCE_ADDRESS", "use the file ipout"},
    {"SOURCE_ADDRESS_IPV6", "use the file ip6out"},
};

/* In the file courierd, where other names are the environment of deliveries. */
static void check_retired_names(const struct config *c, struct config_faults *f)
{
	struct str name, value;
	size_t at = 0;
	while (c && config_each_assignment(c, "supervisor", &at, &name, &value))
		for (size_t i = 0; i < ARRAY_LEN(retired_names); i++)
			if (str_is(name, retired_names[i].name))
				config_warn(f, "courierd", 0, "%s is not read: %s",
				    retired_names[i].name, retired_names[i].instead);
}

static void check_retired(const struct instance *in, struct config_faults *f)
{
	for (size_t i = 0; i < ARRAY_LEN(retired_files); i++) {
		char *path = instance_path(in->etc, retired_files[i].name);
		if (access(path, F_OK) == 0)
			config_warn(
			    f, path, 0, "this file is not read: %s", retired_files[i].instead);
		free(path);
	}
}

static void bad_passwords(void *ctx, const char *path, const char *why)
{
	config_fault(ctx, path, 0, "%s", why);
}

/* Secrets that others could read. */
static void check_modes(const struct instance *in, struct config_faults *f)
{
	static const char *const secret[] = {
	    "userdb", "userdbshadow.dat", "esmtpd.pem", "imapd.pem", "pop3d.pem"};
	for (size_t i = 0; i < ARRAY_LEN(secret); i++) {
		struct stat st;
		char *path = instance_path(in->etc, secret[i]);
		if (stat(path, &st) == 0 && (st.st_mode & 077))
			config_fault(
			    f, path, 0, "holds secrets but others can read it; chmod go= %s", path);
		free(path);
	}
	authclient_look(in->etc, bad_passwords, f);
}

/* An installed filter that can't run stops all mail that it should see. */
static void check_filters(
    const struct instance *in, const struct config *c, struct config_faults *f)
{
	char *folder = instance_path(in->etc, "filters/active");
	DIR *d = opendir(folder);
	struct dirent *e;
	unsigned n = 0;
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		char *path = instance_path(folder, e->d_name);
		n++;
		if (access(path, X_OK) < 0)
			config_warn(f, path, 0,
			    "this filter can't be run (%s): mail that it should see is refused "
			    "until it can, or the link is gone",
			    strerror(errno));
		free(path);
	}
	if (d)
		closedir(d);
	if (n && c && config_str(c, "submit", "enablefiltering", NULL).n == 0)
		config_warn(
		    f, folder, 0, "filters are installed, but enablefiltering names no source");
	free(folder);
}

/* The one file whose lines are "NAME value". */
static void check_ldapaliasrc(const struct instance *in, struct config_faults *f)
{
	struct arena *a = arena_new(1024 * 1024);
	struct ldapaliasrc rc;
	const char *why;
	char *path = instance_path(in->etc, "ldapaliasrc");
	struct stat st;
	if (a && ldapaliasrc_load(in->etc, a, &rc, &why) < 0)
		config_fault(f, path, 0, "%s", why);
	else if (a && *rc.password && stat(path, &st) == 0 && (st.st_mode & 077))
		config_fault(
		    f, path, 0, "holds a password but others can read it; chmod go= %s", path);
	free(path);
	arena_free(a);
}

struct line_faults {
	struct config_faults *faults;
	const char *path;
};

static void bad_line(void *ctx, unsigned line, const char *why)
{
	struct line_faults *b = ctx;
	config_warn(b->faults, b->path, line, "%s: the line has no effect", why);
}

static void read_bofh(struct str text, const struct names *n, struct line_faults *ctx)
{
	bofh_free(bofh_new(text, n, bad_line, ctx));
}

static void read_authsenders(struct str text, const struct names *n, struct line_faults *ctx)
{
	authsenders_free(authsenders_new(text, n, bad_line, ctx));
}

/* A file of lines about addresses, which is read with the names of this system at hand. */
static void check_lines(const struct instance *in, const struct config *c, struct config_faults *f,
    const char *name, size_t max,
    void (*read)(struct str text, const struct names *n, struct line_faults *ctx))
{
	char *path = instance_path(in->etc, name);
	struct line_faults ctx = {f, path};
	struct arena *a = arena_new(1024 * 1024);
	struct names n = {0};
	struct buf text;
	buf_init(&text, max);
	if (c && a && access(path, F_OK) == 0 && names_load(in, c, NULL, a, &n) == 0) {
		if (config_text(in->etc, name, false, &text) < 0)
			config_fault(f, path, 0, "can't be read");
		read(buf_str(&text), &n, &ctx);
		names_free(&n);
	}
	buf_free(&text);
	arena_free(a);
	free(path);
}

int cmd_check(const struct instance *in, int argc, char **argv)
{
	struct config_faults f;
	struct roles roles;
	bool quiet = argc > 1 && strcmp(argv[1], "-q") == 0;
	config_faults_init(&f);
	struct config *c = config_load(in, every_component, n_every_component, &f);
	check_retired(in, &f);
	check_retired_names(c, &f);
	check_modes(in, &f);
	check_readable(in, &f);
	check_filters(in, c, &f);
	check_ldapaliasrc(in, &f);
	check_accounts(in, c, &f);
	check_shared(in, c, &f);
	check_lines(in, c, &f, "bofh", BOFH_TEXT_MAX, read_bofh);
	check_lines(in, c, &f, "authsenders", AUTHSENDERS_TEXT_MAX, read_authsenders);
	if (roles_load(&roles, in) < 0)
		f.errors++;
	fputs(f.text.p, stderr);
	if (c && f.errors == 0 && !quiet)
		printf("the configuration in %s is sound\n", in->etc);
	int r = c && f.errors == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	config_drop(c);
	config_faults_free(&f);
	return r;
}

static void show_component(const struct config *c, const struct config_component *comp)
{
	printf("# %s%s%s\n", comp->name, comp->file ? ", file " : "", comp->file ? comp->file : "");
	for (size_t i = 0; i < comp->n; i++) {
		const struct config_setting *s = &comp->settings[i];
		struct buf b;
		buf_init(&b, 1024 * 1024);
		printable(config_str(c, comp->name, s->name, NULL), 500, &b);
		printf("%s: %s%s\n\t%s\n", s->name, b.p,
		    config_is_set(c, comp->name, s->name) ? "" : " (default)", s->help);
		buf_free(&b);
	}
}

int cmd_config(const struct instance *in, int argc, char **argv)
{
	struct config *c = config_load(in, every_component, n_every_component, NULL);
	bool found = argc < 2;
	if (!c)
		return EXIT_FAILURE;
	for (size_t i = 0; i < n_every_component; i++) {
		if (argc > 1 && strcmp(argv[1], every_component[i]->name) != 0)
			continue;
		found = true;
		show_component(c, every_component[i]);
	}
	config_drop(c);
	if (!found)
		fprintf(stderr, "courier: no component is called '%s'\n", argv[1]);
	return found ? EXIT_SUCCESS : EXIT_BAD_USAGE;
}
