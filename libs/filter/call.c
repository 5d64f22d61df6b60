#include "config.h"

#include "filter/filter-private.h"
#include "rfc822/rfc822.h"
#include "unicode/unicode.h"

#include <stdlib.h>

enum { LOOKUP_FILE_MAX = 64 << 20, DB_STEPS_MAX = 130 };

static struct str escaped(struct filter_run *r, struct str s)
{
	struct buf b;
	buf_init(&b, FILTER_VALUE_MAX);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] && strchr("|!$()[]\\+*?.&;`'-~<>^{}\"", s.p[i]))
			buf_addc(&b, '\\');
		buf_addc(&b, s.p[i]);
	}
	return filter_keep(r, &b);
}

static struct str addresses(struct filter_run *r, struct str s)
{
	struct mailaddr_list l;
	struct buf b;
	ptrdiff_t colon = str_chr(s, ':');
	bool name = colon > 0;
	for (ptrdiff_t i = 0; i < colon; i++) /* "To: ..." is fine too */
		name = name && (ascii_alnum((unsigned char)s.p[i]) || s.p[i] == '-');
	if (name && str_chr(str_head(s, (size_t)colon), '@') < 0 && str_rchr(s, ';') < 0)
		s = str_skip(s, (size_t)colon + 1);
	buf_init(&b, FILTER_VALUE_MAX);
	if (mailaddr_parse(r->a, s, MAILADDR_MAX_DEFAULT, &l) == 0)
		for (const struct mailaddr *m = l.first; m; m = m->next)
			if (m->kind == MAILADDR_MAILBOX && (m->local.n || m->domain.n)) {
				mailaddr_print_spec(&b, m->local, m->domain);
				buf_addc(&b, '\n');
			}
	return filter_keep(r, &b);
}

static bool field_has(struct filter_run *r, struct str body, struct str want)
{
	struct mailaddr_list l;
	struct buf b;
	bool found = false;
	struct str line = header_unfold(r->a, body);
	if (!line.p || mailaddr_parse(r->a, line, MAILADDR_MAX_DEFAULT, &l) < 0)
		return false;
	buf_init(&b, FILTER_VALUE_MAX);
	for (const struct mailaddr *m = l.first; m && !found; m = m->next) {
		buf_clear(&b);
		if (m->kind == MAILADDR_MAILBOX && mailaddr_print_spec(&b, m->local, m->domain))
			found = str_ieq(buf_str(&b), want);
	}
	buf_free(&b);
	return found;
}

static bool has_address(struct filter_run *r, struct str want)
{
	static const char *const names[] = {"To", "Cc", "Resent-To", "Resent-Cc"};
	struct str blocks[] = {
	    r->msg.extra, str_head(r->msg.bytes, header_length(r->msg.bytes, NULL))};
	want = str_trim(want);
	for (size_t b = 0; b < ARRAY_LEN(blocks); b++) {
		struct header_field f;
		struct str rest = blocks[b];
		while (header_next(&rest, &f))
			for (size_t i = 0; i < ARRAY_LEN(names); i++)
				if (str_iis(f.name, names[i]) && field_has(r, f.body, want))
					return true;
	}
	return false;
}

/* Bytes of the n-th character; a byte that is no UTF-8 counts as one. */
static size_t characters(struct str s, size_t n)
{
	size_t at = 0;
	while (n-- && at < s.n) {
		uint32_t cp;
		size_t len = utf8_next(str_skip(s, at), &cp);
		at += len ? len : 1;
	}
	return at;
}

static size_t length_of(struct str s)
{
	size_t n = 0;
	for (size_t at = 0; at < s.n; n++) {
		uint32_t cp;
		size_t len = utf8_next(str_skip(s, at), &cp);
		at += len ? len : 1;
	}
	return n;
}

static size_t count_of(struct str v)
{
	double d = filter_double(v);
	return d < 0 ? 0 : d > 1e9 ? 1000000000 : (size_t)d;
}

static struct str mapped(struct filter_run *r, struct str s, bool upper)
{
	char *p = arena_alloc(r->a, s.n + 1);
	for (size_t i = 0; p && i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		p[i] = (char)(upper ? ascii_upper(c) : ascii_lower(c));
	}
	if (!p)
		filter_fail(r, "a value is too large");
	return p ? str_at(p, s.n) : STR_NONE;
}

static bool lookup(struct filter_run *r, const struct str *v, size_t n, struct str *out)
{
	struct buf b;
	int hit = 0;
	bool sensitive = n > 2 && str_chr(v[2], 'D') >= 0;
	buf_init(&b, LOOKUP_FILE_MAX);
	if (!r->host->read_file)
		return filter_fail(r, "lookup is not allowed here") == 0;
	if (r->host->read_file(r, v[1], &b) < 0) {
		buf_free(&b);
		return false;
	}
	struct str rest = buf_str(&b), line;
	while (hit == 0 && rest.n && str_split(&rest, '\n', &line)) {
		while (line.n && ascii_space((unsigned char)line.p[0]))
			line = str_skip(line, 1);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n && line.p[0] != '#')
			hit = pattern_once(r, line, sensitive, v[0]);
	}
	buf_free(&b);
	*out = hit > 0 ? STR("1") : STR("0");
	return hit >= 0;
}

