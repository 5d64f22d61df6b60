/* maildrop: takes one message, follows a filter, delivers. */
#include "config.h"

#include "maildrop/drop-account.h"
#include "maildrop/drop.h"
#include "local/local-settings.h"
#include "maildir/mbox-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

extern char **environ;

static const char usage[] =
    "usage: maildrop [-a] [-A \"Header: value\"] [-f sender] [-w percent] [-W file] [--why]\n"
    "                [-d user | -D uid/gid] [argument ...]\n"
    "       maildrop [options] [-V level] [-m] file [argument ...]\n"
    "       maildrop [options] -M filter [argument ...]\n"
    "       maildrop -v | -h\n";

struct options {
	bool must_auth, embedded;
	const char *user, *filter, *ids, *from;
	const char *file; /* manual mode */
};

static struct drop drop = {.log = -1, .warn_percent = -1};
static struct instance instance;
static struct options opt;
static struct drop_account account;
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
	if (drop.set.syslog) {
		log_open("maildrop", LOG_TO_SYSLOG, -1);
		log_error(NULL, "%s: %s", account.name ? account.name : "-", why);
	}
	fflush(NULL);
	_exit(code);
}

/* ---- variables that filters can't be without
 * ----------------------------------------------------- */

static void set(const char *name, const char *value)
{
	filter_set(drop.run, str_of(name), str_of(value ? value : ""));
}

/* "%u" and "%h" filled in. */
static char *default_mailbox(void)
{
	struct buf b;
	buf_init(&b, 65536);
	for (const char *p = drop.set.default_mailbox; *p; p++) {
		if (*p == '%' && (p[1] == 'u' || p[1] == 'h'))
			buf_addz(&b, *++p == 'u' ? account.name : account.home);
		else
			buf_addc(&b, *p);
	}
	if (b.failed)
		die(EX_TEMPFAIL, "the default mailbox has a name that is too long");
	return b.p;
}

static void set_fixed(void)
{
	char *mail = account.maildir ? mem_strdup(account.maildir) : default_mailbox();
	set("HOME", account.home);
	set("LOGNAME", account.name);
	set("SHELL", account.shell);
	set("PATH", "/bin:/usr/bin:/usr/local/bin");
	set("SENDMAIL", *drop.set.sendmail                      ? drop.set.sendmail
			: access(BINDIR "/sendmail", X_OK) == 0 ? BINDIR "/sendmail -oi"
								: "/usr/sbin/sendmail -oi");
	set("DEFAULT", mail);
	set("LOCKEXT", ".lock");
	set("LOCKSLEEP", drop.set.lock_sleep);
	set("LOCKTIMEOUT", drop.set.lock_timeout);
	set("LOCKREFRESH", drop.set.lock_refresh);
	free(mail);
}

/* A recipe of the administrator: below etc/maildroprcs/, no "." in its path. */
static bool act_trusted(struct filter_run *r UNUSED, struct str path)
{
	char *folder = mem_printf("%s/maildroprcs/", instance.etc);
	bool yes =
	    str_starts(path, str_of(folder)) && str_chr(str_skip(path, strlen(folder)), '.') < 0;
	free(folder);
	if (yes)
		set_fixed();
	return yes;
}

static void set_sizes(void)
{
	struct filter_message m = filter_message_of(drop.run);
	char text[30];
	size_t lines = 0;
	const char *end = m.bytes.p + m.bytes.n;
	for (const char *p = m.bytes.p; m.bytes.n && p && (p = memchr(p, '\n', (size_t)(end - p)));
	     p++)
		lines++;
	snprintf(text, sizeof text, "%zu", lines);
	set("LINES", text);
	snprintf(text, sizeof text, "%zu", m.extra.n + m.bytes.n);
	set("SIZE", text);
}

static int act_replace(struct filter_run *r, struct str message)
{
	buf_clear(&drop.filtered);
	if (!message.n || !buf_adds(&drop.filtered, message))
		return filter_fail(r, "xfilter: the program gave no message, or a too large one");
	buf_clear(&drop.extra);
	filter_message_set(r, drop_message(&drop));
	set_sizes();
	return 0;
}

