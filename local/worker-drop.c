/*
 * Filters without a process: a worker that is one account's alone does what maildrop would do for a
 * "| maildrop" instruction, and comes to the same exit status and the same words.  Settings and
 * parsed filters are kept from one message to the next; nothing else is.
 */
#include "config.h"

#include "base/child.h"
#include "filter/drop.h"
#include "local/worker-drop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* An included file of settings may change, too: they are read again now and then. */
enum { SETTINGS_MS = 10000, GRACE = 10, MEMORY_LEAST = 32 << 20 };

static struct {
	struct instance instance;
	int state; /* 0 not looked for, 1 known, -1 there is none */
	struct stat stamp;
	int64_t read_at;
	struct config *config;
	struct drop_settings set;
	struct filter_cache *cache;
	char *warn_file;
} house;

static bool find_house(void)
{
	char *why = NULL;
	if (house.state == 0) {
		house.state = instance_find(&house.instance, NULL, &why) == 0 ? 1 : -1;
		house.cache = filter_cache_new();
		if (house.state > 0)
			house.warn_file = instance_path(house.instance.etc, "quotawarnmsg");
	}
	free(why);
	return house.state > 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* False: they are wrong. */
static bool take_settings(void)
{
	static const struct config_component *const mine[] = {&maildrop_settings};
	struct stat st = {0};
	char *path = instance_path(house.instance.etc, "maildropsettings");
	if (stat(path, &st) < 0)
		st = (struct stat){0};
	free(path);
	if (house.config && same(&st, &house.stamp) &&
	    clock_mono_ms() < house.read_at + SETTINGS_MS)
		return true;
	struct config *c = config_load(&house.instance, mine, ARRAY_LEN(mine), NULL);
	if (house.config)
		config_drop(house.config);
	house.config = c;
	house.stamp = st;
	house.read_at = clock_mono_ms();
	if (c)
		drop_settings_of(c, &house.set);
	return c != NULL;
}

static const char *value_of(char *const *env, const char *name)
{
	const char *value = child_env(env, str_of(name));
	return value ? value : "";
}

/* The program that the command names is our own, and would be given sender and header lines. */
static bool runs_ours(const struct job *j, struct str word, char *const *env)
{
	static const char ours[] = BINDIR "/maildrop";
	struct str setting = j->d->maildrop, path, dir;
	ptrdiff_t slash = str_rchr(setting, '/');
	struct str name = slash < 0 ? setting : str_skip(setting, (size_t)slash + 1);
	if (!str_eq(word, setting) && !str_eq(word, name))
		return false;
	if (str_chr(word, '/') >= 0)
		return str_is(word, ours);
	path = str_of(value_of(env, "PATH"));
	while (str_is(word, "maildrop") && str_split(&path, ':', &dir)) {
		char *there = arena_printf(j->a, "%.*s/maildrop", STR_FMT(dir));
		if (there && access(there, X_OK) == 0)
			return !strcmp(there, ours);
	}
	return false;
}

static int read_message(struct job *j, struct drop *d)
{
	if (j->msg.fd < 0)
		return drop_take(d, j->msg.bytes);
	return lseek(j->msg.fd, 0, SEEK_SET) < 0 ? -1 : drop_read(d, j->msg.fd);
}

static void say(struct buf *out, const char *user, const struct drop *d)
{
	buf_adds(out, str_head(STR("maildrop: "), out->max - out->n));
	buf_adds(out, str_head(buf_str(&d->problem), out->max - out->n));
	buf_adds(out, str_head(STR("\n"), out->max - out->n));
	if (!house.set.syslog)
		return;
	log_open("maildrop", LOG_TO_SYSLOG, -1);
	log_error(NULL, "%s: %s", user, d->problem.p);
	log_open("courierlocal", LOG_TO_STDERR, 2);
}

static void take_place(struct job *j, struct drop *d)
{
	if (!d->place || d->code != 0)
		return;
	j->place = place_of(d->place);
	j->device = d->device;
}

/* As a program is limited, so are we as long as we do its work; what we are without it must fit. */
static void limit_memory(uint64_t bytes, struct rlimit *before)
{
	getrlimit(RLIMIT_DATA, before);
	struct rlimit now = *before;
	rlim_t wanted = bytes < MEMORY_LEAST ? MEMORY_LEAST : (rlim_t)bytes;
	if (bytes && wanted < now.rlim_cur)
		now.rlim_cur = wanted;
	setrlimit(RLIMIT_DATA, &now);
}

static int follow(struct job *j, struct drop_call *call)
{
	struct drop d;
	struct rlimit before;
	limit_memory(call->memory, &before);
	drop_init(&d, call);
	int code = EX_TEMPFAIL;
	if (read_message(j, &d) < 0)
		buf_addf(&d.problem, "cannot read the message: %s", strerror(errno));
	else
		code = drop_go(&d);
	if (d.problem.n)
		say(&j->text, call->who.name, &d);
	take_place(j, &d);
	drop_end(&d);
	setrlimit(RLIMIT_DATA, &before);
	return code;
}

static int carry_out(struct job *j, const struct drop_command *c, char *const *env)
{
	struct buf head;
	buf_init(&head, JOB_HEADER_MAX);
	job_header_filter(j, &head);
	struct drop_call call = {.instance = &house.instance,
	    .set = house.set,
	    .who = {.name = value_of(env, "LOGNAME"),
		.home = value_of(env, "HOME"),
		.shell = c->user ? "/bin/sh" : value_of(env, "SHELL"),
		.quota = value_of(env, "MAILDIRQUOTA")},
	    .from = value_of(env, "SENDER"),
	    .file = c->file,
	    .args = c->args,
	    .env = env,
	    .headers = buf_str(&head),
	    .told = !c->user,
	    .why = c->why,
	    .verbose = c->verbose,
	    .warn_percent = c->warn_percent,
	    .warn_file = c->warn_file ? c->warn_file : house.warn_file,
	    .grace = GRACE,
	    .seconds = j->d->program_seconds,
	    .memory = j->d->program_memory,
	    .sink = &j->text,
	    .cache = house.cache,
	    .may_wait = j->alone && (j->d->flags & WORKER_NO_SYNC) ? place_may_wait : NULL};
	if (c->user && j->d->maildir.n)
		call.who.maildir = arena_strz(j->a, j->d->maildir);
	int code = follow(j, &call);
	buf_free(&head);
	filter_cache_trim(house.cache);
	return code;
}

bool worker_drop(struct job *j, const char *command, char *const *env, enum verdict *v)
{
	struct drop_command c;
	struct str rest = str_of(command), word;
	/* Times are written in our own zone. */
	if (!str_word(&rest, &word) || !runs_ours(j, word, env) || *value_of(env, "TZ") ||
	    !drop_command_read(j->a, rest.p ? rest.p : "", env, &c) ||
	    (c.user && !str_is(j->d->user, c.user)) || !find_house())
		return false;
	if (take_settings()) {
		*v = program_ended(j, carry_out(j, &c, env));
	} else {
		buf_addz(
		    &j->text, "maildrop: the settings of maildrop are wrong: see courier check\n");
		*v = program_ended(j, EX_TEMPFAIL);
	}
	return true;
}

/* ---- at SMTP time ---------------------------------------------------------------------------- */

static int judge(struct drop_call *call, int message, bool *late)
{
	struct drop d;
	int code = EX_TEMPFAIL;
	drop_init(&d, call);
	if ((message < 0 ? drop_take(&d, STR("")) : drop_read(&d, message)) < 0)
		buf_addf(&d.problem, "cannot read the message: %s", strerror(errno));
	else
		code = drop_go(&d);
	*late = clock_mono_ms() >= d.deadline;
	if (d.problem.n)
		say(call->sink, call->who.name, &d);
	drop_end(&d);
	filter_cache_trim(house.cache);
	return code;
}

bool worker_drop_filter(const struct worker_filter *f, int message, char **args, char *const *env,
    struct buf *output, struct drop_verdict *v)
{
	if (!str_is(f->program, BINDIR "/maildrop") || *value_of(env, "TZ") || !find_house() ||
	    !take_settings())
		return false;
	struct drop_call call = {.instance = &house.instance,
	    .set = house.set,
	    .who = {.name = value_of(env, "LOGNAME"),
		.home = value_of(env, "HOME"),
		.shell = "/bin/sh"},
	    .filter = args[0],
	    .args = args + 1,
	    .env = env,
	    .embedded = true,
	    .warn_percent = -1,
	    .grace = GRACE,
	    .seconds = f->seconds,
	    .sink = output,
	    .cache = house.cache};
	v->status = judge(&call, message, &v->late);
	return true;
}
