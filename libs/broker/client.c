#include "config.h"

#include "broker/broker-proto.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* How long a question may wait for the broker before its asker is told "temporary failure". */
enum {
	ANSWER_MS = 30 * 1000,
	FILTER_MS = 15 * 60 * 1000, /* the broker ends filters by its own setting */
	SWEEP_MS = 5 * 1000,
	QUESTIONS_MAX = 65536
};

struct question {
	struct question *next;
	enum broker_type type;
	uint32_t id;
	bool sent;
	int64_t deadline;
	uint8_t fresh;
	char *text[4];
	size_t length[4], texts;
	int fd; /* of a session's client, of a message, until it is sent */
	union {
		broker_ok ok;
		broker_worker_got got;
		broker_looked looked;
		broker_filtered filtered;
	} cb;
	void *ctx;
};

struct broker_client {
	struct service_link *link;
	struct timer *sweep;
	struct question *first;
	uint32_t last_id, n;
};

static void question_free(struct question *q)
{
	if (q->fd >= 0)
		close(q->fd);
	for (size_t i = 0; i < ARRAY_LEN(q->text); i++)
		free(q->text[i]);
	free(q);
}

static void settle(
    struct question *q, uint8_t result, int fd, uint32_t uid, uint32_t gid, struct str why)
{
	int as_int = result == BROKER_DONE ? 0 : result == BROKER_REFUSED ? -2 : -1;
	switch (q->type) {
	case BROKER_SESSION:
	case BROKER_HOME:
		q->cb.ok(q->ctx, as_int ? -1 : 0, why);
		break;
	case BROKER_WORKER:
		if (as_int == 0 && fd < 0)
			as_int = -1;
		q->cb.got(q->ctx, as_int, as_int ? -1 : fd, uid, gid, why);
		break;
	case BROKER_FILTER:
		q->cb.filtered(q->ctx, as_int ? -1 : 0, uid, why);
		break;
	case BROKER_LOOK:
	case BROKER_ANSWER:
		q->cb.looked(q->ctx, (enum broker_looked_at)result);
		break;
	}
	question_free(q);
}

static void give_up(struct question *q, const char *why)
{
	settle(q, q->type == BROKER_LOOK ? BROKER_LOOK_TEMPFAIL : BROKER_REFUSED_NOW, -1, 0, 0,
	    str_of(why));
}

static struct question *take(struct broker_client *b, uint32_t id)
{
	for (struct question **at = &b->first; *at; at = &(*at)->next)
		if ((*at)->id == id) {
			struct question *q = *at;
			*at = q->next;
			b->n--;
			return q;
		}
	return NULL;
}

static void send_question(struct broker_client *b, struct question *q)
{
	struct ipc *c = service_link_ipc(b->link);
	if (!c)
		return; /* on_up sends it */
	ipc_compose(c, (uint16_t)q->type, q->id);
	if (q->type == BROKER_WORKER)
		ipc_put_u8(c, q->fresh);
	for (size_t i = 0; i < q->texts; i++)
		ipc_put_str(c, str_at(q->text[i], q->length[i]));
	if (ipc_send(c, q->fd) < 0) {
		q->deadline = 0; /* told at the next sweep, never from inside the asker's call */
		timer_set(b->sweep, 0);
		return;
	}
	q->sent = true;
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct broker_client *b = ctx;
	struct ipc_reader r;
	ipc_read(m, &r);
	uint8_t result = ipc_get_u8(&r);
	uint32_t uid = ipc_get_u32(&r), gid = ipc_get_u32(&r);
	struct str why = ipc_get_str(&r);
	(void)c;
	if (m->type != BROKER_ANSWER || !ipc_done(&r)) {
		log_error(NULL, "the broker sent a malformed answer");
		service_link_drop(b->link);
		return;
	}
	struct question *q = take(b, m->id);
	if (!q)
		return; /* it came too late */
	bool wants_fd = q->type == BROKER_WORKER && result == BROKER_DONE;
	settle(q, result, wants_fd ? ipc_take_fd(m) : -1, uid, gid, why);
}

static void on_up(void *ctx)
{
	struct broker_client *b = ctx;
	for (struct question *q = b->first; q; q = q->next)
		if (!q->sent)
			send_question(b, q);
}

/* What was asked of a broker that died gets no answer any more. */
static void on_down(void *ctx)
{
	struct broker_client *b = ctx;
	for (struct question *q = b->first; q; q = q->next)
		if (q->sent)
			q->deadline = 0;
	timer_set(b->sweep, 0);
}

