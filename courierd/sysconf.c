#include "config.h"

#include "courierd/sysconf.h"

struct section {
	struct str name, revision; /* of the head: empty */
	struct str notes;          /* marker and comments */
	struct str lines;          /* from the first line that is none, to the end */
};
typedef VEC(struct section) sections;

static bool marker(struct str line, struct section *s)
{
	if (!str_starts(line, STR("##NAME:")))
		return false;
	struct str rest = str_trim(str_skip(line, 7));
	ptrdiff_t colon = str_rchr(rest, ':');
	s->name = colon < 0 ? rest : str_trim(str_head(rest, (size_t)colon));
	s->revision = colon < 0 ? STR("0") : str_trim(str_skip(rest, (size_t)colon + 1));
	return true;
}

static bool is_note(struct str line)
{
	line = str_trim(line);
	return !line.n || line.p[0] == '#';
}

/* Adds the line, with its LF, to the section: the two parts lie one behind the other. */
static void extend(struct section *s, const char *from, const char *to, bool note)
{
	struct str *part = note && !s->lines.p ? &s->notes : &s->lines;
	if (!part->p)
		part->p = from;
	part->n = (size_t)(to - part->p);
}

static bool split(struct str text, sections *out)
{
	struct str rest = text, line;
	struct section s = {0};
	if (!vec_room(out))
		return false;
	out->v[out->n++] = s;
	while (str_split(&rest, '\n', &line)) {
		const char *end = rest.p ? rest.p : line.p + line.n;
		struct section next = {0};
		if (!rest.p && !line.n)
			break;
		if (marker(line, &next)) {
			if (!vec_room(out))
				return false;
			out->v[out->n++] = next;
		}
		extend(&out->v[out->n - 1], line.p, end, is_note(line));
	}
	return true;
}

static const struct section *find(const sections *all, struct str name)
{
	for (size_t i = 0; i < all->n; i++)
		if (str_eq(all->v[i].name, name))
			return &all->v[i];
	return NULL;
}

static void add(struct buf *out, struct str part)
{
	buf_adds(out, part);
	if (part.n && part.p[part.n - 1] != '\n')
		buf_addc(out, '\n');
}

/* Lines as comments; those that are comments already say nothing of what was set. */
static void add_old(struct buf *out, struct str lines)
{
	struct str line;
	while (str_split(&lines, '\n', &line))
		if (str_trim(line).n && !is_note(line)) {
			buf_addz(out, "##OLD: ");
			add(out, line);
		}
}

/* What an earlier merge has left as a comment. */
static void add_kept(struct buf *out, struct str notes)
{
	struct str line;
	while (str_split(&notes, '\n', &line))
		if (str_starts(line, STR("##OLD: ")))
			add(out, line);
}

/* Blank lines that close a section are form, not the administrator's. */
static struct str tail_of(struct str lines)
{
	size_t n = lines.n;
	while (n && lines.p[n - 1] == '\n')
		n--;
	return str_skip(lines, n < lines.n ? n + 1 : n);
}

/* NAME of NAME=value; empty: something else. */
static struct str assigned(struct str line)
{
	ptrdiff_t eq = str_chr(line, '=');
	return eq < 0 || is_note(line) ? STR("") : str_trim(str_head(line, (size_t)eq));
}

static bool sets(struct str text, struct str name)
{
	struct str line;
	while (str_split(&text, '\n', &line))
		if (str_eq(assigned(line), name))
			return true;
	return false;
}

/* A section that the old file does not have.  What is set elsewhere in that file, by hand or in a
 * section that other releases call otherwise, stays set: the later line would win. */
static void add_fresh(struct buf *out, struct str lines, struct str old)
{
	struct str line;
	while (str_split(&lines, '\n', &line)) {
		struct str name = assigned(line);
		if (!lines.p && !line.n)
			break;
		if (name.n && sets(old, name))
			buf_addc(out, '#');
		buf_adds(out, line);
		buf_addc(out, '\n');
	}
}

static void add_section(
    struct buf *out, const struct section *fresh, const struct section *old, struct str text)
{
	add(out, fresh->notes);
	if (!old) {
		add_fresh(out, fresh->lines, text);
	} else if (!str_eq(old->revision, fresh->revision)) {
		add(out, fresh->lines);
		add_old(out, old->lines);
	} else {
		add(out, old->lines);
		if (!old->lines.n)
			add(out, tail_of(fresh->lines));
		add_kept(out, old->notes);
	}
}

bool sysconf_merge(struct str old, struct str fresh, struct buf *out)
{
	sections was = {0}, is = {0};
	bool ok = split(old, &was) && split(fresh, &is);
	for (size_t i = 0; ok && i < is.n; i++)
		add_section(out, &is.v[i], find(&was, is.v[i].name), old);
	for (size_t i = 0; ok && i < was.n; i++)
		if (!find(&is, was.v[i].name)) {
			add(out, was.v[i].notes);
			add(out, was.v[i].lines);
		}
	vec_free(&was);
	vec_free(&is);
	return ok && !out->failed;
}
