#include "config.h"

#include "local/worker.h"
#include "maildir/mbox-lock.h"
#include "maildir/mbox-open.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MID_LINE = 9 };

static const struct lock_times patience = {
    .sleep = 1, .stale = 300, .give_up = WORKER_LOCK_SECONDS};

static const char from_word[] = "From ";

/* state: 0 at a line's start or among its ">", 1 to 4 bytes of "From " held back, MID_LINE. */
bool mbox_quote(struct str more, unsigned *state, struct buf *out)
{
	for (size_t i = 0; i < more.n; i++) {
		char c = more.p[i];
		if (*state < 5 && c == from_word[*state]) {
			if (++*state < 5)
				continue;
			buf_addz(out, ">From ");
			*state = MID_LINE;
			continue;
		}
		if (*state > 0 && *state < 5)
			buf_add(out, from_word, *state);
		if (c == '\n')
			*state = 0;
		else if (c != '>' || *state != 0)
			*state = MID_LINE;
		buf_addc(out, c);
	}
	return !out->failed;
}

bool mbox_quote_end(unsigned *state, struct buf *out)
{
	if (*state > 0 && *state < 5)
		buf_add(out, from_word, *state);
	if (*state != 0)
		buf_addc(out, '\n');
	*state = 0;
	return buf_addc(out, '\n');
}

static int write_head(struct job *j, int fd, off_t end)
{
	struct buf head;
	char last = '\n';
	buf_init(&head, JOB_HEADER_MAX + WORKER_PATH_MAX);
	if (end > 0 && file_pread_all(fd, &last, 1, end - 1) == 0 && last != '\n')
		buf_addz(&head, "\n\n"); /* somebody's unfinished line is not ours to continue */
	job_from_line(j, &head);
	buf_addc(&head, '\n');
	job_header(j, &head);
	if (!head.failed)
		mbox_note(fd, end, buf_str(&head));
	int r = head.failed ? -1 : file_write_all(fd, head.p, head.n);
	buf_free(&head);
	return r;
}

static int write_body(struct job *j, int fd)
{
	char chunk[16384];
	unsigned state = 0;
	uint64_t at = 0;
	ssize_t got = 0;
	int r = 0;
	struct buf out;
	buf_init(&out, 3 * sizeof chunk);
	while (r == 0 && (got = message_read(&j->msg, chunk, sizeof chunk, at)) > 0) {
		at += (uint64_t)got;
		r = mbox_quote(str_at(chunk, (size_t)got), &state, &out)
			? file_write_all(fd, out.p, out.n)
			: -1;
		buf_clear(&out);
	}
	if (r == 0 && got == 0)
		r = mbox_quote_end(&state, &out) ? file_write_all(fd, out.p, out.n) : -1;
	buf_free(&out);
	return got < 0 ? -1 : r;
}

/* All of the message or nothing: what was written before a failure is cut off again. */
static int append(struct job *j, int fd)
{
	struct stat st;
	if (kernel_lock(fd, false, &patience) < 0 || mbox_heal(fd) < 0 || fstat(fd, &st) < 0)
		return -1;
	bool sync = !(j->d->flags & WORKER_NO_SYNC);
	if (write_head(j, fd, st.st_size) == 0 && write_body(j, fd) == 0) {
		mbox_noted(fd); /* before the sync: with the message, its note is gone */
		if (!sync || file_sync_full(fd) == 0)
			return 0;
	}
	int saved = errno ? errno : EIO;
	if (ftruncate(fd, st.st_size) < 0)
		log_error(NULL, "cannot undo half a delivery: %m");
	else
		mbox_noted(fd);
	errno = saved;
	return -1;
}

static int sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return file_sync_dir(AT_FDCWD, ".");
	char *parent = mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	int r = file_sync_dir(AT_FDCWD, parent);
	free(parent);
	return r;
}

static enum verdict deliver_locked(struct job *j, const char *path)
{
	struct stat st;
	bool made = false;
	int fd = mbox_open(path, 0600, &made);
	if (fd < 0)
		return job_errno(j, "cannot open", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return job_verdict(
		    j, DEFERRED, "4.3.5", "'%s' is neither a Maildir nor a file", path);
	}
	enum verdict v = append(j, fd) < 0 ? job_errno(j, "cannot write to", path) : GO_ON;
	if (v == GO_ON && made && sync_parent(path) < 0)
		v = job_errno(j, "cannot sync the folder of", path);
	if (file_close(fd) < 0 && v == GO_ON)
		v = job_errno(j, "cannot close", path);
	return v;
}

enum verdict mbox_deliver(struct job *j, const char *path)
{
	if (!strcmp(path, "/dev/null"))
		return GO_ON;
	char *lock = j->d->flags & WORKER_DOTLOCK ? mem_printf("%s.lock", path) : NULL;
	if (lock && dotlock_take(lock, &patience, true) < 0) {
		enum verdict v = job_errno(j, "cannot make the lock of", path);
		free(lock);
		return v;
	}
	enum verdict v = deliver_locked(j, path);
	if (lock)
		dotlock_drop(lock);
	free(lock);
	return v;
}
