/* SPF at the gate: what is asked, what is answered to the client, what the message is told. */
#include "submit/sender-check.h"
#include "submit/transaction.h"
#include "dns/rdata.h"
#include "rfc822/rfc822.h"
#include <stdlib.h>

/* So that a reply's line stays within 512 octets (RFC 5321, 4.5.3.1.5). */
enum { ADDRESS_SHOWN = 120, WORDS_SHOWN = 320 };

struct spf_check *sender_spf_new(
    struct transaction *t, enum bofh_spf i, struct str address, spf_done done, void *ctx)
{
	ptrdiff_t at = str_rchr(address, '@');
	struct spf_facts f = {
	    .domain = at < 0 ? address : str_skip(address, (size_t)at + 1),
	    .sender = address,
	    .helo = t->message->mail.helo,
	    .receiver = t->policy->names.me,
	    .now = clock_now(),
	};
	t->message->spf.sender[i] = arena_str(t->message->arena, address);
	if (!t->gate->dns || !dns_literal(t->origin.remote_ip, &f.ip))
		return NULL;
	return spf_check_new(service_loop(t->gate->service), t->gate->dns, &f, done, ctx);
}

static struct str words_of(const struct transaction *t, const struct spf_verdict *v)
{
	if (v->explanation.n && !t->options.no_verbose)
		return v->explanation;
	if (v->problem && !t->options.no_verbose)
		return str_of(v->problem);
	return STR("the address does not pass the Sender Policy Framework");
}

struct gate_reply sender_spf_reply(
    struct transaction *t, enum bofh_spf i, const struct spf_verdict *v)
{
	struct message *m = t->message;
	struct buf address;
	enum reply_id id = decide_spf(t->options.spf[i], t->options.hard, v->result);
	m->spf.there[i] = true;
	m->spf.result[i] = v->result;
	if (id == REPLY_OK)
		return (struct gate_reply){0};
	struct gate_reply r = reply(id);
	buf_init(&address, 2048);
	printable(m->spf.sender[i], ADDRESS_SHOWN, &address);
	char *text = arena_printf(m->arena, "SPF %s %.*s: %.*s", bofh_spf_name(v->result),
	    STR_FMT(buf_str(&address)), STR_FMT(str_head(words_of(t, v), WORDS_SHOWN)));
	buf_free(&address);
	r.text = text ? str_of(text) : r.text;
	return r;
}

void sender_spf_fields(const struct transaction *t, struct buf *out)
{
	const struct message *m = t->message;
	for (size_t i = 0; i < BOFH_IDENTITIES; i++) {
		const struct spf_field f = {
		    .identity = (enum bofh_spf)i,
		    .result = m->spf.result[i],
		    .sender = m->spf.sender[i],
		    .remote_ip = t->origin.remote_ip,
		    .remote_host = t->origin.remote_host,
		    .helo = m->mail.helo,
		    .receiver = t->policy->names.me,
		};
		if (m->spf.there[i])
			bofh_spf_field(&f, out);
	}
}

/* ---- the From field -------------------------------------------------------------------------- */

/* Bytes of all messages of a process that wait in memory for an answer. */
enum { HELD_MAX = 64 * 1024 * 1024 };

struct from_check {
	struct transaction *t;
	struct spf_check *spf;
	size_t bytes; /* that have come since */
};

void from_check_free(struct from_check *f)
{
	if (!f)
		return;
	f->t->gate->held_bytes -= f->bytes;
	spf_check_cancel(f->spf);
	free(f);
}

static struct str from_address(struct arena *a, struct str block)
{
	struct header_field field;
	struct mailaddr_list list;
	struct buf spec;
	if (!header_find(block, "From", &field) || mailaddr_parse(a, field.body, 100, &list) < 0)
		return STR_NONE;
	const struct mailaddr *m = list.first;
	while (m && (m->kind != MAILADDR_MAILBOX || m->domain.n == 0))
		m = m->next;
	if (!m)
		return STR_NONE;
	buf_init(&spec, 1000);
	mailaddr_print_spec(&spec, m->local, m->domain);
	struct str s = spec.failed ? STR_NONE : arena_str(a, buf_str(&spec));
	buf_free(&spec);
	return s;
}

static void judged(struct transaction *t, const struct spf_verdict *v)
{
	struct gate_reply r = sender_spf_reply(t, BOFH_FROM, v);
	if (r.code)
		t->message->refusal = r;
}

static void end_check(struct from_check *f, const struct spf_verdict *v)
{
	struct transaction *t = f->t;
	judged(t, v);
	t->from_check = NULL;
	t->message->spool.held = false;
	from_check_free(f);
}

static void on_from(void *ctx, const struct spf_verdict *v)
{
	struct from_check *f = ctx;
	struct transaction *t = f->t;
	f->spf = NULL;
	end_check(f, v);
	transaction_file_there(t);
}

void from_check_more(struct from_check *f, size_t n)
{
	static const struct spf_verdict full = {
	    .result = SPF_TEMPERROR, .problem = "too much mail waits for look-ups"};
	f->bytes += n;
	f->t->gate->held_bytes += n;
	if (f->t->gate->held_bytes > HELD_MAX)
		end_check(f, &full);
}

void from_check_start(struct transaction *t)
{
	static const struct spf_verdict none = {.result = SPF_NONE},
					down = {
					    .result = SPF_TEMPERROR, .problem = "no name server"};
	struct message *m = t->message;
	unsigned set = t->options.spf[BOFH_FROM];
	m->from_checked = true;
	if (!t->from_network || set == BOFH_SPF_OFF ||
	    ((set & BOFH_SPF_MAILFROMOK) && m->spf.there[BOFH_MAILFROM] &&
		m->spf.result[BOFH_MAILFROM] == SPF_PASS))
		return;
	struct str address = from_address(m->arena, buf_str(&m->spool.head));
	if (address.n == 0) {
		judged(t, &none);
		return;
	}
	struct from_check *f = mem_new(struct from_check);
	f->t = t;
	f->spf = sender_spf_new(t, BOFH_FROM, address, on_from, f);
	if (!f->spf) {
		free(f);
		judged(t, &down);
		return;
	}
	t->from_check = f;
	m->spool.held = true;
}
