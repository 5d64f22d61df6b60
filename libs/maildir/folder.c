/* An open folder: opening, and keeping its list in step with the directories. */
#include "config.h"

#include "maildir/folder-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fresh {
	char *name;
	bool in_new;
};

/* What one sync finds. */
struct sync {
	VEC(struct fresh) fresh; /* no UID yet */
	VEC(char *) taken;       /* base names that we moved from new/ to cur/ */
	bool read_cur, read_new; /* directories that were read */
	bool steady;             /* cur/ did not change while it was read */
	bool changed;
};

static int open_dirs(struct maildir_folder *f)
{
	f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0)
		return -1;
	f->curfd = openat(f->fd, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->newfd = openat(f->fd, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->curfd < 0 || f->newfd < 0 ? -1 : 0;
}

struct maildir_folder *maildir_folder_open(const char *dir, unsigned flags)
{
	struct maildir_folder *f = mem_new(struct maildir_folder);
	f->fd = f->curfd = f->newfd = f->srcfd = -1;
	f->flags = flags;
	f->dir = mem_strdup(dir);
	random_bytes(&f->seed, sizeof f->seed);
	if (maildir_rogue_link(dir) || open_dirs(f) < 0)
		maildir_folder_close(&f);
	return f;
}

static void free_msg(struct maildir_msg *m)
{
	free(m->name);
	free(m->keywords);
}

static void write_out_stale(struct maildir_folder *f);

void maildir_folder_close(struct maildir_folder **fp)
{
	struct maildir_folder *f = *fp;
	int saved = errno;
	if (!f)
		return;
	if (f->stale)
		write_out_stale(f);
	for (size_t i = 0; i < f->msgs.n; i++)
		free_msg(&f->msgs.v[i]);
	for (size_t i = 0; i < f->words.n; i++)
		free(f->words.v[i]);
	vec_free(&f->msgs);
	vec_free(&f->words);
	free(f->table);
	if (f->fd >= 0)
		close(f->fd);
	if (f->curfd >= 0)
		close(f->curfd);
	if (f->newfd >= 0)
		close(f->newfd);
	if (f->srcfd >= 0)
		close(f->srcfd);
	free(f->dir);
	free(f);
	*fp = NULL;
	errno = saved;
}

bool maildir_stamp_differs(int fd, const struct maildir_stamp *old, struct maildir_stamp *now)
{
	struct stat st;
	*now = (struct maildir_stamp){0};
	if (fstat(fd, &st) < 0)
		return true;
	now->ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	now->certain = clock_now_us() - now->ns / 1000 > MAILDIR_RACY_MS * 1000;
	return !old->certain || old->ns != now->ns;
}

/* ---- the file of UIDs ---- */

static void add_msg(struct maildir_folder *f, uint32_t uid, struct str name, bool listed)
{
	struct maildir_name n;
	struct maildir_msg m = {.uid = uid, .listed = listed};
	maildir_name_parse(name, &n);
	m.name = mem_strndup(name.p, name.n);
	m.base_len = (uint16_t)n.base.n;
	m.flags = (uint8_t)n.flags;
	m.size = n.has_size ? n.size : MAILDIR_SIZE_UNKNOWN;
	vec_push(&f->msgs, m);
	maildir_table_add(f, f->msgs.n - 1);
}

static uint32_t last_uid(const struct maildir_folder *f)
{
	return f->msgs.n ? f->msgs.v[f->msgs.n - 1].uid : 0;
}

/* Takes in what the file names beyond our list.  ESTALE: it began anew under our feet. */
static int merge_uiddb(struct maildir_folder *f)
{
	struct buf text;
	uint32_t validity = 0, next = 1, last = 0;
	struct str base;
	buf_init(&text, MAILDIR_UIDDB_MAX);
	int r = maildir_uiddb_read(f->fd, &text);
	struct str rest = buf_str(&text);
	if (r == 0 && maildir_uiddb_head(&rest, &validity, &next)) {
		if (f->uidvalidity && validity != f->uidvalidity) {
			errno = ESTALE;
			r = -1;
		}
		f->uidvalidity = validity;
		while (r == 0 && maildir_uiddb_line(&rest, &last, &base))
			if (last > last_uid(f) && maildir_table_find(f, base) == SIZE_MAX)
				add_msg(f, last, base, true);
		if (last >= next)
			next = last < UINT32_MAX ? last + 1 : last;
		if (next > f->uidnext)
			f->uidnext = next;
	}
	buf_free(&text);
	return r;
}

static int write_uiddb(struct maildir_folder *f, bool sync)
{
	struct buf text;
	buf_init(&text, MAILDIR_UIDDB_MAX);
	buf_addf(&text, "1 %u %u\n", f->uidvalidity, f->uidnext);
	for (size_t i = 0; i < f->msgs.n; i++) {
		struct maildir_msg *m = &f->msgs.v[i];
		char uid[16];
		if (m->gone)
			continue;
		buf_add(&text, uid, (size_t)snprintf(uid, sizeof uid, "%u ", m->uid));
		buf_add(&text, m->name, m->base_len);
		buf_addc(&text, '\n');
	}
	errno = EFBIG;
	int r = text.failed ? -1 : maildir_put_file(f->fd, MAILDIR_UIDDB, buf_str(&text), sync);
	buf_free(&text);
	if (r == 0)
		f->stale = false;
	return r;
}

/* ---- reading the directories ---- */

static void take_name(
    struct maildir_folder *f, size_t i, struct str name, bool in_new, bool *changed)
{
	struct maildir_msg *m = &f->msgs.v[i];
	struct maildir_name n;
	m->scan = f->scan;
	if (m->gone)
		return;
	if (m->listed || m->in_new != in_new || !str_is(name, m->name)) {
		maildir_name_parse(name, &n);
		if (!m->listed && m->flags != n.flags)
			m->changed = *changed = true;
		free(m->name);
		m->name = mem_strndup(name.p, name.n);
		m->flags = (uint8_t)n.flags;
		m->in_new = in_new;
	}
	if (m->listed)
		*changed = true;
	m->listed = false;
}

static void found(struct maildir_folder *f, struct sync *s, const char *file, bool in_new)
{
	struct maildir_name n;
	struct str name = str_of(file);
	if (!maildir_name_parse(name, &n))
		return;
	size_t i = maildir_table_find(f, n.base);
	if (i != SIZE_MAX) {
		take_name(f, i, name, in_new, &s->changed);
	} else {
		struct fresh fresh = {.name = mem_strndup(name.p, name.n), .in_new = in_new};
		vec_push(&s->fresh, fresh);
	}
}

/* 1: moved to cur/; 0: somebody else has it; -1: it must stay where it is. */
static int take_from_new(struct maildir_folder *f, struct sync *s, const char *file)
{
	char to[MAILDIR_NAME_MAX + 8];
	struct maildir_name n;
	if (f->flags & MAILDIR_READ_ONLY)
		return -1;
	if (!maildir_name_parse(str_of(file), &n) || n.base.n + 3 > MAILDIR_NAME_MAX)
		return 0;
	snprintf(to, sizeof to, n.base.n == strlen(file) ? "%s:2," : "%s", file);
	if (renameat(f->newfd, file, f->curfd, to) < 0)
		return errno == ENOENT ? 0 : -1;
	vec_push(&s->taken, mem_strndup(n.base.p, n.base.n));
	return 1;
}

static DIR *open_again(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *h = copy < 0 ? NULL : fdopendir(copy);
	if (!h && copy >= 0)
		close(copy);
	return h;
}

static int read_dir(struct maildir_folder *f, struct sync *s, bool is_new)
{
	struct dirent *e;
	DIR *h = open_again(is_new ? f->newfd : f->curfd);
	if (!h)
		return -1;
	while ((e = readdir(h)))
		if (e->d_name[0] != '.' && (!is_new || take_from_new(f, s, e->d_name) < 0))
			found(f, s, e->d_name, is_new);
	closedir(h);
	return 0;
}

static void clear_fresh(struct sync *s)
{
	for (size_t i = 0; i < s->fresh.n; i++)
		free(s->fresh.v[i].name);
	s->fresh.n = 0;
}

/* Reads what changed (or all): new/ first, so that what moves on to cur/ is not missed. */
static int scan(struct maildir_folder *f, struct sync *s, bool all)
{
	struct maildir_stamp now, after;
	clear_fresh(s);
	f->scan++;
	s->read_new = s->read_cur = false;
	s->steady = true;
	if (maildir_stamp_differs(f->newfd, &f->new_stamp, &now) || all) {
		s->read_new = true;
		f->new_stamp = now;
		if (read_dir(f, s, true) < 0)
			return -1;
	}
	if (maildir_stamp_differs(f->curfd, &f->cur_stamp, &now) || all) {
		s->read_cur = true;
		f->cur_stamp = now;
		if (read_dir(f, s, false) < 0)
			return -1;
		s->steady = now.certain && !maildir_stamp_differs(f->curfd, &now, &after);
	}
	return 0;
}

static bool missing(
    const struct maildir_folder *f, const struct sync *s, const struct maildir_msg *m)
{
	bool looked = m->in_new ? s->read_new : s->read_cur;
	return looked && !m->gone && m->scan != f->scan;
}

static bool any_missing(const struct maildir_folder *f, const struct sync *s)
{
	for (size_t i = 0; i < f->msgs.n; i++)
		if (missing(f, s, &f->msgs.v[i]))
			return true;
	return false;
}

/*
 * A file renamed while its directory is read may not be seen under either name.  So what seems
 * gone after a scan that others disturbed is looked for once more.
 */
static int scan_surely(struct maildir_folder *f, struct sync *s, bool all)
{
	if (scan(f, s, all) < 0)
		return -1;
	for (int i = 0; i < MAILDIR_RETRIES && !s->steady && any_missing(f, s); i++)
		if (scan(f, s, true) < 0)
			return -1;
	return 0;
}

static void mark_gone(struct maildir_folder *f, struct sync *s)
{
	size_t to = 0;
	bool dropped = false;
	for (size_t i = 0; i < f->msgs.n; i++) {
		struct maildir_msg m = f->msgs.v[i];
		if (missing(f, s, &m)) {
			f->stale = true;
			if (m.listed) {
				free_msg(&m);
				dropped = true;
				continue;
			}
			m.gone = s->changed = true;
		}
		f->msgs.v[to++] = m;
	}
	f->msgs.n = to;
	if (dropped)
		maildir_table_rebuild(f);
}

static int by_name(const void *a, const void *b)
{
	const struct fresh *x = a, *y = b;
	return maildir_name_cmp(str_of(x->name), str_of(y->name));
}

static int assign(struct maildir_folder *f, struct sync *s)
{
	if (!f->uidvalidity) {
		f->uidvalidity = maildir_new_uidvalidity();
		if (!f->uidnext)
			f->uidnext = 1;
	}
	if (s->fresh.n > 1)
		qsort(s->fresh.v, s->fresh.n, sizeof *s->fresh.v, by_name);
	for (size_t i = 0; i < s->fresh.n; i++) {
		struct fresh *x = &s->fresh.v[i];
		struct maildir_name n;
		maildir_name_parse(str_of(x->name), &n);
		if (maildir_table_find(f, n.base) != SIZE_MAX)
			continue; /* the same base twice: the first one has it */
		add_msg(f, f->uidnext++, str_of(x->name), false);
		f->msgs.v[f->msgs.n - 1].in_new = x->in_new;
		f->msgs.v[f->msgs.n - 1].scan = f->scan;
	}
	s->changed = true;
	return write_uiddb(f, true);
}

/* Under the lock nobody else gives out UIDs, so what the file says then is the truth. */
static int number_fresh(struct maildir_folder *f, struct sync *s)
{
	struct maildir_lock lock;
	if (maildir_lock_take(&lock, f->fd, f->flags & MAILDIR_DOT_LOCK) < 0)
		return -1;
	int r = merge_uiddb(f) < 0 || scan_surely(f, s, true) < 0 ? -1 : 0;
	if (r == 0) {
		mark_gone(f, s);
		if (s->fresh.n || !f->uidvalidity)
			r = assign(f, s);
	}
	int saved = errno;
	maildir_lock_drop(&lock);
	errno = saved;
	return r;
}

static void write_out_stale(struct maildir_folder *f)
{
	struct maildir_lock lock;
	struct sync s = {0};
	if ((f->flags & MAILDIR_READ_ONLY) ||
	    maildir_lock_take(&lock, f->fd, f->flags & MAILDIR_DOT_LOCK) < 0)
		return;
	if (merge_uiddb(f) == 0 && scan_surely(f, &s, true) == 0) {
		mark_gone(f, &s);
		/* losing this does no harm: the next one to look drops the names again */
		write_uiddb(f, false);
	}
	maildir_lock_drop(&lock);
	clear_fresh(&s);
	vec_free(&s.fresh);
	for (size_t i = 0; i < s.taken.n; i++)
		free(s.taken.v[i]);
	vec_free(&s.taken);
}

static void mark_recent(struct maildir_folder *f, struct sync *s)
{
	for (size_t i = 0; i < s->taken.n; i++) {
		size_t at = maildir_table_find(f, str_of(s->taken.v[i]));
		if (at != SIZE_MAX)
			f->msgs.v[at].recent = true;
		free(s->taken.v[i]);
	}
	vec_free(&s->taken);
	for (size_t i = 0; i < f->msgs.n; i++)
		if (f->msgs.v[i].in_new)
			f->msgs.v[i].recent = true;
}

static int sync_list(struct maildir_folder *f, struct sync *s, bool all)
{
	bool first = !f->uidvalidity;
	if (!f->table_size)
		maildir_table_rebuild(f);
	if (first && merge_uiddb(f) < 0)
		return -1;
	if (scan_surely(f, s, all || first) < 0)
		return -1;
	if (s->fresh.n || !f->uidvalidity)
		return number_fresh(f, s);
	mark_gone(f, s);
	return 0;
}

int maildir_folder_sync(struct maildir_folder *f, bool force)
{
	struct sync s = {0};
	size_t before = f->msgs.n;
	int r = sync_list(f, &s, force || f->force);
	f->force = r < 0;
	mark_recent(f, &s);
	if (r == 0 && !(f->flags & MAILDIR_NO_KEYWORDS)) {
		int k = maildir_keywords_sync(f, f->msgs.n != before);
		if (k < 0)
			log_warning(NULL, "cannot read the keywords of '%s': %m", f->dir);
		s.changed |= k > 0;
	}
	clear_fresh(&s);
	vec_free(&s.fresh);
	return r < 0 ? -1 : s.changed;
}

void maildir_folder_drop(struct maildir_folder *f, size_t i)
{
	free_msg(&f->msgs.v[i]);
	vec_remove(&f->msgs, i);
	maildir_table_rebuild(f);
}

void maildir_folder_drop_gone(struct maildir_folder *f)
{
	size_t to = 0;
	for (size_t i = 0; i < f->msgs.n; i++) {
		if (f->msgs.v[i].gone)
			free_msg(&f->msgs.v[i]);
		else
			f->msgs.v[to++] = f->msgs.v[i];
	}
	f->msgs.n = to;
	maildir_table_rebuild(f);
}

size_t maildir_folder_find(const struct maildir_folder *f, uint32_t uid, bool *exact)
{
	size_t lo = 0, hi = f->msgs.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (f->msgs.v[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	*exact = lo < f->msgs.n && f->msgs.v[lo].uid == uid;
	return lo;
}
