/* An open folder: reading and changing single messages. */
#include "config.h"

#include "maildir/folder-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int dir_of(const struct maildir_folder *f, const struct maildir_msg *m)
{
	return m->in_new ? f->newfd : f->curfd;
}

/* After ENOENT: others may have given it other flags.  True when it is still there. */
static bool look_again(struct maildir_folder *f, size_t i)
{
	uint32_t uid = f->msgs.v[i].uid;
	bool exact;
	if (errno != ENOENT || f->msgs.v[i].gone || maildir_folder_sync(f, true) < 0)
		return false;
	/* sync never removes or moves what the caller knows */
	bool there = maildir_folder_find(f, uid, &exact) == i && exact && !f->msgs.v[i].gone;
	errno = ENOENT;
	return there;
}

int maildir_folder_source(struct maildir_folder *f, const char *dir)
{
	char *cur = mem_printf("%s/cur", dir);
	if (f->srcfd >= 0)
		close(f->srcfd);
	f->srcfd = maildir_rogue_link(dir) ? -1 : open(cur, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(cur);
	return f->srcfd < 0 ? -1 : 0;
}

/* Where the message's file really is: a name below srcfd, whatever else the link may say. */
static bool linked_name(
    const struct maildir_folder *f, const struct maildir_msg *m, char *to, size_t size)
{
	if (f->srcfd < 0)
		return false;
	ssize_t n = readlinkat(dir_of(f, m), m->name, to, size - 1);
	if (n <= 0 || (size_t)n >= size - 1)
		return false;
	to[n] = 0;
	char *slash = strrchr(to, '/');
	if (slash)
		memmove(to, slash + 1, strlen(slash));
	return *to && *to != '.';
}

static int open_one(const struct maildir_folder *f, const struct maildir_msg *m)
{
	char name[4096];
	if (linked_name(f, m, name, sizeof name))
		return file_open_read(f->srcfd, name);
	return file_open_read(dir_of(f, m), m->name);
}

static int stat_one(const struct maildir_folder *f, const struct maildir_msg *m, struct stat *st)
{
	char name[4096];
	bool linked = linked_name(f, m, name, sizeof name);
	return fstatat(
	    linked ? f->srcfd : dir_of(f, m), linked ? name : m->name, st, AT_SYMLINK_NOFOLLOW);
}

int maildir_folder_remove_source(struct maildir_folder *f, size_t i)
{
	char name[4096];
	if (!linked_name(f, &f->msgs.v[i], name, sizeof name))
		return 0;
	return file_unlink(f->srcfd, name) == 0 || errno == ENOENT ? 0 : -1;
}

int maildir_folder_open_msg(struct maildir_folder *f, size_t i)
{
	for (int try = 0;; try++) {
		struct maildir_msg *m = &f->msgs.v[i];
		int fd = open_one(f, m);
		if (fd >= 0 || try == MAILDIR_RETRIES || !look_again(f, i))
			return fd;
	}
}

int maildir_folder_stat_msg(struct maildir_folder *f, size_t i, struct stat *st)
{
	for (int try = 0;; try++) {
		struct maildir_msg *m = &f->msgs.v[i];
		int r = stat_one(f, m, st);
		if (r == 0 || try == MAILDIR_RETRIES || !look_again(f, i))
			return r;
	}
}

static int rename_to(struct maildir_folder *f, struct maildir_msg *m, unsigned flags)
{
	char letters[MAILDIR_LETTERS_MAX + 1];
	struct maildir_name n;
	maildir_name_parse(str_of(m->name), &n);
	maildir_flags_letters(flags, n.letters, letters);
	char *to = mem_printf("%.*s:2,%s", (int)n.base.n, n.base.p, letters);
	int r = strcmp(to, m->name) == 0 && !m->in_new
		    ? 0
		    : file_rename(dir_of(f, m), m->name, f->curfd, to);
	if (r < 0) {
		free(to);
		return -1;
	}
	free(m->name);
	m->name = to;
	m->flags = (uint8_t)flags;
	m->in_new = false;
	return 0;
}

int maildir_folder_set_flags(struct maildir_folder *f, size_t i, unsigned flags)
{
	unsigned before;
	return maildir_folder_mark(f, i, UINT_MAX, flags, &before);
}

int maildir_folder_mark(
    struct maildir_folder *f, size_t i, unsigned mask, unsigned flags, unsigned *before)
{
	for (int try = 0;; try++) {
		struct maildir_msg *m = &f->msgs.v[i];
		*before = m->flags;
		int r = rename_to(f, m, (m->flags & ~mask) | (flags & mask));
		if (r == 0 || try == MAILDIR_RETRIES || !look_again(f, i))
			return r;
	}
}

int maildir_folder_remove(struct maildir_folder *f, size_t i)
{
	for (int try = 0;; try++) {
		struct maildir_msg *m = &f->msgs.v[i];
		int r = file_unlink(dir_of(f, m), m->name);
		if (r == 0 || errno == ENOENT) {
			if (r < 0 && try < MAILDIR_RETRIES && look_again(f, i))
				continue;
			f->msgs.v[i].gone = f->stale = true;
			return 0;
		}
		return -1;
	}
}

void maildir_new_base(uint64_t size, char out[160])
{
	static atomic_uint counter;
	int64_t us = clock_unique_us();
	char tail[32] = "";
	if (size != MAILDIR_SIZE_UNKNOWN && size > 0)
		snprintf(tail, sizeof tail, ",S=%llu", (unsigned long long)size);
	snprintf(out, 160, "%lld.M%06lldP%ld_m%u.%s%s", (long long)(us / 1000000),
	    (long long)(us % 1000000), (long)getpid(), atomic_fetch_add(&counter, 1),
	    maildir_host(), tail);
}

int maildir_folder_move(
    struct maildir_folder *f, size_t i, int tofd, unsigned keep, struct buf *name)
{
	char letters[MAILDIR_LETTERS_MAX + 1], base[160], to[MAILDIR_NAME_MAX + 128];
	for (int try = 0;; try++) {
		struct maildir_msg *m = &f->msgs.v[i];
		struct maildir_name n;
		maildir_name_parse(str_of(m->name), &n);
		maildir_new_base(m->size, base);
		maildir_flags_letters(n.flags & keep, n.letters, letters);
		int len = snprintf(to, sizeof to, "cur/%s:2,%s", base, letters);
		int r = file_rename(dir_of(f, m), m->name, tofd, to);
		if (r == 0) {
			m->gone = f->stale = true;
			return buf_add(name, to + 4, (size_t)len - 4) ? 0 : -1;
		}
		if (try == MAILDIR_RETRIES || !look_again(f, i))
			return -1;
	}
}

int maildir_folder_word(struct maildir_folder *f, struct str word, bool add)
{
	for (size_t i = 0; i < f->words.n; i++)
		if (f->flags & MAILDIR_KEYWORD_CASE ? str_is(word, f->words.v[i])
						    : str_ieq(str_of(f->words.v[i]), word))
			return (int)i;
	if (!add || f->words.n >= KEYWORDS_PER_FOLDER || !maildir_keyword_ok(word))
		return -1;
	vec_push(&f->words, mem_strndup(word.p, word.n));
	return (int)f->words.n - 1;
}

int maildir_folder_set_keywords(struct maildir_folder *f, size_t i, const uint16_t *v, unsigned n)
{
	struct maildir_msg *m = &f->msgs.v[i];
	struct str *words = mem_alloc((n + 1) * sizeof *words);
	uint16_t *copy = mem_alloc((n + 1) * sizeof *copy);
	for (unsigned k = 0; k < n; k++) {
		words[k] = str_of(f->words.v[v[k]]);
		copy[k] = v[k];
	}
	int r = maildir_keywords_write(f->fd, maildir_msg_base(m), words, n);
	if (r == 0) {
		free(m->keywords);
		m->keywords = maildir_kwset_new(copy, n);
	}
	free(copy);
	free(words);
	return r;
}
