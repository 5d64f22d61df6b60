/* The selected folder: what the client was told of it, and what it must be told now. */
#include "config.h"

#include "imapd/condstore.h"
#include "imapd/share.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	unsigned flag;
	const char *name;
} names[] = {
    {MAILDIR_DRAFT, "\\Draft"},
    {MAILDIR_REPLIED, "\\Answered"},
    {MAILDIR_FLAGGED, "\\Flagged"},
    {MAILDIR_TRASHED, "\\Deleted"},
    {MAILDIR_SEEN, "\\Seen"},
};

unsigned flags_changeable(unsigned rights)
{
	const unsigned other = MAILDIR_DRAFT | MAILDIR_REPLIED | MAILDIR_FLAGGED;
	return (rights & maildir_action_right(MAILDIR_MARK_SEEN) ? MAILDIR_SEEN : 0) |
	       (rights & maildir_action_right(MAILDIR_MARK_DELETE) ? MAILDIR_TRASHED : 0) |
	       (rights & maildir_action_right(MAILDIR_MARK_OTHER) ? other : 0);
}

bool mailbox_may(const struct session *s, enum maildir_action what)
{
	return maildir_access_rights(s->box->rights, what) == MAILDIR_ALLOW;
}

static unsigned writing_rights(void)
{
	return maildir_action_right(MAILDIR_MARK_SEEN) | maildir_action_right(MAILDIR_MARK_DELETE) |
	       maildir_action_right(MAILDIR_MARK_OTHER) | maildir_action_right(MAILDIR_INSERT) |
	       maildir_action_right(MAILDIR_EXPUNGE);
}

struct mailbox *mailbox_open(struct session *s, const struct place *where, bool read_only)
{
	/* who may change nothing leaves the folder as it is */
	read_only |= !(where->rights & writing_rights());
	unsigned flags = (read_only ? MAILDIR_READ_ONLY : 0) |
			 (s->cfg.use_locks ? MAILDIR_DOT_LOCK : 0) |
			 (s->cfg.keywords ? 0 : MAILDIR_NO_KEYWORDS);
	if (where->kind == PLACE_FILES && files_sync(where) < 0)
		return NULL;
	struct maildir_folder *f = maildir_folder_open(where->dir, flags);
	if (f && where->source)
		maildir_folder_source(f, where->source);
	if (!f || maildir_folder_sync(f, true) < 0) {
		maildir_folder_close(&f);
		return NULL;
	}
	struct mailbox *b = mem_new(struct mailbox);
	b->f = f;
	b->name = mem_strdup(where->name);
	b->kind = where->kind;
	b->root = mem_strdup(where->root);
	b->folder = mem_strdup(where->folder);
	b->source = where->source ? mem_strdup(where->source) : NULL;
	b->rights = where->rights;
	b->read_only = read_only;
	b->trash = place_uncounted(where);
	return b;
}

void mailbox_close(struct session *s)
{
	search_forget(s);
	if (!s->box)
		return;
	maildir_folder_close(&s->box->f);
	maildir_modseqs_free(&s->box->mods);
	free(s->box->name);
	free(s->box->root);
	free(s->box->folder);
	free(s->box->source);
	free(s->box);
	s->box = NULL;
}

/* A list belongs to a name: what is open must be what has that name now, or a folder that was
 * renamed would go on under the list of the one above, or of its successor. */
static bool still_there(const struct mailbox *b)
{
	struct stat open, now;
	return b->kind != PLACE_SHARED ||
	       (fstat(b->f->fd, &open) == 0 && stat(b->f->dir, &now) == 0 &&
		   open.st_dev == now.st_dev && open.st_ino == now.st_ino);
}

void mailbox_refresh(struct session *s)
{
	struct mailbox *b = s->box;
	if (!b || b->kind == PLACE_OWN)
		return;
	const struct place p = {.kind = b->kind,
	    .name = b->name,
	    .root = b->root,
	    .folder = b->folder,
	    .source = b->source};
	b->rights = place_rights(s, &p);
	if (b->kind == PLACE_FILES)
		files_sync(&(struct place){.kind = b->kind,
		    .name = b->name,
		    .root = b->root,
		    .dir = b->f->dir,
		    .source = b->source});
	if (mailbox_may(s, MAILDIR_READ) && still_there(b))
		return;
	io_putz(&s->io, "* OK [CLOSED] The mailbox is not shared any more\r\n");
	mailbox_close(s);
}

bool keyword_is_atom(const char *word)
{
	struct parser p = {str_of(word), NULL};
	struct str atom;
	return parse_atom(&p, &atom) && p.rest.n == 0;
}

void put_flags(struct session *s, const struct maildir_msg *m)
{
	const char *sep = "";
	io_putz(&s->io, "(");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (m->flags & names[i].flag) {
			io_putf(&s->io, "%s%s", sep, names[i].name);
			sep = " ";
		}
	if (m->recent) {
		io_putf(&s->io, "%s\\Recent", sep);
		sep = " ";
	}
	for (unsigned k = 0; m->keywords && k < m->keywords->n; k++) {
		const char *word = s->box->f->words.v[m->keywords->v[k]];
		if (!keyword_is_atom(word))
			continue;
		io_putf(&s->io, "%s%s", sep, word);
		sep = " ";
	}
	io_putz(&s->io, ")");
}

