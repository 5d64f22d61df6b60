/* check_host() of RFC 7208, 4. */
#include <arpa/nameser.h>
#include "dns/rdata.h"
#include "spf/spf-private.h"
#include "unicode/unicode.h"

const char *spf_result_name(enum spf_result r)
{
	static const char *const names[SPF_RESULTS] = {
	    "none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"};
	return names[r];
}

int spf_permerror(struct spf_eval *e, const char *problem)
{
	e->problem = problem;
	return SPF_PERMERROR;
}

int spf_temperror(struct spf_eval *e, const char *problem)
{
	e->problem = problem;
	return SPF_TEMPERROR;
}

int spf_count_term(struct spf_eval *e)
{
	if (++e->terms <= SPF_TERMS_MAX)
		return 0;
	return spf_permerror(e, "the record needs too many look-ups");
}

static bool is_void(const struct dns_answer *a)
{
	return a->status == DNS_NXDOMAIN || a->status == DNS_NODATA ||
	       (a->status == DNS_OK && a->n == 0);
}

int spf_get(struct spf_eval *e, struct str name, uint16_t type, const struct dns_answer **out)
{
	*out = e->lookup(e->lookup_ctx, name, type);
	if (!*out) {
		memset(e->ask, 0, sizeof *e->ask);
		memcpy(e->ask->name, name.p, name.n < DNS_NAME_SIZE ? name.n : DNS_NAME_SIZE - 1);
		e->ask->type = type;
		return SPF_STEP_ASK;
	}
	if (!e->uncounted && is_void(*out) && ++e->voids > SPF_VOID_MAX)
		return spf_permerror(e, "too many look-ups of the record lead nowhere");
	return 0;
}

/* ---- finding the record ---------------------------------------------------------------------- */

static int select_record(struct spf_eval *e, const struct dns_answer *a, struct buf *text)
{
	size_t found = 0;
	struct buf one;
	buf_init(&one, SPF_RECORD_MAX);
	for (size_t i = 0; i < a->n; i++) {
		buf_clear(&one);
		/* One that is too long still tells by its start what it is. */
		dns_rdata_txt(a->rdata[i], &one);
		if (!spf_is_record(buf_str(&one)))
			continue;
		found++;
		if (one.failed)
			text->failed = true;
		else
			buf_adds(text, buf_str(&one));
	}
	buf_free(&one);
	if (found == 0)
		return SPF_NONE;
	if (found > 1)
		return spf_permerror(e, "the domain has several SPF records");
	return text->failed ? spf_permerror(e, "the record is too long") : SPF_STEP_MATCH;
}

static int check_host(struct spf_eval *e, struct str domain, bool included);

/* The domain's record, copied to the arena and parsed; SPF_STEP_MATCH or why not. */
static int fetch(struct spf_eval *e, struct str domain, struct spf_record *out)
{
	const struct dns_answer *a;
	struct buf text;
	e->uncounted = e->terms == 0; /* the first one: no record is a result of its own */
	int step = spf_get(e, domain, ns_t_txt, &a);
	e->uncounted = false;
	if (step)
		return step;
	if (a->status == DNS_TEMPFAIL)
		return spf_temperror(e, "the record can't be looked up for now");
	buf_init(&text, SPF_RECORD_MAX);
	step = select_record(e, a, &text);
	struct str copy = step == SPF_STEP_MATCH ? arena_str(e->arena, buf_str(&text)) : STR_NONE;
	buf_free(&text);
	if (step != SPF_STEP_MATCH)
		return step;
	if (!copy.p)
		return spf_temperror(e, "no memory");
	const char *wrong = spf_record_parse(copy, out);
	return wrong ? spf_permerror(e, wrong) : SPF_STEP_MATCH;
}

/* ---- evaluating it --------------------------------------------------------------------------- */

