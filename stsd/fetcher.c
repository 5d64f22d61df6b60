/* The fetcher as the settings want it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include "smtp/socks.h"
#include "stsd/sts-settings.h"
#include "tls/tls.h"

static void proxy_text(const struct sockaddr_storage *a, char *out, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "";
	bool six = a->ss_family == AF_INET6;
	const void *at = six ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
			     : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
	inet_ntop(a->ss_family, at, ip, sizeof ip);
	snprintf(out, size, "%s%s%s:%u", six ? "[" : "", ip, six ? "]" : "",
	    (unsigned)ntohs(((const struct sockaddr_in *)a)->sin_port));
}

/* The way that mail goes, too. */
static int set_proxy(struct sts_fetcher *f, const struct config *c)
{
	char where[INET6_ADDRSTRLEN + 16];
	struct socks_proxy p;
	struct str line;
	size_t at = 0;
	if (!config_each(c, "sts", "esmtpsocks", &at, &line) || socks_proxy_parse(line, &p))
		return 0;
	proxy_text(&p.addr, where, sizeof where);
	int r = sts_fetcher_proxy(f, where, p.user, p.password);
	mem_wipe(&p, sizeof p);
	return r;
}

struct sts_fetcher *sts_settings_fetcher(const struct config *c, struct loop *l)
{
	struct x509_store_st *trust = tls_trust_store(c, "sts", "TLS_TRUSTCERTS");
	struct sts_fetcher *f = NULL;
	if (trust)
		f = sts_fetcher_new(
		    l, trust, (uint16_t)config_int(c, "sts", "STS_HTTPS_PORT", NULL));
	tls_trust_store_free(trust);
	if (!f || set_proxy(f, c) == 0)
		return f;
	sts_fetcher_free(f);
	return NULL;
}
