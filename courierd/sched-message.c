/* Messages in memory: loaded, put down, their rounds ended. */
#include "config.h"

#include "courierd/sched.h"

#include <errno.h>
#include <stdlib.h>

enum { OUT_MAX = 4 * 1024 * 1024, TRY_AGAIN = 60 };

static struct str key_of(const uint64_t *seq)
{
	return str_at(seq, sizeof *seq);
}

struct message *message_find(struct sched *s, uint64_t seq)
{
	return map_get(s->messages, key_of(&seq));
}

static void release(struct message *m)
{
	buf_free(&m->out);
	buf_free(&m->history);
	free(m->reporting);
	arena_free(m->arena);
	free(m);
}

struct message *message_new(struct sched *s, struct str control, const char **why)
{
	struct message *m = calloc(1, sizeof *m);
	*why = "out of memory";
	if (!m)
		return NULL;
	buf_init(&m->out, OUT_MAX);
	buf_init(&m->history, MODULE_TEXT_MAX);
	m->arena = arena_new(4 * ENVELOPE_TEXT_MAX);
	struct str text = m->arena ? arena_str(m->arena, control) : STR_NONE;
	if (text.p && envelope_decode(text, m->arena, &m->env, why) == 0) {
		m->seq = m->env.id.seq;
		m->recorded = control.n;
		queue_id_format(&m->env.id, m->id);
		if (!message_find(s, m->seq) && map_set(s->messages, key_of(&m->seq), m)) {
			s->n_loaded++;
			return m;
		}
		*why = "its number is in use";
	}
	release(m);
	return NULL;
}

static void undirty(struct sched *s, struct message *m)
{
	for (struct message **p = &s->dirty; m->dirty && *p; p = &(*p)->dirty_next)
		if (*p == m) {
			*p = m->dirty_next;
			m->dirty = false;
			return;
		}
}

void message_free(struct sched *s, struct message *m)
{
	undirty(s, m);
	map_del(s->messages, key_of(&m->seq));
	s->n_loaded--;
	s->n_left++;
	release(m);
}

void message_dirty(struct sched *s, struct message *m)
{
	if (m->dirty)
		return;
	m->dirty = true;
	m->dirty_next = s->dirty;
	s->dirty = m;
	s->hooks->soon(s->ctx);
}

static void set_aside(struct sched *s, uint64_t seq, const char *why)
{
	log_error(NULL, "message %llu cannot be read: %s; put into the queue's folder 'broken'",
	    (unsigned long long)seq, why);
	queue_set_aside(s->q, seq);
}

struct message *message_load(struct sched *s, uint64_t seq)
{
	struct buf b;
	const char *why;
	struct message *m = NULL;
	buf_init(&b, ENVELOPE_TEXT_MAX);
	if (queue_load(s->q, seq, &b)) {
		if (errno == ENOENT)
			log_warning(NULL, "message %llu has vanished from the queue",
			    (unsigned long long)seq);
		else if (!index_add(&s->index, seq, sched_now(s) + TRY_AGAIN))
			log_error(NULL,
			    "no memory for message %llu; it will be found at the next start",
			    (unsigned long long)seq);
	} else if ((m = message_new(s, buf_str(&b), &why)) && m->seq != seq) {
		message_free(s, m);
		m = NULL;
		set_aside(s, seq, "it holds another message");
	} else if (!m && strcmp(why, "out of memory") == 0) {
		queue_settle(s->q, seq, sched_now(s) + TRY_AGAIN);
		index_add(&s->index, seq, sched_now(s) + TRY_AGAIN);
	} else if (!m)
		set_aside(s, seq, why);
	buf_free(&b);
	return m;
}

/* Deferred recipients are tried again; a message that came from elsewhere has its own time. */
void message_start(struct sched *s, struct message *m)
{
	if (m->env.release > sched_now(s) && !m->env.cancelled.p) {
		message_put_down(s, m, m->env.release);
		return;
	}
	for (size_t i = 0; i < m->env.n_rcpts; i++)
		if (m->env.rcpts[i].state == RCPT_DEFERRED)
			m->env.rcpts[i].state = RCPT_PENDING;
	m->cancel = m->env.cancelled.p != NULL;
	owed_start(m);
	m->not_before = 0;
	m->counted = m->report_deferred = m->said = false;
	if (retry_too_late(&m->env, sched_now(s)))
		message_dirty(s, m); /* it expires */
	else
		recipients_route(s, m);
}

struct written {
	struct sched *s;
	uint64_t seq;
	bool waits;
};

static void on_written(void *ctx, int error)
{
	struct written *w = ctx;
	struct message *m = message_find(w->s, w->seq);
	if (error)
		log_error(NULL, "a result of message %llu could not be recorded: %s",
		    (unsigned long long)w->seq, strerror(error));
	if (m && w->waits) {
		m->writes--;
		message_dirty(w->s, m);
	} else if (m && m->lazy && --m->lazy == 0 && w->s->archives)
		message_dirty(w->s, m);
	free(w);
}

