/* MAIL: the facts about a sender are gathered, then judged. */
#include "submit/sender-check.h"
#include "submit/transaction.h"
#include "dns/rdata.h"
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <stdlib.h>

/* Behind SENDER_TIME_MS what has no answer counts as trouble with the DNS. */
enum { CNAME_HOPS = 8, SENDER_TIME_MS = 20 * 1000 };

struct sender_check {
	struct transaction *t;
	struct timer *timer;
	unsigned waiting;
	uint64_t mx_query, helo_mx, helo_a; /* 0: not under way */
	struct spf_check *spf[2];
	struct gate_reply spf_reply[2]; /* code 0: good */
	bool helo_passed;               /* by SPF */
	struct str domain;
	struct domain_facts domain_facts;
	struct helo_facts helo_facts;
	struct sockaddr_storage client;
	char chain[CNAME_HOPS + 1][DNS_NAME_SIZE];
	size_t hops;
	bool check_domain, check_helo;
};

static void cancel_queries(struct sender_check *s)
{
	uint64_t *const queries[] = {&s->mx_query, &s->helo_mx, &s->helo_a};
	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		if (*queries[i])
			dns_cancel(s->t->gate->dns, *queries[i]);
		*queries[i] = 0;
	}
}

void sender_check_free(struct sender_check *s)
{
	if (!s)
		return;
	cancel_queries(s);
	spf_check_cancel(s->spf[0]);
	spf_check_cancel(s->spf[1]);
	timer_free(s->timer);
	free(s);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void refuse(struct sender_check *s, const struct gate_reply *r)
{
	struct transaction *t = s->t;
	struct gate_reply copy = *r;
	struct arena *a = arena_new(64 * 1024);
	char *text = a ? arena_strz(a, r->text) : NULL;
	if (text)
		copy.text = str_of(text);
	else
		copy = reply(REPLY_NO_MEMORY);
	log_info(NULL, "refused,from=<%.*s>,relay=%.*s: %u %.*s", STR_FMT(t->message->sender),
	    STR_FMT(t->origin.remote_ip), r->code, STR_FMT(str_head(r->text, 300)));
	transaction_reset(t); /* and this check */
	t->answer(t->ctx, &copy);
	arena_free(a);
}

static struct gate_reply about(struct sender_check *s, enum reply_id id, struct str what)
{
	return reply_about(s->t->message->arena, id, what);
}

static struct gate_reply domain_reply(struct sender_check *s)
{
	enum reply_id id = decide_sender_domain(&s->domain_facts);
	if (id == REPLY_OK)
		return (struct gate_reply){0};
	return about(s, id, id == REPLY_BADMX ? str_of(s->domain_facts.badmx) : s->domain);
}

/* The first name that is no good stays the client's name for the session. */
static struct gate_reply helo_reply(struct sender_check *s)
{
	struct transaction *t = s->t;
	enum helo_verdict v = s->helo_passed ? HELO_GOOD : decide_helo(&s->helo_facts);
	bool later = t->options.check_helo == 2;
	if (v == HELO_GOOD)
		return (struct gate_reply){0};
	if (v == HELO_UNKNOWN)
		return about(s, REPLY_HELO_UNKNOWN, t->message->mail.helo);
	if (!t->bad_helo.p)
		t->bad_helo = arena_str(t->arena, str_head(t->message->mail.helo, 255));
	if (v == HELO_GONE)
		return about(s, later ? REPLY_HELO_GONE_LATER : REPLY_HELO_GONE, t->bad_helo);
	return about(s, later ? REPLY_HELO_FOREIGN_LATER : REPLY_HELO_FOREIGN, t->bad_helo);
}

static void judge(struct sender_check *s)
{
	struct gate_reply r = s->spf_reply[BOFH_HELO];
	if (!r.code && s->check_helo)
		r = helo_reply(s);
	if (!r.code && s->check_domain)
		r = domain_reply(s);
	if (!r.code)
		r = s->spf_reply[BOFH_MAILFROM];
	if (r.code) {
		refuse(s, &r);
		return;
	}
	struct transaction *t = s->t;
	t->sender_check = NULL;
	sender_check_free(s);
	transaction_say(t, REPLY_SENDER_OK);
}

static void one_less(struct sender_check *s)
{
	if (--s->waiting == 0)
		judge(s);
}

/* ---- the sender's domain --------------------------------------------------------------------- */

static void address_text(const struct sockaddr_storage *ss, char out[DNS_NAME_SIZE])
{
	const void *bytes = ss->ss_family == AF_INET
				? (const void *)&((const struct sockaddr_in *)ss)->sin_addr
				: (const void *)&((const struct sockaddr_in6 *)ss)->sin6_addr;
	if (!inet_ntop(ss->ss_family, bytes, out, DNS_NAME_SIZE))
		out[0] = 0;
}

static void note_hosts(struct sender_check *s, const struct dns_mx *mx)
{
	const struct bofh *b = s->t->policy->bofh;
	for (size_t i = 0; i < mx->n_hosts; i++)
		for (size_t j = 0; j < mx->hosts[i].n_addrs; j++)
			if (bofh_badmx(b, &mx->hosts[i].addrs[j]))
				address_text(&mx->hosts[i].addrs[j], s->domain_facts.badmx);
}

/* Resolvers call a circle of CNAME records a failure of theirs; it will not go away. */
static void on_cname(void *ctx, const struct dns_answer *a)
{
	struct sender_check *s = ctx;
	char *next = s->chain[s->hops + 1];
	s->mx_query = 0;
	if (a->status == DNS_OK && a->n && !dns_rdata_name(a->rdata[0], next) &&
	    ++s->hops < CNAME_HOPS) {
		for (size_t i = 0; i < s->hops; i++)
			s->domain_facts.loop |= strcmp(s->chain[i], next) == 0;
		if (!s->domain_facts.loop) {
			s->mx_query =
			    dns_query(s->t->gate->dns, str_of(next), ns_t_cname, on_cname, s);
			return;
		}
	}
	one_less(s);
}

static void on_mx(void *ctx, const struct dns_mx *mx)
{
	struct sender_check *s = ctx;
	s->mx_query = 0;
	s->domain_facts.status = mx->status;
	s->domain_facts.null_mx = mx->null_mx;
	s->domain_facts.bad_mx = mx->bad_mx;
	note_hosts(s, mx);
	if (mx->status == DNS_TEMPFAIL && dns_name_ascii(s->domain, s->chain[0]))
		s->mx_query =
		    dns_query(s->t->gate->dns, str_of(s->chain[0]), ns_t_cname, on_cname, s);
	else
		one_less(s);
}

static void start_domain(struct sender_check *s, const struct address *sender)
{
	struct transaction *t = s->t;
	struct sockaddr_storage ss;
	if (!t->options.check_dns || t->options.white || t->message->mail.login.n ||
	    sender->kind != ADDRESS_REMOTE || dns_literal(sender->domain, &ss))
		return;
	s->check_domain = true;
	s->domain = arena_str(t->message->arena, sender->domain);
	s->domain_facts.status = DNS_TEMPFAIL;
	if (!t->gate->dns || !s->domain.p)
		return;
	s->waiting++;
	s->mx_query = dns_mx(t->gate->dns, s->domain, on_mx, s);
}

/* ---- HELO ------------------------------------------------------------------------------------ */

static void note_helo(struct sender_check *s, const struct dns_mx *mx)
{
	struct helo_facts *f = &s->helo_facts;
	f->null_mx |= mx->null_mx;
	f->exists |= mx->status == DNS_OK || mx->status == DNS_NODATA;
	f->unsure |= mx->status == DNS_TEMPFAIL || mx->partial_fail;
	for (size_t i = 0; i < mx->n_hosts; i++)
		for (size_t j = 0; j < mx->hosts[i].n_addrs; j++)
			f->matches |= dns_same_address(&mx->hosts[i].addrs[j], &s->client);
}

static void on_helo_mx(void *ctx, const struct dns_mx *mx)
{
	struct sender_check *s = ctx;
	s->helo_mx = 0;
	note_helo(s, mx);
	one_less(s);
}

static void on_helo_a(void *ctx, const struct dns_mx *mx)
{
	struct sender_check *s = ctx;
	s->helo_a = 0;
	note_helo(s, mx);
	one_less(s);
}

static void start_helo(struct sender_check *s)
{
	struct transaction *t = s->t;
	struct sockaddr_storage ss;
	struct str helo = t->bad_helo.p ? t->bad_helo : t->message->mail.helo;
	if (!t->options.check_helo || t->message->relay)
		return;
	s->check_helo = true;
	s->helo_facts.literal = dns_literal(helo, &ss);
	if (s->helo_facts.literal) {
		s->helo_facts.matches = dns_same_address(&ss, &s->client);
		return;
	}
	s->helo_facts.unsure = !t->gate->dns;
	if (!t->gate->dns)
		return;
	s->waiting += 2;
	s->helo_mx = dns_mx(t->gate->dns, helo, on_helo_mx, s);
	s->helo_a = dns_addresses(t->gate->dns, helo, on_helo_a, s);
}

/* ---- SPF ------------------------------------------------------------------------------------- */

static void spf_answered(struct sender_check *s, enum bofh_spf i, const struct spf_verdict *v)
{
	s->spf[i] = NULL;
	s->spf_reply[i] = sender_spf_reply(s->t, i, v);
	if (i == BOFH_HELO)
		s->helo_passed = v->result == SPF_PASS;
}

static void on_spf_helo(void *ctx, const struct spf_verdict *v)
{
	struct sender_check *s = ctx;
	spf_answered(s, BOFH_HELO, v);
	one_less(s);
}

static void on_spf_mailfrom(void *ctx, const struct spf_verdict *v)
{
	struct sender_check *s = ctx;
	spf_answered(s, BOFH_MAILFROM, v);
	one_less(s);
}

static const struct spf_verdict down = {.result = SPF_TEMPERROR, .problem = "no name server"};

static void start_spf(struct sender_check *s, enum bofh_spf i, struct str address)
{
	if (s->t->options.spf[i] == BOFH_SPF_OFF)
		return;
	s->spf[i] =
	    sender_spf_new(s->t, i, address, i == BOFH_HELO ? on_spf_helo : on_spf_mailfrom, s);
	if (s->spf[i])
		s->waiting++;
	else
		spf_answered(s, i, &down);
}

/* ---- time is over ---------------------------------------------------------------------------- */

static void on_time(void *ctx)
{
	struct sender_check *s = ctx;
	s->helo_facts.unsure |= s->helo_mx || s->helo_a;
	cancel_queries(s);
	for (int i = 0; i < 2; i++) {
		if (!s->spf[i])
			continue;
		spf_check_cancel(s->spf[i]);
		spf_answered(s, (enum bofh_spf)i, &down);
	}
	judge(s);
}

/* ---- the beginning --------------------------------------------------------------------------- */

/* Nobody there could be told what became of the mail; the delivery track has it from bounces of
 * the last hours (courierd/track.h). */
static bool refuses_reports(const struct transaction *t, const struct address *sender)
{
	if (!t->options.check_bounces || t->options.white || t->message->mail.login.n ||
	    sender->kind != ADDRESS_REMOTE)
		return false;
	char *key = mem_printf("@%.*s", STR_FMT(sender->domain));
	bool listed = queue_client_track(t->gate->queue, str_of(key)) == 'B';
	free(key);
	return listed;
}

/* What the tables alone say. */
static struct gate_reply judge_address(struct transaction *t, const struct address *sender)
{
	const struct bofh *b = t->policy->bofh;
	struct arena *a = t->message->arena;
	if (bofh_badfrom(b, sender->local, sender->domain))
		return reply_about(a, REPLY_BADFROM, t->message->sender);
	if (refuses_reports(t, sender))
		return reply_about(a, REPLY_NO_REPORTS, sender->domain);
	enum bofh_host host = t->message->relay
				  ? BOFH_HOST_GOOD
				  : bofh_freemail(b, sender->domain, t->origin.remote_host);
	if (host == BOFH_HOST_GOOD)
		return (struct gate_reply){0};
	struct gate_reply r = reply(host == BOFH_HOST_BAD ? REPLY_FREEMAIL : REPLY_FREEMAIL_UNSURE);
	char *text = arena_printf(a, "Sender rejected: %.*s: %.*s\n%.*s",
	    STR_FMT(t->message->sender), STR_FMT(r.text), STR_FMT(sender->domain));
	r.text = text ? str_of(text) : r.text;
	return r;
}

void sender_check_start(struct transaction *t, const struct address *sender)
{
	struct sender_check *s = mem_new(struct sender_check);
	struct sockaddr_storage none;
	struct str helo = t->message->mail.helo;
	s->t = t;
	t->sender_check = s;
	s->waiting = 1; /* this call itself */
	s->timer = timer_new(service_loop(t->gate->service), on_time, s);
	if (!s->timer) {
		struct gate_reply r = reply(REPLY_NO_MEMORY);
		refuse(s, &r);
		return;
	}
	timer_set(s->timer, SENDER_TIME_MS);
	if (!dns_literal(t->origin.remote_ip, &s->client))
		s->client.ss_family = AF_UNSPEC;
	if (sender->text.n) {
		struct gate_reply r = judge_address(t, sender);
		if (r.code) {
			refuse(s, &r);
			return;
		}
		start_domain(s, sender);
		start_spf(s, BOFH_MAILFROM, t->message->sender);
	}
	if (!dns_literal(helo, &none))
		start_spf(s, BOFH_HELO, helo);
	start_helo(s);
	one_less(s);
}
