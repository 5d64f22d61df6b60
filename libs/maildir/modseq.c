#include "config.h"

#include "maildir/folder-private.h"
#include "maildir/modseq.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME "courierimapmodseq"
#define LOCK_NAME "courierimapmodseq.lock"

enum {
	FILE_MAX = 512 << 20,
	LOCK_TRIES = 2000,
	LOCK_PAUSE_NS = 5000000,
	LINE_ROOM = 256,         /* the longest line has less */
	APPENDED_MIN = 16 << 10, /* that much is always appended before the file is replaced */
};

/* ---- the state of a message ---- */

static uint64_t mix(uint64_t h, struct str s) /* FNV-1a */
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ ascii_lower((unsigned char)s.p[i])) * 0x100000001b3;
	return h;
}

/* Order of keywords does not matter: it is one of this session's list. */
static uint64_t state_of(const struct maildir_folder *f, const struct maildir_msg *m)
{
	uint64_t words = 0;
	for (unsigned i = 0; m->keywords && i < m->keywords->n; i++)
		words += mix(0xcbf29ce484222325, str_of(f->words.v[m->keywords->v[i]]));
	return words << 8 | m->flags;
}

void maildir_modseqs_free(struct maildir_modseqs *m)
{
	vec_free(&m->v);
	*m = (struct maildir_modseqs){0};
}

/* ---- times ---- */

static uint64_t ns_of(const struct stat *st)
{
	int64_t ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	return ns > 0 ? (uint64_t)ns : 0;
}

/* The directories' times, when what we know of the folder is what it was then and is now. */
static bool times_of(const struct maildir_folder *f, struct maildir_modseq_turn *t)
{
	struct maildir_stamp now;
	struct stat st;
	t->cur = t->fresh = t->words = 0;
	if (maildir_stamp_differs(f->curfd, &f->cur_stamp, &now) ||
	    maildir_stamp_differs(f->newfd, &f->new_stamp, &now))
		return false;
	if (fstatat(f->fd, "courierimapkeywords", &st, AT_SYMLINK_NOFOLLOW) == 0)
		t->words = ns_of(&st);
	else if (errno != ENOENT)
		return false;
	if (t->words != (uint64_t)f->kw_stamp.ns || (t->words && !f->kw_stamp.certain)) {
		t->words = 0;
		return false;
	}
	t->cur = (uint64_t)f->cur_stamp.ns;
	t->fresh = (uint64_t)f->new_stamp.ns;
	return t->cur != 0;
}

static bool same_times(const struct maildir_modseq_turn *a, const struct maildir_modseq_turn *b)
{
	return a->cur && a->cur == b->cur && a->fresh == b->fresh && a->words == b->words;
}

/* ---- the file ---- */