static void sweep(void *ctx)
{
	struct broker_client *b = ctx;
	struct question *late = NULL, **end = &late;
	int64_t now = clock_mono_ms();
	for (struct question **at = &b->first; *at;) {
		struct question *q = *at;
		if (q->deadline > now) {
			at = &q->next;
			continue;
		}
		*at = q->next;
		b->n--;
		q->next = NULL;
		*end = q;
		end = &q->next;
	}
	if (b->first)
		timer_set(b->sweep, SWEEP_MS);
	while (late) {
		struct question *q = late;
		late = q->next;
		give_up(q, q->sent ? "the broker did not answer" : "the broker can't be reached");
	}
}

struct broker_client *broker_client_new(struct service *s)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg};
	struct broker_client *b = mem_new(struct broker_client);
	b->sweep = timer_new(service_loop(s), sweep, b);
	b->link = service_link_new(s, "broker", SERVICE_ANY, &handlers, on_up, on_down, b);
	if (b->sweep && b->link)
		return b;
	broker_client_free(b);
	return NULL;
}

void broker_client_free(struct broker_client *b)
{
	if (!b)
		return;
	service_link_free(b->link);
	timer_free(b->sweep);
	while (b->first) {
		struct question *q = b->first;
		b->first = q->next;
		question_free(q);
	}
	free(b);
}

static struct question *question_new(struct broker_client *b, enum broker_type type, void *ctx)
{
	struct question *q = mem_new(struct question);
	q->type = type;
	q->id = ++b->last_id;
	q->fd = -1;
	q->ctx = ctx;
	int64_t patience = type == BROKER_FILTER ? FILTER_MS : ANSWER_MS;
	q->deadline = b->n < QUESTIONS_MAX ? clock_mono_ms() + patience : 0;
	q->next = b->first;
	b->first = q;
	b->n++;
	return q;
}

static void set_text(struct question *q, size_t i, struct str s)
{
	q->text[i] = mem_strndup(s.p ? s.p : "", s.n);
	q->length[i] = s.n;
	q->texts = i + 1;
}

static void ask(struct broker_client *b, struct question *q)
{
	if (!q->deadline)
		timer_set(b->sweep, 0);
	else if (!timer_armed(b->sweep))
		timer_set(b->sweep, SWEEP_MS);
	if (q->deadline)
		send_question(b, q);
}

void broker_session(struct broker_client *b, const char *program, struct str ticket, struct str env,
    int client, broker_ok ok, void *ctx)
{
	struct question *q = question_new(b, BROKER_SESSION, ctx);
	q->cb.ok = ok;
	set_text(q, 0, str_of(program));
	set_text(q, 1, ticket);
	set_text(q, 2, env);
	q->fd = fcntl(client, F_DUPFD_CLOEXEC, 0);
	if (q->fd < 0)
		q->deadline = 0;
	ask(b, q);
}

void broker_worker(
    struct broker_client *b, struct str name, bool fresh, broker_worker_got got, void *ctx)
{
	struct question *q = question_new(b, BROKER_WORKER, ctx);
	q->cb.got = got;
	q->fresh = fresh;
	set_text(q, 0, name);
	ask(b, q);
}

void broker_filter(
    struct broker_client *b, const struct broker_filter *f, broker_filtered done, void *ctx)
{
	struct question *q = question_new(b, BROKER_FILTER, ctx);
	q->cb.filtered = done;
	set_text(q, 0, f->name);
	set_text(q, 1, f->filter);
	set_text(q, 2, f->sender);
	set_text(q, 3, f->env);
	if (f->message >= 0)
		q->fd = fcntl(f->message, F_DUPFD_CLOEXEC, 0);
	if (f->message >= 0 && q->fd < 0)
		q->deadline = 0;
	ask(b, q);
}

void broker_look(
    struct broker_client *b, struct str name, struct str ext, broker_looked looked, void *ctx)
{
	struct question *q = question_new(b, BROKER_LOOK, ctx);
	q->cb.looked = looked;
	set_text(q, 0, name);
	set_text(q, 1, ext);
	ask(b, q);
}

void broker_home(struct broker_client *b, struct str name, broker_ok ok, void *ctx)
{
	struct question *q = question_new(b, BROKER_HOME, ctx);
	q->cb.ok = ok;
	set_text(q, 0, name);
	ask(b, q);
}
