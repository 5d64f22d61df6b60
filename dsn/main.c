/*
 * The dsn module: makes the report that the scheduler asks for and hands it to the gate.
 *
 * A report has the null sender.  A report about a report (the message at hand has the null sender)
 * goes to postmaster with the sender DOUBLE, and one about such a message is dropped, so nothing
 * can go on for ever.  The idempotency key "ID/ROUND" makes it one report however often it is
 * tried.
 */
#include <stdio.h>
#include <stdlib.h>
#include "dsn/compose.h"
#include "dsn/dsn-settings.h"
#include "dsn/templates.h"
#include "gate/gate.h"
#include "module/module.h"

#define DOUBLE "#@[]"

enum {
	ARENA_MAX = 64 * 1024 * 1024,
	HEADER_MAX = 256 * 1024, /* of a returned header; what is behind it is cut off */
	GATE_CHUNK = 32 * 1024,
	BOUNDARY_LEN = 24,
};

struct report {
	struct module_delivery *d;
	void *handle;
	struct log_ctx ctx;
	char *id;
	struct arena *arena;
	struct dsn_history history;
	struct str original;
	bool full;
	struct str from, to; /* the envelope */
	struct buf text;
	struct gate_txn *txn;
	size_t sent;
	bool ended;
	struct buf key;
};

static struct {
	struct service *service;
	struct gate_client *gate;
	struct arena *texts;
	struct dsn_templates templates;
} dsn;

/* ---- the end of a report --------------------------------------------------------------------- */

static void report_free(struct report *r)
{
	if (r->txn)
		gate_close(r->txn);
	buf_free(&r->text);
	buf_free(&r->key);
	arena_free(r->arena);
	free(r->id);
	free(r);
}

static void finish(
    struct report *r, enum module_outcome outcome, const struct gate_reply *why, const char *text)
{
	struct module_result m = {.outcome = outcome, .diagnostic = str_of(text)};
	void *handle = r->handle;
	if (why) {
		m.code = why->code;
		m.status = why->enhanced;
		m.diagnostic = why->text;
	}
	for (size_t i = 0; i < r->d->n_rcpts; i++)
		module_result(handle, r->d->rcpts[i].num, &m);
	report_free(r);
	module_done(handle);
}

/* Nobody is left to tell: the report is gone, and the scheduler may let go of the message. */
static void drop(struct report *r, const char *why)
{
	log_error(&r->ctx, "from=<%.*s>,to=<%.*s>: report dropped: %s", STR_FMT(r->d->sender),
	    STR_FMT(r->to), why);
	finish(r, MODULE_DELIVERED, NULL, why);
}

static void to_postmaster(struct report *r);

/* The gate would not have it.  For now: later again.  For good: the administrator is told. */
static void refused(struct report *r, const struct gate_reply *a)
{
	log_error(&r->ctx, "from=<%.*s>,to=<%.*s>: report refused: %u %.*s", STR_FMT(r->from),
	    STR_FMT(r->to), a->code, STR_FMT(a->text));
	if (a->code < 500)
		finish(r, MODULE_DEFERRED, a, NULL);
	else if (str_is(r->from, DOUBLE))
		drop(r, "postmaster can't be reached either");
	else
		to_postmaster(r);
}

/* ---- to the gate ----------------------------------------------------------------------------- */

static void ended(void *ctx, const struct gate_reply *a)
{
	struct report *r = ctx;
	if (a->code / 100 != 2) {
		refused(r, a);
		return;
	}
	log_info(&r->ctx, "from=<%.*s>,to=<%.*s>,report: %.*s", STR_FMT(r->from), STR_FMT(r->to),
	    STR_FMT(a->id));
	finish(r, MODULE_DELIVERED, a, NULL);
}

