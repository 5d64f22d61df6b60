#include "config.h"

#include "maildir/maildir.h"
#include "maildrop/drop.h"
#include "maildir/mbox-heal.h"
#include "maildir/mbox-lock.h"
#include "maildrop/quotawarn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
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
	    .stale = filter_number(r, "LOCKTIMEOUT", 60)};
	int64_t refresh = filter_number(r, "LOCKREFRESH", 15);
	lock_refresh_every(refresh > 0 && refresh < 86400 ? (unsigned)refresh : 15);
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

static int to_maildir(struct filter_run *r, const char *dir)
{
	struct drop *d = filter_ctx(r);
	struct filter_message m = filter_message_of(r);
	struct str words[KEYWORDS_MAX];
	char flags[8];
	char *quota = dup_str(filter_get(r, "MAILDIRQUOTA"));
	struct maildir_deliver_options o = {.size_hint = (int64_t)(m.extra.n + m.bytes.n),
	    .letters = letters(r, flags),
	    .keywords = words,
	    .nkeywords = keywords(r, words),
	    .quota = *quota ? quota : NULL};
	struct maildir_delivery *md = maildir_deliver_begin(dir, &o);
	int done = md && maildir_deliver_write(md, m.extra.p, m.extra.n) == 0 &&
			   maildir_deliver_write(md, m.bytes.p, m.bytes.n) == 0
		       ? maildir_deliver_finish(&md, NULL)
		       : -1;
	int saved = errno;
	if (md)
		maildir_deliver_abort(&md);
	free(quota);
	if (done < 0 && saved == EDQUOT)
		return filter_fail(r, "\"%s\" is over its quota", dir);
	if (done < 0)
		return filter_fail(r, "cannot deliver to \"%s\": %s", dir, strerror(saved));
	if (d->warn_percent >= 0)
		quota_warn(dir, d->warn_percent, d->warn_file);
	return 0;
}

/* ---- mbox ------------------------------------------------------------------------------------ */

static void from_line(struct filter_run *r, struct buf *out)
{
	char date[40];
	struct tm tm;
	time_t now = (time_t)clock_now();
	struct str from = filter_get(r, "FROM");
	localtime_r(&now, &tm);
	strftime(date, sizeof date, "%a %b %e %H:%M:%S %Y", &tm);
	if (!from.n)
		from = STR("MAILER-DAEMON");
	buf_addz(out, "From ");
	for (size_t i = 0; i < from.n && i < 1000; i++)
		buf_addc(out, from.p[i] <= ' ' ? '-' : from.p[i]);
	buf_addf(out, " %s\n", date);
}

/* Any number of ">" and "From ". */
static bool looks_like_from(struct str line)
{
	while (line.n && line.p[0] == '>')
		line = str_skip(line, 1);
	return str_starts(line, STR("From "));
}

static int write_quoted(int fd, struct str text, struct buf *out)
{
	while (text.n) {
		const char *nl = memchr(text.p, '\n', text.n);
		struct str line = str_head(text, nl ? (size_t)(nl - text.p) : text.n);
		if (out->n + line.n + 3 > out->max) {
			if (file_write_all(fd, out->p, out->n) < 0)
				return -1;
			buf_clear(out);
		}
		if (looks_like_from(line))
			buf_addc(out, '>');
		if (line.n + 3 > out->max) {
			if (file_write_all(fd, out->p, out->n) < 0 ||
			    file_write_all(fd, line.p, line.n) < 0)
				return -1;
			buf_clear(out);
		} else {
			buf_adds(out, line);
		}
		buf_addc(out, '\n');
		text = str_skip(text, line.n + 1);
	}
	return 0;
}

static int append(struct filter_run *r, int fd, off_t end)
{
	struct filter_message m = filter_message_of(r);
	struct buf out;
	char last = '\n';
	buf_init(&out, 256 * 1024);
	if (end > 0 && file_pread_all(fd, &last, 1, end - 1) == 0 && last != '\n')
		buf_addz(&out, "\n\n"); /* somebody's unfinished line is not ours to continue */
	from_line(r, &out);
	mbox_note(fd, end, buf_str(&out));
	int done = write_quoted(fd, m.extra, &out);
	if (done == 0)
		done = write_quoted(fd, m.bytes, &out);
	buf_addc(&out, '\n');
	if (done == 0)
		done = file_write_all(fd, out.p, out.n);
	buf_free(&out);
	if (done == 0)
		mbox_noted(fd); /* before the sync: with the message, its note is gone */
	return done == 0 ? file_sync_full(fd) : -1;
}

/* All of the message or nothing. */
static int append_locked(struct filter_run *r, const char *path, const struct lock_times *t)
{
	struct stat st;
	int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	struct drop *d = filter_ctx(r);
	mode_t others = umask(0777 & ~d->set.mode); /* the setting decides, not UMASK */
	int fd = open(path, flags, d->set.mode), done = -1;
	umask(others);
	if (fd < 0)
		return -1;
	if ((!d->set.kernel_lock || kernel_lock(fd, false, t) == 0) && fstat(fd, &st) == 0 &&
	    (!S_ISREG(st.st_mode) || (mbox_heal(fd) == 0 && fstat(fd, &st) == 0))) {
		if (!S_ISREG(st.st_mode)) {
			errno = EINVAL;
		} else {
			lock_guard_file(fd, st.st_size);
			done = append(r, fd, st.st_size);
			int saved = errno;
			if (done < 0 && ftruncate(fd, st.st_size) < 0)
				log_error(NULL, "cannot undo half a delivery to '%s': %m", path);
			else if (done < 0)
				mbox_noted(fd);
			lock_guard_file(-1, 0);
			errno = saved;
		}
	}
	int saved = errno;
	if (file_close(fd) < 0 && done == 0)
		return -1;
	errno = saved;
	return done;
}

static int to_mbox(struct filter_run *r, const char *path)
{
	struct lock_times t;
	if (!strcmp(path, "/dev/null"))
		return 0;
	drop_lock_times(r, &t);
	struct str ext = filter_get(r, "LOCKEXT");
	char *lock = mem_printf("%s%.*s", path, STR_FMT(ext.n ? ext : STR(".lock")));
	struct drop *d = filter_ctx(r);
	int done = d->set.dot_lock ? dotlock_take(lock, &t, true) : -1;
	/* A spool folder where we may not make files: the kernel's locks must do. */
	bool dotted = done == 0;
	if (dotted || !d->set.dot_lock ||
	    (d->set.kernel_lock && (errno == EACCES || errno == EPERM || errno == EROFS)))
		done = append_locked(r, path, &t);
	int saved = errno;
	if (dotted)
		dotlock_drop(lock);
	free(lock);
	if (done < 0)
		return filter_fail(r, "cannot deliver to \"%s\": %s", path, strerror(saved));
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
		done = to_mbox(r, path);
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
	drop_log_delivery(d, target, done == 0 && *code <= 0);
	umask(077);
	return done;
}
