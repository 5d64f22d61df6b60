/*
 * Reports: what is due, the module dsn that makes it, and the record that it was made.
 *
 * The results a report speaks of are durable before it is begun.  Its round number holds a checksum
 * of what it says: the gate's idempotency key of the same report is the same after a crash, that of
 * another one differs.
 */
#include "config.h"

#include "courierd/sched.h"
#include "dsn/dsn-history.h"

#include <stdio.h>
#include <stdlib.h>

enum { RETRY_MIN = 60 };

/* A report about a report about a failure would never end. */
static bool is_double_bounce(const struct message *m)
{
	return str_is(m->env.sender, "#@[]");
}

static bool action_of(const struct envelope_rcpt *r, enum dsn_action *a)
{
	switch (r->state) {
	case RCPT_FAILED:
		*a = DSN_FAILED;
		return true;
	case RCPT_RELAYED:
		*a = DSN_RELAYED;
		return true;
	case RCPT_DELIVERED:
		*a = DSN_DELIVERED;
		return r->local;
	default:
		*a = DSN_DELAYED;
		return false;
	}
}

static bool final_due(const struct message *m, const struct envelope_rcpt *r)
{
	enum dsn_action a;
	if (r->reported || !rcpt_final(r->state) || is_double_bounce(m) || !action_of(r, &a))
		return false;
	if (m->env.by_trace && a == DSN_RELAYED && m->env.sender.n)
		return !(r->notify & NOTIFY_NEVER);
	return (m->env.sender.n || a == DSN_FAILED) && dsn_wanted(r->notify, a);
}

static bool warning_due(struct sched *s, const struct message *m)
{
	return !s->limits.backuprelay[0] && m->env.warn >= 0 && !m->env.warned && !m->cancel &&
	       m->env.sender.n && !is_double_bounce(m) && sched_now(s) >= m->env.warn;
}

static bool due(struct sched *s, const struct message *m, const struct envelope_rcpt *r, bool warn)
{
	if (rcpt_final(r->state))
		return final_due(m, r);
	if (r->notify == NOTIFY_DEFAULT && s->limits.quiet_delays)
		return false;
	return warn && dsn_wanted(r->notify, DSN_DELAYED);
}

/* late: the time to deliver by is over. */
static void describe(const struct message *m, uint32_t num, bool late, struct dsn_recipient *x)
{
	const struct envelope_rcpt *r = &m->env.rcpts[num];
	uint64_t code = 0;
	struct str text = r->error.n ? r->error : r->reply;
	*x = (struct dsn_recipient){.num = num,
	    .address = r->address,
	    .orcpt = r->orcpt,
	    .status = r->status,
	    .remote = r->peer,
	    .command = r->sent,
	    .diagnostic = str_head(text, 2048),
	    .network_error = r->error.n > 0,
	    .last_attempt = r->when};
	action_of(r, &x->action);
	if (x->action == DSN_DELAYED)
		x->retry_until = m->env.expiry;
	if (x->action == DSN_DELAYED && late)
		x->status = STR("4.4.7"); /* RFC 2852: why the sender is told */
	if (r->peer.n && text.n > 3 && (text.p[3] == ' ' || text.p[3] == '-') &&
	    str_u64(str_head(text, 3), &code) && code >= 200 && code < 600)
		x->code = (uint16_t)code;
}

/* Which recipients it speaks of; at most what fits, the others get the next report. */
static bool choose(struct sched *s, struct message *m, bool warn)
{
	uint32_t crc = 0;
	free(m->reporting);
	m->n_reporting = 0;
	m->reporting = calloc(m->env.n_rcpts + 1, sizeof *m->reporting);
	if (!m->reporting)
		return false;
	struct buf b;
	buf_init(&b, MODULE_TEXT_MAX);
	for (uint32_t i = 0; i < m->env.n_rcpts && b.n < HISTORY_MAX && !b.failed; i++) {
		struct dsn_recipient x;
		if (!due(s, m, &m->env.rcpts[i], warn))
			continue;
		describe(m, i, m->env.by_mode && m->env.by <= sched_now(s), &x);
		dsn_history_add(&b, &x);
		m->reporting[m->n_reporting++] = i;
		uint32_t what[2] = {i, x.action};
		crc = crc32c(crc, what, sizeof what);
	}
	m->round = (uint64_t)(m->env.reports + 1) << 32 | crc;
	buf_clear(&m->history);
	dsn_history_head(&m->history, m->round, m->env.from_mta);
	buf_adds(&m->history, buf_str(&b));
	dsn_history_end(&m->history);
	bool ok = !b.failed && !m->history.failed;
	buf_free(&b);
	return ok;
}

static bool anything_due(struct sched *s, const struct message *m, bool warn)
{
	for (size_t i = 0; i < m->env.n_rcpts; i++)
		if (due(s, m, &m->env.rcpts[i], warn))
			return true;
	return false;
}

static int start(struct sched *s, struct message *m)
{
	struct sched_module *mod = module_find(s, STR("dsn"));
	struct dest *d = mod && mod->configured ? dest_get(mod, STR("")) : NULL;
	struct delivery *x = d ? delivery_new(m, d) : NULL;
	if (!x)
		return -1;
	x->report = true;
	if (delivery_add(x, m->reporting[0])) {
		m->deliveries--;
		delivery_free(x);
		return -1;
	}
	dest_add(d, x);
	return 1;
}

int dsn_begin(struct sched *s, struct message *m)
{
	bool warn = warning_due(s, m);
	if (!anything_due(s, m, warn))
		return 0;
	if (m->report_deferred)
		return -1;
	if (m->out.n)
		return message_write(s, m, true) ? -1 : 1;
	m->report_warns = warn;
	return choose(s, m, warn) ? start(s, m) : -1;
}

static void reported(struct message *m)
{
	char token[32];
	for (size_t i = 0; i < m->n_reporting; i++) {
		struct envelope_rcpt *r = &m->env.rcpts[m->reporting[i]];
		if (rcpt_final(r->state)) {
			r->reported = true;
			envelope_add_reported(&m->out, m->reporting[i]);
		}
	}
	if (m->report_warns) {
		m->env.warned = true;
		envelope_add_warned(&m->out);
	}
	snprintf(token, sizeof token, "%llu", (unsigned long long)m->round);
	envelope_add_report(&m->out, str_of(token));
	m->env.reports++;
}

/* What module dsn says.  A report that fails for good is given up, or it would be tried for ever.
 */
void dsn_end(struct sched *s, struct message *m, const struct module_result *r)
{
	struct log_ctx ctx = {"id", m->id};
	if (!m->n_reporting)
		return;
	if (r->outcome != MODULE_DEFERRED) {
		if (r->outcome == MODULE_FAILED)
			log_error(
			    &ctx, "the report to the sender failed: %.*s", STR_FMT(r->diagnostic));
		reported(m);
	} else {
		m->report_deferred = true;
		m->not_before =
		    sched_now(s) +
		    (s->limits.retryalpha > RETRY_MIN ? s->limits.retryalpha : RETRY_MIN);
	}
	m->n_reporting = 0;
	buf_free(&m->history);
}
