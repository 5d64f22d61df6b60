/* STATUS, by itself and with LIST. */
#include "config.h"

#include "imapd/condstore.h"
#include "imapd/folders.h"
#include "imapd/share.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* As FETCH shows it, with CRLF: every file is read, which is what an exact answer takes. */
static uint64_t wire_size(struct maildir_folder *f, size_t i)
{
	struct stat st;
	uint64_t size = 0;
	int fd = maildir_folder_open_msg(f, i);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p != MAP_FAILED) {
			size = crlf_size(str_at(p, (size_t)st.st_size));
			munmap(p, (size_t)st.st_size);
		}
	}
	close(fd);
	return size;
}

struct counts {
	uint64_t recent, unseen, deleted, size, highest;
};

/* 0: there are none. */
static uint64_t highest_modseq(struct session *s, struct maildir_folder *f)
{
	struct maildir_modseqs m = {0};
	uint64_t highest;
	s->condstore = true; /* RFC 7162, 3.1: asking is using */
	if (maildir_modseqs_peek(f, &highest))
		return highest;
	highest = maildir_modseqs_update(&m, f) < 0 ? 0 : m.highest;
	maildir_modseqs_free(&m);
	return highest;
}

static void count(struct maildir_folder *f, unsigned items, struct counts *c)
{
	*c = (struct counts){0};
	for (size_t i = 0; i < f->msgs.n; i++) {
		const struct maildir_msg *m = &f->msgs.v[i];
		c->recent += m->in_new;
		c->unseen += !(m->flags & MAILDIR_SEEN);
		c->deleted += (m->flags & MAILDIR_TRASHED) != 0;
		if (items & STATUS_SIZE)
			c->size += wire_size(f, i);
	}
}

static void put_status(
    struct session *s, const char *name, unsigned items, struct maildir_folder *f)
{
	struct counts c;
	const char *sep = "";
	count(f, items, &c);
	if (items & STATUS_HIGHESTMODSEQ)
		c.highest = highest_modseq(s, f);
	const uint64_t value[] = {f->msgs.n, c.recent, f->uidnext, f->uidvalidity, c.unseen,
	    c.deleted, c.size, s->cfg.append_max, c.highest};
	io_putz(&s->io, "* STATUS ");
	put_name(s, name);
	io_putz(&s->io, " (");
	for (size_t i = 0; i < ARRAY_LEN(value); i++) {
		unsigned item = 1u << i;
		if (!(items & item))
			continue;
		io_putf(&s->io, "%s%s ", sep, status_item_name(item));
		if (item == STATUS_APPENDLIMIT && !value[i])
			io_putz(&s->io, "NIL"); /* RFC 7889: no limit */
		else
			io_putf(&s->io, "%llu", (unsigned long long)value[i]);
		sep = " ";
	}
	io_putz(&s->io, ")\r\n");
}

int status_show(struct session *s, const char *name, unsigned items)
{
	unsigned flags =
	    MAILDIR_READ_ONLY | MAILDIR_NO_KEYWORDS | (s->cfg.use_locks ? MAILDIR_DOT_LOCK : 0);
	struct place p;
	bool there = place_find(s, name, &p) && p.exists && place_allows(s, &p, MAILDIR_READ) &&
		     (p.kind != PLACE_FILES || files_sync(&p) == 0);
	if ((items & STATUS_HIGHESTMODSEQ) && s->cfg.keywords)
		flags &= ~(unsigned)MAILDIR_NO_KEYWORDS;
	struct maildir_folder *f = there ? maildir_folder_open(p.dir, flags) : NULL;
	if (f && p.source)
		maildir_folder_source(f, p.source);
	int r = f && maildir_folder_sync(f, true) >= 0 ? 0 : -1;
	if (r == 0)
		put_status(s, name, items, f);
	else if (!there)
		errno = ENOENT;
	maildir_folder_close(&f);
	return r;
}

void cmd_status(struct session *s, struct parser *p)
{
	char *name;
	unsigned items;
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return;
	}
	if (!name_argument(s, p, &name))
		return;
	if (!parse_sp(p) || !status_parse(p, &items) || !parse_end(p)) {
		reply_bad(s, "STATUS items expected");
		return;
	}
	struct place where;
	if (!place_open(s, name, MAILDIR_READ, &where))
		return;
	if (status_show(s, name, items) < 0)
		reply_errno(s, "Unable to open this mailbox");
	else
		reply_ok(s, "STATUS completed");
}
