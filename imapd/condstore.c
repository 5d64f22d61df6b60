#include "config.h"

#include "imapd/condstore.h"

#include <errno.h>

bool condstore_on(struct session *s)
{
	struct mailbox *b = s->box;
	bool first = !s->condstore;
	s->condstore = true;
	if (!b || (!first && b->mods.highest))
		return true;
	if (maildir_modseqs_update(&b->mods, b->f) < 0) {
		maildir_modseqs_free(&b->mods);
		reply_bad(s, "[NOMODSEQ] This mailbox cannot keep mod-sequences");
		return false;
	}
	put_highest(s);
	return true;
}

void warn_no_modseqs(const struct session *s)
{
	if (errno != EACCES && errno != EPERM && errno != EROFS)
		log_warning(NULL, "cannot keep the mod-sequences of '%s', user=%s: %m",
		    s->box->name, s->user);
}

/* Numbers that cannot be kept are a fault of their own: the folder itself goes on. */
int mailbox_sync(struct session *s)
{
	struct mailbox *b = s->box;
	if (!s->condstore || !b->mods.highest)
		return maildir_folder_sync(b->f, false);
	int r = maildir_modseqs_update(&b->mods, b->f);
	if (r < 0 && errno != ESTALE && errno != ENOENT) {
		warn_no_modseqs(s);
		r = maildir_folder_sync(b->f, false);
	}
	return r;
}

/* One that came in between is new to everybody. */
uint64_t modseq_of(const struct session *s, size_t index)
{
	uint64_t n = maildir_modseq_of(&s->box->mods, s->box->f->msgs.v[index].uid);
	return n ? n : s->box->mods.highest;
}

void put_highest(struct session *s)
{
	if (s->box->mods.highest)
		io_putf(&s->io, "* OK [HIGHESTMODSEQ %llu] Ok\r\n",
		    (unsigned long long)s->box->mods.highest);
	else
		io_putz(&s->io, "* OK [NOMODSEQ] This mailbox keeps no mod-sequences\r\n");
}

void put_flags_line(struct session *s, size_t index, bool flags)
{
	struct maildir_msg *m = &s->box->f->msgs.v[index];
	const char *sep = "";
	io_putf(&s->io, "* %zu FETCH (", index + 1);
	if (s->uid || s->qresync) {
		io_putf(&s->io, "UID %u", m->uid);
		sep = " ";
	}
	if (flags) {
		io_putf(&s->io, "%sFLAGS ", sep);
		put_flags(s, m);
		sep = " ";
	}
	if (s->condstore && s->box->mods.highest)
		io_putf(&s->io, "%sMODSEQ (%llu)", sep, (unsigned long long)modseq_of(s, index));
	io_putz(&s->io, ")\r\n");
}

/* Gaps of one range, where messages from *i on may lie. */
static void put_gaps(struct session *s, struct set_range r, size_t *i, const char **before)
{
	struct maildir_folder *f = s->box->f;
	uint32_t at = r.from;
	for (; at && at <= r.to; at = at == UINT32_MAX ? 0 : at + 1) {
		while (*i < f->msgs.n && (f->msgs.v[*i].uid < at || f->msgs.v[*i].gone))
			++*i;
		uint32_t next = *i < f->msgs.n ? f->msgs.v[*i].uid : UINT32_MAX;
		if (next == at)
			continue;
		uint32_t end = next <= r.to ? next - 1 : r.to;
		io_putf(&s->io, end > at ? "%s%u:%u" : "%s%u", *before, at, end);
		*before = ",";
		at = end;
	}
}

void put_vanished_earlier(struct session *s, const struct seqset *set)
{
	struct seqset tidy = {.v = arena_alloc(s->arena, (set->n + 1) * sizeof *tidy.v)};
	const char *before = "* VANISHED (EARLIER) ";
	size_t i = 0;
	uint32_t next = s->box->f->uidnext;
	if (!tidy.v || next < 2)
		return;
	memcpy(tidy.v, set->v, set->n * sizeof *tidy.v);
	tidy.n = set->n;
	ranges_tidy(&tidy, next - 1);
	for (size_t k = 0; k < tidy.n; k++)
		put_gaps(s, tidy.v[k], &i, &before);
	if (*before == ',')
		io_putz(&s->io, "\r\n");
}

void put_resync(struct session *s, const struct select_params *q)
{
	struct set_range all = {1, 0};
	struct seqset everything = {.v = &all, .n = 1};
	struct maildir_folder *f = s->box->f;
	if (q->uidvalidity != f->uidvalidity || !s->box->mods.highest)
		return;
	struct seqset known = q->has_known ? q->known : everything;
	put_vanished_earlier(s, &known);
	for (size_t i = 0; i < f->msgs.n; i++)
		if (modseq_of(s, i) > q->modseq &&
		    (!q->has_known || set_has(&known, f->msgs.v[i].uid, f->uidnext - 1)))
			put_flags_line(s, i, true);
}
