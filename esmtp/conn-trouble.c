/* What a connection's failure, or a refusal, means for the mail that was to go there. */
#include <stdio.h>
#include "esmtp/connect.h"

struct str reply_status(const struct reply *r, struct str *text)
{
	static const struct str plain[] = {STR_INIT("2.0.0"), STR_INIT("4.0.0"), STR_INIT("5.0.0")};
	struct str status;
	*text = buf_str(&r->text);
	struct str first = *text;
	if (smtp_enhanced_cut(&first, r->code, &status))
		return status;
	return plain[r->code >= 500                                      ? 2
		     : r->code >= 400 || r->code < 200 || r->code >= 300 ? 1
									 : 0];
}

/* An idle session that the peer closed just when we used it is no fault: the job goes on another
 * connection, once. */
static bool may_requeue(const struct conn *c)
{
	return c->job && c->messages && c->state == CONN_ENVELOPE && !c->tx.answered &&
	       !c->job->requeued && c->job->left == c->job->n;
}

static void end_ready(struct conn *c, const struct module_result *r)
{
	transaction_settle(c);
	struct job *j = c->job;
	bool again = may_requeue(c);
	c->job = NULL;
	if (j && again) {
		j->requeued = true;
		target_requeue(c->t, j);
	} else if (j) {
		job_result_rest(j, r);
		job_free(j);
	}
	conn_lose(c);
}

static void next_candidate(struct conn *c)
{
	conn_disconnect(c);
	c->clear_only = false;
	c->candidate++;
	connect_begin(c);
}

/* What is said when every candidate has failed is the word of the last one, but a temporary
 * trouble with any of them keeps the mail. */
static void note_trouble(struct conn *c, const struct module_result *r, bool connection)
{
	struct trouble *b = &c->t->trouble;
	bool permanent = r->outcome == MODULE_FAILED;
	if (c->candidate && !b->permanent && permanent)
		return;
	b->permanent = permanent;
	b->code = r->code;
	snprintf(b->status, sizeof b->status, "%.*s", STR_FMT(r->status));
	b->command = r->command.n ? r->command.p : NULL;
	b->connection = connection;
	buf_clear(&b->text);
	buf_adds(&b->text, r->diagnostic);
	buf_clear(&b->remote);
	buf_addz(&b->remote, c->peer.remote);
}

static void give_up(struct conn *c, const struct module_result *r)
{
	if (c->opened) {
		end_ready(c, r);
		return;
	}
	/* A host that says no by a 5xx is there: that is no reason to call it dead. */
	note_trouble(c, r, r->outcome == MODULE_DEFERRED);
	next_candidate(c);
}

void conn_trouble(struct conn *c, const char *command, const char *status, const char *fmt, ...)
{
	struct buf text;
	va_list ap;
	buf_init(&text, 2048);
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	struct module_result r = {
	    .outcome = status[0] == '5' ? MODULE_FAILED : MODULE_DEFERRED,
	    .status = str_of(status),
	    .diagnostic = buf_str(&text),
	    .remote = str_of(c->peer.remote),
	    .command = str_of(command),
	};
	give_up(c, &r);
	buf_free(&text);
}

void conn_refused(struct conn *c, const char *command)
{
	struct buf text;
	struct str own;
	buf_init(&text, REPLY_TEXT_MAX);
	struct str status = reply_status(&c->reply, &own);
	buf_adds(&text, own);
	struct module_result r = {
	    .outcome = c->reply.code >= 500 ? MODULE_FAILED : MODULE_DEFERRED,
	    .code = c->reply.code,
	    .status = status,
	    .diagnostic = buf_str(&text),
	    .remote = str_of(c->peer.remote),
	    .command = str_of(command),
	};
	give_up(c, &r);
	buf_free(&text);
}