/* -1: it stays in m->out.  wait: the round does not end before it is durable. */
int message_write(struct sched *s, struct message *m, bool wait)
{
	if (!m->out.n)
		return 0;
	struct written *w = malloc(sizeof *w);
	if (!w)
		return -1;
	*w = (struct written){.s = s, .seq = m->seq, .waits = wait};
	if (queue_append(s->q, m->seq, buf_str(&m->out), !wait, on_written, w)) {
		free(w);
		return -1;
	}
	m->writes += wait;
	m->lazy += !wait;
	m->recorded += m->out.n;
	buf_clear(&m->out);
	return 0;
}

void message_put_down(struct sched *s, struct message *m, int64_t next)
{
	uint64_t seq = m->seq;
	if (!index_add(&s->index, seq, next))
		log_error(NULL,
		    "no memory for the index of the queue; message %llu will be found at the next "
		    "start",
		    (unsigned long long)seq);
	if (queue_settle(s->q, seq, next))
		log_error(NULL, "message %llu cannot be put down: %m", (unsigned long long)seq);
	message_free(s, m);
}

/* The attempts of a round are over, whatever they came to. */
static void log_completed(struct message *m)
{
	if (m->said)
		return;
	m->said = true;
	log_info(NULL, "completed,id=%s", m->id);
}

static void finish(struct sched *s, struct message *m)
{
	struct log_ctx ctx = {"id", m->id};
	if (s->hooks->finished)
		s->hooks->finished(s->ctx, m);
	m->gone = true;
	if (queue_remove(s->q, m->seq, NULL, NULL)) {
		log_error(&ctx, "cannot be removed from the queue: %m");
		m->gone = false;
		message_put_down(s, m, sched_now(s) + TRY_AGAIN);
		return;
	}
	log_completed(m);
	s->n_completed++;
	message_free(s, m);
}

static bool all_final(const struct message *m)
{
	for (size_t i = 0; i < m->env.n_rcpts; i++)
		if (!rcpt_final(m->env.rcpts[i].state))
			return false;
	return true;
}

static void fail_rest(struct sched *s, struct message *m, const char *status, const char *text)
{
	for (uint32_t i = 0; i < m->env.n_rcpts; i++) {
		const struct envelope_rcpt *r = &m->env.rcpts[i];
		if (rcpt_final(r->state))
			continue;
		if (r->place.n) { /* it has been seen */
			result_plain(s, m, i, MODULE_DELIVERED, "", "");
			continue;
		}
		result_plain(s, m, i, MODULE_FAILED, status, text);
		result_log(m, i);
	}
}

/* The last words of the last attempt stand in the report; the reason for giving up comes first. */
static void expire(struct sched *s, struct message *m)
{
	for (uint32_t i = 0; i < m->env.n_rcpts; i++) {
		struct envelope_rcpt *r = &m->env.rcpts[i];
		if (rcpt_final(r->state))
			continue;
		struct str last = r->error.n ? r->error : r->reply;
		char *text =
		    arena_printf(m->arena, "%.*s%sthe message could not be delivered in time",
			STR_FMT(last), last.n ? "\n" : "");
		struct module_result x = {.outcome = MODULE_FAILED,
		    .status = STR("5.4.7"),
		    .remote = r->peer,
		    .command = r->sent,
		    .diagnostic =
			text ? str_of(text) : STR("the message could not be delivered in time")};
		result_take(s, m, i, &x);
		result_log(m, i);
	}
}

static void defer(struct sched *s, struct message *m, int64_t now, int64_t pause)
{
	int64_t next = now + pause;
	if (next < m->not_before)
		next = m->not_before;
	next = retry_next(&m->env, now, next);
	envelope_add_next(&m->out, next);
	message_write(s, m, false);
	message_put_down(s, m, next);
}

/*
 * Everything that was under way for the message is over.  Called again after each step, so each is
 * made once: cancelled and expired recipients fail, reports go out, then the message leaves.
 */
void message_end_round(struct sched *s, struct message *m)
{
	int64_t now = sched_now(s);
	if (m->gone || m->writes || m->questions || m->deliveries || m->owed ||
	    (s->archives && m->lazy))
		return;
	if (m->cancel) {
		const char *why =
		    m->env.cancelled.n ? arena_strz(m->arena, m->env.cancelled) : NULL;
		fail_rest(s, m, "5.7.0", why ? why : "Message cancelled.");
	} else if (!all_final(m)) {
		if (!m->counted) {
			m->counted = true;
			m->env.rounds++;
			envelope_add_round(&m->out, now);
		}
		if (retry_over(&s->limits, &m->env, now))
			expire(s, m);
	}
	int dsn = dsn_begin(s, m);
	if (dsn >= 0)
		log_completed(m);
	if (dsn > 0)
		return;
	if (dsn < 0)
		defer(s, m, now, TRY_AGAIN);
	else if (all_final(m))
		finish(s, m);
	else
		defer(s, m, now, retry_pause(&s->limits, m->env.rounds));
}