static void send_text(void *ctx)
{
	struct report *r = ctx;
	bool room = true;
	while (room && r->sent < r->text.n) {
		struct str piece = str_head(str_skip(buf_str(&r->text), r->sent), GATE_CHUNK);
		r->sent += piece.n;
		room = gate_data(r->txn, piece, send_text, r);
	}
	if (r->sent == r->text.n && !r->ended) {
		r->ended = true;
		gate_end(r->txn, ended, r);
	}
}

static void rcpt_answered(void *ctx, const struct gate_reply *a)
{
	struct report *r = ctx;
	if (a->code / 100 == 2)
		send_text(r);
	else
		refused(r, a);
}

static void mail_answered(void *ctx, const struct gate_reply *a)
{
	struct report *r = ctx;
	if (a->code / 100 != 2) {
		refused(r, a);
		return;
	}
	/* A report is never reported on, but by the double bounce. */
	struct gate_rcpt to = {.address = r->to, .notify = GATE_NOTIFY_DEFAULT};
	gate_rcpt(r->txn, &to, rcpt_answered, r);
}

static void submit(struct report *r, const struct dsn_facts *facts)
{
	char source[64];
	struct str from = r->d->source.n ? r->d->source : STR("local");
	bool again = str_ends(from, STR("/dsn"));
	snprintf(source, sizeof source, "%.*s%s", STR_FMT(str_head(from, 40)), again ? "" : "/dsn");
	struct gate_origin origin = {
	    .source = source, .sender_id = STR("delivery report"), .vhost = r->d->vhost};
	buf_clear(&r->key);
	buf_addf(&r->key, "%.*s/%llu%s", STR_FMT(r->d->id), (unsigned long long)r->history.round,
	    str_is(r->from, DOUBLE) ? "/postmaster" : "");
	struct gate_mail mail = {.sender = r->from,
	    .with = "dsn",
	    .body8 = facts->body8,
	    .smtputf8 = facts->utf8,
	    .size = r->text.n,
	    .security = r->d->security,
	    .requiretls = r->d->requiretls,
	    .idempotency = buf_str(&r->key)};
	r->sent = 0;
	r->ended = false;
	r->txn = gate_open(dsn.gate, &origin, NULL, NULL);
	if (!r->txn) {
		finish(r, MODULE_DEFERRED, NULL, "the gate can't be asked");
		return;
	}
	gate_mail(r->txn, &mail, mail_answered, r);
}

/* ---- making it ------------------------------------------------------------------------------- */

static void compose(struct report *r)
{
	char boundary[BOUNDARY_LEN + 1], token[17];
	struct dsn_facts facts;
	struct config *c = service_config(dsn.service);
	const char *vhost = arena_strz(r->arena, r->d->vhost);
	char *me = config_own_name(c, vhost);
	struct str host = config_str(c, "identity", "msgidhost", vhost);
	random_token(boundary, BOUNDARY_LEN);
	random_token(token, sizeof token - 1);
	struct dsn_report in = {
	    .templates = &dsn.templates,
	    .history = &r->history,
	    .me = str_of(me),
	    .domain = str_trim(config_str(c, "identity", "defaultdomain", vhost)),
	    .from = config_str(c, "identity", "dsnfrom", vhost),
	    .to = r->to,
	    .sender = r->d->sender,
	    .envid = r->d->envid,
	    .arrived = r->d->arrived,
	    .by = r->d->by_mode ? r->d->by : 0,
	    .release = r->d->release,
	    .now = clock_now(),
	    .boundary = str_of(boundary),
	    .original = r->original,
	    .full = r->full,
	};
	in.message_id = str_of(arena_printf(r->arena, "courier.%llx.%s@%.*s",
	    (unsigned long long)clock_unique_us(), token, STR_FMT(host.n ? host : in.me)));
	buf_clear(&r->text);
	int result = dsn_compose(&in, &r->text, &facts);
	free(me);
	if (result)
		finish(r, MODULE_DEFERRED, NULL, "the report could not be made");
	else
		submit(r, &facts);
}

