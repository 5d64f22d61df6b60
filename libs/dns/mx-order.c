/* The order in which the hosts of a domain are tried (RFC 5321, 5.1). */
#include <stdlib.h>
#include "dns/dns-private.h"

static int by_pref(const void *a, const void *b)
{
	const struct dns_exchange *x = a, *y = b;
	return x->pref < y->pref ? -1 : x->pref > y->pref;
}

void dns_exchange_sort(struct dns_exchange *x, size_t n)
{
	/* qsort need not be stable: what matters is that equals come in an order of chance. */
	for (size_t i = n; i > 1; i--) {
		size_t other = random_u64() % i;
		struct dns_exchange t = x[i - 1];
		x[i - 1] = x[other];
		x[other] = t;
	}
	if (n)
		qsort(x, n, sizeof *x, by_pref);
}
