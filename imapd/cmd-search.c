/* SEARCH. */
#include "config.h"

#include "imapd/search-match.h"

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
	return true;
}

uint32_t shown_number(const struct session *s, size_t index)
{
	return s->uid ? s->box->f->msgs.v[index].uid : (uint32_t)index + 1;
}

void cmd_search(struct session *s, struct parser *p)
{
	struct picked found;
	if (!parse_sp(p)) {
		reply_bad(s, "Search criteria expected");
		return;
	}
	if (!search_run(s, p, STR_NONE, true, &found))
		return;
	io_putz(&s->io, "* SEARCH");
	for (size_t i = 0; i < found.n; i++)
		io_putf(&s->io, " %u", shown_number(s, found.v[i]));
	io_putz(&s->io, "\r\n");
	reply_ok(s, "SEARCH completed");
}
