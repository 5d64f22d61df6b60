#include "config.h"

#include "maildir/folder-private.h"
#include "maildir/modseq.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME "courierimapmodseq"
#define LOCK_NAME "courierimapmodseq.lock"

enum { FILE_MAX = 512 << 20, LOCK_TRIES = 2000, LOCK_PAUSE_NS = 5000000 };

/* ---- text ---- */

bool maildir_modseq_head(struct str *rest, uint32_t *uidvalidity, uint64_t *highest)
{
	struct str line, version, validity;
	uint64_t v;
	if (!str_split(rest, '\n', &line) || !str_word(&line, &version) || !str_is(version, "1") ||
	    !str_word(&line, &validity) || !str_u64(validity, &v) || v == 0 || v > UINT32_MAX ||
	    !str_u64(str_trim(line), highest) || *highest == 0 || *highest > INT64_MAX)
		return false;
	*uidvalidity = (uint32_t)v;
	return true;
}

bool maildir_modseq_line(struct str *rest, uint32_t *last, struct maildir_modseq *out)
{
	struct str line, uid, modseq;
	while (str_split(rest, '\n', &line)) {
		uint64_t n;
		struct maildir_modseq m;
		if (!str_word(&line, &uid) || !str_word(&line, &modseq) || !str_u64(uid, &n) ||
		    n <= *last || n > UINT32_MAX || !str_u64(modseq, &m.modseq) || m.modseq == 0 ||
		    m.modseq > INT64_MAX || !str_hex64(str_trim(line), &m.state))
			continue;
		m.uid = *last = (uint32_t)n;
		*out = m;
		return true;
	}
	return false;
}

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

uint64_t maildir_modseq_of(const struct maildir_modseqs *m, uint32_t uid)
{
	size_t lo = 0, hi = m->v.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (m->v.v[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->v.n && m->v.v[lo].uid == uid ? m->v.v[lo].modseq : 0;
}

void maildir_modseqs_free(struct maildir_modseqs *m)
{
	vec_free(&m->v);
	*m = (struct maildir_modseqs){0};
}

/* ---- the file ---- */

static bool same_file(const struct maildir_modseqs *m, const struct maildir_folder *f)
{
	struct stat st;
	return m->ino && fstatat(f->fd, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == m->ino &&
	       (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == m->ns;
}

static void note_file(struct maildir_modseqs *m, const struct maildir_folder *f)
{
	struct stat st;
	m->ino = 0;
	if (fstatat(f->fd, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	m->ino = st.st_ino;
	m->ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/* Under the lock.  Without a file of use everything counts as new. */
static int load(struct maildir_modseqs *m, const struct maildir_folder *f)
{
	struct buf text;
	uint32_t validity = 0, last = 0;
	uint64_t highest = 0;
	struct maildir_modseq one;
	buf_init(&text, FILE_MAX);
	note_file(m, f);
	int r = file_read(f->fd, FILE_NAME, &text);
	if (r < 0 && errno != ENOENT && errno != EFBIG) {
		buf_free(&text);
		return -1;
	}
	m->v.n = 0;
	struct str rest = r == 0 ? buf_str(&text) : STR_NONE;
	if (maildir_modseq_head(&rest, &validity, &highest) && validity == f->uidvalidity) {
		while (maildir_modseq_line(&rest, &last, &one)) {
			vec_push(&m->v, one);
			if (one.modseq > highest)
				highest = one.modseq;
		}
	} else {
		m->ino = 0;
	}
	if (highest > m->highest)
		m->highest = highest;
	buf_free(&text);
	return 0;
}

static int save(struct maildir_modseqs *m, const struct maildir_folder *f)
{
	struct buf text;
	buf_init(&text, FILE_MAX);
	buf_addf(&text, "1 %u %llu\n", f->uidvalidity, (unsigned long long)m->highest);
	for (size_t i = 0; i < m->v.n; i++)
		buf_addf(&text, "%u %llu %llx\n", m->v.v[i].uid,
		    (unsigned long long)m->v.v[i].modseq, (unsigned long long)m->v.v[i].state);
	errno = EFBIG;
	int r = text.failed ? -1 : maildir_put_file(f->fd, FILE_NAME, buf_str(&text), false);
	buf_free(&text);
	note_file(m, f);
	return r;
}

/* ---- comparing ---- */

static uint64_t next_number(const struct maildir_modseqs *m)
{
	int64_t now = clock_now_us();
	return now > 0 && (uint64_t)now > m->highest ? (uint64_t)now : m->highest + 1;
}

/* The new list in *out (or only whether there is one, out NULL): true when anything differs. */
static bool compare(
    const struct maildir_modseqs *m, const struct maildir_folder *f, struct maildir_modseqs *out)
{
	uint64_t number = next_number(m);
	bool differs = m->highest == 0;
	size_t k = 0;
	for (size_t i = 0; i < f->msgs.n; i++) {
		const struct maildir_msg *msg = &f->msgs.v[i];
		if (msg->gone)
			continue;
		struct maildir_modseq one = {msg->uid, number, state_of(f, msg)};
		for (; k < m->v.n && m->v.v[k].uid < msg->uid; k++)
			differs = true; /* it has gone */
		bool known = k < m->v.n && m->v.v[k].uid == msg->uid;
		if (known && m->v.v[k].state == one.state)
			one.modseq = m->v.v[k].modseq;
		else
			differs = true;
		k += known;
		if (out)
			vec_push(&out->v, one);
	}
	differs |= k < m->v.n;
	if (out)
		out->highest = differs ? number : m->highest;
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

/* With the lock: nobody else's view is behind the file now, ours is brought up to date. */
static int update(struct maildir_modseqs *m, struct maildir_folder *f)
{
	struct maildir_modseqs fresh = {0};
	int r = maildir_folder_sync(f, false);
	if (r < 0 || (!same_file(m, f) && load(m, f) < 0))
		return -1;
	if (!compare(m, f, &fresh)) {
		vec_free(&fresh.v);
		return r;
	}
	vec_free(&m->v);
	m->v.v = fresh.v.v;
	m->v.n = fresh.v.n;
	m->v.cap = fresh.v.cap;
	m->highest = fresh.highest;
	return save(m, f) < 0 ? -1 : r;
}

int maildir_modseqs_update(struct maildir_modseqs *m, struct maildir_folder *f)
{
	int r = maildir_folder_sync(f, false);
	if (r < 0 || (m->highest && same_file(m, f) && !compare(m, f, NULL)))
		return r;
	int lock = take_lock(f);
	if (lock < 0)
		return -1;
	int r2 = update(m, f), saved = errno;
	close(lock);
	errno = saved;
	return r2 < 0 ? -1 : r | r2;
}

int maildir_modseqs_begin(struct maildir_modseqs *m, struct maildir_folder *f)
{
	int lock = take_lock(f);
	if (lock < 0 || update(m, f) >= 0)
		return lock;
	int saved = errno;
	close(lock);
	errno = saved;
	return -1;
}

int maildir_modseqs_end(struct maildir_modseqs *m, struct maildir_folder *f, int lock)
{
	int r = update(m, f), saved = errno;
	close(lock);
	errno = saved;
	return r;
}
