/* maildrop: takes one message, follows a filter, delivers. */
#include "config.h"

#include "filter/drop.h"
#include "local/local-settings.h"
#include "maildrop/drop-account.h"
#include "maildrop/drop-options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

extern char **environ;

static struct instance instance;
static struct drop_options opt;
static struct drop_account account;
static struct drop_settings settings;
static const char *skeleton; /* "" none */

static _Noreturn void die(int code, const char *fmt, ...) PRINTF_LIKE(2, 3);
static _Noreturn void die(int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *why;
	if (vasprintf(&why, fmt, ap) < 0)
		_exit(code);
	va_end(ap);
	fprintf(stderr, "maildrop: %s\n", why);
	if (settings.syslog) {
		log_open("maildrop", LOG_TO_SYSLOG, -1);
		log_error(NULL, "%s: %s", account.name ? account.name : "-", why);
	}
	fflush(NULL);
	_exit(code);
}

static void numeric_account(void)
{
	struct str gid = str_of(opt.ids), uid;
	uint64_t u = 0, g = 0;
	const char *home = getenv("HOME");
	if (!str_split(&gid, '/', &uid) || !str_u64(uid, &u) || !str_u64(gid, &g) ||
	    u >= UINT32_MAX || g >= UINT32_MAX || !home)
		die(EX_TEMPFAIL, "-D wants uid/gid, and HOME in the environment");
	account =
	    (struct drop_account){.name = mem_strdup(getenv("LOGNAME") ? getenv("LOGNAME") : ""),
		.home = mem_strdup(home),
		.shell = mem_strdup("/bin/sh"),
		.uid = (uid_t)u,
		.gid = (gid_t)g};
}

/* True: the caller's own mail, in the caller's name. */
static bool find_account(void)
{
	if (opt.ids) {
		numeric_account();
		return false;
	}
	if (!opt.user || drop_account_is_caller(opt.user)) {
		if (drop_account_caller(&account) != 0)
			die(EX_TEMPFAIL, "the caller has no account");
		return true;
	}
	int code = drop_account_find(&instance, opt.user, opt.must_auth, &account);
	if (code)
		die(code, "%s: %s", opt.user,
		    code == EX_NOUSER ? "no such user" : "cannot tell who this is");
	return false;
}

static void read_settings(void)
{
	static const struct config_component *const mine[] = {&maildrop_settings, &local_settings};
	struct config *c = config_load(&instance, mine, ARRAY_LEN(mine), NULL);
	if (!c)
		die(EX_TEMPFAIL, "the settings of maildrop are wrong: see courier check");
	drop_settings_of(c, &settings); /* the snapshot is kept */
	skeleton = config_z(c, "local", "AUTH_MKHOMEDIR_SKEL", NULL);
}

static void become(void)
{
	struct buf problem;
	buf_init(&problem, 1024);
	if (opt.user && drop_account_home(&account, skeleton, &problem) < 0)
		die(EX_TEMPFAIL, "%s", problem.p);
	if (drop_account_become(&account) < 0)
		die(EX_TEMPFAIL, "cannot become %s: %s", account.name, strerror(errno));
	buf_free(&problem);
}

static _Noreturn void deliver(bool own)
{
	struct drop_call call = {.instance = &instance,
	    .set = settings,
	    .who = {account.name, account.home, account.shell, account.maildir, account.quota},
	    .from = opt.from,
	    .filter = opt.filter,
	    .file = opt.file,
	    .args = opt.arguments,
	    .env = environ,
	    .headers = buf_str(&opt.headers),
	    .told = own && (!opt.file || (!opt.embedded && drop_account_served())),
	    .embedded = opt.embedded,
	    .why = opt.why,
	    .verbose = opt.verbose,
	    .warn_percent = opt.warn_percent,
	    .warn_file = opt.warn_file};
	struct drop d;
	if (!call.warn_file)
		call.warn_file = instance_path(instance.etc, "quotawarnmsg");
	drop_init(&d, &call);
	if (drop_read(&d, 0) < 0)
		die(EX_TEMPFAIL, "cannot read the message: %s", strerror(errno));
	int code = drop_go(&d);
	if (d.problem.n)
		die(code, "%s", d.problem.p);
	fflush(NULL);
	_exit(code);
}

int main(int argc, char **argv)
{
	char *why = NULL;
	log_open("maildrop", LOG_TO_STDERR, -1);
	umask(077);
	const char *wrong = drop_options_read(argc, argv, &opt);
	if (wrong)
		die(EX_TEMPFAIL, "%s", wrong);
	if (instance_find(&instance, NULL, &why) < 0)
		die(EX_TEMPFAIL, "%s", why);
	read_settings();
	bool own = find_account();
	become();
	deliver(own);
}
