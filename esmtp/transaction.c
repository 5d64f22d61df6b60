/* MAIL, RCPT, DATA, and what came of it for each recipient. */
#include <stdlib.h>
#include "esmtp/envelope.h"

enum {
	COMMAND_MAX = 4096,
	PROBE_MS = 10 * 60 * 1000,
};

static const struct str crlf = STR_INIT("\r\n");

void transaction_free(struct conn *c)
{
	free(c->tx.rcpts);
	conversion_free(c->tx.conversion);
	buf_free(&c->tx.said);
	c->tx = (struct transaction){0};
}

static struct module_rcpt const *rcpt(const struct conn *c, size_t i)
{
	return c->job->rcpts[c->tx.rcpts[i]].rcpt;
}

/* ---- results --------------------------------------------------------------------------------- */

static struct module_result result_from(
    struct conn *c, const struct reply *reply, struct str command)
{
	struct module_result r = {.code = reply->code,
	    .remote = str_of(c->peer.remote),
	    .command = command,
	    .outcome = MODULE_DEFERRED};
	r.status = reply_status(reply, &r.diagnostic);
	if (reply->code / 100 == 2) {
		r.outcome = MODULE_RELAYED;
		r.peer_dsn = c->ext & EXT_DSN;
	} else if (reply->code / 100 == 5) {
		r.outcome = MODULE_FAILED;
	}
	return r;
}

/* The reply at hand as a result. */
static struct module_result result_of(struct conn *c, struct str command)
{
	return result_from(c, &c->reply, command);
}

/* For those of the transaction that the server had accepted (or for all of them). */
static void result_for(struct conn *c, const struct module_result *r, bool all)
{
	for (size_t i = 0; i < c->tx.n; i++) {
		struct job_rcpt *rc = &c->job->rcpts[c->tx.rcpts[i]];
		if (all || rc->accepted)
			job_result(c->job, c->tx.rcpts[i], r);
	}
}

static void job_over(struct conn *c)
{
	struct job *j = c->job;
	transaction_free(c);
	c->job = NULL;
	job_free(j);
}

static bool some_later(const struct job *j)
{
	for (size_t i = 0; i < j->n; i++)
		if (j->rcpts[i].later && !j->rcpts[i].done)
			return true;
	return false;
}

/* Recipients that had no place in this transaction go first in line. */
static void leave_rest(struct conn *c)
{
	struct job *j = c->job;
	if (!some_later(j)) {
		job_over(c);
		return;
	}
	transaction_free(c);
	c->job = NULL;
	target_requeue(c->t, j);
}

/* ---- hosts that refuse reports --------------------------------------------------------------- */

/*
 * MAIL FROM:<> was refused.  A host that wants nothing of us at all would say the same, so another
 * sender is tried right behind it; recipients get their results when that is known.  A relay's word
 * says nothing about a domain, and what is known is not asked again for a while.
 */
static void keep_refusal(struct conn *c)
{
	c->tx.kept = c->reply.code;
	buf_adds(&c->tx.said, buf_str(&c->reply.text));
}

static bool worth_a_probe(const struct conn *c)
{
	return !c->job->d->sender.n && !c->t->relay[0] && c->reply.code / 100 == 5 &&
	       (!c->t->probed || clock_mono_ms() - c->t->probed > PROBE_MS);
}

static void settle(struct conn *c, bool no_reports)
{
	struct reply kept;
	if (!c->tx.kept)
		return;
	reply_init(&kept);
	kept.code = c->tx.kept;
	buf_adds(&kept.text, buf_str(&c->tx.said));
	struct module_result r = result_from(c, &kept, STR("MAIL"));
	r.no_reports = no_reports;
	c->tx.kept = 0;
	result_for(c, &r, true);
	reply_free(&kept);
}

void transaction_settle(struct conn *c)
{
	settle(c, false);
}

static void probe(struct conn *c)
{
	c->t->probed = clock_mono_ms();
	c->mails++;
	conn_command(c, CONN_PROBE, "MAIL FROM:<postmaster@%s>", target_settings(c->t)->me);
}

/* The transaction has ended without a message; the server is told to forget it. */
static void give_up(struct conn *c)
{
	if (c->tx.kept && c->state != CONN_PROBE && !conn_spent(c)) {
		probe(c);
		return;
	}
	settle(c, false);
	leave_rest(c);
	conn_command(c, CONN_RSET, "RSET");
}

/* ---- the envelope ---------------------------------------------------------------------------- */

static void fail_here(struct conn *c, size_t i, const char *status, const char *text)
{
	struct module_result r = {.outcome = MODULE_FAILED,
	    .status = str_of(status),
	    .diagnostic = str_of(text),
	    .remote = str_of(c->peer.remote)};
	job_result(c->job, i, &r);
}

