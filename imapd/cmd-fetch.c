/* FETCH. */
#include "config.h"

#include "imapd/condstore.h"
#include "imapd/fetch-parts.h"
#include "imapd/search-match.h"

#include <errno.h>
#include <time.h>

enum {
	FETCH_TEXT_MAX = 64 << 20, /* bytes of an ENVELOPE or BODYSTRUCTURE */
	PREVIEW_TEXT_MAX = 4096,
};

static void put_date_time(struct session *s, const char *name, time_t t)
{
	struct tm tm = {0};
	localtime_r(&t, &tm);
	long east = tm.tm_gmtoff / 60, abs = east < 0 ? -east : east;
	io_putf(&s->io, "%s \"%2d-%s-%04d %02d:%02d:%02d %c%02ld%02ld\"", name, tm.tm_mday,
	    month_name((unsigned)tm.tm_mon), tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    east < 0 ? '-' : '+', abs / 60, abs % 60);
}

/* ---- sections ---- */

static struct str range(const struct message *m, const struct mime_range *r)
{
	return str_at(m->text.p + r->start, r->end - r->start);
}

/* The part whose header and text HEADER and TEXT name: the message inside, when it is one. */
static const struct mime_part *message_part(const struct mime_part *p, const struct fetch_item *it)
{
	if (it->depth == 0)
		return p;
	return p->message ? p->child : NULL;
}

static struct str part_text(
    struct message *m, const struct mime_part *root, const struct fetch_item *it)
{
	const struct mime_part *p = mime_find(root, it->path, it->depth), *inner;
	if (!p)
		return STR_NONE;
	if (it->section == SECTION_MIME)
		return range(m, &p->header);
	if (it->section == SECTION_ALL)
		return range(m, &p->body);
	inner = message_part(p, it);
	if (!inner)
		return STR_NONE;
	return range(m, it->section == SECTION_TEXT ? &inner->body : &inner->header);
}

/* The bytes of a section as they are in the file; .p NULL: there is no such part. */
static int section_text(struct message *m, const struct fetch_item *it, struct str *out)
{
	struct str block;
	size_t body;
	if (it->depth) {
		const struct mime_part *root = message_mime(m);
		if (!root)
			return -1;
		*out = part_text(m, root, it);
		return 0;
	}
	if (it->section == SECTION_ALL || it->section == SECTION_TEXT) {
		if (message_all(m) < 0)
			return -1;
		header_length(m->text, &body);
		*out = it->section == SECTION_ALL ? m->text : str_skip(m->text, body);
		return 0;
	}
	if (message_header(m, &block) < 0)
		return -1;
	header_length(m->text, &body);
	*out = str_head(m->text, body);
	return 0;
}

static bool named(const struct fetch_item *it, struct str name)
{
	for (size_t i = 0; i < it->nfields; i++)
		if (str_ieq(it->fields[i], name))
			return true;
	return false;
}

/* HEADER.FIELDS: the fields asked for, and the empty line that ends every header. */
static struct str pick_fields(struct message *m, const struct fetch_item *it, struct str header)
{
	struct header_field f;
	struct buf b;
	bool want = it->section == SECTION_FIELDS;
	buf_init(&b, header.n + 16);
	for (struct str rest = header; header_next(&rest, &f);)
		if (f.name.n && named(it, f.name) == want)
			buf_adds(&b, f.raw);
	if (b.n && b.p[b.n - 1] != '\n')
		buf_addc(&b, '\n');
	buf_addc(&b, '\n');
	struct str s = arena_str(m->arena, buf_str(&b));
	buf_free(&b);
	return s;
}

static void put_name_of(struct session *s, const struct fetch_item *it)
{
	struct buf name;
	buf_init(&name, 1 << 20);
	fetch_item_name(it, &name);
	io_put(&s->io, buf_str(&name));
	buf_free(&name);
}

static int put_section(struct message *m, const struct fetch_item *it)
{
	struct session *s = m->s;
	struct str text;
	if (section_text(m, it, &text) < 0)
		return -1;
	if (text.p && (it->section == SECTION_FIELDS || it->section == SECTION_FIELDS_NOT))
		text = pick_fields(m, it, text);
	put_name_of(s, it);
	if (!text.p && it->depth) {
		io_putz(&s->io, " NIL");
		return 0;
	}
	uint64_t size = crlf_size(text), from = 0, count = size;
	if (it->partial) {
		from = it->from < size ? it->from : size;
		count = it->count < size - from ? it->count : size - from;
	}
	io_putf(&s->io, " {%llu}\r\n", (unsigned long long)count);
	io_put_crlf(&s->io, text, from, count);
	bool header = it->section == SECTION_HEADER || it->section == SECTION_FIELDS ||
		      it->section == SECTION_FIELDS_NOT;
	*(header ? &s->header_bytes : &s->body_bytes) += count;
	return 0;
}

