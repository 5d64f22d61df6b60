#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "filter/filter-private.h"

#include <stdio.h>
#include <stdlib.h>

enum { GROUPS_MAX = 100 };

struct pattern_code {
	char *text; /* what was compiled */
	size_t n;
	bool sensitive;
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
	size_t matched; /* bytes searched so far */
};

/* Machine code costs more to make than a header costs to search without it. */
enum { JIT_WORTH = 64 * 1024, CLOCK_EVERY = 16 };

static void code_free(struct pattern_code *c)
{
	if (!c)
		return;
	pcre2_match_context_free(c->limits);
	pcre2_match_data_free(c->data);
	pcre2_code_free(c->code);
	free(c->text);
	free(c);
}

void pattern_free(struct pattern *p)
{
	code_free(p->code);
	p->code = NULL;
}

/* NULL: *why tells, *at is the place in the text. */
static pcre2_code *translate(struct str text, bool sensitive, struct buf *why, size_t *at)
{
	int error = 0;
	PCRE2_UCHAR said[200] = "";
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | (sensitive ? 0 : PCRE2_CASELESS);
	pcre2_code *code =
	    pcre2_compile((PCRE2_SPTR)(text.p ? text.p : ""), text.n, options, &error, at, NULL);
	if (code)
		return code;
	pcre2_get_error_message(error, said, sizeof said);
	buf_addf(why, "pattern /%.*s/: %s", STR_FMT(str_head(text, 200)), (const char *)said);
	return NULL;
}

bool pattern_check(const struct pattern *p, struct buf *why, size_t *at)
{
	const struct segment *s = p->text;
	if (s && (s->variable || s->next))
		return true;
	pcre2_code *code = translate(s ? s->s : STR_NONE, p->sensitive, why, at);
	pcre2_code_free(code);
	return code != NULL;
}

static struct pattern_code *compile(struct filter_run *r, struct str text, bool sensitive)
{
	struct buf why;
	size_t at = 0;
	struct pattern_code *c = mem_new(struct pattern_code);
	buf_init(&why, FILTER_ERROR_MAX);
	c->code = translate(text, sensitive, &why, &at);
	if (!c->code)
		filter_fail(r, "%.*s at character %zu", STR_FMT(buf_str(&why)), at + 1);
	buf_free(&why);
	if (!c->code) {
		free(c);
		return NULL;
	}
	c->data = pcre2_match_data_create(GROUPS_MAX, NULL);
	c->limits = pcre2_match_context_create(NULL);
	c->text = mem_strndup(text.p ? text.p : "", text.n);
	c->n = text.n;
	c->sensitive = sensitive;
	if (!c->data || !c->limits) {
		code_free(c);
		filter_fail(r, "no memory for a pattern");
		return NULL;
	}
	pcre2_set_match_limit(c->limits, FILTER_MATCH_STEPS);
	pcre2_set_depth_limit(c->limits, FILTER_MATCH_STEPS);
	pcre2_set_heap_limit(c->limits, FILTER_MATCH_HEAP);
	return c;
}

/* 1, 0 or -1. */
static int match_at(
    struct filter_run *r, struct pattern_code *c, struct str s, size_t from, uint32_t options)
{
	size_t before = c->matched;
	c->matched += s.n - from;
	if (before <= JIT_WORTH && c->matched > JIT_WORTH)
		pcre2_jit_compile(c->code, PCRE2_JIT_COMPLETE);
	PCRE2_SPTR text = (PCRE2_SPTR)(s.p ? s.p : "");
	int n = pcre2_match(c->code, text, s.n, from, options, c->data, c->limits);
	if (n == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter has FILTER_MATCH_HEAP */
		n = pcre2_match(
		    c->code, text, s.n, from, options | PCRE2_NO_JIT, c->data, c->limits);
	if (n >= 0)
		return 1;
	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	PCRE2_UCHAR why[200] = "";
	pcre2_get_error_message(n, why, sizeof why);
	return filter_fail(r, "pattern /%.*s/: %s",
	    STR_FMT(str_at(c->text, c->n < 200 ? c->n : 200)), (const char *)why);
}

static struct str group(const struct pattern_code *c, struct str s, uint32_t i)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(c->data);
	if (v[2 * i] == PCRE2_UNSET || v[2 * i] > v[2 * i + 1] || v[2 * i + 1] > s.n)
		return STR_NONE;
	return str_at(s.p + v[2 * i], v[2 * i + 1] - v[2 * i]);
}

