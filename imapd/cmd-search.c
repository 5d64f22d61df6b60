/* SEARCH. */
#include "config.h"

#include "imapd/condstore.h"
#include "imapd/search-match.h"

#include <stdlib.h>

static bool check(struct session *s, enum search_error error)
{
	switch (error) {
	case SEARCH_OK:
		return true;
	case SEARCH_BAD_CHARSET:
		reply_no(s, "[BADCHARSET (US-ASCII UTF-8 ISO-8859-1)] Unknown charset");
		return false;
	case SEARCH_TOO_COMPLEX:
		reply_no(s, "[LIMIT] Too many or too deeply nested search keys");
		return false;
	case SEARCH_NO_MEMORY:
		reply_no(s, "[LIMIT] Search keys too large");
		return false;
	case SEARCH_SYNTAX:
		break;
	}
	reply_bad(s, "Invalid search criteria");
	return false;
}

bool search_run(
    struct session *s, struct parser *p, struct str charset, bool charset_word, struct picked *out)
{
	struct search_key *key = NULL;
	struct message m;
	struct parser q = *p;
	if (s->utf8 && charset_word && parse_word(&q, "CHARSET")) {
		reply_bad(
		    s, "CHARSET is not used after ENABLE UTF8=ACCEPT"); /* RFC 6855, section 3 */
		return false;
	}
	if (!check(s, search_parse(p, charset, charset_word, &key)))
		return false;
	search_put_saved(key, &s->saved);
	bool modseq = search_uses_modseq(key);
	if (modseq && !condstore_on(s))
		return false;
	search_optimise(key);
	*out =
	    (struct picked){.v = arena_alloc(s->arena, (s->box->announced + 1) * sizeof *out->v)};
	if (!out->v) {
		reply_no(s, "[LIMIT] Too many messages at once");
		return false;
	}
	message_init(&m, s);
	for (size_t i = 0; i < s->box->announced; i++) {
		if (s->box->f->msgs.v[i].gone)
			continue;
		message_start(&m, i);
		if (search_match(&m, key) && !s->box->f->msgs.v[i].gone)
			out->v[out->n++] = (uint32_t)i;
	}
	message_free(&m);
	out->modseq = modseq && out->n;
	return true;
}

uint32_t shown_number(const struct session *s, size_t index)
{
	return s->uid ? s->box->f->msgs.v[index].uid : (uint32_t)index + 1;
}

uint64_t found_modseq(const struct session *s, const struct picked *found)
{
	uint64_t highest = 0;
	for (size_t i = 0; i < found->n; i++) {
		uint64_t n = modseq_of(s, found->v[i]);
		highest = n > highest ? n : highest;
	}
	return highest;
}

void put_found_modseq(struct session *s, const struct picked *found)
{
	if (found->modseq)
		io_putf(&s->io, " (MODSEQ %llu)", (unsigned long long)found_modseq(s, found));
}

/* ---- ESEARCH (RFC 4731), SEARCHRES (RFC 5182) ---- */

static void put_ranges(struct session *s, const struct picked *found)
{
	for (size_t k = 0; k < found->n;) {
		size_t end = k + 1;
		uint32_t from = shown_number(s, found->v[k]);
		while (end < found->n && shown_number(s, found->v[end]) == from + (end - k))
			end++;
		io_putf(&s->io, end - k > 1 ? "%s%u:%u" : "%s%u", k ? "," : "", from,
		    (uint32_t)(from + (end - k) - 1));
		k = end;
	}
}

static void put_extended(struct session *s, unsigned what, const struct picked *found)
{
	io_putf(&s->io, "* ESEARCH (TAG \"%.*s\")%s", STR_FMT(s->tag), s->uid ? " UID" : "");
	if (found->n && (what & RETURN_MIN))
		io_putf(&s->io, " MIN %u", shown_number(s, found->v[0]));
	if (found->n && (what & RETURN_MAX))
		io_putf(&s->io, " MAX %u", shown_number(s, found->v[found->n - 1]));
	if (what & RETURN_COUNT)
		io_putf(&s->io, " COUNT %zu", found->n);
	if (found->n && (what & RETURN_ALL)) {
		io_putz(&s->io, " ALL ");
		put_ranges(s, found);
	}
	if (found->modseq)
		io_putf(&s->io, " MODSEQ %llu", (unsigned long long)found_modseq(s, found));
	io_putz(&s->io, "\r\n");
}

void search_forget(struct session *s)
{
	free(s->saved.v);
	s->saved = (struct seqset){0};
}

/* As UIDs: numbers may change before they are used. */
static void save(struct session *s, unsigned what, const struct picked *found)
{
	bool all = (what & (RETURN_ALL | RETURN_COUNT)) || !(what & (RETURN_MIN | RETURN_MAX));
	VEC(struct set_range) v = {0};
	search_forget(s);
	for (size_t k = 0; k < found->n; k++) {
		uint32_t uid = s->box->f->msgs.v[found->v[k]].uid;
		if (!all && !(k == 0 && (what & RETURN_MIN)) &&
		    !(k + 1 == found->n && (what & RETURN_MAX)))
			continue;
		if (v.n && v.v[v.n - 1].to + 1 == uid)
			v.v[v.n - 1].to = uid;
		else
			vec_push(&v, ((struct set_range){uid, uid}));
	}
	s->saved = (struct seqset){.v = v.v, .n = v.n, .saved = true};
}

void cmd_search(struct session *s, struct parser *p)
{
	struct picked found;
	unsigned what;
	if (!parse_sp(p) || !search_return_parse(p, &what)) {
		reply_bad(s, "Search criteria expected");
		return;
	}
	if (!search_run(s, p, STR_NONE, true, &found)) {
		if ((what & RETURN_SAVE) && s->reply == REPLY_NO)
			search_forget(s);
		return;
	}
	if (what & RETURN_SAVE)
		save(s, what, &found);
	if (!what) {
		io_putz(&s->io, "* SEARCH");
		for (size_t i = 0; i < found.n; i++)
			io_putf(&s->io, " %u", shown_number(s, found.v[i]));
		put_found_modseq(s, &found);
		io_putz(&s->io, "\r\n");
	} else if (what != (RETURN_EXTENDED | RETURN_SAVE)) {
		put_extended(s, what, &found);
	}
	reply_ok(s, "SEARCH completed");
}
