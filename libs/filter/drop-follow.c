/* Which filters are followed, and what becomes of the message then. */
#include "config.h"

#include "filter/drop-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* A recipe of the administrator: below etc/maildroprcs/, no "." in its path. */
bool drop_trusted(struct filter_run *r, struct str path)
{
	struct drop *d = filter_ctx(r);
	char *folder = mem_printf("%s/maildroprcs/", d->call->instance->etc);
	bool yes =
	    str_starts(path, str_of(folder)) && str_chr(str_skip(path, strlen(folder)), '.') < 0;
	free(folder);
	if (yes)
		drop_variables_fixed(d);
	return yes;
}

static bool finish(struct drop *d)
{
	int64_t code = filter_number(d->run, "EXITCODE", 0);
	d->code = code < 0 || code > 255 ? EX_TEMPFAIL : (int)code;
	return false;
}

static bool check_private(struct drop *d, const char *path, const struct stat *st, bool folder)
{
	if (folder ? !S_ISDIR(st->st_mode) : !S_ISREG(st->st_mode))
		return drop_fail(
		    d, EX_TEMPFAIL, "%s: not a regular %s", path, folder ? "folder" : "file");
	if (st->st_uid != geteuid())
		return drop_fail(d, EX_TEMPFAIL, "%s: does not belong to the recipient", path);
	if (st->st_mode & 077)
		return drop_fail(
		    d, EX_TEMPFAIL, "%s: others have permissions on it; chmod go= it", path);
	return true;
}

/* The text of a filter; *found tells whether there is one. */
static bool read_filter(
    struct drop *d, const char *path, bool private, struct buf *text, bool *found)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	*found = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		return true;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;
	if (!ok)
		drop_fail(d, EX_TEMPFAIL, "%s: %s", path, strerror(errno));
	else
		ok = !private || check_private(d, path, &st, false);
	if (ok && file_read_fd(fd, text) < 0)
		ok = drop_fail(d, EX_TEMPFAIL, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool execute(struct drop *d, const char *path, struct str text)
{
	struct buf error;
	buf_init(&error, FILTER_ERROR_MAX);
	struct filter *f = filter_cache_get(d->cache, path, text, &error);
	enum filter_end end = f ? filter_execute(d->run, f) : FILTER_ERROR;
	bool on = end == FILTER_FELL_THROUGH;
	if (!f)
		drop_fail(d, EX_TEMPFAIL, "%s", error.p);
	else if (end == FILTER_ERROR)
		drop_fail(d, EX_TEMPFAIL, "%.*s", STR_FMT(filter_error_text(d->run)));
	else if (!on)
		finish(d);
	buf_free(&error);
	return on;
}

/* True when the filter leaves the message to somebody else. */
bool drop_follow(struct drop *d, const char *path, bool private, bool *found)
{
	struct buf text;
	buf_init(&text, FILTER_FILE_MAX);
	bool on = read_filter(d, path, private, &text, found);
	if (on && *found)
		on = execute(d, path, buf_str(&text));
	buf_free(&text);
	return on;
}

struct filter *drop_include(struct filter_run *r, struct str path, struct buf *error)
{
	struct drop *d = filter_ctx(r);
	struct filter *f = NULL;
	struct buf text;
	buf_init(&text, FILTER_FILE_MAX);
	char *name = mem_strndup(path.p, path.n);
	if (drop_read_file(r, path, &text) == 0)
		f = filter_cache_get(d->cache, name, buf_str(&text), error);
	free(name);
	buf_free(&text);
	return f;
}

static bool default_delivery(struct drop *d)
{
	int code = -1;
	struct str box = filter_get(d->run, "DEFAULT");
	if (!box.n)
		return drop_fail(
		    d, EX_TEMPFAIL, "there is no default mailbox: DEFAULT is empty, or too long");
	char *where = mem_strndup(box.p, box.n);
	filter_say(d->run, 1, "default delivery to \"%s\"", where);
	int done = drop_deliver(d->run, str_of(where), &code);
	free(where);
	if (done < 0)
		return drop_fail(d, EX_TEMPFAIL, "%.*s", STR_FMT(filter_error_text(d->run)));
	finish(d);
	if (code > 0)
		d->code = code;
	return false;
}

/* NAME, then NAME-default with ever shorter NAMEs, then default. */
static bool follow_names(struct drop *d, char *name)
{
	bool found = false, on = true;
	char *cut = name, *path = mem_printf(".mailfilters/%s", name);
	for (;;) {
		on = drop_follow(d, path, true, &found);
		free(path);
		if (!on || found || !cut)
			return on;
		cut = strrchr(name, '-');
		if (cut)
			*cut = 0;
		path = cut ? mem_printf(".mailfilters/%s-default", name)
			   : mem_strdup(".mailfilters/default");
	}
}

/* -M */
static bool follow_named(struct drop *d)
{
	struct stat st;
	if (lstat(".mailfilters", &st) < 0)
		return errno == ENOENT /* a user without filters accepts everything */
		       || drop_fail(d, EX_TEMPFAIL, ".mailfilters: %s", strerror(errno));
	if (!check_private(d, ".mailfilters", &st, true))
		return false;
	char *name = mem_strdup(d->call->filter);
	for (char *c = name; *c; c++)
		if (*c == '/' || *c == '.')
			*c = ':';
	bool on = follow_names(d, name);
	free(name);
	return on;
}

static bool enter_home(struct drop *d)
{
	struct stat st;
	struct str var = filter_get(d->run, "HOME");
	char *home = mem_strndup(var.p, var.n);
	bool ok = chdir(home) == 0 && stat(".", &st) == 0;
	if (!ok)
		drop_fail(
		    d, EX_TEMPFAIL, "cannot enter the home folder %s: %s", home, strerror(errno));
	else if (st.st_mode & S_ISVTX)
		ok = drop_fail(
		    d, EX_TEMPFAIL, "the home folder %s is sticky: its owner holds the mail", home);
	else if (st.st_mode & S_IWOTH)
		ok = drop_fail(
		    d, EX_TEMPFAIL, "the home folder %s may be written by everybody", home);
	free(home);
	return ok;
}

static bool follow_usual(struct drop *d)
{
	bool found;
	char *global = instance_path(d->call->instance->etc, "maildroprc");
	bool on =
	    drop_follow(d, global, false, &found) && drop_follow(d, ".mailfilter", true, &found);
	free(global);
	return on;
}

bool drop_follow_all(struct drop *d)
{
	const struct drop_call *c = d->call;
	bool found = false;
	if (!c->file && !enter_home(d))
		return false;
	if (!(c->filter   ? follow_named(d)
		: c->file ? drop_follow(d, c->file, true, &found)
			  : follow_usual(d)))
		return false;
	if (c->file && !c->filter && !found)
		return drop_fail(d, EX_TEMPFAIL, "%s: %s", c->file, strerror(ENOENT));
	return c->embedded ? finish(d) : default_delivery(d);
}
