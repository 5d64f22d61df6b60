/* The file of mod-sequences as text: facts in, facts out. */
#include "config.h"

#include "maildir/modseq.h"

bool maildir_modseq_head(struct str *rest, uint32_t *uidvalidity, uint64_t *highest)
{
	struct str line, version, validity;
	uint64_t v;
	if (!str_split(rest, '\n', &line) || !str_word(&line, &version) || !str_is(version, "1") ||
	    !str_word(&line, &validity) || !str_u64(validity, &v) || v == 0 || v > UINT32_MAX ||
	    !str_u64(str_trim(line), highest) || *highest == 0 || *highest > INT64_MAX)
		return false;
	*uidvalidity = (uint32_t)v;
	return true;
}

bool maildir_modseq_turn(struct str line, struct maildir_modseq_turn *out)
{
	struct str word;
	uint64_t *const to[] = {&out->highest, &out->cur, &out->fresh, &out->words, &out->base};
	if (!str_word(&line, &word) || !str_is(word, "="))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(to); i++)
		if (!str_word(&line, &word) || !str_u64(word, to[i]))
			return false;
	return out->highest && out->highest <= INT64_MAX && str_trim(line).n == 0;
}

static bool entry(struct str line, struct maildir_modseq *m)
{
	struct str uid, modseq;
	uint64_t n;
	if (!str_word(&line, &uid) || !str_word(&line, &modseq) || !str_u64(uid, &n) || n == 0 ||
	    n > UINT32_MAX || !str_u64(modseq, &m->modseq) || m->modseq > INT64_MAX ||
	    !str_hex64(str_trim(line), &m->state))
		return false;
	m->uid = (uint32_t)n;
	return true;
}

void maildir_modseq_put(struct buf *text, const struct maildir_modseq *one)
{
	buf_addf(text, "%u %llu %llx\n", one->uid, (unsigned long long)one->modseq,
	    (unsigned long long)one->state);
}

void maildir_modseq_put_turn(struct buf *text, const struct maildir_modseq_turn *t)
{
	buf_addf(text, "= %llu %llu %llu %llu %llu\n", (unsigned long long)t->highest,
	    (unsigned long long)t->cur, (unsigned long long)t->fresh, (unsigned long long)t->words,
	    (unsigned long long)t->base);
}

static size_t place_of(const struct maildir_modseqs *m, uint32_t uid)
{
	size_t lo = 0, hi = m->v.n;
	if (hi && m->v.v[hi - 1].uid < uid)
		return hi;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (m->v.v[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint64_t maildir_modseq_of(const struct maildir_modseqs *m, uint32_t uid)
{
	size_t at = place_of(m, uid);
	return at < m->v.n && m->v.v[at].uid == uid ? m->v.v[at].modseq : 0;
}

/* One that belongs between others is as good as unknown: it gets a new number. */
static void take_entry(struct maildir_modseqs *m, const struct maildir_modseq *one)
{
	size_t at = place_of(m, one->uid);
	if (at < m->v.n && m->v.v[at].uid == one->uid)
		m->v.v[at] = *one;
	else if (at == m->v.n && one->modseq)
		vec_push(&m->v, *one);
}

static void take_lines(struct maildir_modseqs *m, struct str rest)
{
	struct str line;
	struct maildir_modseq one;
	struct maildir_modseq_turn turn;
	uint64_t highest = 0;
	size_t to = 0;
	while (str_split(&rest, '\n', &line)) {
		if (entry(line, &one)) {
			take_entry(m, &one);
			if (one.modseq > highest)
				highest = one.modseq;
		} else if (maildir_modseq_turn(line, &turn)) {
			m->turn = turn;
			if (turn.highest > highest)
				highest = turn.highest;
		}
	}
	for (size_t i = 0; i < m->v.n; i++)
		if (m->v.v[i].modseq)
			m->v.v[to++] = m->v.v[i];
	m->v.n = to;
	if (highest > m->highest)
		m->highest = highest;
}

/* Up to the end of the last complete "=" line. */
static size_t end_of_turns(struct str text)
{
	size_t end = text.n;
	while (end && text.p[end - 1] != '\n')
		end--;
	while (end) {
		size_t at = end - 1;
		while (at && text.p[at - 1] != '\n')
			at--;
		if (text.p[at] == '=')
			return end;
		end = at;
	}
	return 0;
}

void maildir_modseqs_more(struct maildir_modseqs *m, struct str text)
{
	size_t end = end_of_turns(text);
	m->whole |= end != text.n;
	take_lines(m, str_head(text, end));
}

bool maildir_modseqs_parse(struct maildir_modseqs *m, struct str text, uint32_t uidvalidity)
{
	uint32_t validity;
	uint64_t highest;
	size_t end = end_of_turns(text);
	struct str rest = end ? str_head(text, end) : text;
	m->v.n = 0;
	m->turn = (struct maildir_modseq_turn){0};
	m->whole = end != text.n || end == 0;
	if (!maildir_modseq_head(&rest, &validity, &highest) || validity != uidvalidity) {
		m->whole = true;
		return false;
	}
	if (highest > m->highest)
		m->highest = highest;
	take_lines(m, rest);
	m->whole |= m->turn.highest == 0;
	return true;
}
