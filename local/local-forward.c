#include "config.h"

#include "local/local.h"

#include <stdio.h>
#include <stdlib.h>

enum { ORIGIN_TEXT_MAX = 8192 };

struct forward {
	struct gate_txn *txn;
	struct module_body *body;
	uint64_t size, at;
	char *addresses, *delivered_to;
	size_t rcpts, answered, accepted;
	bool refused; /* some address, for ever */
	/* The first refusal, or what the end came to. */
	uint16_t code;
	char status[16];
	struct buf text;
	forward_done done;
	void *ctx;
};

static void note(struct forward *f, const struct gate_reply *r)
{
	f->code = r->code;
	size_t n = r->enhanced.n < sizeof f->status ? r->enhanced.n : 0;
	if (n)
		memcpy(f->status, r->enhanced.p, n);
	f->status[n] = 0;
	buf_clear(&f->text);
	buf_adds(&f->text, str_head(r->text, f->text.max));
}

static void finish(struct forward *f, enum module_outcome outcome)
{
	gate_close(f->txn);
	f->done(f->ctx, outcome, f->code, str_of(f->status), buf_str(&f->text));
	free(f->addresses);
	free(f->delivered_to);
	buf_free(&f->text);
	free(f);
}

static enum module_outcome outcome_of(uint16_t code)
{
	return code / 100 == 2   ? MODULE_DELIVERED
	       : code / 100 == 5 ? MODULE_FAILED
				 : MODULE_DEFERRED;
}

/* With some addresses refused the others have got theirs: the report names the refusal. */
static void on_end(void *ctx, const struct gate_reply *r)
{
	struct forward *f = ctx;
	enum module_outcome outcome = outcome_of(r->code);
	if (outcome != MODULE_DELIVERED || !f->refused)
		note(f, r);
	finish(f, outcome == MODULE_DELIVERED && f->refused ? MODULE_FAILED : outcome);
}

static void send_body(void *ctx)
{
	struct forward *f = ctx;
	char chunk[FORWARD_CHUNK];
	while (f->at < f->size) {
		size_t want =
		    f->size - f->at < sizeof chunk ? (size_t)(f->size - f->at) : sizeof chunk;
		ssize_t n = module_body_read(f->body, chunk, want, f->at);
		if (n <= 0) {
			note(f, &(struct gate_reply){
				    451, STR("4.3.0"), STR("cannot read the message"), STR_NONE});
			finish(f, MODULE_DEFERRED);
			return;
		}
		f->at += (uint64_t)n;
		if (!gate_data(f->txn, str_at(chunk, (size_t)n), send_body, f))
			return;
	}
	gate_end(f->txn, on_end, f);
}

static void on_rcpt(void *ctx, const struct gate_reply *r)
{
	struct forward *f = ctx;
	enum module_outcome outcome = outcome_of(r->code);
	f->answered++;
	if (outcome == MODULE_DEFERRED) {
		note(f, r);
		finish(f, MODULE_DEFERRED); /* nothing has been handed over: all of it later */
		return;
	}
	if (outcome == MODULE_DELIVERED)
		f->accepted++;
	else if (!f->refused)
		note(f, r);
	f->refused = f->refused || outcome == MODULE_FAILED;
	if (f->answered < f->rcpts)
		return;
	if (!f->accepted) {
		finish(f, MODULE_FAILED);
		return;
	}
	gate_data(f->txn, str_of(f->delivered_to), NULL, NULL);
	send_body(f);
}

static void on_mail(void *ctx, const struct gate_reply *r)
{
	struct forward *f = ctx;
	if (outcome_of(r->code) == MODULE_DELIVERED)
		return;
	note(f, r);
	finish(f, outcome_of(r->code));
}

/* Reports name the address that the sender has written, or this one, never where it leads to alone.
 */
static void original_of(const struct forward_request *q, struct buf *out)
{
	buf_init(out, ORIGIN_TEXT_MAX);
	if (q->orcpt.n)
		buf_adds(out, q->orcpt);
	else if (!str_has_8bit(q->by))
		buf_addf(out, "rfc822;%.*s", STR_FMT(q->by));
}

void forward_start(
    struct gate_client *g, const struct forward_request *q, forward_done done, void *ctx)
{
	const struct module_delivery *d = q->delivery;
	struct forward *f = mem_new(struct forward);
	/* Where it came from at first: reports of mail from strangers may go nowhere. */
	char source[64];
	struct buf by, original;
	buf_init(&by, ORIGIN_TEXT_MAX);
	buf_addf(&by, "forwarded by %.*s", STR_FMT(q->by));
	original_of(q, &original);
	struct gate_origin origin = {.source = source, .sender_id = buf_str(&by)};
	struct gate_mail mail = {.sender = d->sender,
	    .with = "local",
	    .envid = d->envid,
	    .ret = d->ret,
	    .security = d->security,
	    .requiretls = d->requiretls,
	    .by = d->by,
	    .by_mode = d->by_mode,
	    .by_trace = d->by_trace,
	    .body8 = d->body8,
	    .smtputf8 = d->smtputf8,
	    .size = d->size};
	struct str rest, address;
	snprintf(source, sizeof source, "%.*s", STR_FMT(d->source.n ? d->source : STR("local")));
	*f = (struct forward){.body = q->body, .size = d->size, .done = done, .ctx = ctx};
	buf_init(&f->text, WORKER_TEXT_MAX);
	f->addresses = mem_strndup(q->addresses.p, q->addresses.n);
	f->delivered_to = mem_strndup(q->delivered_to.p, q->delivered_to.n);
	rest = str_of(f->addresses);
	for (size_t i = 0; i < rest.n; i++)
		f->rcpts += rest.p[i] == '\n';
	f->txn = gate_open(g, &origin, NULL, NULL);
	gate_mail(f->txn, &mail, on_mail, f);
	while (rest.n && str_split(&rest, '\n', &address)) {
		struct gate_rcpt rcpt = {
		    .address = address, .orcpt = buf_str(&original), .notify = q->notify};
		gate_rcpt(f->txn, &rcpt, on_rcpt, f);
	}
	buf_free(&by);
	buf_free(&original);
}