/* What this server can't take at all. */
static void refuse_here(struct conn *c)
{
	struct job *j = c->job;
	struct buf line;
	const char *status = NULL, *text = NULL;
	buf_init(&line, COMMAND_MAX);
	const struct terms terms = {.needs_utf8 = j->utf8,
	    .size = j->d->size,
	    .by = j->d->by,
	    .by_mode = j->d->by_mode,
	    .knows_utf8 = c->ext & EXT_SMTPUTF8,
	    .knows_deliverby = c->ext & EXT_DELIVERBY,
	    .size_max = c->size_max,
	    .by_min = c->by_min,
	    .now = clock_now()};
	text = terms_refusal(&terms, &status);
	if (!text)
		status = NULL;
	if (!text && !envelope_mail(&line, j, c->ext)) {
		status = "5.1.7";
		text = "the sender's address can't be sent";
	}
	for (size_t i = 0; i < j->n; i++) {
		buf_clear(&line);
		if (status)
			fail_here(c, i, status, text);
		else if (!envelope_rcpt(&line, j, j->rcpts[i].rcpt, c->ext))
			fail_here(c, i, "5.1.3", "the recipient's address can't be sent");
	}
	buf_free(&line);
}

static void collect(struct conn *c)
{
	struct job *j = c->job;
	transaction_free(c);
	c->tx.rcpts = mem_alloc(j->n * sizeof *c->tx.rcpts + 1);
	for (size_t i = 0; i < j->n; i++) {
		j->rcpts[i].accepted = j->rcpts[i].later = false;
		if (!j->rcpts[i].done && c->limits.rcpts && c->tx.n == c->limits.rcpts)
			j->rcpts[i].later = true; /* RFC 9422 */
		else if (!j->rcpts[i].done)
			c->tx.rcpts[c->tx.n++] = i;
	}
	c->tx.prdr = envelope_prdr(j, c->ext);
	buf_init(&c->tx.said, REPLY_MULTI_TEXT_MAX);
	smtp_stuff_init(&c->tx.stuff);
}

/* false: it can't be sent in a form that this server takes. */
static bool convert(struct conn *c)
{
	struct convert_fault f;
	if (conversion_new(c->job, c->ext, &c->tx.conversion, &f) >= 0)
		return true;
	struct module_result r = {.outcome = f.status[0] == '4' ? MODULE_DEFERRED : MODULE_FAILED,
	    .status = str_of(f.status),
	    .diagnostic = str_of(f.text),
	    .remote = str_of(c->peer.remote)};
	job_result_rest(c->job, &r);
	return false;
}

/* The next command of the envelope: MAIL, each RCPT, DATA. */
static void ask(struct conn *c)
{
	struct buf line;
	size_t k = c->tx.asked++;
	buf_init(&line, COMMAND_MAX);
	if (!k)
		envelope_mail(&line, c->job, c->ext);
	else if (k <= c->tx.n)
		envelope_rcpt(&line, c->job, rcpt(c, k - 1), c->ext);
	else
		buf_addz(&line, "DATA");
	stream_put(c->st, buf_str(&line));
	stream_put(c->st, crlf);
	buf_free(&line);
}

void transaction_begin(struct conn *c)
{
	refuse_here(c);
	if (c->job->left)
		collect(c);
	if (!c->job->left || !convert(c)) {
		job_over(c);
		conn_ready(c);
		return;
	}
	conn_enter(c, CONN_ENVELOPE);
	c->mails++;
	do
		ask(c);
	while ((c->ext & EXT_PIPELINING) && c->tx.asked < c->tx.n + 2);
}

static void mail_answered(struct conn *c)
{
	c->tx.mail_ok = c->reply.code / 100 == 2;
	if (c->tx.mail_ok)
		return;
	if (worth_a_probe(c)) {
		keep_refusal(c);
		return;
	}
	struct module_result r = result_of(c, STR("MAIL"));
	result_for(c, &r, true);
}

/* 452, and 552 of old servers, after some were accepted: those come in another transaction (RFC
 * 5321, 4.5.3.1.10). */
static bool too_many(const struct conn *c)
{
	return (c->reply.code == 452 || c->reply.code == 552) && c->tx.accepted;
}

static void rcpt_answered(struct conn *c, size_t k)
{
	struct job_rcpt *rc = &c->job->rcpts[c->tx.rcpts[k]];
	struct buf line;
	if (!c->tx.mail_ok)
		return;
	if (c->reply.code / 100 == 2) {
		rc->accepted = true;
		c->tx.accepted++;
		return;
	}
	if (too_many(c)) {
		rc->later = true;
		return;
	}
	buf_init(&line, COMMAND_MAX);
	envelope_rcpt(&line, c->job, rc->rcpt, c->ext);
	struct module_result r = result_of(c, buf_str(&line));
	job_result(c->job, c->tx.rcpts[k], &r);
	buf_free(&line);
}