/* ---- items ---- */

static void put_savedate(struct message *m)
{
	int64_t t;
	if (save_date(&m->s->box->f->msgs.v[m->index], &t))
		put_date_time(m->s, "SAVEDATE", (time_t)t);
	else
		io_putz(&m->s->io, "SAVEDATE NIL");
}

static int put_preview(struct message *m)
{
	struct buf text;
	buf_init(&text, PREVIEW_TEXT_MAX);
	int r = preview_add(m, &text);
	io_putz(&m->s->io, "PREVIEW ");
	put_string(m->s, text.n ? buf_str(&text) : STR(""));
	buf_free(&text);
	return r;
}

/* As literal8 when a NUL is in it. */
static void put_binary(struct message *m, const struct fetch_item *it)
{
	struct session *s = m->s;
	struct binary b;
	uint64_t from = 0, count;
	binary_open(m, it, &b);
	put_name_of(s, it);
	if (it->what == FETCH_BINARY_SIZE) {
		io_putf(&s->io, " %llu", (unsigned long long)b.size);
		return;
	}
	if (!b.there) {
		io_putz(&s->io, " NIL");
		return;
	}
	count = b.size;
	if (it->partial) {
		from = it->from < b.size ? it->from : b.size;
		count = it->count < b.size - from ? it->count : b.size - from;
	}
	io_putf(&s->io, " %s{%llu}\r\n", b.nul ? "~" : "", (unsigned long long)count);
	binary_put(s, &b, from, count);
	s->body_bytes += count;
}

static int put_parsed(struct message *m, const struct fetch_item *it)
{
	struct buf out;
	struct str block;
	const struct mime_part *root;
	int r = 0;
	buf_init(&out, FETCH_TEXT_MAX);
	buf_addf(&out, "%s ", it->old_name);
	if (it->what == FETCH_ENVELOPE) {
		r = message_header(m, &block);
		if (r == 0)
			envelope_add(m->s, m->arena, block, &out);
	} else {
		root = message_mime(m);
		if (root)
			structure_add(m, root, it->what == FETCH_BODYSTRUCTURE, &out);
		else
			r = -1;
	}
	if (out.failed) {
		errno = EMSGSIZE;
		r = -1;
	}
	if (r == 0)
		io_put(&m->s->io, buf_str(&out));
	buf_free(&out);
	return r;
}

static int put_item(struct message *m, const struct fetch_item *it)
{
	struct session *s = m->s;
	switch (it->what) {
	case FETCH_FLAGS:
		io_putz(&s->io, "FLAGS ");
		put_flags(s, &s->box->f->msgs.v[m->index]);
		return 0;
	case FETCH_UID:
		io_putf(&s->io, "UID %u", s->box->f->msgs.v[m->index].uid);
		return 0;
	case FETCH_INTERNALDATE:
		put_date_time(s, "INTERNALDATE", m->st.st_mtime);
		return 0;
	case FETCH_SIZE:
		io_putf(&s->io, "RFC822.SIZE %llu", (unsigned long long)message_size(m));
		return 0;
	case FETCH_SECTION:
		return put_section(m, it);
	case FETCH_MODSEQ:
		io_putf(&s->io, "MODSEQ (%llu)", (unsigned long long)modseq_of(s, m->index));
		return 0;
	case FETCH_SAVEDATE:
		put_savedate(m);
		return 0;
	case FETCH_PREVIEW:
		return put_preview(m);
	case FETCH_BINARY:
	case FETCH_BINARY_SIZE:
		put_binary(m, it);
		return 0;
	default:
		return put_parsed(m, it);
	}
}

/* What an item needs of the file is read before anything is sent, so that a message that has gone
 * (or can't be read) leaves no half of an answer. */
static int prepare(struct message *m, const struct fetch_list *list)
{
	struct str block;
	int r = 0;
	for (size_t i = 0; i < list->n && r == 0; i++) {
		const struct fetch_item *it = &list->v[i];
		bool header =
		    it->what == FETCH_ENVELOPE ||
		    (it->what == FETCH_SECTION && !it->depth && it->section >= SECTION_HEADER &&
			it->section <= SECTION_FIELDS_NOT);
		if (it->what == FETCH_INTERNALDATE)
			r = message_stat(m);
		else if (header)
			r = message_header(m, &block);
		else if (it->what == FETCH_SIZE || it->what == FETCH_SECTION)
			r = message_all(m);
		else if (it->what == FETCH_BINARY || it->what == FETCH_BINARY_SIZE)
			r = binary_check(m, it);
		else if (it->what >= FETCH_BODY && it->what != FETCH_SAVEDATE &&
			 it->what != FETCH_MODSEQ)
			r = message_mime(m) ? 0 : -1;
	}
	return r;
}

