/* SELECT, EXAMINE, CHECK, CLOSE, UNSELECT. */
#include "config.h"

#include "imapd/condstore.h"
#include "imapd/share.h"

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

/* Every SELECT tells the highest mod-sequence; the others are for those who use them. */
static void put_modseqs(struct session *s, const struct select_params *q)
{
	struct mailbox *b = s->box;
	s->condstore |= q->condstore || q->qresync;
	if (!s->cfg.condstore && !s->condstore)
		return;
	if ((s->condstore ? maildir_modseqs_update(&b->mods, b->f)
			  : maildir_modseqs_glance(&b->mods, b->f)) < 0) {
		warn_no_modseqs(s);
		maildir_modseqs_free(&b->mods);
	}
}

static bool select_arguments(
    struct session *s, struct parser *p, char **name, struct select_params *q)
{
	*q = (struct select_params){0};
	if (!name_argument(s, p, name))
		return false;
	if (parse_sp(p) && p->rest.n && !select_params_parse(p, q)) {
		reply_bad(s, "Mailbox name, and (CONDSTORE) or (QRESYNC (...)) expected");
		return false;
	}
	if (!parse_end(p)) {
		reply_bad(s, "One mailbox name expected");
		return false;
	}
	if (q->qresync && !s->qresync) {
		reply_bad(s, "ENABLE QRESYNC comes first");
		return false;
	}
	return true;
}

/* MYRIGHTS of ACL2, without being asked */
static void put_my_rights(struct session *s)
{
	char rights[MAILDIR_RIGHTS_OLD_SIZE];
	if (!s->cfg.acl)
		return;
	maildir_rights_old(s->box->rights, true, rights);
	io_putf(&s->io, "* OK [MYRIGHTS \"%s\"] ACL\r\n", rights);
}

static void open_folder(struct session *s, struct parser *p, bool read_only)
{
	char *name;
	struct select_params q;
	if (!parse_sp(p)) {
		reply_bad(s, "Mailbox name expected");
		return;
	}
	/* even a SELECT that fails leaves the folder that was selected (RFC 3501, 6.3.1) */
	if (s->box)
		io_putz(&s->io, "* OK [CLOSED] The mailbox before is closed\r\n");
	mailbox_close(s);
	if (!select_arguments(s, p, &name, &q))
		return;
	struct place where;
	if (!place_open(s, name, MAILDIR_READ, &where))
		return;
	s->box = mailbox_open(s, &where, read_only);
	if (!s->box && errno == EACCES && !read_only)
		s->box = mailbox_open(s, &where, true);
	if (!s->box && errno == ENOENT) {
		reply_no_mailbox(s);
		return;
	}
	if (!s->box) {
		reply_errno(s, "Unable to open this mailbox");
		return;
	}
	if (!s->box->read_only)
		maildir_tmp_clean(where.dir);
	put_modseqs(s, &q);
	put_folder_facts(s);
	put_my_rights(s);
	if (s->cfg.condstore || s->condstore)
		put_highest(s);
	if (q.qresync)
		put_resync(s, &q);
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
	if (!s->box->read_only && mailbox_may(s, MAILDIR_EXPUNGE) && expunge_deleted(s, NULL) < 0) {
		reply_errno(s, "Cannot remove all deleted messages");
		return;
	}
	uint64_t highest = s->condstore && mailbox_sync(s) >= 0 ? s->box->mods.highest : 0;
	mailbox_close(s);
	if (highest)
		reply_ok(s, "[HIGHESTMODSEQ %llu] CLOSE completed", (unsigned long long)highest);
	else
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
