#include "config.h"

#include "fax/fax.h"

static bool verb(struct str word, struct fax_rule *r)
{
	static const struct {
		const char *word;
		enum fax_verb verb;
	} verbs[] = {{"rw", FAX_RW}, {"accept", FAX_ACCEPT}, {"reject", FAX_REJECT}};
	r->prefix = r->repeat = false;
	while (word.n && (word.p[word.n - 1] == '^' || word.p[word.n - 1] == '*')) {
		*(word.p[word.n - 1] == '^' ? &r->prefix : &r->repeat) = true;
		word.n--;
	}
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_is(word, verbs[i].word)) {
			r->verb = verbs[i].verb;
			return true;
		}
	return false;
}

/* Groups do not nest, close, and are eight at the most. */
static bool valid_search(struct str s)
{
	unsigned groups = 0;
	bool inside = false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '(') {
			if (inside || ++groups > 8)
				return false;
			inside = true;
		} else if (s.p[i] == ')') {
			if (!inside)
				return false;
			inside = false;
		}
	}
	return !inside && s.n > 0 && s.n <= FAX_NUMBER_MAX;
}

static bool valid_source(struct str s)
{
	static const char *const sources[] = {"local", "esmtp", "uucp", "dsn"};
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (str_is(s, sources[i]))
			return true;
	return false;
}

/* The replacement may be missing: the number is to be nothing. */
static bool read_rule(struct str line, struct fax_rule *r)
{
	struct str word, more;
	if (!str_word(&line, &word) || !verb(word, r) || !str_word(&line, &r->search))
		return false;
	r->what = STR_NONE;
	str_word(&line, &r->what);
	if (str_word(&line, &more) || !valid_search(r->search) || r->what.n > FAX_NUMBER_MAX)
		return false;
	if (r->verb == FAX_RW)
		return true;
	return !r->repeat && valid_source(r->what);
}

unsigned fax_rules_parse(struct str text, struct fax_rules *out)
{
	struct str line;
	unsigned number = 0;
	out->n = 0;
	while (str_split(&text, '\n', &line)) {
		number++;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (out->n == FAX_RULES_MAX || !read_rule(line, &out->v[out->n]))
			return number;
		out->n++;
	}
	return 0;
}
