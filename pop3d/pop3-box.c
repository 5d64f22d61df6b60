#include "config.h"

#include "pop3d/pop3d.h"
#include "maildir/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_FILE "courierpop3dsizelist"

static char *path_of(const struct pop3_msg *m)
{
	return mem_printf("%s/%s", m->in_new ? "new" : "cur", m->name);
}

static int scan(struct pop3_box *b, const char *sub, bool in_new)
{
	struct maildir_name n;
	struct dirent *e;
	int fd = openat(b->fd, sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return -1;
	while ((e = readdir(d)))
		if (maildir_name_parse(str_of(e->d_name), &n)) {
			struct pop3_msg m = {.name = mem_strdup(e->d_name), .in_new = in_new};
			m.id.base = str_at(m.name, n.base.n);
			vec_push(&b->msgs, m);
		}
	closedir(d);
	return 0;
}

static int by_name(const void *x, const void *y)
{
	const struct pop3_msg *a = x, *b = y;
	return maildir_name_cmp(a->id.base, b->id.base);
}

/* A message that moved from new to cur between the two readings is there once. */
static void drop_twins(struct pop3_box *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->msgs.n; i++) {
		if (n && str_eq(b->msgs.v[n - 1].id.base, b->msgs.v[i].id.base)) {
			if (b->msgs.v[i].in_new) {
				free(b->msgs.v[i].name);
				continue;
			}
			free(b->msgs.v[--n].name);
		}
		b->msgs.v[n++] = b->msgs.v[i];
	}
	b->msgs.n = n;
}

static int measure(struct pop3_box *b, struct pop3_msg *m)
{
	char chunk[65536];
	struct pop3_measure w;
	ssize_t n;
	int fd = pop3_box_open_msg(b, m);
	if (fd < 0)
		return -1;
	pop3_measure_init(&w);
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		pop3_measure_add(&w, str_at(chunk, (size_t)n));
	close(fd);
	m->id.size = pop3_measure_end(&w);
	m->id.utf8 = w.utf8;
	return n < 0 ? -1 : 0;
}

/* What the file knows of the messages; true when it has something of a message that is gone. */
static bool recognise(struct pop3_box *b, const struct sizelist *l)
{
	struct map *known = map_new();
	size_t hits = 0;
	for (size_t i = 0; known && i < l->entries.n; i++)
		map_set(known, l->entries.v[i].base, &l->entries.v[i]);
	for (size_t i = 0; known && i < b->msgs.n; i++) {
		struct pop3_msg *m = &b->msgs.v[i];
		struct sizelist_entry *e = map_get(known, m->id.base);
		if (!e)
			continue;
		struct str base = m->id.base;
		m->id = *e;
		m->id.base = base;
		m->listed = true;
		hits++;
	}
	map_free(known, NULL);
	return hits < l->entries.n;
}

static void drop(struct pop3_box *b, size_t i)
{
	free(b->msgs.v[i].name);
	vec_remove(&b->msgs, i);
}

/* Sizes and numbers for what is new; messages that vanish meanwhile are left out. */
static void complete(struct pop3_box *b, struct sizelist *l)
{
	for (size_t i = 0; i < b->msgs.n;) {
		struct pop3_msg *m = &b->msgs.v[i];
		if (m->listed && m->id.utf8 >= 0) {
			i++;
			continue;
		}
		if (measure(b, m) < 0) {
			drop(b, i);
			continue;
		}
		if (!m->listed) {
			m->id.n = l->next++;
			m->id.uidv = l->uidv;
		}
		i++;
	}
}

static int save(struct pop3_box *b, const struct sizelist *l)
{
	struct buf out;
	buf_init(&out, POP3_LIST_MAX);
	sizelist_head(l->next, l->uidv, &out);
	for (size_t i = 0; i < b->msgs.n; i++)
		sizelist_line(str_of(b->msgs.v[i].name), &b->msgs.v[i].id, &out);
	if (out.failed)
		errno = EFBIG;
	int r = out.failed ? -1 : maildir_put_file(b->fd, LIST_FILE, buf_str(&out), true);
	buf_free(&out);
	return r;
}

/*
 * Numbers that could not be saved must not be shown: a client would meet them again at other
 * messages.  What was listed before is offered; else one message, so that its removal can make
 * room.
 */
