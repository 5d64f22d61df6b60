#include "config.h"

#include "submit/bang.h"

static bool own_domain(void *ctx, struct str domain)
{
	const struct names *n = ctx;
	return str_ieq(domain, n->me) || str_ieq(domain, n->defaultdomain) ||
	       domains_match(n->locals, domain, NULL) > 0;
}

static struct rewrite_bang bang_of(const struct transaction *t)
{
	struct names *n = &t->policy->names;
	return (struct rewrite_bang){.me = n->uucpme, .own = own_domain, .ctx = n};
}

bool bang_source(const struct transaction *t)
{
	return t->from_program && claims_bang_source(t->policy->claims, str_of(t->origin.source));
}

struct str bang_canonical(const struct transaction *t, struct arena *a, struct str address)
{
	struct rewrite_bang b = bang_of(t);
	ptrdiff_t at = str_rchr(address, '@');
	struct str local = at < 0 ? address : str_head(address, (size_t)at);
	struct str domain = at < 0 ? STR_NONE : str_skip(address, (size_t)at + 1);
	if (!rewrite_bang_in(&b, a, &local, &domain))
		return address;
	if (domain.n == 0)
		return local;
	return str_of(arena_printf(a, "%.*s@%.*s", STR_FMT(local), STR_FMT(domain)));
}

int bang_header_map(void *transaction, struct arena *a, struct str *local, struct str *domain)
{
	const struct transaction *t = transaction;
	struct rewrite_bang b = bang_of(t);
	struct rewrite_canonical c = {
	    .default_domain = t->policy->names.defaultdomain, .me = t->policy->names.me};
	int in = rewrite_bang_in(&b, a, local, domain);
	int canonical = rewrite_canonical(&c, a, local, domain);
	return in < 0 || canonical < 0 ? -1 : in || canonical;
}
