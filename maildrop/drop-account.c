#include "config.h"

#include "maildrop/drop-account.h"
#include "auth/auth-text.h"
#include "auth/home-copy.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 * 1024 };

static void from_passwd(const struct passwd *pw, struct drop_account *out)
{
	*out = (struct drop_account){.name = mem_strdup(pw->pw_name),
	    .home = mem_strdup(pw->pw_dir),
	    .shell = mem_strdup(*pw->pw_shell ? pw->pw_shell : "/bin/sh"),
	    .uid = pw->pw_uid,
	    .gid = pw->pw_gid,
	    .system = true};
}

bool drop_account_served(void)
{
	const char *home = getenv("HOME"), *name = getenv("LOGNAME"), *line = getenv("DTLINE");
	return line && str_starts(str_of(line), STR("Delivered-To:")) && home && home[0] == '/' &&
	       name && *name;
}

static void from_server(struct drop_account *out)
{
	const char *shell = getenv("SHELL");
	*out = (struct drop_account){.name = mem_strdup(getenv("LOGNAME")),
	    .home = mem_strdup(getenv("HOME")),
	    .shell = mem_strdup(shell ? shell : "/bin/sh"),
	    .uid = getuid(),
	    .gid = getgid()};
}

int drop_account_caller(struct drop_account *out)
{
	struct passwd *pw = getpwuid(getuid());
	const char *home = getenv("HOME"), *name = getenv("LOGNAME");
	if (pw && !drop_account_served())
		from_passwd(pw, out);
	else if (home && home[0] == '/' && name) /* a uid of virtual accounts has no user */
		from_server(out);
	else
		return EX_TEMPFAIL;
	return 0;
}

bool drop_account_is_caller(const char *user)
{
	struct passwd *pw = getpwuid(getuid());
	return !*user || (pw && !strcmp(user, pw->pw_name));
}

static char *copy(struct str s)
{
	return s.n ? mem_strndup(s.p, s.n) : NULL;
}

/* The lines of an answer: NAME=value, or FAIL. */
static bool read_answer(struct str text, struct drop_account *out)
{
	struct str line, name;
	uint64_t uid = 0, gid = 0;
	*out = (struct drop_account){0};
	while (str_split(&text, '\n', &line) && !str_is(line, ".")) {
		struct str value = line;
		str_split(&value, '=', &name);
		if (str_is(name, "UID"))
			str_u64(value, &uid);
		else if (str_is(name, "GID"))
			str_u64(value, &gid);
		else if (str_is(name, "HOME"))
			out->home = copy(value);
		else if (str_is(name, "ADDRESS"))
			out->name = copy(value);
		else if (str_is(name, "MAILDIR"))
			out->maildir = copy(value);
		else if (str_is(name, "QUOTA"))
			out->quota = copy(value);
	}
	out->uid = (uid_t)uid;
	out->gid = (gid_t)gid;
	out->shell = mem_strdup("/bin/sh");
	return out->home && uid && gid; /* never root by authdaemond's word */
}

/* 1 found, 0 not, -1 authdaemond cannot tell. */
static int ask(const struct instance *in, const char *user, struct drop_account *out)
{
	struct buf answer;
	buf_init(&answer, ANSWER_MAX);
	char *request = mem_printf("PRE . login %s\n", user);
	int r = strchr(user, '\n') ? 0 : auth_text_ask(in, str_of(request), &answer);
	if (r == 0)
		r = answer.n == 0 ? -1 : read_answer(buf_str(&answer), out) ? 1 : 0;
	if (r == 1 && !out->name)
		out->name = mem_strdup(user);
	free(request);
	buf_free(&answer);
	return r;
}

/* There should be an authdaemond: that it does not answer says nothing about an account. */
static bool expected(const struct instance *in)
{
	char *path = in->etc ? instance_path(in->etc, "authdaemonrc") : NULL;
	bool yes = path && access(path, F_OK) == 0;
	free(path);
	return yes;
}

int drop_account_find(
    const struct instance *in, const char *user, bool must, struct drop_account *out)
{
	struct passwd *pw;
	int r = in->etc ? ask(in, user, out) : -1;
	if (r == 1)
		return 0;
	if (r < 0 && must)
		return EX_TEMPFAIL;
	errno = 0;
	pw = getpwnam(user);
	if (!pw && (errno == 0 || errno == ENOENT || errno == ESRCH))
		return r < 0 && expected(in) ? EX_TEMPFAIL : EX_NOUSER;
	if (!pw)
		return EX_TEMPFAIL;
	from_passwd(pw, out);
	return 0;
}

int drop_account_home(const struct drop_account *a, const char *skeleton, struct buf *why)
{
	struct stat st;
	struct home_plan p = {
	    .skeleton = skeleton, .home = a->home, .uid = a->uid, .gid = a->gid, .give = true};
	if (skeleton[0] != '/' || geteuid() != 0 || a->home[0] != '/' || lstat(a->home, &st) == 0)
		return 0;
	return home_copy(&p, why);
}

int drop_account_become(const struct drop_account *a)
{
	if (geteuid() != 0) {
		if (a->uid == getuid())
			return 0;
		errno = EPERM;
		return -1;
	}
	if ((a->system ? initgroups(a->name, a->gid) : setgroups(1, &a->gid)) < 0 ||
	    setgid(a->gid) < 0 || setuid(a->uid) < 0)
		return -1;
	if (a->uid != 0 && setuid(0) == 0) {
		errno = EPERM;
		return -1;
	}
	return 0;
}