static void only_saved(struct pop3_box *b)
{
	struct stat st;
	bool any = false;
	for (size_t i = 0; i < b->msgs.n; i++)
		any = any || b->msgs.v[i].listed;
	for (size_t i = b->msgs.n; i-- > 0;)
		if (!b->msgs.v[i].listed && (any || i > 0))
			drop(b, i);
	if (any || !b->msgs.n)
		return;
	char *path = path_of(&b->msgs.v[0]);
	if (fstatat(b->fd, path, &st, 0) == 0)
		b->msgs.v[0].enomem =
		    mem_printf("ENOMEM-%llx-%llx-%llx", (unsigned long long)st.st_mtime,
			(unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	else
		drop(b, 0);
	free(path);
}

/* Reads the file and recognises what it knows: true when nothing has to be saved. */
static bool look_up(struct pop3_box *b, struct buf *text, struct sizelist *l)
{
	buf_clear(text);
	if (file_read(b->fd, LIST_FILE, text) < 0 || !sizelist_parse(buf_str(text), l)) {
		sizelist_free(l);
		*l = (struct sizelist){.next = 1, .uidv = (uint64_t)clock_now(), .old = true};
	}
	bool same = !recognise(b, l) && !l->old;
	for (size_t i = 0; i < b->msgs.n && same; i++)
		same = b->msgs.v[i].listed && b->msgs.v[i].id.utf8 >= 0;
	return same;
}

/* Numbers are given out under the lock; a session without new mail needs none. */
static void give_ids(struct pop3_box *b)
{
	struct buf text;
	struct sizelist l = {0};
	struct maildir_lock lock;
	buf_init(&text, POP3_LIST_MAX);
	if (!look_up(b, &text, &l)) {
		bool locked = maildir_lock_take(&lock, b->fd, false) == 0;
		sizelist_free(&l);
		look_up(b, &text, &l);
		complete(b, &l);
		if (save(b, &l) < 0) {
			log_error(NULL,
			    "cannot save '%s/" LIST_FILE
			    "': %m; messages it does not list are not shown",
			    b->dir);
			only_saved(b);
		}
		if (locked)
			maildir_lock_drop(&lock);
	}
	sizelist_free(&l);
	buf_free(&text);
}

int pop3_box_open(struct pop3_box *b, const char *dir)
{
	*b = (struct pop3_box){.dir = mem_strdup(dir), .fd = -1};
	char *itself = mem_printf("%s/.", dir); /* which may be a link */
	bool rogue = maildir_rogue_link(itself);
	free(itself);
	if (rogue)
		return -1;
	b->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->fd < 0 || scan(b, "new", true) < 0 || scan(b, "cur", false) < 0)
		return -1;
	maildir_tmp_clean(dir);
	if (b->msgs.n)
		qsort(b->msgs.v, b->msgs.n, sizeof *b->msgs.v, by_name);
	drop_twins(b);
	give_ids(b);
	return 0;
}

void pop3_box_close(struct pop3_box *b)
{
	for (size_t i = 0; i < b->msgs.n; i++) {
		free(b->msgs.v[i].name);
		free(b->msgs.v[i].enomem);
	}
	vec_free(&b->msgs);
	if (b->fd >= 0)
		close(b->fd);
	free(b->dir);
}

static void renamed(struct pop3_msg *m, const char *name)
{
	size_t n = m->id.base.n;
	free(m->name);
	m->name = mem_strdup(name);
	m->id.base = str_at(m->name, n);
	m->in_new = false;
}

/* Another program has read it: it is in cur/, under the same base. */
static bool find_again(struct pop3_box *b, struct pop3_msg *m)
{
	struct maildir_name n;
	struct dirent *e;
	bool found = false;
	int fd = openat(b->fd, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	while (d && !found && (e = readdir(d)))
		if (maildir_name_parse(str_of(e->d_name), &n) && str_eq(n.base, m->id.base)) {
			renamed(m, e->d_name);
			found = true;
		}
	if (d)
		closedir(d);
	return found;
}

int pop3_box_open_msg(struct pop3_box *b, struct pop3_msg *m)
{
	for (int tries = 0;; tries++) {
		char *path = path_of(m);
		int fd = file_open_read(b->fd, path);
		free(path);
		if (fd >= 0 || errno != ENOENT || tries == 3 || !find_again(b, m))
			return fd;
	}
}

void pop3_box_seen(struct pop3_box *b, struct pop3_msg *m)
{
	struct maildir_name n;
	char letters[MAILDIR_LETTERS_MAX + 1];
	if (!maildir_name_parse(str_of(m->name), &n) || (!m->in_new && (n.flags & MAILDIR_SEEN)))
		return;
	maildir_flags_letters(n.flags | MAILDIR_SEEN, n.letters, letters);
	char *from = path_of(m);
	char *to = mem_printf("cur/%.*s:2,%s", STR_FMT(n.base), letters);
	if (file_rename(b->fd, from, b->fd, to) == 0)
		renamed(m, to + 4);
	free(from);
	free(to);
}

static int64_t file_size(struct pop3_box *b, struct pop3_msg *m)
{
	struct maildir_name n;
	struct stat st;
	if (maildir_name_parse(str_of(m->name), &n) && n.has_size)
		return (int64_t)n.size;
	char *path = path_of(m);
	int r = fstatat(b->fd, path, &st, AT_SYMLINK_NOFOLLOW);
	free(path);
	return r < 0 ? 0 : (int64_t)st.st_size;
}

/* 0 it is gone by us, 1 it was gone, -1 errno */
static int remove_one(struct pop3_box *b, struct pop3_msg *m)
{
	for (int tries = 0;; tries++) {
		char *path = path_of(m);
		int r = file_unlink(b->fd, path);
		free(path);
		if (r == 0)
			return 0;
		if (errno != ENOENT)
			return -1;
		if (tries == 3 || !find_again(b, m))
			return 1;
	}
}

size_t pop3_box_expunge(struct pop3_box *b, const char *who)
{
	size_t failed = 0;
	int64_t bytes = 0, count = 0;
	for (size_t i = 0; i < b->msgs.n; i++) {
		struct pop3_msg *m = &b->msgs.v[i];
		if (!m->deleted)
			continue;
		int64_t size = file_size(b, m);
		int r = remove_one(b, m);
		failed += r < 0;
		if (r == 0) {
			bytes += size;
			count++;
			if (who)
				log_info(NULL, "DELETED, %s, filename=%s/%s, size=%lld", who,
				    m->in_new ? "new" : "cur", m->name, (long long)size);
		}
	}
	if (count && maildir_quota_add(b->dir, -bytes, -count) < 0)
		log_warning(NULL, "cannot note the quota of '%s': %m", b->dir);
	return failed;
}