static void act_trace(void *ctx UNUSED, int level, const char *file, unsigned line, struct str text)
{
	int64_t wanted = drop.delivery ? 0 : filter_number(drop.run, "VERBOSE", 0);
	if (drop.why && wanted < 5)
		wanted = 5;
	if (level <= wanted)
		fprintf(stderr, "%s:%u: %.*s\n", file, line, STR_FMT(text));
}

static const struct filter_host host = {.ctx = &drop,
    .deliver = drop_deliver,
    .program = drop_program,
    .replace = act_replace,
    .echo = drop_echo,
    .log = drop_log,
    .logfile = drop_logfile,
    .lock = drop_lock,
    .unlock = drop_unlock,
    .read_file = drop_read_file,
    .trusted = act_trusted,
    .db_open = drop_db_open,
    .db_fetch = drop_db_fetch,
    .db_store = drop_db_store,
    .db_close = drop_db_close};

/* ---- variables ------------------------------------------------------------------------------- */

static void import_environment(bool all)
{
	for (char **e = environ; *e; e++) {
		struct str value = str_of(*e), name;
		str_split(&value, '=', &name);
		if (all || str_is(name, "LANG") || str_is(name, "LANGUAGE") ||
		    str_starts(name, STR("LC_")))
			filter_set(drop.run, name, value);
	}
}

/* Without -d the mail server has set these for us; it, not a stranger, is our caller. */
static void import_from_server(void)
{
	static const char *const names[] = {"HOME", "SHELL", "LOGNAME", "MAILDIRQUOTA"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (getenv(names[i]) && *getenv(names[i]))
			set(names[i], getenv(names[i]));
	if (getenv("MAILDROPDEFAULT"))
		set("DEFAULT", getenv("MAILDROPDEFAULT"));
}

static void set_from(void)
{
	if (opt.from) {
		set("FROM", opt.from);
		return;
	}
	struct str path = str_trim(filter_header(drop.run, "Return-Path"));
	if (!path.p || !path.n) {
		set("FROM", "MAILER-DAEMON");
		return;
	}
	if (path.n > 1 && path.p[0] == '<' && path.p[path.n - 1] == '>')
		path = str_at(path.p + 1, path.n - 2);
	filter_set(drop.run, STR("FROM"), path);
}

static void set_variables(bool own, char **arguments)
{
	char name[20], hostname[256] = "";
	import_environment(!drop.delivery && !drop.embedded);
	set_fixed();
	set("MAILDIRQUOTA", account.quota);
	if (own && drop.delivery)
		import_from_server();
	gethostname(hostname, sizeof hostname - 1);
	set("HOSTNAME", hostname);
	set("UMASK", "077");
	set("EXITCODE", "0");
	set("MAILFILTER", opt.filter ? opt.filter : opt.file);
	if (drop.verbose) {
		snprintf(name, sizeof name, "%d", drop.verbose);
		set("VERBOSE", name);
	}
	for (unsigned i = 0; arguments[i]; i++) {
		snprintf(name, sizeof name, "%u", i + 1);
		set(name, arguments[i]);
	}
	set_from();
	set_sizes();
}

/* ---- filters --------------------------------------------------------------------------------- */

static int finish(void)
{
	int64_t code = filter_number(drop.run, "EXITCODE", 0);
	return code < 0 || code > 255 ? EX_TEMPFAIL : (int)code;
}

static void check_private(const char *path, const struct stat *st, bool folder)
{
	if (folder ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
		die(EX_TEMPFAIL, "%s: not a regular %s", path, folder ? "folder" : "file");
	if (st->st_uid != geteuid())
		die(EX_TEMPFAIL, "%s: does not belong to the recipient", path);
	if (st->st_mode & 077)
		die(EX_TEMPFAIL, "%s: others have permissions on it; chmod go= it", path);
}

/* The text of a filter, or false when there is none. */
static bool read_filter(const char *path, bool private, struct buf *text)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0 || fstat(fd, &st) < 0)
		die(EX_TEMPFAIL, "%s: %s", path, strerror(errno));
	if (private)
		check_private(path, &st, false);
	if (file_read_fd(fd, text) < 0)
		die(EX_TEMPFAIL, "%s: %s", path, strerror(errno));
	close(fd);
	return true;
}