static void to_postmaster(struct report *r)
{
	if (r->txn)
		gate_close(r->txn);
	r->txn = NULL;
	r->from = STR(DOUBLE);
	r->to = STR("postmaster");
	compose(r);
}

/* The whole message or the start of it that holds its header. */
static int read_original(struct report *r, struct module_body *b)
{
	uint64_t limit = (uint64_t)config_int(service_config(dsn.service), "dsn", "dsnlimit", NULL);
	/* RFC 8689, section 5: what must not travel in clear does not come back in a report */
	r->full = !r->d->requiretls && dsn_return_full(&r->history, r->d->ret, r->d->size, limit);
	size_t want = (size_t)(r->full || r->d->size < HEADER_MAX ? r->d->size : HEADER_MAX);
	char *p = arena_alloc(r->arena, want + 1);
	size_t have = 0;
	while (p && have < want) {
		ssize_t n = module_body_read(b, p + have, want - have, have);
		if (n <= 0)
			return -1;
		have += (size_t)n;
	}
	r->original = str_at(p, have);
	return p ? 0 : -1;
}

static bool to_login(const struct module_delivery *d)
{
	return config_bool(service_config(dsn.service), "dsn", "DSNTOAUTHADDR", NULL) &&
	       d->login.n && str_chr(d->login, '@') > 0 && !str_has_8bit(d->login);
}

static void deliver(
    struct service *s UNUSED, struct module_delivery *d, struct module_body *b, void *handle)
{
	struct report *r = mem_new(struct report);
	r->d = d;
	r->handle = handle;
	r->id = mem_strndup(d->id.p, d->id.n);
	r->ctx = (struct log_ctx){"id", r->id};
	r->arena = arena_new(ARENA_MAX);
	buf_init(&r->text, DSN_REPORT_MAX);
	buf_init(&r->key, 1024);
	r->to = to_login(d) ? d->login : d->sender;
	if (!r->arena || dsn_history_read(r->arena, str_at(d->extra, d->extra_n), &r->history)) {
		log_error(&r->ctx, "the scheduler's history cannot be read");
		finish(r, MODULE_DEFERRED, NULL, "the history cannot be read");
	} else if (str_is(d->sender, DOUBLE)) {
		drop(r, "it is about a report that postmaster did not get");
	} else if (!d->sender.n && !dsn_has(&r->history, DSN_FAILED)) {
		finish(r, MODULE_DELIVERED, NULL, "nobody is told of delays of a report");
	} else if (read_original(r, b)) {
		log_error(&r->ctx, "cannot read the message: %m");
		finish(r, MODULE_DEFERRED, NULL, "the message cannot be read");
	} else if (!d->sender.n) {
		to_postmaster(r);
	} else {
		compose(r);
	}
}

/* ---- the process ----------------------------------------------------------------------------- */

static int read_texts(struct service *s)
{
	struct arena *a = arena_new(1024 * 1024);
	struct dsn_templates t;
	if (!a || templates_read(service_instance(s), a, &t)) {
		arena_free(a);
		return -1;
	}
	arena_free(dsn.texts);
	dsn.texts = a;
	dsn.templates = t;
	return 0;
}

static int setup(struct service *s)
{
	log_rename("courierdsn");
	dsn.service = s;
	return read_texts(s);
}

static int start(struct service *s)
{
	dsn.gate = gate_client_new(s);
	if (!dsn.gate)
		return -1;
	service_ready(s);
	return 0;
}

/* Texts that can't be read leave the old ones in force. */
static void reload(struct service *s)
{
	read_texts(s);
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {
	    &dsn_component, &config_identity};
	static const struct module_desc desc = {
	    .name = "dsn",
	    .service =
		{
		    .role = "dsn",
		    .components = components,
		    .n_components = ARRAY_LEN(components),
		    .setup = setup,
		    .start = start,
		    .reload = reload,
		},
	    .deliver = deliver,
	};
	return module_main(&desc, argc, argv);
}
