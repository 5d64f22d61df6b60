#include "config.h"

#include "imapd/sort.h"
#include "unicode/unicode.h"

static struct str fold(struct session *s, struct message *m, struct str text)
{
	struct str folded = text.n ? unicode_casefold(m->arena, text) : STR("");
	return folded.n ? arena_str(s->arena, folded) : STR("");
}

/* The mailbox (local part) of the first address. */
static struct str first_mailbox(
    struct session *s, struct message *m, struct str block, const char *name)
{
	struct header_field f;
	struct mailaddr_list list;
	if (!header_find(block, name, &f))
		return STR("");
	struct str body = header_unfold(m->arena, f.body);
	if (!body.p || mailaddr_parse(m->arena, body, 1, &list) < 0)
		return STR("");
	for (const struct mailaddr *a = list.first; a; a = a->next)
		if (a->kind == MAILADDR_MAILBOX)
			return fold(s, m, a->local);
	return STR("");
}

static void gather_subject(
    struct session *s, struct message *m, struct str block, struct sort_facts *f)
{
	struct header_field h;
	f->subject = STR("");
	if (!header_find(block, "Subject", &h))
		return;
	struct str text = header_unfold(m->arena, h.body);
	if (text.p)
		text = mime_words_decode(m->arena, text);
	if (text.p)
		text = subject_base(m->arena, text, &f->reply);
	if (text.p)
		f->subject = fold(s, m, text);
}

static void gather_references(
    struct session *s, struct message *m, struct str block, struct sort_facts *f)
{
	struct header_field h;
	if (header_find(block, "Message-ID", &h))
		f->id = arena_str(s->arena, h.body);
	if (header_find(block, "References", &h) && str_chr(h.body, '<') >= 0) {
		f->references = arena_str(s->arena, h.body);
	} else if (header_find(block, "In-Reply-To", &h)) {
		/* only its first id is meant (RFC 5256, section 3) */
		struct str rest = h.body, id;
		if (msgid_next(m->arena, &rest, &id))
			f->references = str_of(arena_printf(s->arena, "<%.*s>", STR_FMT(id)));
	}
}

static void gather_one(
    struct session *s, struct message *m, unsigned wanted, bool references, struct sort_facts *f)
{
	struct str block = STR_NONE;
	struct maildate date;
	bool header = references || (wanted & ~(1u << SORT_ARRIVAL | 1u << SORT_SIZE));
	if (header)
		message_header(m, &block);
	if ((wanted & (1u << SORT_ARRIVAL | 1u << SORT_DATE)) && message_stat(m) == 0)
		f->arrival = m->st.st_mtime;
	if (wanted & 1u << SORT_DATE)
		f->date = message_date(m, &date) ? date.epoch : f->arrival;
	if (wanted & 1u << SORT_SUBJECT)
		gather_subject(s, m, block, f);
	if (wanted & 1u << SORT_FROM)
		f->from = first_mailbox(s, m, block, "From");
	if (wanted & 1u << SORT_TO)
		f->to = first_mailbox(s, m, block, "To");
	if (wanted & 1u << SORT_CC)
		f->cc = first_mailbox(s, m, block, "Cc");
	if ((wanted & 1u << SORT_SIZE) && message_all(m) == 0)
		f->size = message_size(m);
	if (references)
		gather_references(s, m, block, f);
}

struct sort_facts *sort_gather(
    struct session *s, const struct picked *set, unsigned wanted, bool references)
{
	struct sort_facts *all = arena_zero(s->arena, (set->n + 1) * sizeof *all);
	struct message m;
	if (!all) {
		reply_no(s, "[LIMIT] Too many messages at once");
		return NULL;
	}
	message_init(&m, s);
	for (size_t i = 0; i < set->n; i++) {
		all[i].index = set->v[i];
		message_start(&m, set->v[i]);
		gather_one(s, &m, wanted, references, &all[i]);
	}
	message_free(&m);
	return all;
}