/* Ends the process unless the filter leaves the message to somebody else. */
static bool follow(const char *path, bool private)
{
	struct buf text, error;
	buf_init(&text, FILTER_FILE_MAX);
	buf_init(&error, FILTER_ERROR_MAX);
	if (!read_filter(path, private, &text))
		return false;
	struct filter *f = filter_parse(path, buf_str(&text), &error);
	if (!f)
		die(EX_TEMPFAIL, "%s", error.p);
	enum filter_end end = filter_execute(drop.run, f);
	if (end == FILTER_ERROR)
		die(EX_TEMPFAIL, "%.*s", STR_FMT(filter_error_text(drop.run)));
	filter_free(f);
	buf_free(&text);
	buf_free(&error);
	if (end != FILTER_FELL_THROUGH) {
		fflush(NULL);
		_exit(finish());
	}
	return true;
}

static _Noreturn void default_delivery(void)
{
	int code = -1;
	char *where =
	    mem_strndup(filter_get(drop.run, "DEFAULT").p, filter_get(drop.run, "DEFAULT").n);
	if (!*where)
		die(EX_TEMPFAIL, "there is no default mailbox: DEFAULT is empty");
	filter_say(drop.run, 1, "default delivery to \"%s\"", where);
	if (drop_deliver(drop.run, str_of(where), &code) < 0)
		die(EX_TEMPFAIL, "%.*s", STR_FMT(filter_error_text(drop.run)));
	fflush(NULL);
	_exit(code > 0 ? code : finish());
}

/* -M: NAME, then NAME-default with ever shorter NAMEs, then default. */
static void follow_named(void)
{
	struct stat st;
	char *name = mem_strdup(opt.filter), *cut;
	for (char *c = name; *c; c++)
		if (*c == '/' || *c == '.')
			*c = ':';
	if (lstat(".mailfilters", &st) < 0 && errno == ENOENT)
		return; /* a user without filters accepts everything */
	if (lstat(".mailfilters", &st) < 0)
		die(EX_TEMPFAIL, ".mailfilters: %s", strerror(errno));
	check_private(".mailfilters", &st, true);
	char *path = mem_printf(".mailfilters/%s", name);
	bool found = follow(path, true);
	while (!found) {
		free(path);
		cut = strrchr(name, '-');
		if (cut)
			*cut = 0;
		path = cut ? mem_printf(".mailfilters/%s-default", name)
			   : mem_strdup(".mailfilters/default");
		found = follow(path, true);
		if (!cut)
			break;
	}
	free(path);
	free(name);
}

static void enter_home(void)
{
	struct stat st;
	char *home = mem_strndup(filter_get(drop.run, "HOME").p, filter_get(drop.run, "HOME").n);
	if (chdir(home) < 0 || stat(".", &st) < 0)
		die(EX_TEMPFAIL, "cannot enter the home folder %s: %s", home, strerror(errno));
	if (st.st_mode & S_ISVTX)
		die(EX_TEMPFAIL, "the home folder %s is sticky: its owner holds the mail", home);
	if (st.st_mode & S_IWOTH)
		die(EX_TEMPFAIL, "the home folder %s may be written by everybody", home);
	free(home);
}

static _Noreturn void filter_and_deliver(void)
{
	if (drop.delivery)
		enter_home();
	if (opt.filter) {
		follow_named();
	} else if (opt.file) {
		if (!follow(opt.file, true))
			die(EX_TEMPFAIL, "%s: %s", opt.file, strerror(ENOENT));
	} else {
		char *global = instance_path(instance.etc, "maildroprc");
		follow(global, false);
		follow(".mailfilter", true);
		free(global);
	}
	if (drop.embedded) {
		fflush(NULL);
		_exit(finish());
	}
	default_delivery();
}

/* ---- the command line ------------------------------------------------------------------------ */

