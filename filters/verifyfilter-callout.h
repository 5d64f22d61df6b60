/*
 * A call-out: does the mail host of an address take mail for it?  It is asked as a report would be
 * sent: null sender, RCPT, QUIT; never DATA.
 *
 * Nothing here waits longer than CALLOUT_MS in all.  A 5xx answer is a refusal for good; what could
 * not be found out, for whatever reason, is VERIFY_LATER.
 */
#ifndef COURIER_FILTERS_VERIFYFILTER_CALLOUT_H
#define COURIER_FILTERS_VERIFYFILTER_CALLOUT_H

#include "dns/dns.h"
#include "smtp/routes.h"
#include "tls/tls.h"

enum {
	CALLOUT_MS = 90000,
	CALLOUT_STEP_MS = 30000,    /* connecting, and each answer */
	CALLOUT_CONNECT_MS = 20000, /* at most; less when esmtptimeoutconnect is less */
	CALLOUT_HOSTS_MAX = 10,     /* addresses that are tried */
	CALLOUT_TEXT_MAX = 8192,
};

struct callout_env {
	struct loop *loop;
	struct config *config;
	struct dns *dns;
	struct tls_client *tls;    /* NULL: no TLS */
	struct socks_proxy *proxy; /* NULL: none */
	struct routes *routes;
	char *me;
	bool starttls;
	int64_t connect_ms;
};
/* The components identity and verify are in c.  NULL: logged. */
struct callout_env *callout_env_new(struct loop *l, const struct instance *in, struct config *c);
void callout_env_free(struct callout_env *e);

enum verify_verdict { VERIFY_GOOD, VERIFY_LATER, VERIFY_BAD };

struct callout_result {
	enum verify_verdict verdict;
	uint16_t code;      /* of the answer; 0: there was none */
	struct str remote;  /* "host [ip]", or empty */
	struct str command; /* what was answered, or empty */
	struct str text;    /* the answer, or what went wrong; lines parted by LF */
};
typedef void (*callout_done)(void *ctx, const struct callout_result *r);

struct callout;
/* done comes later, never inside the call; its strings live as long as it runs. */
struct callout *callout_start(
    struct callout_env *e, struct str address, callout_done done, void *ctx);
void callout_cancel(struct callout *c); /* without done */

/* Pure.  May the address stand in a command, and which domain is asked?  False: it is none. */
bool callout_domain(struct arena *a, struct str address, struct str *domain);

#endif
