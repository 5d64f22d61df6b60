/* The values of macros, names made of them, and the explanation (RFC 7208, 6.2 and 7). */
#include <arpa/nameser.h>
#include <stdio.h>
#include "dns/rdata.h"
#include "spf/spf-private.h"

struct values {
	struct spf_eval *e;
	struct str domain;
	int step; /* why get said no */
};

static struct str kept(struct spf_eval *e, const struct buf *b)
{
	struct str s = arena_str(e->arena, buf_str(b));
	return s.p ? s : STR("unknown");
}

static struct str address_value(struct spf_eval *e, bool dotted)
{
	struct buf b;
	buf_init(&b, 128);
	(dotted ? spf_address_dotted : spf_address_text)(&e->ip, &b);
	struct str s = kept(e, &b);
	buf_free(&b);
	return s;
}

/* %{p}: the domain itself, else a name below it, else any (7.3). */
static struct str best_name(
    struct spf_eval *e, char (*names)[DNS_NAME_SIZE], size_t n, struct str domain)
{
	struct str best = n ? str_of(names[0]) : STR("unknown");
	for (size_t i = n; i-- > 0;)
		if (dns_name_within(str_of(names[i]), domain))
			best = str_of(names[i]);
	for (size_t i = 0; i < n; i++)
		if (str_ieq(str_of(names[i]), domain))
			best = str_of(names[i]);
	best = arena_str(e->arena, best);
	return best.p ? best : STR("unknown");
}

static int own_name(struct values *v, struct str *value)
{
	struct spf_eval *e = v->e;
	char names[SPF_HOSTS_MAX][DNS_NAME_SIZE];
	size_t n;
	if (!e->name_counted && !e->uncounted) {
		e->name_counted = true;
		v->step = spf_count_term(e);
	}
	if (!v->step)
		v->step = spf_names(e, names, &n);
	if (v->step)
		return -1;
	*value = best_name(e, names, n, v->domain);
	return 0;
}

static struct str time_value(struct spf_eval *e)
{
	char *z = arena_printf(e->arena, "%lld", (long long)e->facts->now);
	return z ? str_of(z) : STR("0");
}

static int get_value(void *ctx, char letter, struct str *value)
{
	struct values *v = ctx;
	struct spf_eval *e = v->e;
	switch (letter) {
	case 's':
		*value = e->sender;
		break;
	case 'l':
		*value = e->local;
		break;
	case 'o':
		*value = e->sender_domain;
		break;
	case 'd':
		*value = v->domain;
		break;
	case 'i':
		*value = address_value(e, true);
		break;
	case 'c':
		*value = address_value(e, false);
		break;
	case 'p':
		return own_name(v, value);
	case 'v':
		*value = e->ip.ss_family == AF_INET6 ? STR("ip6") : STR("in-addr");
		break;
	case 'h':
		*value = e->facts->helo;
		break;
	case 'r':
		*value = e->facts->receiver.n ? e->facts->receiver : STR("unknown");
		break;
	default:
		*value = time_value(e);
	}
	return 0;
}

int spf_expand(struct spf_eval *e, struct str spec, struct str domain, bool explaining, size_t max,
    struct str *out)
{
	struct values v = {.e = e, .domain = domain};
	struct spf_macros m = {.get = get_value, .ctx = &v, .explaining = explaining};
	struct buf b;
	buf_init(&b, max);
	int r = spf_macro_expand(spec, &m, &b);
	if (r > 0) {
		*out = arena_str(e->arena, buf_str(&b));
		r = out->p ? 1 : 0;
	}
	buf_free(&b);
	return r > 0 ? 0 : r < 0 ? v.step : SPF_STEP_NO_MATCH;
}

/* Labels of any bytes up to 63, and names up to 253 of which the left ones go first (7.3). */
static bool good_name(struct str *name)
{
	struct str rest, label;
	if (name->n && name->p[name->n - 1] == '.')
		name->n--;
	while (name->n > 253) {
		ptrdiff_t dot = str_chr(*name, '.');
		if (dot < 0)
			return false;
		*name = str_skip(*name, (size_t)dot + 1);
	}
	rest = *name;
	while (str_split(&rest, '.', &label))
		if (label.n == 0 || label.n > 63)
			return false;
	return name->n > 0 && name->p[name->n - 1] != '.';
}

int spf_target(struct spf_eval *e, struct str spec, struct str domain, struct str *out)
{
	*out = domain;
	if (spec.n == 0)
		return 0;
	int step = spf_expand(e, spec, domain, false, 8192, out);
	if (step)
		return step;
	return good_name(out) ? 0 : SPF_STEP_NO_MATCH;
}

/* Anything wrong means no explanation (6.2): the result stands without one. */
static int explanation_text(struct spf_eval *e, const struct dns_answer *a, struct str *out)
{
	struct buf text;
	if (a->n != 1)
		return 0;
	buf_init(&text, SPF_RECORD_MAX);
	int step = 0;
	if (!dns_rdata_txt(a->rdata[0], &text) && spf_macro_valid(buf_str(&text), true)) {
		step = spf_expand(e, buf_str(&text), e->explain_domain, true, 8192, out);
		if (step == SPF_STEP_NO_MATCH)
			*out = STR_NONE;
		*out = str_head(*out, SPF_EXPLANATION_MAX);
	}
	buf_free(&text);
	return step == SPF_STEP_ASK ? step : 0;
}

static bool printable_ascii(struct str s)
{
	return !str_has_ctl(s) && !str_has_8bit(s);
}

int spf_explain(struct spf_eval *e, struct str *out)
{
	const struct dns_answer *a;
	struct str name;
	*out = STR_NONE;
	if (!e->explain.p)
		return 0;
	e->uncounted = true;
	int step = spf_target(e, e->explain, e->explain_domain, &name);
	if (!step)
		step = spf_get(e, name, ns_t_txt, &a);
	if (step)
		return step == SPF_STEP_ASK ? step : 0;
	step = explanation_text(e, a, out);
	if (!printable_ascii(*out))
		*out = STR_NONE;
	return step;
}
