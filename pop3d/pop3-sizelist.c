#include "config.h"

#include "pop3d/pop3d.h"
#include "maildir/name.h"

static bool head(struct str line, struct sizelist *out)
{
	struct str version, next, uidv, more;
	if (!str_word(&line, &version) || !str_word(&line, &next) || !str_word(&line, &uidv) ||
	    str_word(&line, &more))
		return false;
	out->old = str_is(version, "/2");
	return (out->old || str_is(version, "/3")) && str_u64(next, &out->next) &&
	       str_u64(uidv, &out->uidv);
}

static bool id(struct str s, bool old, struct sizelist_entry *e)
{
	struct str n, uidv, utf8;
	if (!str_split(&s, ':', &n) || !str_u64(n, &e->n) || !str_split(&s, ':', &uidv) ||
	    !str_u64(uidv, &e->uidv))
		return false;
	e->utf8 = -1;
	if (old)
		return s.n == 0;
	if (!str_split(&s, ':', &utf8) || s.n)
		return false;
	e->utf8 = str_is(utf8, "1") ? 1 : str_is(utf8, "0") ? 0 : -1;
	return true;
}

/* From the right: a name may hold blanks. */
static bool entry(struct str line, bool old, struct sizelist_entry *e)
{
	struct maildir_name name;
	ptrdiff_t second = str_rchr(line, ' ');
	ptrdiff_t first = second < 0 ? -1 : str_rchr(str_head(line, (size_t)second), ' ');
	if (first <= 0 || !maildir_name_parse(str_head(line, (size_t)first), &name))
		return false;
	e->base = name.base;
	return str_u64(str_at(line.p + first + 1, (size_t)(second - first - 1)), &e->size) &&
	       id(str_skip(line, (size_t)second + 1), old, e);
}

bool sizelist_parse(struct str text, struct sizelist *out)
{
	struct str line;
	struct sizelist_entry e;
	*out = (struct sizelist){0};
	if (!text.n || !str_split(&text, '\n', &line) || !head(line, out))
		return false;
	while (text.n && str_split(&text, '\n', &line)) {
		if (!entry(line, out->old, &e))
			continue;
		vec_push(&out->entries, e);
		/* A number is never given twice, whatever the first line says. */
		if (e.uidv == out->uidv && e.n >= out->next && e.n < UINT64_MAX)
			out->next = e.n + 1;
	}
	return true;
}

void sizelist_free(struct sizelist *l)
{
	vec_free(&l->entries);
}

void sizelist_head(uint64_t next, uint64_t uidv, struct buf *out)
{
	buf_addf(out, "/3 %llu %llu\n", (unsigned long long)next, (unsigned long long)uidv);
}

void sizelist_line(struct str name, const struct sizelist_entry *e, struct buf *out)
{
	buf_addf(out, "%.*s %llu %llu:%llu:%d\n", STR_FMT(name), (unsigned long long)e->size,
	    (unsigned long long)e->n, (unsigned long long)e->uidv, e->utf8 == 1);
}

void sizelist_uidl(const struct sizelist_entry *e, struct buf *out)
{
	if (e->n && e->uidv)
		buf_addf(
		    out, "UID%llu-%llu", (unsigned long long)e->n, (unsigned long long)e->uidv);
	else if (e->n)
		buf_addf(out, "UID%llu", (unsigned long long)e->n);
	for (size_t i = 0; !e->n && i < e->base.n; i++) {
		unsigned char c = (unsigned char)e->base.p[i];
		if (c < 0x21 || c > 0x7e || c == '\'' || c == '"' || c == '+')
			buf_addf(out, "+%02X", c);
		else
			buf_addc(out, (char)c);
	}
}