void put_flag_names(struct session *s, const char *before, bool star, const char *after)
{
	struct maildir_folder *f = s->box->f;
	const char *sep = "";
	bool permanent = strstr(before, "PERMANENT");
	unsigned may = permanent ? flags_changeable(s->box->rights) : UINT_MAX;
	bool words = may & MAILDIR_FLAGGED;
	io_putz(&s->io, before);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].flag & may) {
			io_putf(&s->io, "%s%s", sep, names[i].name);
			sep = " ";
		}
	for (size_t i = 0; words && i < f->words.n; i++)
		if (keyword_is_atom(f->words.v[i])) {
			io_putf(&s->io, "%s%s", sep, f->words.v[i]);
			sep = " ";
		}
	if (star && words)
		io_putf(&s->io, "%s\\*", sep);
	io_putz(&s->io, after);
}

static void announce_keywords(struct session *s)
{
	struct mailbox *b = s->box;
	if (b->f->words.n == b->words)
		return;
	b->words = b->f->words.n;
	put_flag_names(s, "* FLAGS (", false, ")\r\n");
	if (!b->read_only)
		put_flag_names(s, "* OK [PERMANENTFLAGS (", s->cfg.keywords, ")] Limited\r\n");
}

/* "* VANISHED 3,7:9", instead of EXPUNGE (RFC 7162, 3.2.10.2). */
static void put_vanished(struct session *s)
{
	struct maildir_folder *f = s->box->f;
	const char *before = "* VANISHED ";
	for (size_t i = 0; i < s->box->announced && i < f->msgs.n; i++) {
		if (!f->msgs.v[i].gone)
			continue;
		uint32_t from = f->msgs.v[i].uid, to = from;
		while (i + 1 < s->box->announced && f->msgs.v[i + 1].gone &&
		       f->msgs.v[i + 1].uid == to + 1) {
			to++;
			i++;
		}
		io_putf(&s->io, to > from ? "%s%u:%u" : "%s%u", before, from, to);
		before = ",";
	}
	if (*before == ',')
		io_putz(&s->io, "\r\n");
}

static void announce_expunged(struct session *s)
{
	struct maildir_folder *f = s->box->f;
	size_t number = 1, kept = s->box->announced;
	bool any = false;
	if (s->qresync)
		put_vanished(s);
	for (size_t i = 0; i < f->msgs.n; i++) {
		if (!f->msgs.v[i].gone) {
			number++;
			continue;
		}
		any = true;
		if (i < s->box->announced) {
			if (!s->qresync)
				io_putf(&s->io, "* %zu EXPUNGE\r\n", number);
			kept--;
		}
	}
	s->box->announced = kept;
	if (any)
		maildir_folder_drop_gone(f);
}

static void announce_flags(struct session *s, size_t upto)
{
	struct maildir_folder *f = s->box->f;
	for (size_t i = 0; i < f->msgs.n; i++) {
		struct maildir_msg *m = &f->msgs.v[i];
		if (!m->changed || m->gone)
			continue;
		m->changed = false;
		if (i >= upto)
			continue;
		put_flags_line(s, i, true);
	}
}

int mailbox_announce(struct session *s, bool expunge)
{
	struct mailbox *b = s->box;
	struct maildir_folder *f = b->f;
	/* what cannot be read now may be readable later; a list that began anew will not fit again
	 */
	if (mailbox_sync(s) < 0 && (errno == ESTALE || errno == ENOENT))
		return -1;
	if (expunge)
		announce_expunged(s);
	announce_keywords(s);
	size_t known = b->announced;
	if (f->msgs.n != known) {
		size_t recent = 0;
		for (size_t i = 0; i < f->msgs.n; i++)
			recent += f->msgs.v[i].recent;
		b->announced = f->msgs.n;
		io_putf(&s->io, "* %zu EXISTS\r\n* %zu RECENT\r\n", f->msgs.n, recent);
	}
	announce_flags(s, known);
	return 0;
}

/* ---- message sets ---- */

static size_t lower_bound(struct session *s, bool uids, uint32_t n)
{
	bool exact;
	if (uids)
		return maildir_folder_find(s->box->f, n, &exact);
	return n - 1 < s->box->announced ? n - 1 : s->box->announced;
}

static void mark_range(
    struct session *s, bool uids, struct set_range r, uint32_t max, unsigned char *bits)
{
	uint32_t from = r.from ? r.from : max, to = r.to ? r.to : max;
	if (from > to) {
		uint32_t swap = from;
		from = to;
		to = swap;
	}
	if (from == 0)
		return;
	size_t end = to == UINT32_MAX ? s->box->announced : lower_bound(s, uids, to + 1);
	for (size_t i = lower_bound(s, uids, from); i < end && i < s->box->announced; i++)
		bits[i >> 3] |= (unsigned char)(1 << (i & 7));
}

bool pick(struct session *s, const struct seqset *set, struct picked *out)
{
	size_t n = s->box->announced;
	bool uids = s->uid || set->saved;
	const struct seqset *from = set->saved ? &s->saved : set;
	uint32_t max = uids ? (n ? s->box->f->msgs.v[n - 1].uid : 0) : (uint32_t)n;
	unsigned char *bits = arena_zero(s->arena, n / 8 + 1);
	*out = (struct picked){.v = arena_alloc(s->arena, (n + 1) * sizeof *out->v)};
	if (!bits || !out->v) {
		reply_no(s, "[LIMIT] Too many messages at once");
		return false;
	}
	for (size_t i = 0; i < from->n; i++) {
		struct set_range r = from->v[i];
		if (!uids && (r.from > n || r.to > n || n == 0)) {
			reply_bad(s, "There are %zu messages only", n);
			return false;
		}
		mark_range(s, uids, r, max, bits);
	}
	for (size_t i = 0; i < n; i++)
		if (bits[i >> 3] & (1 << (i & 7)))
			out->v[out->n++] = (uint32_t)i;
	return true;
}
