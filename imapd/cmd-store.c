/* STORE. */
#include "config.h"

#include "imapd/session.h"

#include <errno.h>

enum store_mode { STORE_SET, STORE_ADD, STORE_REMOVE };

struct store {
	enum store_mode mode;
	bool silent;
	struct flag_list flags;
	uint16_t *words; /* indexes of the keywords named */
	unsigned nwords;
	int64_t bytes, count; /* what the quota gets */
	bool trash;
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

static unsigned new_flags(const struct store *st, unsigned old)
{
	return st->mode == STORE_SET   ? st->flags.flags
	       : st->mode == STORE_ADD ? old | st->flags.flags
				       : old & ~st->flags.flags;
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
static int note_quota(struct store *st, const struct maildir_msg *m, unsigned flags)
{
	bool was = m->flags & MAILDIR_TRASHED, is = flags & MAILDIR_TRASHED;
	int64_t size = m->size == MAILDIR_SIZE_UNKNOWN ? 0 : (int64_t)m->size;
	if (was == is || st->trash)
		return 0;
	if (was && maildir_quota_check(".", st->bytes + size, st->count + 1) < 0)
		return -1;
	st->bytes += was ? size : -size;
	st->count += was ? 1 : -1;
	return 0;
}

static int store_one(struct session *s, struct store *st, size_t i)
{
	struct maildir_folder *f = s->box->f;
	uint16_t v[KEYWORDS_PER_FOLDER + PARSE_FLAGS_MAX];
	unsigned n, flags = new_flags(st, f->msgs.v[i].flags);
	if (new_words(st, &f->msgs.v[i], v, &n) && maildir_folder_set_keywords(f, i, v, n) < 0)
		return -1;
	if (flags == f->msgs.v[i].flags)
		return 0;
	if (note_quota(st, &f->msgs.v[i], flags) < 0)
		return -1;
	return maildir_folder_set_flags(f, i, flags);
}

static void put_result(struct session *s, size_t i)
{
	struct maildir_msg *m = &s->box->f->msgs.v[i];
	io_putf(&s->io, "* %zu FETCH (", i + 1);
	if (s->uid)
		io_putf(&s->io, "UID %u ", m->uid);
	io_putz(&s->io, "FLAGS ");
	put_flags(s, m);
	io_putz(&s->io, ")\r\n");
	m->changed = false;
}

static void store_all(struct session *s, struct store *st, const struct picked *set)
{
	struct maildir_folder *f = s->box->f;
	bool vanished = false;
	reply_ok(s, "STORE completed");
	if (f->words.n != s->box->words) {
		s->box->words = f->words.n;
		put_flag_names(s, "* FLAGS (", false, ")\r\n");
		put_flag_names(s, "* OK [PERMANENTFLAGS (", true, ")] Limited\r\n");
	}
	for (size_t k = 0; k < set->n; k++) {
		size_t i = set->v[k];
		if (f->msgs.v[i].gone || store_one(s, st, i) < 0) {
			if (!f->msgs.v[i].gone) {
				reply_errno(s, "Cannot store flags");
				break;
			}
			vanished = true;
		} else if (!st->silent) {
			put_result(s, i);
		}
	}
	if (vanished && s->reply == REPLY_OK && !s->uid)
		reply_no(s, "[EXPUNGEISSUED] Some of the messages are gone");
	if (st->count)
		maildir_quota_add(".", st->bytes, st->count);
}

void cmd_store(struct session *s, struct parser *p)
{
	struct seqset set;
	struct picked picked;
	struct store st = {.trash = s->box->trash};
	if (!parse_sp(p) || !parse_set(p, &set) || !parse_sp(p) || !parse_item(p, &st) ||
	    !parse_sp(p) || !parse_flags_bare(p, &st.flags) || !parse_end(p)) {
		reply_bad(s, "Message set, FLAGS and a list of flags expected");
		return;
	}
	if (s->box->read_only) {
		reply_no(s, "[READ-ONLY] This mailbox was opened read-only");
		return;
	}
	if (!pick(s, &set, &picked))
		return;
	if (!find_words(s, &st)) {
		reply_no(s, "[LIMIT] Too many keywords in this mailbox");
		return;
	}
	store_all(s, &st, &picked);
}