static void data_answered(struct conn *c)
{
	bool go = c->reply.code == 354;
	if (go && c->tx.accepted) {
		conn_enter(c, CONN_BODY);
		transaction_more(c);
	} else if (go) {
		/* It wants a message although nobody is to get it: an empty one ends this, and
		 * whatever it says then concerns nobody. */
		settle(c, false);
		leave_rest(c);
		conn_command(c, CONN_CANCEL, ".");
	} else {
		struct module_result r = result_of(c, STR("DATA"));
		if (r.outcome == MODULE_RELAYED)
			r.outcome = MODULE_DEFERRED;
		result_for(c, &r, false);
		give_up(c);
	}
}

static void envelope_answered(struct conn *c)
{
	size_t k = c->tx.answered++;
	if (!k)
		mail_answered(c);
	else if (k <= c->tx.n)
		rcpt_answered(c, k - 1);
	else {
		data_answered(c);
		return;
	}
	if (c->tx.asked > c->tx.answered)
		return; /* pipelined */
	bool hopeless = !c->tx.mail_ok || (c->tx.answered == c->tx.n + 1 && !c->tx.accepted);
	if (hopeless) {
		give_up(c);
		return;
	}
	ask(c);
	conn_enter(c, CONN_ENVELOPE);
}

/* ---- the message ----------------------------------------------------------------------------- */

/* A result for each recipient (XEXDATA, PRDR), in the order of the RCPTs; one that is missing is
 * tried again.  Where `all` is no success, nobody has the message. */
static void each_answered(struct conn *c, struct str rest, const struct reply *all)
{
	struct reply one;
	reply_init(&one);
	for (size_t i = 0; i < c->tx.n; i++) {
		if (!c->job->rcpts[c->tx.rcpts[i]].accepted)
			continue;
		if (!reply_inner(&rest, &one.code, &one.text)) {
			rest = STR_NONE;
			one.code = 451;
			buf_clear(&one.text);
			buf_addz(&one.text, "4.5.0 the server gave no result for this recipient");
		}
		bool taken = one.code / 100 == 2;
		struct module_result r = result_from(
		    c, taken && all ? all : &one, taken && !all ? STR_NONE : STR("DATA"));
		job_result(c->job, c->tx.rcpts[i], &r);
	}
	reply_free(&one);
	c->messages++;
}

/* PRDR: the replies for recipients are kept until the last one has come. */
static void keep_reply(struct conn *c)
{
	struct str rest = buf_str(&c->reply.text), line = STR_NONE;
	bool more = str_split(&rest, '\n', &line);
	do {
		buf_addf(
		    &c->tx.said, "%03u%c%.*s\n", c->reply.code, rest.n ? '-' : ' ', STR_FMT(line));
		more = more && rest.n && str_split(&rest, '\n', &line);
	} while (more);
	c->tx.n_each++;
	conn_enter(c, CONN_FINAL);
}

/* True: more replies follow. */
static bool prdr_goes_on(struct conn *c)
{
	if (!c->tx.prdr || (!c->tx.each && c->reply.code != 353))
		return false;
	if (!c->tx.each) {
		c->tx.each = true;
		conn_enter(c, CONN_FINAL);
		return true;
	}
	if (c->tx.n_each == c->tx.accepted)
		return false;
	keep_reply(c);
	return true;
}

static void message_answered(struct conn *c)
{
	if (prdr_goes_on(c))
		return;
	if (c->reply.code == REPLY_MULTI && (c->ext & EXT_XEXDATA)) {
		each_answered(c, buf_str(&c->reply.text), NULL);
	} else if (c->tx.each) {
		bool good = c->reply.code / 100 == 2;
		each_answered(c, buf_str(&c->tx.said), good ? NULL : &c->reply);
	} else {
		bool good = c->reply.code / 100 == 2;
		struct module_result r = result_of(c, good ? STR_NONE : STR("DATA"));
		result_for(c, &r, false);
		c->messages += good;
	}
	if (some_later(c->job) && !conn_spent(c)) {
		transaction_begin(c);
		return;
	}
	leave_rest(c);
	conn_ready(c);
}

static void probe_answered(struct conn *c)
{
	bool no_reports = c->reply.code / 100 == 2;
	if (no_reports)
		log_warning(NULL, "%s refuses reports (MAIL FROM:<>) to '%s'", c->peer.remote,
		    c->t->domain);
	settle(c, no_reports);
	give_up(c);
}

void transaction_reply(struct conn *c)
{
	bool closing = c->reply.code == 421;
	if (c->state == CONN_CANCEL) {
		conn_command(c, CONN_RSET, "RSET");
	} else if (c->state == CONN_PROBE && !closing) {
		probe_answered(c);
	} else if (closing || (c->state == CONN_BODY && c->reply.code >= 400)) {
		/* It goes away, or has heard enough before the end; what it says is the result. */
		conn_refused(c, c->state == CONN_ENVELOPE ? NULL : "DATA");
	} else if (c->state == CONN_BODY) {
		conn_trouble(c, "DATA", "4.5.0", "the server answers before the message's end");
	} else if (c->state == CONN_FINAL) {
		message_answered(c);
	} else {
		envelope_answered(c);
	}
}
