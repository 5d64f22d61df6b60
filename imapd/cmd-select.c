/* SELECT, EXAMINE, STATUS, CHECK, CLOSE, UNSELECT. */
#include "config.h"

#include "imapd/session.h"

#include <errno.h>

static void put_folder_facts(struct session *s)
{
	struct mailbox *b = s->box;
	struct maildir_folder *f = b->f;
	size_t recent = 0, unseen = 0;
	for (size_t i = 0; i < f->msgs.n; i++) {
		recent += f->msgs.v[i].recent;
		if (!unseen && !(f->msgs.v[i].flags & MAILDIR_SEEN))
			unseen = i + 1;
		f->msgs.v[i].changed = false;
	}
	b->announced = f->msgs.n;
	b->words = f->words.n;
	put_flag_names(s, "* FLAGS (", false, ")\r\n");
	if (b->read_only)
		io_putz(&s->io, "* OK [PERMANENTFLAGS ()] No flag can be changed\r\n");
	else
		put_flag_names(s, "* OK [PERMANENTFLAGS (", s->cfg.keywords, ")] Limited\r\n");
	io_putf(&s->io, "* %zu EXISTS\r\n* %zu RECENT\r\n", f->msgs.n, recent);
	if (unseen)
		io_putf(&s->io, "* OK [UNSEEN %zu] First unseen message\r\n", unseen);
	io_putf(&s->io, "* OK [UIDVALIDITY %u] Ok\r\n* OK [UIDNEXT %u] Ok\r\n", f->uidvalidity,
	    f->uidnext);
}

static void open_folder(struct session *s, struct parser *p, bool read_only)
{
	char *name;
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return;
	}
	/* even a SELECT that fails leaves the folder that was selected (RFC 3501, 6.3.1) */
	mailbox_close(s);
	if (!name_argument(s, p, &name))
		return;
	/* parameters of RFC 4466 are none that we know */
	if (!parse_end(p)) {
		reply_bad(s, "One mailbox name expected");
		return;
	}
	char *dir = name_dir(s, name);
	s->box = dir ? mailbox_open(s, name, dir, read_only) : NULL;
	if (!s->box && dir && errno == EACCES && !read_only)
		s->box = mailbox_open(s, name, dir, read_only = true);
	if (!s->box) {
		errno = dir ? errno : ENOENT;
		reply_errno(s, "Unable to open this mailbox");
		return;
	}
	if (!read_only)
		maildir_tmp_clean(dir);
	put_folder_facts(s);
	reply_ok(s, "[%s] Ok", s->box->read_only ? "READ-ONLY" : "READ-WRITE");
}

void cmd_select(struct session *s, struct parser *p)
{
	open_folder(s, p, false);
}

void cmd_examine(struct session *s, struct parser *p)
{
	open_folder(s, p, true);
}

enum status_item {
	ST_MESSAGES = 1,
	ST_RECENT = 2,
	ST_UIDNEXT = 4,
	ST_UIDVALIDITY = 8,
	ST_UNSEEN = 16
};

static const struct {
	const char *name;
	unsigned item;
} status_items[] = {
    {"MESSAGES", ST_MESSAGES},
    {"RECENT", ST_RECENT},
    {"UIDNEXT", ST_UIDNEXT},
    {"UIDVALIDITY", ST_UIDVALIDITY},
    {"UNSEEN", ST_UNSEEN},
};

static bool parse_status_items(struct parser *p, unsigned *items)
{
	*items = 0;
	if (!parse_char(p, '('))
		return false;
	do {
		struct str word;
		unsigned item = 0;
		if (!parse_atom(p, &word))
			return false;
		for (size_t i = 0; i < ARRAY_LEN(status_items); i++)
			if (str_iis(word, status_items[i].name))
				item = status_items[i].item;
		if (!item)
			return false;
		*items |= item;
	} while (parse_sp(p));
	return parse_char(p, ')') && parse_end(p);
}

static void put_status(
    struct session *s, const char *name, unsigned items, struct maildir_folder *f)
{
	uint32_t recent = 0, unseen = 0;
	for (size_t i = 0; i < f->msgs.n; i++) {
		recent += f->msgs.v[i].in_new;
		unseen += !(f->msgs.v[i].flags & MAILDIR_SEEN);
	}
	const uint32_t value[] = {(uint32_t)f->msgs.n, recent, f->uidnext, f->uidvalidity, unseen};
	const char *sep = "";
	io_putz(&s->io, "* STATUS ");
	put_name(s, name);
	io_putz(&s->io, " (");
	for (size_t i = 0; i < ARRAY_LEN(status_items); i++)
		if (items & status_items[i].item) {
			io_putf(&s->io, "%s%s %u", sep, status_items[i].name, value[i]);
			sep = " ";
		}
	io_putz(&s->io, ")\r\n");
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
	if (!parse_sp(p) || !parse_status_items(p, &items)) {
		reply_bad(s, "STATUS items expected");
		return;
	}
	char *dir = name_dir(s, name);
	unsigned flags =
	    MAILDIR_READ_ONLY | MAILDIR_NO_KEYWORDS | (s->cfg.use_locks ? MAILDIR_DOT_LOCK : 0);
	struct maildir_folder *f = dir ? maildir_folder_open(dir, flags) : NULL;
	if (!f || maildir_folder_sync(f, true) < 0) {
		errno = dir ? errno : ENOENT;
		reply_errno(s, "Unable to open this mailbox");
	} else {
		put_status(s, name, items, f);
		reply_ok(s, "STATUS completed");
	}
	maildir_folder_close(&f);
}

void cmd_check(struct session *s, struct parser *p)
{
	if (!parse_end(p)) {
		reply_bad(s, "CHECK takes no argument");
		return;
	}
	s->box->f->force = true;
	reply_ok(s, "CHECK completed");
}

void cmd_close(struct session *s, struct parser *p)
{
	if (!parse_end(p)) {
		reply_bad(s, "CLOSE takes no argument");
		return;
	}
	if (!s->box->read_only && expunge_deleted(s, NULL) < 0) {
		reply_errno(s, "Cannot remove all deleted messages");
		return;
	}
	mailbox_close(s);
	reply_ok(s, "CLOSE completed");
}

void cmd_unselect(struct session *s, struct parser *p)
{
	if (!parse_end(p)) {
		reply_bad(s, "UNSELECT takes no argument");
		return;
	}
	mailbox_close(s);
	reply_ok(s, "UNSELECT completed");
}
