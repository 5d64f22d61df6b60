#include "config.h"

#include "maildir/maildir.h"
#include "filter/drop-private.h"
#include "maildir/mbox-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYWORDS_MAX = 100, FORWARD_MAX = 1000 };

static char *dup_str(struct str s)
{
	return mem_strndup(s.p ? s.p : "", s.n);
}

static void use_umask(struct filter_run *r)
{
	char *text = dup_str(filter_get(r, "UMASK"));
	umask(*text ? (mode_t)strtoul(text, NULL, 8) & 0777 : 077);
	free(text);
}

void drop_lock_times(struct filter_run *r, struct lock_times *t)
{
	*t = (struct lock_times){.sleep = filter_number(r, "LOCKSLEEP", 5),
	    .stale = filter_number(r, "LOCKTIMEOUT", 60),
	    .give_up = drop_seconds_left(filter_ctx(r))};
	int64_t refresh = filter_number(r, "LOCKREFRESH", 15);
	lock_refresh_every(refresh > 0 && refresh < 86400 ? (unsigned)refresh : LOCK_REFRESH);
}

/* ---- Maildir --------------------------------------------------------------------------------- */

static size_t keywords(struct filter_run *r, struct str *out)
{
	struct str rest = filter_get(r, "KEYWORDS"), word;
	size_t n = 0;
	while (n < KEYWORDS_MAX && rest.n && str_split(&rest, ',', &word)) {
		word = str_trim(word);
		if (maildir_keyword_ok(word))
			out[n++] = word;
	}
	return n;
}

/* The flags we know, in order, once each; NULL: none, the message goes to new/. */
static const char *letters(struct filter_run *r, char out[8])
{
	struct str flags = filter_get(r, "FLAGS");
	size_t n = 0;
	for (const char *l = "DFRS"; *l; l++)
		if (str_chr(flags, *l) >= 0)
			out[n++] = *l;
	out[n] = 0;
	return n ? out : NULL;
}

static int write_part(void *md, const void *p, size_t n)
{
	return maildir_deliver_write(md, p, n);
}

/* The first and only delivery of a message as it came: the queue can make it again. */
static bool may_wait(const struct drop *d, const char *dir, const struct maildir_deliver_options *o)
{
	struct stat st;
	if (!d->call->may_wait || d->copies || d->changed || o->letters || o->nkeywords)
		return false;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool yes = fd >= 0 && fstat(fd, &st) == 0 && d->call->may_wait(fd);
	if (fd >= 0)
		close(fd);
	return yes;
}

/* Where it stands, for whoever makes sure of it later.  The folder changes with the next account.
 */
static int note_place(struct drop *d, const char *dir, const char *name)
{
	struct stat st;
	char *home = dir[0] == '/' ? mem_strdup("") : realpath(".", NULL);
	int r = home ? stat(dir, &st) : -1;
	if (r == 0) {
		d->place = mem_printf("%s%s%s/new/%s", home, *home ? "/" : "", dir, name);
		d->device = st.st_dev;
	}
	free(home);
	return r;
}

static int carry(struct drop *d, const char *dir, struct maildir_deliver_options *o)
{
	struct filter_message m = filter_message_of(d->run);
	struct buf name;
	bool wait = may_wait(d, dir, o);
	o->flags = wait ? MAILDIR_NO_SYNC : 0;
	buf_init(&name, MAILDIR_NAME_MAX + 1);
	struct maildir_delivery *md = maildir_deliver_begin(dir, o);
	int done = md && maildir_deliver_write(md, m.extra.p, m.extra.n) == 0 &&
			   drop_in_windows(d, m.bytes, write_part, md) == 0
		       ? maildir_deliver_finish(&md, &name)
		       : -1;
	if (md)
		maildir_deliver_abort(&md);
	if (done == 0 && wait)
		done = note_place(d, dir, name.p);
	int saved = errno;
	buf_free(&name);
	errno = saved;
	return done;
}

static int to_maildir(struct filter_run *r, const char *dir)
{
	struct drop *d = filter_ctx(r);
	struct filter_message m = filter_message_of(r);
	struct str words[KEYWORDS_MAX];
	char flags[8];
	char *quota = dup_str(filter_get(r, "MAILDIRQUOTA"));
	struct maildir_deliver_options o = {.size_hint = (int64_t)(m.extra.n + m.bytes.n),
	    .mode = 0666, /* less UMASK */
	    .letters = letters(r, flags),
	    .keywords = words,
	    .nkeywords = keywords(r, words),
	    .quota = *quota ? quota : NULL};
	int done = carry(d, dir, &o), saved = errno;
	free(quota);
	if (done < 0 && saved == EDQUOT)
		return filter_fail(r, "\"%s\" is over its quota", dir);
	if (done < 0)
		return filter_fail(r, "cannot deliver to \"%s\": %s", dir, strerror(saved));
	if (d->call->warn_percent >= 0)
		maildir_quota_warn_file(dir, d->call->warn_percent, d->call->warn_file);
	return 0;
}

/* ---- programs and forwards ------------------------------------------------------------------- */

/* SENDMAIL -f FROM address ..., without a shell. */
static int forward(struct filter_run *r, struct str where, int *code)
{
	VEC(char *) argv = {0};
	struct str sendmail = filter_get(r, "SENDMAIL"), word, from = filter_get(r, "FROM");
	int done = 0;
	while (str_word(&sendmail, &word))
		vec_push(&argv, dup_str(word));
	vec_push(&argv, mem_strdup("-f"));
	vec_push(&argv, dup_str(str_is(from, "MAILER-DAEMON") ? STR_NONE : from));
	size_t fixed = argv.n;
	while (str_word(&where, &word) && argv.n < FORWARD_MAX) {
		if (word.p[0] == '-')
			done = filter_fail(r, "an address may not start with a hyphen");
		vec_push(&argv, dup_str(word));
	}
	if (argv.n == fixed || fixed < 3)
		done = filter_fail(r, "a forward without address or without SENDMAIL");
	vec_push(&argv, NULL);
	if (done == 0)
		done = drop_exec(r, argv.v, code);
	for (size_t i = 0; i < argv.n; i++)
		free(argv.v[i]);
	vec_free(&argv);
	return done;
}

static int to_place(struct filter_run *r, struct str where)
{
	struct stat st;
	char *path = dup_str(where);
	int done;
	if (!*path || memchr(where.p, 0, where.n))
		done = filter_fail(r, "delivery to a mailbox without name");
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		done = to_maildir(r, path);
	else
		done = drop_mbox(r, path);
	free(path);
	return done;
}

int drop_deliver(struct filter_run *r, struct str where, int *code)
{
	struct drop *d = filter_ctx(r);
	struct str target = str_trim(where);
	int done;
	use_umask(r);
	if (target.n && target.p[0] == '|')
		done = drop_program(r, FILTER_BACKTICK, str_trim(str_skip(target, 1)), NULL, code);
	else if (target.n && target.p[0] == '!')
		done = forward(r, str_skip(target, 1), code);
	else
		done = to_place(r, where);
	d->copies++;
	drop_log_delivery(d, target, done == 0 && *code <= 0);
	umask(077);
	return done;
}