struct fetch {
	struct fetch_list list;
	bool sees; /* sets \Seen */
	bool flags, uid, modseq;
};

static void look_at_items(struct session *s, struct fetch *f)
{
	for (size_t i = 0; i < f->list.n; i++) {
		const struct fetch_item *it = &f->list.v[i];
		f->flags |= it->what == FETCH_FLAGS;
		f->uid |= it->what == FETCH_UID;
		f->modseq |= it->what == FETCH_MODSEQ;
		f->sees |= (it->what == FETCH_SECTION || it->what == FETCH_BINARY) && !it->peek;
	}
	f->sees = f->sees && !s->box->read_only && mailbox_may(s, MAILDIR_MARK_SEEN);
}

static int fetch_one(struct message *m, const struct fetch *f)
{
	struct session *s = m->s;
	struct maildir_msg *msg = &s->box->f->msgs.v[m->index];
	bool see = f->sees && !(msg->flags & MAILDIR_SEEN);
	unsigned before;
	if (prepare(m, &f->list) < 0)
		return -1;
	if (see &&
	    maildir_folder_mark(s->box->f, m->index, MAILDIR_SEEN, MAILDIR_SEEN, &before) < 0)
		return -1;
	io_putf(&s->io, "* %zu FETCH (", m->index + 1);
	if (s->uid && !f->uid)
		io_putf(&s->io, "UID %u ", s->box->f->msgs.v[m->index].uid);
	for (size_t i = 0; i < f->list.n; i++) {
		if (i)
			io_putz(&s->io, " ");
		if (put_item(m, &f->list.v[i]) < 0) {
			/* the answer is half sent: only an end of the connection is honest */
			s->io.dead = true;
			return -1;
		}
	}
	/* with mod-sequences the change is told when it has its number, at the end */
	if (see && !f->flags && !s->condstore) {
		io_putz(&s->io, " FLAGS ");
		put_flags(s, &s->box->f->msgs.v[m->index]);
	}
	io_putz(&s->io, ")\r\n");
	if (see && s->condstore)
		s->box->f->msgs.v[m->index].changed = true;
	else if (f->flags || see)
		s->box->f->msgs.v[m->index].changed = false;
	return 0;
}

static void fetch_all(struct session *s, const struct fetch *f, const struct picked *set)
{
	struct message m;
	size_t gone = 0;
	reply_ok(s, "FETCH completed");
	message_init(&m, s);
	for (size_t k = 0; k < set->n && !s->io.dead; k++) {
		if (s->box->f->msgs.v[set->v[k]].gone) {
			gone++;
			continue;
		}
		if (f->list.changed_only && modseq_of(s, set->v[k]) <= f->list.since)
			continue;
		message_start(&m, set->v[k]);
		if (fetch_one(&m, f) == 0)
			continue;
		if (s->box->f->msgs.v[set->v[k]].gone)
			gone++;
		else if (errno == ENOTSUP)
			reply_no(s, "[UNKNOWN-CTE] A part's encoding is not known");
		else
			reply_errno(s, "Cannot read a message");
	}
	if (gone && !s->uid && s->reply == REPLY_OK)
		reply_no(s, "[EXPUNGEISSUED] Some of the messages are gone");
	message_free(&m);
}

void cmd_fetch(struct session *s, struct parser *p)
{
	struct seqset set;
	struct picked picked;
	struct fetch f = {0};
	if (!parse_sp(p) || !parse_set(p, &set) || !parse_sp(p) || !fetch_parse(p, &f.list)) {
		reply_bad(s, "Message set and items expected");
		return;
	}
	look_at_items(s, &f);
	if (f.list.vanished && (!s->uid || !s->qresync)) {
		reply_bad(s, "VANISHED goes with UID FETCH after ENABLE QRESYNC");
		return;
	}
	if (f.modseq && !condstore_on(s))
		return;
	if (f.list.vanished)
		put_vanished_earlier(s, set.saved ? &s->saved : &set);
	if (pick(s, &set, &picked))
		fetch_all(s, &f, &picked);
}
