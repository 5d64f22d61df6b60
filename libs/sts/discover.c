#include "sts/discover.h"
#include <arpa/nameser.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "dns/rdata.h"

enum { TXT_MAX = 4096 };

struct sts_search {
	struct sts_source *source;
	char domain[DNS_NAME_SIZE], host[DNS_NAME_SIZE + 8];
	uint64_t lookup;
	struct sts_fetch *fetch;
	struct sts_record record;
	struct sts_facts facts;
	struct sts_cached cached;
	sts_discovered done;
	void *ctx;
};

static void release(struct sts_search *q)
{
	sts_cached_free(&q->cached);
	free(q);
}

void sts_search_cancel(struct sts_search *q)
{
	if (!q)
		return;
	if (q->lookup)
		dns_cancel(q->source->dns, q->lookup);
	sts_fetch_cancel(q->fetch);
	release(q);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void finish(struct sts_search *q, const struct sts_entry *e, const char *trouble)
{
	struct sts_answer a = {.trouble = trouble};
	if (e) {
		a.found = true;
		a.mode = sts_entry_mode(e);
		a.text = e->text;
		a.overridden = e->overridden;
	}
	q->done(q->ctx, &a);
	release(q);
}

static void use_cache(struct sts_search *q, const char *trouble)
{
	if (!q->facts.cached) {
		finish(q, NULL, trouble);
		return;
	}
	if (clock_now() - q->cached.used >= 3600 && !q->facts.refresh)
		sts_cache_touch(q->source->dir, str_of(q->domain));
	finish(q, &q->cached.entry, trouble);
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* Somebody may have made so many on purpose: those that come now are worth more. */
static void forget_failures(struct sts_source *s)
{
	struct map *none = map_new();
	if (!none)
		return;
	map_free(s->failed, free);
	s->failed = none;
}

static void remember_failure(struct sts_search *q)
{
	struct str key = str_of(q->domain);
	if (q->source->failed && map_count(q->source->failed) >= STS_FAILED_MAX)
		forget_failures(q->source);
	struct map *m = q->source->failed;
	int64_t *when = m ? map_get(m, key) : NULL;
	if (!m)
		return;
	if (!when) {
		when = mem_new(int64_t);
		if (!map_set(m, key, when)) {
			free(when);
			return;
		}
	}
	*when = clock_now();
}

static bool failed_lately(struct sts_search *q)
{
	struct map *m = q->source->failed;
	int64_t *when = m ? map_get(m, str_of(q->domain)) : NULL;
	int64_t age = when ? clock_now() - *when : 0;
	if (!when)
		return false;
	if (age >= 0 && age < STS_AGAIN_S)
		return true;
	free(map_del(m, str_of(q->domain)));
	return false;
}

static void fetch_failed(struct sts_search *q, const char *why)
{
	log_warning(NULL, "the MTA-STS policy of '%s' can't be fetched: %s%s", q->domain, why,
	    q->facts.cached ? "; the one before counts" : "");
	remember_failure(q);
	q->facts.failed = true;
	use_cache(q, why);
}

static void keep(struct sts_search *q, struct sts_entry *e)
{
	const struct sts_entry *old = &q->cached.entry;
	if (q->facts.cached && q->facts.same_id && old->overridden) {
		e->overridden = true;
		e->override = old->override;
	}
	if (!q->facts.cached || sts_entry_mode(old) != sts_entry_mode(e))
		log_info(NULL, "MTA-STS policy of '%s': %s, id %.*s", q->domain,
		    sts_mode_name(sts_entry_mode(e)), STR_FMT(e->id));
	if (q->source->dir >= 0 && sts_cache_write(q->source->dir, str_of(q->domain), e) < 0)
		log_error(NULL, "cannot keep the MTA-STS policy of '%s': %m", q->domain);
}

static void fetched(void *ctx, const char *why, struct str body)
{
	struct sts_search *q = ctx;
	struct sts_entry e = {.id = str_of(q->record.id), .text = body, .fetched = clock_now()};
	q->fetch = NULL;
	if (!why)
		why = sts_policy_parse(body, &e.policy);
	if (why) {
		fetch_failed(q, why);
		return;
	}
	keep(q, &e);
	finish(q, &e, NULL);
}

static void host_found(void *ctx, const struct dns_mx *mx)
{
	struct sts_search *q = ctx;
	q->lookup = 0;
	if (mx->status != DNS_OK || !mx->n_hosts) {
		fetch_failed(q, "the address of its web server can't be found");
		return;
	}
	q->fetch = sts_fetch(
	    q->source->fetcher, q->host, mx->hosts[0].addrs, mx->hosts[0].n_addrs, fetched, q);
	if (!q->fetch)
		fetch_failed(q, "out of memory");
}

/* ---- what is known --------------------------------------------------------------------------- */

static void look_into_cache(struct sts_search *q)
{
	int r =
	    q->source->dir < 0 ? 0 : sts_cache_read(q->source->dir, str_of(q->domain), &q->cached);
	if (r < 0)
		log_error(NULL, "cannot read the cached MTA-STS policy of '%s': %m", q->domain);
	q->facts.cached = r > 0 && sts_entry_live(&q->cached.entry, clock_now());
	q->facts.same_id = q->facts.cached && str_is(q->cached.entry.id, q->record.id);
}

static void text_found(void *ctx, const struct dns_answer *a)
{
	struct sts_search *q = ctx;
	struct buf text;
	q->lookup = 0;
	for (size_t i = 0; a->status == DNS_OK && i < a->n; i++) {
		buf_init(&text, TXT_MAX);
		if (!dns_rdata_txt(a->rdata[i], &text))
			sts_record_add(&q->record, buf_str(&text));
		buf_free(&text);
	}
	q->facts.record = sts_record_valid(&q->record);
	q->facts.unsure = a->status == DNS_TEMPFAIL;
	look_into_cache(q);
	q->facts.failed = failed_lately(q);
	if (sts_decide(&q->facts) == STS_FETCH)
		q->lookup = dns_addresses(q->source->dns, str_of(q->host), host_found, q);
	else
		use_cache(q, NULL);
}

struct sts_search *sts_discover(
    struct sts_source *s, struct str domain, bool refresh, sts_discovered done, void *ctx)
{
	struct sts_search *q = mem_new(struct sts_search);
	char name[DNS_NAME_SIZE + 16];
	q->source = s;
	q->done = done;
	q->ctx = ctx;
	q->facts.refresh = refresh;
	sts_cached_init(&q->cached);
	snprintf(q->domain, sizeof q->domain, "%.*s", STR_FMT(str_head(domain, STS_DOMAIN_MAX)));
	snprintf(q->host, sizeof q->host, "mta-sts.%s", q->domain);
	snprintf(name, sizeof name, "_mta-sts.%s", q->domain);
	q->lookup = dns_query(s->dns, str_of(name), ns_t_txt, text_found, q);
	return q;
}
