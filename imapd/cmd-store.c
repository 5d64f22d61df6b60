/* STORE. */
#include "config.h"

#include "imapd/condstore.h"

#include <errno.h>
#include <limits.h>

enum { STORE_MODIFIED_MAX = 1 << 20 };

enum store_mode { STORE_SET, STORE_ADD, STORE_REMOVE };

struct store {
	enum store_mode mode;
	bool silent;
	struct flag_list flags;
	uint16_t *words; /* indexes of the keywords named */
	unsigned nwords;
	int64_t bytes, count; /* what the quota gets */
	const char *root;
	bool trash;
	bool conditional; /* (UNCHANGEDSINCE n) */
	uint64_t since;
	struct buf modified; /* what has changed since, as a set */
	unsigned may;        /* flags that the session may change */
	bool may_words;
};

static bool parse_item(struct parser *p, struct store *st)
{
	struct str word;
	st->mode = parse_char(p, '+') ? STORE_ADD : parse_char(p, '-') ? STORE_REMOVE : STORE_SET;
	if (!parse_atom(p, &word))
		return false;
	st->silent = str_iis(word, "FLAGS.SILENT");
	return st->silent || str_iis(word, "FLAGS");
}

/* "(UNCHANGEDSINCE 5) ", when it is there. */
static bool parse_condition(struct parser *p, struct store *st)
{
	if (!parse_char(p, '('))
		return true;
	st->conditional = true;
	return parse_word(p, "UNCHANGEDSINCE") && parse_sp(p) && parse_number64(p, &st->since) &&
	       parse_char(p, ')') && parse_sp(p);
}

static bool find_words(struct session *s, struct store *st)
{
	st->words = arena_alloc(s->arena, (st->flags.nkeywords + 1) * sizeof *st->words);
	for (size_t i = 0; st->words && s->cfg.keywords && i < st->flags.nkeywords; i++) {
		int k =
		    maildir_folder_word(s->box->f, st->flags.keywords[i], st->mode != STORE_REMOVE);
		if (k >= 0)
			st->words[st->nwords++] = (uint16_t)k;
		else if (st->mode != STORE_REMOVE)
			return false;
	}
	return st->words != NULL;
}

/* What is changed of a message's marks; the others are none of this command's business. */
static unsigned flags_touched(const struct store *st)
{
	return st->may & (st->mode == STORE_SET ? UINT_MAX : st->flags.flags);
}

static bool named(const struct store *st, uint16_t word)
{
	for (unsigned i = 0; i < st->nwords; i++)
		if (st->words[i] == word)
			return true;
	return false;
}

/* The keywords a message has afterwards; false when they stay as they are. */
static bool new_words(const struct store *st, const struct maildir_msg *m, uint16_t *v, unsigned *n)
{
	unsigned old = m->keywords ? m->keywords->n : 0, kept = 0;
	*n = 0;
	for (unsigned i = 0; i < old && st->mode != STORE_SET; i++)
		if (st->mode == STORE_ADD || !named(st, m->keywords->v[i]))
			v[(*n)++] = m->keywords->v[i];
	for (unsigned i = 0; i < st->nwords && st->mode != STORE_REMOVE; i++) {
		bool have = false;
		for (unsigned k = 0; k < old; k++)
			have |= m->keywords->v[k] == st->words[i];
		kept += have;
		if (!have || st->mode == STORE_SET)
			v[(*n)++] = st->words[i];
	}
	if (st->mode == STORE_SET)
		return kept != old || *n != old;
	return *n != old;
}

/* Messages marked as deleted do not count (access-formats, section 3). */
static int64_t counted_size(const struct maildir_msg *m)
{
	return m->size == MAILDIR_SIZE_UNKNOWN ? 0 : (int64_t)m->size;
}

/* Is there room for it when it is no more marked as deleted? */
static bool fits(const struct store *st, const struct maildir_msg *m, unsigned mask, unsigned flags)
{
	bool returns = m->flags & mask & ~flags & MAILDIR_TRASHED;
	return !returns || st->trash ||
	       maildir_quota_check(st->root, st->bytes + counted_size(m), st->count + 1) == 0;
}

static void note_quota(struct store *st, const struct maildir_msg *m, unsigned before)
{
	bool was = before & MAILDIR_TRASHED, is = m->flags & MAILDIR_TRASHED;
	if (was == is || st->trash)
		return;
	st->bytes += was ? counted_size(m) : -counted_size(m);
	st->count += was ? 1 : -1;
}

static int store_one(struct session *s, struct store *st, size_t i)
{
	struct maildir_folder *f = s->box->f;
	uint16_t v[KEYWORDS_PER_FOLDER + PARSE_FLAGS_MAX];
	unsigned n, before, mask = flags_touched(st);
	unsigned flags = st->mode == STORE_REMOVE ? 0 : st->flags.flags;
	if (st->may_words && new_words(st, &f->msgs.v[i], v, &n) &&
	    maildir_folder_set_keywords(f, i, v, n) < 0)
		return -1;
	if (!((f->msgs.v[i].flags ^ flags) & mask))
		return 0;
	if (!fits(st, &f->msgs.v[i], mask, flags) ||
	    maildir_folder_mark(f, i, mask, flags, &before) < 0)
		return -1;
	note_quota(st, &f->msgs.v[i], before);
	return 0;
}