static int include(struct spf_eval *e, const struct spf_term *t, struct str domain)
{
	struct str name = STR_NONE;
	int step = spf_count_term(e);
	if (!step)
		step = spf_target(e, t->domain, domain, &name);
	if (step)
		return step;
	switch (step = check_host(e, name, true)) {
	case SPF_PASS:
		return SPF_STEP_MATCH;
	case SPF_FAIL:
	case SPF_SOFTFAIL:
	case SPF_NEUTRAL:
		return SPF_STEP_NO_MATCH;
	case SPF_NONE:
		return spf_permerror(e, "an included domain has no SPF record");
	default:
		return step;
	}
}

static int redirect(struct spf_eval *e, struct str spec, struct str domain, bool included)
{
	struct str name = STR_NONE;
	int step = spf_count_term(e);
	if (!step)
		step = spf_target(e, spec, domain, &name);
	if (!step)
		step = check_host(e, name, included);
	if (step == SPF_NONE || step == SPF_STEP_NO_MATCH)
		return spf_permerror(e, "the domain that is redirected to has no SPF record");
	return step;
}

static void note_explanation(
    struct spf_eval *e, const struct spf_record *r, struct str domain, bool included)
{
	if (included)
		return;
	e->explain = r->explanation;
	e->explain_domain = domain;
}

static int evaluate(
    struct spf_eval *e, const struct spf_record *r, struct str domain, bool included)
{
	for (size_t i = 0; i < r->terms.n; i++) {
		const struct spf_term *t = &r->terms.v[i];
		int step =
		    t->kind == SPF_M_INCLUDE ? include(e, t, domain) : spf_mechanism(e, t, domain);
		if (step == SPF_STEP_NO_MATCH)
			continue;
		if (step != SPF_STEP_MATCH)
			return step;
		note_explanation(e, r, domain, included);
		return (int)t->result;
	}
	if (r->redirect.p && !r->has_all)
		return redirect(e, r->redirect, domain, included);
	return SPF_NEUTRAL;
}

static int check_host(struct spf_eval *e, struct str domain, bool included)
{
	struct spf_record record;
	int step = fetch(e, domain, &record);
	if (step != SPF_STEP_MATCH)
		return step;
	step = evaluate(e, &record, domain, included);
	spf_record_free(&record);
	return step;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static bool set_sender(struct spf_eval *e, struct str sender, struct str domain)
{
	ptrdiff_t at = str_rchr(sender, '@');
	e->sender_domain = at < 0 ? sender : str_skip(sender, (size_t)at + 1);
	e->local = at > 0 ? str_head(sender, (size_t)at) : STR("postmaster");
	if (e->sender_domain.n == 0)
		e->sender_domain = domain;
	struct str ascii = domain_ascii(e->arena, e->sender_domain);
	if (ascii.p)
		e->sender_domain = ascii;
	char *z = arena_printf(e->arena, "%.*s@%.*s", STR_FMT(e->local), STR_FMT(e->sender_domain));
	e->sender = str_of(z);
	return z != NULL;
}

/* A name of several good labels (4.3). */
static bool set_domain(struct spf_eval *e, struct str domain, struct str *out)
{
	char name[DNS_NAME_SIZE];
	if (!dns_name_ascii(domain, name) || !strchr(name, '.'))
		return false;
	*out = arena_str(e->arena, str_of(name));
	return out->p != NULL;
}

enum spf_progress spf_evaluate(struct arena *a, const struct spf_facts *f, spf_lookup lookup,
    void *ctx, struct spf_verdict *out, struct spf_question *ask)
{
	struct spf_eval e = {
	    .arena = a,
	    .facts = f,
	    .ip = spf_plain_address(&f->ip),
	    .lookup = lookup,
	    .lookup_ctx = ctx,
	    .ask = ask,
	};
	struct str domain;
	*out = (struct spf_verdict){.result = SPF_NONE};
	if (!set_domain(&e, f->domain, &domain))
		return SPF_DONE;
	int step = set_sender(&e, f->sender, domain) ? check_host(&e, domain, false)
						     : spf_temperror(&e, "no memory");
	if (step == SPF_FAIL && spf_explain(&e, &out->explanation) == SPF_STEP_ASK)
		step = SPF_STEP_ASK;
	if (step == SPF_STEP_ASK)
		return SPF_ASK;
	out->result = (enum spf_result)step;
	out->problem = e.problem;
	return SPF_DONE;
}