static bool set_match(struct filter_run *r, const struct pattern_code *c, struct str s)
{
	char name[20] = "MATCH";
	uint32_t groups = 0;
	pcre2_pattern_info(c->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	bool ok = filter_set(r, STR("MATCH"), group(c, s, 0));
	for (uint32_t i = 1; i <= groups && i < GROUPS_MAX; i++) {
		snprintf(name + 5, sizeof name - 5, "%u", (unsigned)i);
		ok = filter_set(r, str_of(name), group(c, s, i)) && ok;
	}
	return ok || filter_fail(r, "too much text in variables") == 0;
}

/* What one run over several pieces of text has found. */
struct search {
	struct filter_run *r;
	struct pattern *p;
	struct pattern_code *c;
	struct buf *collect;
	double score, weight;
	size_t found;
	bool done, failed;
};

static void collect(struct search *x, struct str line)
{
	for (size_t at = 0; at <= line.n && !x->failed;) {
		int hit = match_at(x->r, x->c, line, at, at ? PCRE2_NOTBOL : 0);
		if (hit <= 0) {
			x->failed = hit < 0;
			return;
		}
		struct str m = group(x->c, line, 0);
		size_t end = m.p ? (size_t)(m.p - line.p) + m.n : line.n;
		x->failed = !set_match(x->r, x->c, line);
		if (m.n && (!buf_adds(x->collect, m) || !buf_addc(x->collect, 0) ||
			       ++x->found > FILTER_MATCHES_MAX)) {
			filter_fail(x->r, "a foreach has too many matches");
			x->failed = true;
		}
		at = end + (m.n ? 0 : 1);
		while (at < line.n && ((unsigned char)line.p[at] & 0xc0) == 0x80)
			at++;
	}
}

static void search_line(struct search *x, struct str line)
{
	if (x->collect) {
		collect(x, line);
		return;
	}
	int hit = match_at(x->r, x->c, line, 0, 0);
	x->failed = hit < 0;
	if (hit <= 0)
		return;
	x->failed = !set_match(x->r, x->c, line);
	x->score += x->weight;
	x->weight *= x->p->y;
	x->done = !x->p->weighted;
}

static void search_lines(struct search *x, struct str text)
{
	struct str line;
	for (unsigned n = 1; text.n && !x->done && !x->failed; n++) {
		if (n % CLOCK_EVERY == 0 && filter_late(x->r)) {
			x->failed = true;
			return;
		}
		const char *nl = memchr(text.p, '\n', text.n);
		line = str_head(text, nl ? (size_t)(nl - text.p) : text.n);
		search_line(x, line);
		text = str_skip(text, line.n + 1);
	}
}

static void search_view(struct search *x, enum view_kind k)
{
	struct str text;
	if (x->done || x->failed)
		return;
	if (view_get(x->r, k, &text))
		search_lines(x, text);
	else
		x->failed = true;
}

static bool ready(struct filter_run *r, struct pattern *p)
{
	struct str text = filter_expand(r, p->text);
	struct pattern_code *c = p->code;
	if (!text.p)
		return false;
	if (c && c->n == text.n && !memcmp(c->text, text.p, text.n))
		return true;
	pattern_free(p);
	p->code = compile(r, text, p->sensitive);
	return p->code != NULL;
}

bool pattern_run(struct filter_run *r, struct pattern *p, const struct str *subject, double *score,
    struct buf *collect_in)
{
	if (!ready(r, p))
		return false;
	struct search x = {.r = r, .p = p, .c = p->code, .collect = collect_in, .weight = p->x};
	if (subject && !subject->n) {
		search_line(&x, *subject);
	} else if (subject) {
		search_lines(&x, *subject);
	} else {
		if (p->header || p->top_header)
			search_view(&x, p->header ? VIEW_HEADERS : VIEW_TOP);
		if (p->body)
			search_view(&x, VIEW_BODY);
	}
	if (score)
		*score = x.score;
	filter_say(r, 5, "search for /%s/ gives %.22g", p->code->text, x.score);
	return !x.failed;
}

int pattern_once(struct filter_run *r, struct str pattern, bool sensitive, struct str subject)
{
	struct pattern_code *c = compile(r, pattern, sensitive);
	if (!c)
		return -1;
	int hit = match_at(r, c, subject, 0, 0);
	code_free(c);
	return hit;
}
