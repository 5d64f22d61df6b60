#include "config.h"

#include "maildir/maildir.h"
#include "maildir/folder-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* Newer than any value in use, and what the original takes: seconds since September 2001. */
enum { UIDVALIDITY_EPOCH = 1000000000 };

static bool number32(struct str s, uint32_t *out)
{
	uint64_t n;
	if (!str_u64(s, &n) || n == 0 || n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

bool maildir_uiddb_head(struct str *rest, uint32_t *uidvalidity, uint32_t *uidnext)
{
	struct str line, version, validity, next;
	return str_split(rest, '\n', &line) && str_word(&line, &version) && str_is(version, "1") &&
	       str_word(&line, &validity) && str_word(&line, &next) &&
	       number32(validity, uidvalidity) && number32(next, uidnext);
}

bool maildir_uiddb_line(struct str *rest, uint32_t *last, struct str *base)
{
	struct str line;
	while (str_split(rest, '\n', &line)) {
		uint32_t uid;
		struct maildir_name m;
		ptrdiff_t blank = str_chr(line, ' ');
		if (blank <= 0 || !number32(str_head(line, (size_t)blank), &uid) || uid <= *last)
			continue;
		*base = str_skip(line, (size_t)blank + 1);
		if (!maildir_name_parse(*base, &m) || m.base.n != base->n)
			continue;
		*last = uid;
		return true;
	}
	return false;
}

uint32_t maildir_new_uidvalidity(void)
{
	int64_t v = clock_now() - UIDVALIDITY_EPOCH;
	return v > 0 && v < UINT32_MAX ? (uint32_t)v : 1;
}

int maildir_uiddb_read(int folderfd, struct buf *text)
{
	buf_clear(text);
	int r = file_read(folderfd, MAILDIR_UIDDB, text);
	if (r < 0 && (errno == ENOENT || errno == EFBIG)) {
		buf_clear(text);
		r = 0;
	}
	return r;
}

struct maildir_uids {
	struct maildir_lock lock;
	int fd;
	uint32_t uidvalidity, uidnext;
	struct buf lines;           /* without the head */
	char tmp[MAILDIR_NAME_MAX]; /* the new list, complete; "" before prepare */
};

/* A folder nobody opened yet: what lies in it gets its UIDs before what comes now. */
static int number_old_messages(const char *dir, unsigned flags)
{
	struct maildir_folder *f =
	    maildir_folder_open(dir, (flags & MAILDIR_DOT_LOCK) | MAILDIR_READ_ONLY);
	int r = f && maildir_folder_sync(f, true) >= 0 ? 0 : -1;
	maildir_folder_close(&f);
	return r;
}

static int load(struct maildir_uids *u, bool *usable)
{
	struct buf text;
	buf_init(&text, MAILDIR_UIDDB_MAX);
	int r = maildir_uiddb_read(u->fd, &text);
	struct str rest = buf_str(&text);
	*usable = r == 0 && maildir_uiddb_head(&rest, &u->uidvalidity, &u->uidnext);
	if (*usable) {
		struct str all = rest, base;
		uint32_t last = 0;
		ptrdiff_t at = str_rchr(str_head(rest, rest.n ? rest.n - 1 : 0), '\n');
		rest = str_skip(rest, (size_t)(at + 1));
		if (maildir_uiddb_line(&rest, &last, &base) && last >= u->uidnext)
			u->uidnext = last + 1;
		buf_adds(&u->lines, all);
		if (all.n && all.p[all.n - 1] != '\n')
			buf_addc(&u->lines, '\n');
	}
	buf_free(&text);
	return r;
}

struct maildir_uids *maildir_uids_begin(const char *dir, unsigned flags)
{
	struct maildir_uids *u = mem_new(struct maildir_uids);
	bool usable = false;
	u->lock.fd = -1;
	buf_init(&u->lines, MAILDIR_UIDDB_MAX);
	u->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; u->fd >= 0 && i < 2 && !usable; i++) {
		if (maildir_lock_take(&u->lock, u->fd, flags & MAILDIR_DOT_LOCK) < 0 ||
		    load(u, &usable) < 0)
			break;
		if (usable)
			return u;
		maildir_lock_drop(&u->lock);
		if (number_old_messages(dir, flags) < 0)
			break;
	}
	maildir_uids_abort(&u);
	return NULL;
}

uint32_t maildir_uids_add(struct maildir_uids *u, struct str base)
{
	uint32_t uid = u->uidnext++;
	buf_addf(&u->lines, "%u %.*s\n", uid, STR_FMT(base));
	return uid;
}

int maildir_uids_prepare(struct maildir_uids *u)
{
	struct buf text;
	buf_init(&text, MAILDIR_UIDDB_MAX);
	buf_addf(&text, "1 %u %u\n", u->uidvalidity, u->uidnext);
	buf_adds(&text, buf_str(&u->lines));
	bool failed = text.failed || u->lines.failed;
	errno = EFBIG;
	int r = failed ? -1 : maildir_put_begin(u->fd, buf_str(&text), true, u->tmp);
	if (r < 0)
		u->tmp[0] = 0;
	buf_free(&text);
	return r;
}

/* Both renames, the message's and the list's, reach the disk with the same writing of the journal.
 */
int maildir_uids_commit(struct maildir_uids **up, uint32_t *uidvalidity)
{
	struct maildir_uids *u = *up;
	int r = u->tmp[0] ? 0 : maildir_uids_prepare(u);
	if (r == 0)
		r = file_rename(u->fd, u->tmp, u->fd, MAILDIR_UIDDB);
	if (r == 0) {
		u->tmp[0] = 0;
		r = file_sync_dir(u->fd, "cur") < 0 || file_sync_dir(u->fd, ".") < 0 ? -1 : 0;
	}
	*uidvalidity = u->uidvalidity;
	maildir_uids_abort(up);
	return r;
}

void maildir_uids_abort(struct maildir_uids **up)
{
	struct maildir_uids *u = *up;
	int saved = errno;
	if (!u)
		return;
	if (u->tmp[0])
		maildir_put_abort(u->fd, u->tmp);
	maildir_lock_drop(&u->lock);
	if (u->fd >= 0)
		close(u->fd);
	buf_free(&u->lines);
	free(u);
	*up = NULL;
	errno = saved;
}
