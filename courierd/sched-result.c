/* Results of recipients: into memory, into the records to be written, and what they say of a host.
 */
#include "config.h"

#include "courierd/sched.h"

/*
 * A control text has a maximum, and what finds no room in it is forgotten at the next start: a
 * recipient would be tried again that is done.  So what peers say is cut, and in a text that has
 * grown long deferrals, which say nothing new, are kept in memory alone.
 */
enum { RECORDED_LONG = ENVELOPE_TEXT_MAX / 4, TEXT_KEPT = 2048, TEXT_KEPT_LONG = 256 };

/* trace: each hop tells that it has handed the message on (RFC 2852, section 4). */
static enum rcpt_state state_of(const struct module_result *r, bool trace)
{
	switch (r->outcome) {
	case MODULE_DELIVERED:
		return RCPT_DELIVERED;
	case MODULE_RELAYED:
		return r->peer_dsn && !trace ? RCPT_DELIVERED : RCPT_RELAYED;
	case MODULE_FAILED:
		return RCPT_FAILED;
	default:
		return RCPT_DEFERRED;
	}
}

/* A copy that lives as long as the message; without memory the text is lost, not the result. */
static struct str keep(struct message *m, struct str s)
{
	return s.n ? arena_str(m->arena, str_head(s, TEXT_KEPT)) : STR_NONE;
}

/* The peer's reply as it stood on the wire, with its code in each line: so the record can be read,
 * and a report can say "smtp;". */
static struct str reply_text(struct buf *b, const struct module_result *r)
{
	struct str rest = r->diagnostic, line;
	if (!r->code)
		return r->diagnostic;
	while (str_split(&rest, '\n', &line)) {
		buf_addf(b, "%s%03u%c", b->n ? "\n" : "", r->code, rest.p ? '-' : ' ');
		buf_adds(b, line);
	}
	return b->failed ? r->diagnostic : buf_str(b);
}

void result_take(struct sched *s, struct message *m, uint32_t num, const struct module_result *r)
{
	if (num >= m->env.n_rcpts || rcpt_final(m->env.rcpts[num].state))
		return;
	struct envelope_rcpt *e = &m->env.rcpts[num];
	bool crowded = m->recorded + m->out.n > RECORDED_LONG;
	size_t most = crowded ? TEXT_KEPT_LONG : TEXT_KEPT;
	struct envelope_result x = {.num = num,
	    .state = state_of(r, m->env.by_trace),
	    .local = r->outcome == MODULE_DELIVERED,
	    .when = sched_now(s),
	    .status = str_head(r->status, 32),
	    .peer = str_head(r->remote, most),
	    .sent = str_head(r->command, most)};
	struct buf reply;
	buf_init(&reply, 16 * 1024);
	if (r->connection)
		x.error = str_head(r->diagnostic, most);
	else
		x.reply = str_head(reply_text(&reply, r), most);
	if (!crowded || rcpt_final(x.state))
		envelope_add_result(&m->out, &x);
	e->state = x.state;
	e->local = x.local;
	e->when = x.when;
	e->status = keep(m, x.status);
	e->peer = keep(m, x.peer);
	e->sent = keep(m, x.sent);
	e->error = keep(m, x.error);
	e->reply = keep(m, x.reply);
	owed_result(s, m, num, r);
	buf_free(&reply);
}

void result_log(const struct message *m, uint32_t num)
{
	const struct envelope_rcpt *r = &m->env.rcpts[num];
	struct str text = r->error.n ? r->error : r->reply, line;
	while (str_split(&text, '\n', &line))
		log_info(NULL, "id=%s,from=<%.*s>,addr=<%.*s>: %.*s", m->id, STR_FMT(m->env.sender),
		    STR_FMT(r->address), STR_FMT(line));
	log_info(NULL, "id=%s,from=<%.*s>,addr=<%.*s>,status: %s", m->id, STR_FMT(m->env.sender),
	    STR_FMT(r->address), r->state == RCPT_FAILED ? "failure" : "deferred");
}

void result_plain(struct sched *s, struct message *m, uint32_t num, enum module_outcome o,
    const char *status, const char *text)
{
	struct module_result r = {
	    .outcome = o, .status = str_of(status), .diagnostic = str_of(text)};
	result_take(s, m, num, &r);
}

void result_delivery(
    struct sched *s, struct message *m, uint32_t num, const struct module_result *r)
{
	result_take(s, m, num, r);
	if (num >= m->env.n_rcpts)
		return;
	if (s->hooks->outcome && !r->untracked)
		s->hooks->outcome(s->ctx, m, &m->env.rcpts[num]);
	if (s->hooks->report && !m->env.sender.n && (r->no_reports || r->outcome == MODULE_RELAYED))
		s->hooks->report(s->ctx, &m->env.rcpts[num], r->no_reports);
}

void delivery_result(
    struct sched *s, struct delivery *d, uint32_t num, const struct module_result *r)
{
	struct sched_module *m = d->dest->module;
	for (size_t i = 0; i < d->n; i++) {
		if (d->rcpts[i] != num || d->answered[i])
			continue;
		d->answered[i] = 1;
		if (d->report) {
			dsn_end(s, d->msg, r);
			dest_result(d->dest, false, NULL);
			return;
		}
		m->delivered += r->outcome == MODULE_DELIVERED || r->outcome == MODULE_RELAYED;
		m->failed += r->outcome == MODULE_FAILED;
		m->deferred += r->outcome == MODULE_DEFERRED;
		result_delivery(s, d->msg, num, r);
		if (r->place.n) /* soon in the journal: a kill is not to deliver it again */
			message_write(s, d->msg, false);
		bool down = r->connection && r->outcome == MODULE_DEFERRED;
		if (down && !d->connection)
			dest_result(d->dest, true, r);
		else if (!down)
			dest_result(d->dest, false, NULL);
		d->connection |= down;
		return;
	}
}

void delivery_over(struct sched *s, struct delivery *d)
{
	static const struct module_result died = {.outcome = MODULE_DEFERRED,
	    .status = STR_INIT("4.3.0"),
	    .diagnostic = STR_INIT("the delivery module gave no result")};
	struct message *m = d->msg;
	for (size_t i = 0; i < d->n; i++)
		if (!d->answered[i]) {
			d->answered[i] = 1;
			if (d->report) {
				dsn_end(s, m, &died);
				break;
			}
			result_take(s, m, d->rcpts[i], &died);
		}
	m->deliveries--;
	delivery_free(d);
	message_dirty(s, m);
}

void delivery_done(struct sched *s, struct delivery *d)
{
	struct dest *dest = d->dest;
	delivery_unrun(d);
	delivery_over(s, d);
	module_ring(dest->module, dest);
	s->hooks->soon(s->ctx);
}
