#include "config.h"

#include "rewrite/rewrite.h"
#include "unicode/unicode.h"

#include <arpa/inet.h>

struct address {
	int family;
	unsigned char bytes[16];
};

static bool address_of(struct str text, struct address *out)
{
	char z[INET6_ADDRSTRLEN + 1];
	*out = (struct address){0};
	if (text.n >= sizeof z || str_chr(text, 0) >= 0)
		return false;
	memcpy(z, text.p ? text.p : "", text.n);
	z[text.n] = 0;
	out->family = strchr(z, ':') ? AF_INET6 : AF_INET;
	return inet_pton(out->family, z, out->bytes) == 1;
}

static bool own_literal(const struct rewrite_canonical *c, struct str domain)
{
	struct str ip;
	struct address a, b;
	if (!mailpath_literal_ok(domain, &ip) || !address_of(ip, &a))
		return false;
	for (size_t i = 0; i < c->literal_count; i++)
		if (address_of(c->literals[i], &b) && a.family == b.family &&
		    memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0)
			return true;
	return false;
}

/* A-labels stay A-labels: turned to Unicode they would make an ASCII header 8-bit. */
static struct str lower(struct arena *a, struct str domain)
{
	if (str_has_8bit(domain))
		return domain_unicode(a, domain);
	return domain_ascii(a, domain);
}

int rewrite_canonical(void *canonical, struct arena *a, struct str *local, struct str *domain)
{
	const struct rewrite_canonical *c = canonical;
	if (domain->n == 0) {
		if (c->default_domain.n == 0 || str_chr(*local, '!') >= 0)
			return 0;
		*domain = c->default_domain;
		return 1;
	}
	if (domain->p[0] == '[') {
		if (c->me.n == 0 || !own_literal(c, *domain))
			return 0;
		*domain = c->me;
		return 1;
	}
	struct str canon = lower(a, *domain);
	if (!canon.p || str_eq(canon, *domain))
		return 0; /* what is no domain stays what it is */
	*domain = canon;
	return 1;
}