static void version(void)
{
	puts(PACKAGE_STRING " maildrop");
	puts("Databases: tables of Berkeley DB (makedat).");
	puts("Accounts: the system's, and authdaemond's.");
	puts("Maildir quotas are always on.");
	exit(0);
}

static int number(const char *text, int most)
{
	uint64_t n = 0;
	if (!str_u64(str_of(text), &n) || n > (uint64_t)most)
		die(EX_TEMPFAIL, "%s: not a number from 0 to %d", text, most);
	return (int)n;
}

static void one_option(int c, const char *arg)
{
	switch (c) {
	case 'a':
		opt.must_auth = true;
		break;
	case 'A':
		buf_addf(&drop.extra, "%s\n", arg);
		break;
	case 'd':
		opt.user = arg;
		break;
	case 'D':
		opt.ids = arg;
		break;
	case 'f':
		opt.from = arg;
		break;
	case 'm':
		opt.embedded = true;
		break;
	case 'M':
		opt.filter = arg;
		break;
	case 'V':
		drop.verbose = number(arg, 9);
		break;
	case 'v':
		version();
		break;
	case 'w':
		drop.warn_percent = number(arg, 100);
		break;
	case 'W':
		drop.warn_file = arg;
		break;
	case 'Y':
		drop.why = 1;
		break;
	default:
		fputs(usage, stderr);
		exit(EX_TEMPFAIL);
	}
}

static char **read_options(int argc, char **argv)
{
	static const struct option long_options[] = {{"why", no_argument, NULL, 'Y'}, {0}};
	int c;
	buf_init(&drop.extra, DROP_HEADERS_MAX);
	while ((c = getopt_long(argc, argv, "+aA:d:D:f:hmM:vV:w:W:", long_options, NULL)) != -1)
		one_option(c, optarg);
	argv += optind;
	if (drop.extra.failed)
		die(EX_TEMPFAIL, "too many headers");
	if (opt.filter)
		opt.embedded = true;
	else if (!opt.user && !opt.ids && *argv)
		opt.file = *argv++;
	if (opt.embedded && !opt.filter && !opt.file)
		die(EX_TEMPFAIL, "-m wants a file");
	drop.embedded = opt.embedded;
	drop.delivery = !opt.file;
	return argv;
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
	struct drop_account caller;
	if (opt.ids) {
		numeric_account();
		return false;
	}
	int known = drop_account_caller(&caller);
	bool own = !opt.user || !*opt.user || (known == 0 && !strcmp(opt.user, caller.name));
	if (own && known != 0)
		die(EX_TEMPFAIL, "the caller has no account");
	if (own) {
		account = caller;
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
	drop_settings_of(c, &drop.set); /* the snapshot is kept */
	skeleton = config_z(c, "local", "AUTH_MKHOMEDIR_SKEL", NULL);
}

int main(int argc, char **argv)
{
	char *why = NULL;
	struct buf problem;
	buf_init(&problem, 1024);
	log_open("maildrop", LOG_TO_STDERR, -1);
	umask(077);
	char **arguments = read_options(argc, argv);
	if (instance_find(&instance, NULL, &why) < 0)
		die(EX_TEMPFAIL, "%s", why);
	read_settings();
	bool own = find_account();
	if (opt.user && drop_account_home(&account, skeleton, &problem) < 0)
		die(EX_TEMPFAIL, "%s", problem.p);
	if (drop_account_become(&account) < 0)
		die(EX_TEMPFAIL, "cannot become %s: %s", account.name, strerror(errno));
	if (!drop.warn_file)
		drop.warn_file = instance_path(instance.etc, "quotawarnmsg");
	lock_watch(drop.set.seconds, 15);
	if (drop_read(&drop, 0) < 0)
		die(EX_TEMPFAIL, "cannot read the message: %s", strerror(errno));
	drop.run = filter_run_new(&host, drop_message(&drop));
	filter_embedded(drop.run, drop.embedded);
	filter_trace(drop.run, act_trace, NULL);
	set_variables(own, arguments);
	filter_and_deliver();
}
