/* Does a message match a SEARCH key? */
#include "config.h"

#include "imapd/condstore.h"
#include "imapd/search-match.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <time.h>

enum { DECODED_PART_MAX = 64 << 20 }; /* bytes of one part looked at */

static bool match_header(struct message *m, struct str name, struct str needle)
{
	struct str block;
	struct header_field f;
	if (message_header(m, &block) < 0)
		return false;
	while (header_next(&block, &f)) {
		if (!str_ieq(f.name, name))
			continue;
		if (needle.n == 0)
			return true;
		struct str body = header_unfold(m->arena, f.body);
		if (body.p)
			body = mime_words_decode(m->arena, body);
		if (body.p && search_in_text(m->arena, body, needle))
			return true;
	}
	return false;
}

/* A header block as a whole, decoded. */
static bool match_block(struct message *m, struct str block, struct str needle)
{
	struct header_field f;
	while (header_next(&block, &f)) {
		struct str raw = header_unfold(m->arena, f.raw);
		if (raw.p)
			raw = mime_words_decode(m->arena, raw);
		if (raw.p && search_in_text(m->arena, raw, needle))
			return true;
	}
	return false;
}

static struct str decode_transfer(struct message *m, const struct mime_part *p, struct str raw)
{
	struct mime_decoder d;
	struct buf b;
	if (p->cte != MIME_QP && p->cte != MIME_BASE64)
		return raw;
	buf_init(&b, DECODED_PART_MAX);
	mime_decoder_init(&d, p->cte);
	if (mime_decode(&d, raw, &b))
		mime_decode_end(&d, &b);
	struct str s = arena_str(m->arena, buf_str(&b));
	buf_free(&b);
	return s;
}

static bool match_leaf(struct message *m, const struct mime_part *p, struct str needle)
{
	struct str raw = str_at(m->text.p + p->body.start, p->body.end - p->body.start), text;
	if (!str_is(p->type, "text") && !str_is(p->type, "message"))
		return false;
	raw = decode_transfer(m, p, str_head(raw, DECODED_PART_MAX));
	if (!raw.p)
		return false;
	text = charset_to_utf8(m->arena, mime_param_raw(p->params, "charset"), raw);
	return search_in_text(m->arena, text.p ? text : raw, needle);
}

/* Text parts, and the headers of messages inside.  Depth is bounded by the parser. */
static bool match_part(struct message *m, const struct mime_part *p, struct str needle)
{
	if (!p->child)
		return !p->multipart && match_leaf(m, p, needle);
	for (const struct mime_part *c = p->child; c; c = c->next) {
		struct str header =
		    str_at(m->text.p + c->header.start, c->header.end - c->header.start);
		if (match_block(m, header, needle) || match_part(m, c, needle))
			return true;
	}
	return false;
}

static bool match_text(struct message *m, bool header_too, struct str needle)
{
	struct str block;
	if (header_too && message_header(m, &block) == 0 && match_block(m, block, needle))
		return true;
	const struct mime_part *root = message_mime(m);
	return root && match_part(m, root, needle);
}

static bool match_size(struct message *m, const struct search_key *k)
{
	const struct maildir_msg *msg = &m->s->box->f->msgs.v[m->index];
	uint64_t raw = msg->size;
	if (raw == MAILDIR_SIZE_UNKNOWN && message_stat(m) == 0)
		raw = (uint64_t)m->st.st_size;
	/* line ends add at most as much again: often there is nothing to read */
	bool larger = raw > k->size, surely_not = raw * 2 <= k->size && raw < UINT32_MAX;
	bool smaller = raw * 2 < k->size && raw < UINT32_MAX;
	if (k->kind == KEY_LARGER && (larger || surely_not))
		return larger;
	if (k->kind == KEY_SMALLER && (smaller || raw >= k->size))
		return smaller;
	if (message_all(m) < 0)
		return false;
	return k->kind == KEY_LARGER ? message_size(m) > k->size : message_size(m) < k->size;
}

static int64_t floor_day(int64_t t)
{
	return t >= 0 ? t / 86400 : (t - 86399) / 86400;
}

static bool match_internal(struct message *m, const struct search_key *k)
{
	struct tm tm = {0};
	if (message_stat(m) < 0)
		return false;
	time_t t = m->st.st_mtime;
	localtime_r(&t, &tm);
	int64_t day = floor_day((int64_t)t + tm.tm_gmtoff);
	return k->kind == KEY_BEFORE ? day < k->days
	       : k->kind == KEY_ON   ? day == k->days
				     : day >= k->days;
}

