/* courier-config: how the suite was built; courier-mtaconfig: what the mail transfer agent is set
 * to.  Both are read by scripts of the original's users. */
#include "config.h"

#include "courierd/courier.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

int cmd_build_config(const struct instance *in UNUSED, int argc, char **argv UNUSED)
{
	if (argc != 1) {
		fprintf(stderr, "usage: courier-config\n");
		return EXIT_BAD_USAGE;
	}
	const struct passwd *pw = getpwnam(MAILUSER);
	const struct group *gr = getgrnam(MAILGROUP);
	printf("prefix=%s\nexec_prefix=%s\nbindir=%s\nsbindir=%s\nlibexecdir=%s\nsysconfdir=%s\n"
	       "datadir=%s\nlocalstatedir=%s\nmailuser=%s\nmailgroup=%s\n",
	    PREFIX, PREFIX, BINDIR, SBINDIR, LIBEXECDIR, SYSCONFDIR, PKGDATADIR, LOCALSTATEDIR,
	    MAILUSER, MAILGROUP);
	/* empty: no such user (yet) */
	printf(pw ? "mailuid=%u\n" : "mailuid=\n", pw ? (unsigned)pw->pw_uid : 0);
	printf(gr ? "mailgid=%u\n" : "mailgid=\n", gr ? (unsigned)gr->gr_gid : 0);
	printf("configure_args=\"%s\"\n", CONFIGURE_ARGS);
	return EXIT_SUCCESS;
}

/* In the largest unit that leaves no remainder, as people write it. */
static void show_time(int64_t s)
{
	static const struct {
		int64_t seconds;
		const char *one, *many;
	} units[] = {{604800, "week", "weeks"}, {86400, "day", "days"}, {3600, "hour", "hours"},
	    {60, "min", "mins"}, {1, "sec", "secs"}};
	size_t i = 0;
	if (s == 0)
		return;
	while (s % units[i].seconds)
		i++;
	int64_t n = s / units[i].seconds;
	printf("%lld %s", (long long)n, n == 1 ? units[i].one : units[i].many);
}

static void show_size(int64_t n)
{
	if (n >= 1024 * 1024)
		printf("%.1f Mb", (double)n / (1024 * 1024));
	else if (n >= 1024)
		printf("%lld Kb", (long long)n / 1024);
	else
		printf(n ? "%lld" : "unlimited", (long long)n);
}

static void show_text(struct str s)
{
	struct buf b;
	buf_init(&b, 65536);
	printable(s, 1000, &b);
	fputs(b.n ? b.p : "", stdout);
	buf_free(&b);
}

static void show_list(const struct config *c, const char *component, const char *name)
{
	struct str item;
	for (size_t at = 0; config_each(c, component, name, &at, &item);) {
		fputs("\n    ", stdout);
		show_text(item);
	}
}

static void show(const struct config *c, const char *component, const struct config_setting *s)
{
	printf("%s: ", s->name);
	struct str text = config_str(c, component, s->name, NULL);
	if (s->type == CONFIG_TIME)
		show_time(config_int(c, component, s->name, NULL));
	else if (s->type == CONFIG_SIZE)
		show_size(config_int(c, component, s->name, NULL));
	else if (s->type == CONFIG_LIST)
		show_list(c, component, s->name);
	else if (strncmp(s->name, "queue", 5) == 0 && str_is(text, "0"))
		fputs("default", stdout);
	else if (text.n)
		show_text(text);
	else
		fputs("(none)", stdout);
	printf("\n   - %s\n", s->help);
}

/* The first table that has it; 0: none has. */
static bool find_and_show(const struct config *c, const char *name)
{
	for (size_t i = 0; i < n_every_component; i++)
		for (size_t k = 0; k < every_component[i]->n; k++)
			if (strcmp(every_component[i]->settings[k].name, name) == 0) {
				show(c, every_component[i]->name, &every_component[i]->settings[k]);
				return true;
			}
	return false;
}

int cmd_mtaconfig(const struct instance *in, int argc UNUSED, char **argv UNUSED)
{
	static const char *const names[] = {"backuprelay", "batchsize", "defaultdomain", "dsnfrom",
	    "dsnlimit", "esmtpacceptmailfor", "esmtpdelay", "esmtpgreeting", "esmtphelo",
	    "esmtptimeout", "esmtptimeoutconnect", "esmtptimeoutdata", "esmtptimeouthelo",
	    "esmtptimeoutkeepalive", "esmtptimeoutkeepaliveping", "esmtptimeoutquit",
	    "faxqueuetime", "hosteddomains", "localtimeout", "locals", "msgidhost", "me", "queuelo",
	    "queuehi", "queuefill", "queuetime", "respawnlo", "respawnhi", "retryalpha",
	    "retrybeta", "retrygamma", "retrymaxdelta", "sizelimit", "submitdelay", "warntime"};
	struct config *c = config_load(in, every_component, n_every_component, NULL);
	if (!c)
		return EXIT_FAILURE;
	/* what this build leaves out has no line */
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		(void)find_and_show(c, names[i]);
	config_drop(c);
	return EXIT_SUCCESS;
}