/* Silent is about the client's own change: what others have changed is told, now or at the end. */
static void put_result(struct session *s, const struct store *st, size_t i)
{
	struct maildir_msg *m = &s->box->f->msgs.v[i];
	if (st->silent && !s->condstore)
		return;
	put_flags_line(s, i, !st->silent || m->changed);
	m->changed = false;
}

/* Those that are done, *vanished: some are gone.  False: one could not be stored, reply made. */
static bool change_all(struct session *s, struct store *st, struct picked *set, bool *vanished)
{
	struct maildir_folder *f = s->box->f;
	size_t done = 0;
	bool ok = true;
	for (size_t k = 0; ok && k < set->n; k++) {
		size_t i = set->v[k];
		if (f->msgs.v[i].gone) {
			*vanished = true;
		} else if (st->conditional && modseq_of(s, i) > st->since) {
			buf_addf(&st->modified, "%s%u", st->modified.n ? "," : "",
			    s->uid ? f->msgs.v[i].uid : (uint32_t)i + 1);
		} else if (store_one(s, st, i) == 0) {
			set->v[done++] = (uint32_t)i;
		} else if (f->msgs.v[i].gone) {
			*vanished = true;
		} else {
			reply_errno(s, "Cannot store flags");
			ok = false;
		}
	}
	set->n = done;
	return ok;
}

/* With mod-sequences all of it is one turn, so that a condition holds until the change is made. */
static void change_in_turn(struct session *s, struct store *st, struct picked *set, bool *vanished)
{
	struct mailbox *b = s->box;
	int lock = -1;
	if (st->conditional)
		lock = maildir_modseqs_begin(&b->mods, b->f);
	else if (s->condstore && b->mods.highest)
		lock = maildir_modseqs_turn(b->f);
	if (st->conditional && lock < 0) {
		set->n = 0;
		reply_errno(s, "Cannot look at the mod-sequences");
		return;
	}
	/* keywords are written as a whole: not from what the client was told some time ago */
	if (lock < 0)
		maildir_folder_sync(b->f, false);
	change_all(s, st, set, vanished);
	int saved = errno;
	if (lock >= 0 && maildir_modseqs_end(&b->mods, b->f, lock) < 0)
		warn_no_modseqs(s);
	errno = saved;
}

static void store_all(struct session *s, struct store *st, struct picked *set)
{
	struct maildir_folder *f = s->box->f;
	bool vanished = false;
	reply_ok(s, "STORE completed");
	if (f->words.n != s->box->words) {
		s->box->words = f->words.n;
		put_flag_names(s, "* FLAGS (", false, ")\r\n");
		put_flag_names(s, "* OK [PERMANENTFLAGS (", true, ")] Limited\r\n");
	}
	change_in_turn(s, st, set, &vanished);
	for (size_t k = 0; k < set->n; k++)
		put_result(s, st, set->v[k]);
	if (s->reply == REPLY_OK && st->modified.n)
		reply_ok(s, "[MODIFIED %s] Some have changed since", st->modified.p);
	else if (vanished && s->reply == REPLY_OK && !s->uid)
		reply_no(s, "[EXPUNGEISSUED] Some of the messages are gone");
	if (st->count)
		maildir_quota_add(st->root, st->bytes, st->count);
}

/* RFC 4314, section 4: what is not allowed is left out, but something must be left. */
static bool may_store(const struct store *st)
{
	if (st->mode == STORE_SET)
		return st->may || st->may_words;
	return (st->flags.flags & st->may) || (st->flags.nkeywords && st->may_words) ||
	       (!st->flags.flags && !st->flags.nkeywords);
}

void cmd_store(struct session *s, struct parser *p)
{
	struct seqset set;
	struct picked picked;
	struct store st = {.trash = s->box->trash};
	if (!parse_sp(p) || !parse_set(p, &set) || !parse_sp(p) || !parse_condition(p, &st) ||
	    !parse_item(p, &st) || !parse_sp(p) || !parse_flags_bare(p, &st.flags) ||
	    !parse_end(p)) {
		reply_bad(s, "Message set, FLAGS and a list of flags expected");
		return;
	}
	if (s->box->read_only) {
		reply_no(s, "[READ-ONLY] This mailbox was opened read-only");
		return;
	}
	st.root = s->box->root;
	st.may = flags_changeable(s->box->rights);
	st.may_words = mailbox_may(s, MAILDIR_MARK_OTHER);
	if (!may_store(&st)) {
		reply_no(s, "[NOPERM] The right to change these flags is missing");
		return;
	}
	if (!st.may_words)
		st.flags.nkeywords = 0;
	if (!pick(s, &set, &picked))
		return;
	if (!find_words(s, &st)) {
		reply_no(s, "[LIMIT] Too many keywords in this mailbox");
		return;
	}
	if (st.conditional && !condstore_on(s))
		return;
	buf_init(&st.modified, STORE_MODIFIED_MAX);
	store_all(s, &st, &picked);
	buf_free(&st.modified);
}