static bool same_file(const struct maildir_modseqs *m, const struct maildir_folder *f)
{
	struct stat st;
	return m->ino && fstatat(f->fd, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == m->ino && (uint64_t)st.st_size == m->size &&
	       ns_of(&st) == (uint64_t)m->ns;
}

static void note_file(struct maildir_modseqs *m, const struct stat *st)
{
	m->ino = st->st_ino;
	m->ns = (int64_t)ns_of(st);
	m->size = (uint64_t)st->st_size;
}

/* From where we know it, when it has only grown since; else all of it. */
static int read_file(struct maildir_modseqs *m, int fd, const struct stat *st, uint32_t uidvalidity)
{
	struct buf text;
	bool grown = m->ino == st->st_ino && !m->whole && (uint64_t)st->st_size > m->size;
	buf_init(&text, FILE_MAX);
	int r = grown && lseek(fd, (off_t)m->size, SEEK_SET) < 0 ? -1 : file_read_fd(fd, &text);
	bool use = r == 0;
	if (use && grown)
		maildir_modseqs_more(m, buf_str(&text));
	else if (use)
		use = maildir_modseqs_parse(m, buf_str(&text), uidvalidity);
	buf_free(&text);
	if (use)
		note_file(m, st);
	else
		m->v.n = m->ino = 0;
	return r;
}

/* Under the lock.  Without a file of use everything counts as new. */
static int load(struct maildir_modseqs *m, const struct maildir_folder *f)
{
	struct stat st;
	int fd = file_open_read(f->fd, FILE_NAME);
	int r = fd < 0 || fstat(fd, &st) < 0 ? -1 : read_file(m, fd, &st, f->uidvalidity);
	int saved = errno;
	if (fd >= 0)
		close(fd);
	if (r == 0)
		return 0;
	m->v.n = m->ino = 0;
	errno = saved;
	return errno == ENOENT || errno == EFBIG ? 0 : -1;
}

static int replace(struct maildir_modseqs *m, const struct maildir_folder *f)
{
	struct buf text;
	struct stat st;
	buf_init(&text, FILE_MAX);
	buf_addf(&text, "1 %u %llu\n", f->uidvalidity, (unsigned long long)m->highest);
	for (size_t i = 0; i < m->v.n; i++)
		maildir_modseq_put(&text, &m->v.v[i]);
	m->turn.base = text.n;
	maildir_modseq_put_turn(&text, &m->turn);
	errno = EFBIG;
	int r = text.failed ? -1 : maildir_put_file(f->fd, FILE_NAME, buf_str(&text), false);
	m->ino = 0;
	m->whole = false;
	if (r == 0 && fstatat(f->fd, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
		note_file(m, &st);
	buf_free(&text);
	return r;
}

/* False: the file is as it was, or its end is one that does not count. */
static bool append(struct maildir_modseqs *m, const struct maildir_folder *f, struct str text)
{
	struct stat st;
	int fd = openat(f->fd, FILE_NAME, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = fstat(fd, &st) == 0 && st.st_ino == m->ino && (uint64_t)st.st_size == m->size &&
		  file_write_all(fd, text.p, text.n) == 0 && fstat(fd, &st) == 0;
	if (ok)
		note_file(m, &st);
	close(fd);
	return ok;
}

/* The changes, or all when these have outgrown the rest. */
static int save(struct maildir_modseqs *m, const struct maildir_folder *f, struct buf *changes)
{
	m->turn.highest = m->highest;
	times_of(f, &m->turn);
	maildir_modseq_put_turn(changes, &m->turn);
	if (m->ino && !m->whole && !changes->failed &&
	    m->size + changes->n <= 2 * m->turn.base + APPENDED_MIN &&
	    append(m, f, buf_str(changes)))
		return 0;
	return replace(m, f);
}

/* ---- comparing ---- */

static uint64_t next_number(const struct maildir_modseqs *m)
{
	int64_t now = clock_now_us();
	return now > 0 && (uint64_t)now > m->highest ? (uint64_t)now : m->highest + 1;
}

/* Where a comparison puts what it finds. */
struct found {
	struct maildir_modseqs list;
	struct buf changes;
	bool between; /* one that cannot be appended */
};

static void found_gone(struct found *out, uint32_t uid)
{
	struct maildir_modseq gone = {.uid = uid};
	if (out)
		maildir_modseq_put(&out->changes, &gone);
}

static void found_there(struct found *out, const struct maildir_modseq *one, bool changed)
{
	if (!out)
		return;
	vec_push(&out->list.v, *one);
	if (changed)
		maildir_modseq_put(&out->changes, one);
}

/* What there is now in *out (or only whether anything differs, out NULL). */
static bool compare(
    const struct maildir_modseqs *m, const struct maildir_folder *f, struct found *out)
{
	uint64_t number = next_number(m);
	bool differs = m->highest == 0;
	size_t k = 0;
	for (size_t i = 0; i < f->msgs.n; i++) {
		const struct maildir_msg *msg = &f->msgs.v[i];
		if (msg->gone)
			continue;
		struct maildir_modseq one = {msg->uid, number, state_of(f, msg)};
		for (; k < m->v.n && m->v.v[k].uid < msg->uid; k++) {
			differs = true;
			found_gone(out, m->v.v[k].uid);
		}
		bool known = k < m->v.n && m->v.v[k].uid == msg->uid;
		bool same = known && m->v.v[k].state == one.state;
		if (same)
			one.modseq = m->v.v[k].modseq;
		differs |= !same;
		if (out && !known && k < m->v.n)
			out->between = true;
		k += known;
		found_there(out, &one, !same);
	}
	differs |= k < m->v.n;
	for (; k < m->v.n; k++)
		found_gone(out, m->v.v[k].uid);
	if (out)
		out->list.highest = differs ? number : m->highest;
	return differs;
}

static int take_lock(const struct maildir_folder *f)
{
	const struct timespec pause = {0, LOCK_PAUSE_NS};
	int fd = openat(f->fd, LOCK_NAME, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		maildir_share(f->fd, fd);
	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || i == LOCK_TRIES) {
			close(fd);
			errno = ETIMEDOUT;
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* What it found becomes ours, and the file's. */
static int take_found(struct maildir_modseqs *m, const struct maildir_folder *f, struct found *x)
{
	vec_free(&m->v);
	m->v.v = x->list.v.v;
	m->v.n = x->list.v.n;
	m->v.cap = x->list.v.cap;
	x->list.v.v = NULL;
	x->list.v.n = x->list.v.cap = 0;
	m->highest = x->list.highest;
	m->whole |= x->between;
	return save(m, f, &x->changes);
}

/* Nothing has changed: the times, which spare others the comparing, when they say something new. */
static void save_times(struct maildir_modseqs *m, const struct maildir_folder *f)
{
	struct maildir_modseq_turn now = m->turn;
	struct buf none;
	if (!m->ino || !times_of(f, &now) || same_times(&now, &m->turn))
		return;
	buf_init(&none, LINE_ROOM);
	save(m, f, &none);
	buf_free(&none);
}

/* With the lock, and with a file that is not behind what we know of the folder. */
static int bring_up(struct maildir_modseqs *m, const struct maildir_folder *f)
{
	struct found x = {0};
	int r = 0;
	buf_init(&x.changes, FILE_MAX);
	if (compare(m, f, &x))
		r = take_found(m, f, &x);
	else
		save_times(m, f);
	buf_free(&x.changes);
	vec_free(&x.list.v);
	return r;
}

/* With the lock: nobody else's view is behind the file now, ours is brought up to date. */
static int update(struct maildir_modseqs *m, struct maildir_folder *f)
{
	int r = maildir_folder_sync(f, false);
	if (r < 0 || (!same_file(m, f) && load(m, f) < 0))
		return -1;
	return bring_up(m, f) < 0 ? -1 : r;
}

static int let_go(int lock, int r)
{
	int saved = errno;
	close(lock);
	errno = saved;
	return r;
}

int maildir_modseqs_update(struct maildir_modseqs *m, struct maildir_folder *f)
{
	int r = maildir_folder_sync(f, false);
	if (r < 0 || (m->highest && same_file(m, f) && !compare(m, f, NULL)))
		return r;
	int lock = take_lock(f);
	if (lock < 0)
		return -1;
	int r2 = let_go(lock, update(m, f));
	return r2 < 0 ? -1 : r | r2;
}

int maildir_modseqs_turn(const struct maildir_folder *f)
{
	return take_lock(f);
}

int maildir_modseqs_begin(struct maildir_modseqs *m, struct maildir_folder *f)
{
	int lock = take_lock(f);
	return lock < 0 || update(m, f) >= 0 ? lock : let_go(lock, -1);
}

int maildir_modseqs_end(struct maildir_modseqs *m, struct maildir_folder *f, int lock)
{
	return let_go(lock, same_file(m, f) ? bring_up(m, f) : update(m, f));
}

/* ---- for those who use no numbers ---- */

/* The last line, when the file is of this folder and ends with a turn. */
static bool last_turn(int fd, const struct maildir_folder *f, struct maildir_modseqs *m)
{
	char text[LINE_ROOM];
	struct stat st;
	uint32_t validity;
	uint64_t highest;
	ssize_t n = pread(fd, text, sizeof text, 0);
	struct str rest = str_at(text, n > 0 ? (size_t)n : 0);
	if (!maildir_modseq_head(&rest, &validity, &highest) || validity != f->uidvalidity ||
	    fstat(fd, &st) < 0)
		return false;
	off_t from = st.st_size > LINE_ROOM ? st.st_size - LINE_ROOM : 0;
	n = pread(fd, text, sizeof text, from);
	if (n < 2 || text[n - 1] != '\n')
		return false;
	size_t at = (size_t)n - 1;
	while (at && text[at - 1] != '\n')
		at--;
	note_file(m, &st);
	return maildir_modseq_turn(str_at(text + at, (size_t)n - at - 1), &m->turn);
}

static bool look(const struct maildir_folder *f, struct maildir_modseqs *m)
{
	int fd = file_open_read(f->fd, FILE_NAME);
	bool ok = fd >= 0 && last_turn(fd, f, m);
	if (fd >= 0)
		close(fd);
	return ok;
}

bool maildir_modseqs_peek(const struct maildir_folder *f, uint64_t *highest)
{
	struct maildir_modseqs m = {0};
	struct maildir_modseq_turn now;
	if (!times_of(f, &now) || !look(f, &m) || !same_times(&now, &m.turn))
		return false;
	*highest = m.turn.highest;
	return true;
}

/* With the lock: a number of its own for what nobody has compared. */
static int count_up(uint64_t *highest, struct maildir_folder *f)
{
	struct maildir_modseqs m = {.highest = *highest};
	struct buf none;
	struct maildir_modseq_turn now;
	int r = maildir_folder_sync(f, false);
	if (r < 0)
		return r;
	bool short_way = look(f, &m);
	if (short_way && times_of(f, &now) && same_times(&now, &m.turn)) {
		*highest = m.turn.highest;
		return 0;
	}
	if (short_way && m.turn.highest > m.highest)
		m.highest = m.turn.highest;
	if (!short_way || m.size + LINE_ROOM > 2 * m.turn.base + APPENDED_MIN) {
		m.ino = 0;
		if (load(&m, f) < 0)
			return -1;
		m.ino = 0; /* all of it is written anew */
	}
	*highest = m.highest = next_number(&m);
	buf_init(&none, LINE_ROOM);
	r = save(&m, f, &none);
	buf_free(&none);
	maildir_modseqs_free(&m);
	return r;
}

int maildir_modseqs_glance(struct maildir_modseqs *m, struct maildir_folder *f)
{
	uint64_t highest = m->highest;
	if (!maildir_modseqs_peek(f, &highest)) {
		int lock = take_lock(f);
		if (lock < 0 || let_go(lock, count_up(&highest, f)) < 0)
			return -1;
	}
	maildir_modseqs_free(m);
	m->highest = highest;
	return 0;
}