static bool match_age(struct message *m, const struct search_key *k)
{
	if (message_stat(m) < 0)
		return false;
	int64_t limit = clock_now() - (int64_t)k->size;
	return k->kind == KEY_OLDER ? m->st.st_mtime <= limit : m->st.st_mtime >= limit;
}

bool save_date(const struct maildir_msg *msg, int64_t *out)
{
	struct str base = maildir_msg_base(msg), sec;
	uint64_t v;
	if (!str_split(&base, '.', &sec) || !str_u64(sec, &v) || v == 0 || v > UINT32_MAX)
		return false;
	*out = (int64_t)v;
	return true;
}

static bool match_saved(const struct maildir_msg *msg, const struct search_key *k)
{
	int64_t t;
	struct tm tm = {0};
	if (!save_date(msg, &t))
		return false;
	localtime_r(&(time_t){t}, &tm);
	int64_t day = floor_day(t + tm.tm_gmtoff);
	return k->kind == KEY_SAVED_BEFORE ? day < k->days
	       : k->kind == KEY_SAVED_ON   ? day == k->days
					   : day >= k->days;
}

bool message_date(struct message *m, struct maildate *out)
{
	struct str block;
	struct header_field f;
	if (message_header(m, &block) < 0 || !header_find(block, "Date", &f))
		return false;
	struct str body = header_unfold(m->arena, f.body);
	return body.p && maildate_parse(body, out);
}

static bool match_sent(struct message *m, const struct search_key *k)
{
	struct maildate d;
	if (!message_date(m, &d))
		return false;
	int64_t day = floor_day(d.epoch + (int64_t)d.zone * 60);
	return k->kind == KEY_SENT_BEFORE ? day < k->days
	       : k->kind == KEY_SENT_ON   ? day == k->days
					  : day >= k->days;
}

static bool match_keyword(struct message *m, struct str word)
{
	struct maildir_folder *f = m->s->box->f;
	const struct maildir_kwset *set = f->msgs.v[m->index].keywords;
	for (unsigned i = 0; set && i < set->n; i++)
		if (str_ieq(str_of(f->words.v[set->v[i]]), word))
			return true;
	return false;
}

static bool match_children(struct message *m, const struct search_key *k)
{
	bool all = k->kind == KEY_AND;
	for (const struct search_key *c = k->child; c; c = c->next)
		if (search_match(m, c) != all)
			return !all;
	return all;
}

static bool match_kind(struct message *m, const struct search_key *k)
{
	struct mailbox *b = m->s->box;
	const struct maildir_msg *msg = &b->f->msgs.v[m->index];
	switch (k->kind) {
	case KEY_ALL:
		return true;
	case KEY_FLAGS:
		return (msg->flags & k->flags) == k->flags;
	case KEY_RECENT:
		return msg->recent;
	case KEY_KEYWORD:
		return match_keyword(m, k->text);
	case KEY_SET:
		return set_has(&k->set, (uint32_t)m->index + 1, (uint32_t)b->announced);
	case KEY_UID:
		return set_has(&k->set, msg->uid, b->f->msgs.v[b->announced - 1].uid);
	case KEY_BEFORE:
	case KEY_ON:
	case KEY_SINCE:
		return match_internal(m, k);
	case KEY_SENT_BEFORE:
	case KEY_SENT_ON:
	case KEY_SENT_SINCE:
		return match_sent(m, k);
	case KEY_MODSEQ:
		return modseq_of(m->s, m->index) >= k->size;
	case KEY_OLDER:
	case KEY_YOUNGER:
		return match_age(m, k);
	case KEY_SAVED_BEFORE:
	case KEY_SAVED_ON:
	case KEY_SAVED_SINCE:
		return match_saved(msg, k);
	case KEY_HEADER:
		return match_header(m, k->name, k->text);
	case KEY_LARGER:
	case KEY_SMALLER:
		return match_size(m, k);
	case KEY_BODY:
	case KEY_TEXT:
		return match_text(m, k->kind == KEY_TEXT, k->text);
	case KEY_AND:
	case KEY_OR:
		return match_children(m, k);
	}
	return false;
}

bool search_match(struct message *m, const struct search_key *k)
{
	return match_kind(m, k) != k->negate;
}