/* ---- databases ------------------------------------------------------------------------------- */

bool filter_db_close(struct filter_run *r)
{
	void *db = r->db;
	r->db = NULL;
	return !db || r->host->db_close(r, db) == 0;
}

static bool db_open(struct filter_run *r, const struct str *v, size_t n, struct str *out)
{
	char mode = n > 1 && v[1].n ? (char)ascii_upper((unsigned char)v[1].p[0]) : 'R';
	if (!r->host->db_open || !strchr("RWCN", mode))
		return filter_fail(r, "gdbmopen: unknown mode") == 0;
	if (r->embedded && !r->trusted && mode != 'R')
		return filter_fail(r, "a database can be opened only for reading here") == 0;
	if (!filter_db_close(r))
		return false;
	r->db = r->host->db_open(r, v[0], mode);
	*out = r->db ? STR("0") : STR("-1");
	return true;
}

/* The next key to try; false at the end.  D: the domain, then its parents; I: shorter prefixes. */
static bool next_key(struct str *key, bool domain)
{
	ptrdiff_t dot = domain ? str_chr(*key, '.') : str_rchr(*key, '.');
	if (dot < 0)
		return false;
	*key = domain ? str_skip(*key, (size_t)dot + 1) : str_head(*key, (size_t)dot);
	return key->n > 0;
}

static int fetch(struct filter_run *r, struct str key, struct str options, struct buf *out)
{
	bool domain = str_chr(options, 'D') >= 0, prefix = str_chr(options, 'I') >= 0;
	int hit = r->host->db_fetch(r, r->db, key, out);
	if (hit || (!domain && !prefix))
		return hit;
	ptrdiff_t at = str_chr(key, '@');
	if (domain && at >= 0) {
		hit = r->host->db_fetch(r, r->db, str_head(key, (size_t)at + 1), out);
		key = str_skip(key, (size_t)at + 1);
		if (hit == 0)
			hit = r->host->db_fetch(r, r->db, key, out);
	}
	for (int steps = 0; hit == 0 && steps < DB_STEPS_MAX && next_key(&key, domain); steps++)
		hit = r->host->db_fetch(r, r->db, key, out);
	return hit;
}

/* The default is evaluated only when it is wanted. */
static bool db_fetch(struct filter_run *r, struct node *n, struct str *out)
{
	struct str key, options = STR_NONE;
	struct node *second = n->a->next;
	struct buf b;
	if (!filter_eval(r, n->a, &key) || (second && !filter_eval(r, second, &options)))
		return false;
	filter_at(r, n->line, n->column);
	if (!r->db)
		return filter_fail(r, "gdbmfetch: no database is open") == 0;
	buf_init(&b, FILTER_VALUE_MAX);
	int hit = fetch(r, key, options, &b);
	if (hit <= 0) {
		buf_free(&b);
		return hit == 0 && (!second || !second->next || filter_eval(r, second->next, out));
	}
	*out = filter_keep(r, &b);
	return out->p != NULL;
}

static bool db_store(struct filter_run *r, const struct str *v, struct str *out)
{
	if (!r->db)
		return filter_fail(r, "gdbmstore: no database is open") == 0;
	*out = r->host->db_store(r, r->db, v[0], v[1]) == 0 ? STR("0") : STR("-1");
	filter_error_clear(r);
	return true;
}

bool filter_call(struct filter_run *r, struct node *n, struct str *out)
{
	struct str v[3] = {STR_NONE, STR_NONE, STR_NONE};
	size_t count = 0;
	*out = STR("");
	if (n->call == W_GDBMFETCH)
		return db_fetch(r, n, out);
	for (struct node *a = n->a; a && count < 3; a = a->next)
		if (!filter_eval(r, a, &v[count++]))
			return false;
	filter_at(r, n->line, n->column);
	switch (n->call) {
	case W_ESCAPE:
		*out = escaped(r, v[0]);
		break;
	case W_GETADDR:
		*out = addresses(r, v[0]);
		break;
	case W_HASADDR:
		*out = has_address(r, v[0]) ? STR("1") : STR("0");
		break;
	case W_LENGTH:
		*out = filter_from_double(r, (double)length_of(v[0]));
		break;
	case W_SUBSTR:
		*out = str_skip(v[0], characters(v[0], count_of(v[1])));
		if (count > 2)
			*out = str_head(*out, characters(*out, count_of(v[2])));
		if (!out->p)
			*out = STR("");
		break;
	case W_TOLOWER:
	case W_TOUPPER:
		*out = mapped(r, v[0], n->call == W_TOUPPER);
		break;
	case W_TIME:
		*out = filter_from_double(r, (double)clock_now());
		break;
	case W_LOOKUP:
		return lookup(r, v, count, out);
	case W_GDBMOPEN:
		return db_open(r, v, count, out);
	case W_GDBMSTORE:
		return db_store(r, v, out);
	default: /* gdbmclose */
		return filter_db_close(r);
	}
	return out->p != NULL;
}
