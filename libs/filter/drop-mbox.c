/* Deliveries to mbox files: locked, all of the message or nothing. */
#include "config.h"

#include "filter/drop-private.h"
#include "maildir/mbox-heal.h"
#include "maildir/mbox-lock.h"
#include "maildir/mbox-open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PASSED = 1 << 20 };

static void from_line(struct filter_run *r, struct buf *out)
{
	char date[CLOCK_RFC5322_SIZE];
	struct str from = filter_get(r, "FROM");
	clock_mbox(clock_now(), date);
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

static int flush(int fd, struct buf *out)
{
	int r = file_write_all(fd, out->p, out->n);
	buf_clear(out);
	return r;
}

static int write_line(int fd, struct str line, struct buf *out)
{
	if (out->n + line.n + 3 > out->max && flush(fd, out) < 0)
		return -1;
	if (looks_like_from(line))
		buf_addc(out, '>');
	if (line.n + 3 <= out->max)
		buf_adds(out, line);
	else if (flush(fd, out) < 0 || file_write_all(fd, line.p, line.n) < 0)
		return -1;
	buf_addc(out, '\n');
	return 0;
}

static int write_quoted(const struct drop *d, int fd, struct str text, struct buf *out)
{
	struct str passed = {text.p, 0};
	while (text.n) {
		const char *nl = memchr(text.p, '\n', text.n);
		struct str line = str_head(text, nl ? (size_t)(nl - text.p) : text.n);
		if (write_line(fd, line, out) < 0)
			return -1;
		passed.n = (size_t)(line.p - passed.p);
		if (passed.n > PASSED) {
			drop_passed(d, passed);
			passed = str_at(line.p, 0);
		}
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
	int done = write_quoted(filter_ctx(r), fd, m.extra, &out);
	if (done == 0)
		done = write_quoted(filter_ctx(r), fd, m.bytes, &out);
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
	struct drop *d = filter_ctx(r);
	mode_t mask = umask(0); /* UMASK; what the setting allows is allowed in any case */
	bool made;
	int fd = mbox_open(path, (0666 & ~mask) | d->call->set.mode, &made), done = -1;
	umask(mask);
	if (fd < 0)
		return -1;
	if ((!d->call->set.kernel_lock || kernel_lock(fd, false, t) == 0) && fstat(fd, &st) == 0 &&
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

int drop_mbox(struct filter_run *r, const char *path)
{
	struct lock_times t;
	if (!strcmp(path, "/dev/null"))
		return 0;
	drop_lock_times(r, &t);
	struct str ext = filter_get(r, "LOCKEXT");
	char *lock = mem_printf("%s%.*s", path, STR_FMT(ext.n ? ext : STR(".lock")));
	struct drop *d = filter_ctx(r);
	int done = d->call->set.dot_lock ? dotlock_take(lock, &t, true) : -1;
	/* A spool folder where we may not make files: the kernel's locks must do. */
	bool dotted = done == 0;
	if (dotted || !d->call->set.dot_lock ||
	    (d->call->set.kernel_lock && (errno == EACCES || errno == EPERM || errno == EROFS)))
		done = append_locked(r, path, &t);
	int saved = errno;
	if (dotted)
		dotlock_drop(lock);
	free(lock);
	if (done < 0)
		return filter_fail(r, "cannot deliver to \"%s\": %s", path, strerror(saved));
	return 0;
}
