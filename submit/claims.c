#include "config.h"

#include "submit/claims.h"

#include <stdlib.h>

bool claims_own_domain(const struct names *n, const struct address *a)
{
	return a->kind == ADDRESS_LOCAL || str_ieq(a->domain, n->defaultdomain) ||
	       str_ieq(a->domain, n->me);
}

bool claim_domain_match(struct str pattern, struct str domain)
{
	if (pattern.n && pattern.p[0] == '.')
		return domain.n > pattern.n && str_iends(domain, pattern);
	if (pattern.n && pattern.p[pattern.n - 1] == '*')
		return str_istarts(domain, str_head(pattern, pattern.n - 1));
	return str_ieq(domain, pattern);
}

/* 1, 0, or -1: a table can't be read. */
static int matches(
    const struct claim *c, const struct names *n, const struct address *a, struct str *host)
{
	struct domain_match match;
	int r;
	*host = a->domain;
	switch (c->what.kind) {
	case CLAIM_LOCAL:
		return a->kind != ADDRESS_REMOTE;
	case CLAIM_REMOTE:
		return a->kind == ADDRESS_REMOTE;
	case CLAIM_BANG:
		return claims_own_domain(n, a) && str_chr(a->local, '!') > 0;
	case CLAIM_DOMAIN:
		return claim_domain_match(c->what.text, a->domain);
	case CLAIM_LIST:
		r = domains_match(c->list, a->domain, &match);
		if (r > 0 && match.target.n)
			*host = match.target;
		return r;
	}
	return 0;
}

const struct claim *claims_next(const struct claims *c, const struct names *n,
    const struct address *a, size_t *at, struct str *host, bool *failed)
{
	*failed = false;
	while (*at < c->n) {
		const struct claim *k = &c->v[(*at)++];
		int r = matches(k, n, a, host);
		*failed = r < 0;
		if (r)
			return r > 0 ? k : NULL;
	}
	return NULL;
}

bool claims_bang_source(const struct claims *c, struct str source)
{
	for (size_t i = 0; i < c->files.n; i++)
		if (str_is(source, c->files.v[i].name))
			return c->files.v[i].bang;
	return false;
}

static int add(struct claims *c, const struct instance *in, struct str me, claims_list list,
    const struct module_file *f)
{
	/* Without a program mail only comes in through it. */
	for (size_t i = 0; f->prog && i < f->n_claims; i++) {
		struct claim *k = &c->v[c->n];
		*k = (struct claim){.module = f->name, .what = f->claims[i], .ask = f->ask};
		if (k->what.kind == CLAIM_LIST) {
			char *file = mem_strndup(k->what.text.p, k->what.text.n);
			k->list = list(in, file, me);
			free(file);
			if (!k->list)
				return -1;
		}
		c->n++;
	}
	return 0;
}

struct claims *claims_load(const struct instance *in, struct str me, claims_list list)
{
	struct claims *c = mem_new(struct claims);
	if (module_files_load(&c->files, in) < 0) {
		free(c);
		return NULL;
	}
	c->v = mem_zero((MODULE_FILES_MAX * MODULE_CLAIMS_MAX) * sizeof *c->v);
	for (size_t i = 0; i < c->files.n; i++)
		if (add(c, in, me, list, &c->files.v[i]) < 0) {
			log_error(NULL, "module.%s: its list of domains cannot be read",
			    c->files.v[i].name);
			claims_free(c);
			return NULL;
		}
	return c;
}

void claims_free(struct claims *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		domains_free(c->v[i].list);
	free(c->v);
	module_files_free(&c->files);
	free(c);
}
