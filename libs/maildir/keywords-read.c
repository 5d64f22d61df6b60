/* Reading and tidying courierimapkeywords/ for an open folder (access-formats, section 5). */
#include "config.h"

#include "maildir/folder-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEYWORD_PERIOD = 300, KEYWORD_ORPHAN_AGE = 15 * 60, KEYWORD_FILE_MAX = 256 << 10 };

/* What the store holds for one message.  merged_*: N of ".N.base", 0 none. */
struct update {
	bool plain;
	int64_t low, high;         /* the largest N below T, and at or above it */
	struct maildir_kwset *set; /* as :list says, later the effective one */
};

struct store {
	struct maildir_folder *f;
	int fd;
	int64_t period;    /* T */
	struct update *of; /* by index of the message */
	bool dirty;        /* :list must be written anew */
	bool again;        /* a file vanished: all from the start */
};

static int by_index(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

struct maildir_kwset *maildir_kwset_new(uint16_t *v, unsigned n)
{
	if (n == 0)
		return NULL;
	qsort(v, n, sizeof *v, by_index);
	struct maildir_kwset *set = mem_alloc(sizeof *set + n * sizeof *v);
	set->n = 0;
	for (unsigned i = 0; i < n; i++)
		if (i == 0 || v[i] != v[i - 1])
			set->v[set->n++] = v[i];
	return set;
}

bool maildir_kwset_same(const struct maildir_kwset *a, const struct maildir_kwset *b)
{
	unsigned na = a ? a->n : 0, nb = b ? b->n : 0;
	return na == nb && (na == 0 || memcmp(a->v, b->v, na * sizeof a->v[0]) == 0);
}

/* ---- :list ---- */

static void read_list_words(struct store *s, struct str *rest, uint16_t *map, size_t *n)
{
	struct str line;
	*n = 0;
	while (str_split(rest, '\n', &line) && line.n && *n < KEYWORDS_PER_FOLDER) {
		int i = maildir_folder_word(s->f, line, true);
		map[(*n)++] = i < 0 ? UINT16_MAX : (uint16_t)i;
	}
}

static void read_list_line(struct store *s, struct str line, const uint16_t *map, size_t words)
{
	uint16_t v[KEYWORDS_PER_FOLDER];
	unsigned n = 0;
	struct str numbers, number;
	ptrdiff_t colon = str_rchr(line, ':');
	if (colon <= 0)
		return;
	size_t i = maildir_table_find(s->f, str_head(line, (size_t)colon));
	if (i == SIZE_MAX) {
		s->dirty = true; /* a line too many */
		return;
	}
	numbers = str_skip(line, (size_t)colon + 1);
	while (str_word(&numbers, &number) && n < KEYWORDS_PER_FOLDER) {
		uint64_t k;
		if (str_u64(number, &k) && k < words && map[k] != UINT16_MAX)
			v[n++] = map[k];
	}
	free(s->of[i].set);
	s->of[i].set = maildir_kwset_new(v, n);
}

static int read_list(struct store *s)
{
	struct buf b;
	struct str rest, line;
	uint16_t map[KEYWORDS_PER_FOLDER];
	size_t words;
	buf_init(&b, KEYWORD_LIST_MAX);
	int r = file_read(s->fd, ":list", &b);
	if (r < 0 && errno == ENOENT)
		r = 0;
	rest = buf_str(&b);
	read_list_words(s, &rest, map, &words);
	while (str_split(&rest, '\n', &line))
		read_list_line(s, line, map, words);
	buf_free(&b);
	return r;
}

/* ---- updates ---- */

static void remove_orphan(struct store *s, const char *file)
{
	struct stat st;
	if (!(s->f->flags & MAILDIR_READ_ONLY) &&
	    fstatat(s->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_ctime <= clock_now() - KEYWORD_ORPHAN_AGE)
		file_unlink(s->fd, file);
}

static void unlink_merged(struct store *s, int64_t n, struct str base)
{
	char path[2 * MAILDIR_NAME_MAX];
	if (s->f->flags & MAILDIR_READ_ONLY)
		return;
	snprintf(path, sizeof path, ".%lld.%.*s", (long long)n, STR_FMT(base));
	file_unlink(s->fd, path);
}

/* ".N.base": of several only the newest below T and the newest from T on are of use. */
static void note_merged(struct store *s, struct update *u, int64_t n, struct str base)
{
	int64_t *keep = n < s->period ? &u->low : &u->high;
	if (*keep == 0) {
		*keep = n;
	} else if (n > *keep) {
		if (n < s->period)
			unlink_merged(s, *keep, base);
		*keep = n;
	} else if (n < s->period) {
		unlink_merged(s, n, base);
	}
}

static void note_file(struct store *s, const char *file)
{
	struct str name = str_of(file), number;
	int64_t n = 0;
	if (strcmp(file, ":list") == 0 || strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
		return;
	bool merged = name.p[0] == '.';
	if (merged) {
		name = str_skip(name, 1);
		if (!str_split(&name, '.', &number) || !str_i64(number, &n) || n <= 0) {
			remove_orphan(s, file);
			return;
		}
	}
	size_t i = maildir_table_find(s->f, name);
	if (i == SIZE_MAX)
		remove_orphan(s, file);
	else if (merged)
		note_merged(s, &s->of[i], n, name);
	else
		s->of[i].plain = s->dirty = true;
}

static int read_update(struct store *s, size_t i, const char *file)
{
	struct buf b;
	struct str rest, line;
	uint16_t v[KEYWORDS_PER_FOLDER];
	unsigned n = 0;
	buf_init(&b, KEYWORD_FILE_MAX);
	int r = file_read(s->fd, file, &b);
	s->again |= r < 0 && errno == ENOENT;
	rest = buf_str(&b);
	while (r == 0 && str_split(&rest, '\n', &line) && n < KEYWORDS_PER_FOLDER) {
		int k = maildir_folder_word(s->f, line, true);
		if (k >= 0)
			v[n++] = (uint16_t)k;
	}
	buf_free(&b);
	if (r < 0)
		return -1;
	free(s->of[i].set);
	s->of[i].set = maildir_kwset_new(v, n);
	return 0;
}

static int resolve(struct store *s, size_t i)
{
	char path[2 * MAILDIR_NAME_MAX];
	struct update *u = &s->of[i];
	struct str base = maildir_msg_base(&s->f->msgs.v[i]);
	int64_t n = u->high > u->low ? u->high : u->low;
	if (u->plain) {
		snprintf(path, sizeof path, "%.*s", STR_FMT(base));
		return read_update(s, i, path);
	}
	if (n == 0)
		return 0;
	snprintf(path, sizeof path, ".%lld.%.*s", (long long)n, STR_FMT(base));
	return read_update(s, i, path);
}

/* ---- writing :list anew ---- */

static void add_list_line(
    const struct maildir_folder *f, const struct update *u, size_t i, struct buf *b)
{
	buf_adds(b, maildir_msg_base(&f->msgs.v[i]));
	for (unsigned k = 0; k < u->set->n; k++)
		buf_addf(b, "%c%u", k ? ' ' : ':', u->set->v[k]);
	buf_addc(b, '\n');
}

static int write_list(struct store *s)
{
	struct maildir_folder *f = s->f;
	struct buf b;
	buf_init(&b, KEYWORD_LIST_MAX);
	for (size_t i = 0; i < f->words.n; i++)
		buf_addf(&b, "%s\n", f->words.v[i]);
	buf_addc(&b, '\n');
	for (size_t i = 0; i < f->msgs.n; i++)
		if (s->of[i].set && !f->msgs.v[i].gone)
			add_list_line(f, &s->of[i], i, &b);
	errno = EFBIG;
	int r = b.failed ? -1
			 : maildir_put_file(f->fd, "courierimapkeywords/:list", buf_str(&b), false);
	buf_free(&b);
	return r;
}

/* Merged updates keep a while under a name that says when: a slower reader may hold an older :list.
 */
static void retire_updates(struct store *s)
{
	char to[2 * MAILDIR_NAME_MAX];
	for (size_t i = 0; i < s->f->msgs.n; i++) {
		struct update *u = &s->of[i];
		const struct maildir_msg *m = &s->f->msgs.v[i];
		if (u->plain) {
			struct str base = maildir_msg_base(m);
			char *from = mem_strndup(base.p, base.n);
			snprintf(to, sizeof to, ".%lld.%s", (long long)s->period + 1, from);
			file_rename(s->fd, from, s->fd, to);
			free(from);
		}
		if (u->low && (u->high || u->plain))
			unlink_merged(s, u->low, maildir_msg_base(m));
	}
}

static void remove_old(struct store *s)
{
	for (size_t i = 0; i < s->f->msgs.n; i++)
		if (s->of[i].low && !s->of[i].high && !s->of[i].plain)
			unlink_merged(s, s->of[i].low, maildir_msg_base(&s->f->msgs.v[i]));
}

/* ---- all of it ---- */

static int collect(struct store *s)
{
	struct dirent *e;
	int fd = dup(s->fd);
	DIR *h = fd < 0 ? NULL : fdopendir(fd);
	if (!h) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	rewinddir(h);
	while ((e = readdir(h)))
		note_file(s, e->d_name);
	closedir(h);
	for (size_t i = 0; i < s->f->msgs.n; i++)
		if (resolve(s, i) < 0 && !s->again)
			return -1;
	return 0;
}

static bool take_over(struct store *s)
{
	bool changed = false;
	for (size_t i = 0; i < s->f->msgs.n; i++) {
		struct maildir_msg *m = &s->f->msgs.v[i];
		if (!maildir_kwset_same(m->keywords, s->of[i].set)) {
			free(m->keywords);
			m->keywords = s->of[i].set;
			s->of[i].set = NULL;
			m->changed = changed = true;
		}
	}
	return changed;
}

static void forget(struct store *s)
{
	for (size_t i = 0; i < s->f->msgs.n; i++)
		free(s->of[i].set);
	free(s->of);
}

static int read_store(struct maildir_folder *f, int fd, bool *again)
{
	struct store s = {.f = f, .fd = fd};
	if (!f->table_size)
		maildir_table_rebuild(f);
	s.of = mem_zero((f->msgs.n + 1) * sizeof *s.of);
	int r = read_list(&s);
	s.period = clock_now() / KEYWORD_PERIOD;
	if (r == 0)
		r = collect(&s);
	*again = s.again;
	if (r == 0 && !s.again) {
		if (!(f->flags & MAILDIR_READ_ONLY)) {
			bool written = s.dirty && write_list(&s) == 0;
			if (written)
				retire_updates(&s);
			if (written || !s.dirty)
				remove_old(&s);
		}
		r = take_over(&s);
	}
	forget(&s);
	return r;
}

int maildir_keywords_sync(struct maildir_folder *f, bool fresh_messages)
{
	struct maildir_stamp now;
	bool again = true;
	int r = 0;
	int fd = openat(f->fd, "courierimapkeywords", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (maildir_stamp_differs(fd, &f->kw_stamp, &now) || fresh_messages) {
		for (int try = 0; again && try < MAILDIR_RETRIES; try++)
			r = read_store(f, fd, &again);
		f->kw_stamp = now;
	}
	close(fd);
	return r;
}

int maildir_folder_merge_keywords(struct maildir_folder *f)
{
	unsigned flags = f->flags;
	f->flags &= ~(unsigned)MAILDIR_READ_ONLY;
	int r = maildir_keywords_sync(f, true);
	f->flags = flags;
	return r < 0 ? -1 : 0;
}
