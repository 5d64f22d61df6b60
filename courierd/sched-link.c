/* The edges to modules: deliveries go out, results come in. */
#include "config.h"

#include "courierd/sched-main.h"
#include "rfc822/rfc822.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAME_MAX = IPC_BODY_MAX - 1024, RESULT_ARENA = 256 * 1024 };

/* One process of a module.  While a successor takes over there are two, or more. */
struct module_edge {
	struct scheduler *x;
	struct sched_module *m;
	struct service_link *link;
	unsigned epoch;
	bool leaving;
	struct module_edge *older;
};

static void drop(struct module_edge *e)
{
	if (e->link)
		service_link_drop(e->link);
}

static void on_result(struct module_edge *e, struct str text, struct arena *a)
{
	struct sched_module *m = e->m;
	struct module_result r;
	uint64_t delid;
	uint32_t num;
	bool done;
	if (module_decode_result(text, a, &delid, &num, &r, &done)) {
		log_error(NULL,
		    "module %s sent a result that cannot be understood; its edge is dropped",
		    m->name);
		drop(e);
		return;
	}
	struct delivery *d = module_delivery_find(m, delid);
	if (!d)
		return;
	delivery_result(m->s, d, num, &r);
	if (done)
		delivery_done(m->s, d);
}

static void on_synced(void *ctx, struct str id, uint32_t num, enum module_sync how)
{
	struct sched_module *m = ctx;
	sched_synced(m->s, m, id, num, how);
}

static void edge_open(struct scheduler *x, struct sched_module *m);

/* It finishes what it has; its successor gets the rest. */
static void on_leaving(struct module_edge *e, struct ipc *c)
{
	if (e->leaving)
		return;
	e->leaving = true;
	(void)ipc_reply(c, MODULE_FRAME_LEAVING, 0);
	service_link_last(e->link);
	module_leaves(e->m);
	edge_open(e->x, e->m);
}

static void on_frame(void *ctx, struct ipc *c, struct ipc_msg *f)
{
	struct module_edge *e = ctx;
	struct sched_module *m = e->m;
	uint64_t delid;
	if (f->type == MODULE_FRAME_RESULT) {
		struct arena *a = arena_new(RESULT_ARENA);
		if (a)
			on_result(e, f->body, a);
		else { /* what was in it is asked for again */
			log_error(NULL, "no memory for a result of module %s", m->name);
			drop(e);
		}
		arena_free(a);
	} else if (f->type == MODULE_FRAME_DONE && module_decode_done(f->body, &delid) == 0) {
		struct delivery *d = module_delivery_find(m, delid);
		if (d)
			delivery_done(m->s, d);
	} else if (f->type == MODULE_FRAME_LEAVING)
		on_leaving(e, c);
	else if (f->type == MODULE_FRAME_SYNCED && module_decode_synced(f->body, on_synced, m))
		log_error(NULL, "module %s sent a frame that cannot be understood", m->name);
}

static void on_drain(void *ctx, struct ipc *c UNUSED)
{
	const struct module_edge *e = ctx;
	e->m->s->hooks->soon(e->m->s->ctx);
}

static void on_up(void *ctx)
{
	struct module_edge *e = ctx;
	const struct sched_module *m = e->m;
	log_info(NULL, "Started courier%s, maxdels=%u, maxhost=%u, maxrcpt=%u", m->name, m->maxdels,
	    m->maxhost, m->maxrcpt);
	module_up(e->m);
	e->epoch = m->epoch;
}

static unsigned under_way(const struct module_edge *e)
{
	unsigned n = 0;
	for (const struct delivery *x = e->m->running; x; x = x->run_next)
		n += x->epoch == e->epoch;
	return n;
}

static void forget(struct module_edge *e)
{
	struct module_edge *k = e->m->link;
	while (k && k->older != e)
		k = k->older;
	if (k)
		k->older = e->older;
	free(e);
}

static void on_down(void *ctx)
{
	struct module_edge *e = ctx;
	unsigned n = under_way(e);
	if (n)
		log_warning(
		    NULL, "module %s has ended with %u deliveries under way", e->m->name, n);
	if (!e->leaving) {
		module_down(e->m);
		return;
	}
	module_left(e->m, e->epoch);
	forget(e);
}

static void edge_open(struct scheduler *x, struct sched_module *m)
{
	static const struct ipc_handlers handlers = {.on_msg = on_frame, .on_drain = on_drain};
	struct module_edge *e = mem_new(struct module_edge);
	*e = (struct module_edge){.x = x, .m = m, .older = m->link};
	m->link = e;
	e->link = service_link_new(x->service, m->name, 0, &handlers, on_up, on_down, e);
	if (e->link)
		return;
	log_error(NULL, "no memory for an edge to module %s; courier reload tries again", m->name);
	m->link = e->older;
	free(e);
}

void links_open(struct scheduler *x)
{
	for (size_t i = 0; i < x->core.n_modules; i++) {
		struct sched_module *m = &x->core.modules[i];
		if (m->configured && !m->link)
			edge_open(x, m);
	}
}

void link_drop(struct sched_module *m)
{
	for (struct module_edge *e = m->link; e; e = e->older)
		drop(e);
}

static void log_started(const struct delivery *d)
{
	const struct message *m = d->msg;
	for (size_t i = 0; i < d->n; i++) {
		const struct envelope_rcpt *r = &m->env.rcpts[d->rcpts[i]];
		struct str addr = d->report ? m->env.sender : r->to.n ? r->to : r->address;
		log_info(NULL, "started,id=%s,from=<%.*s>,module=%s,host=%s,addr=<%.*s>", m->id,
		    STR_FMT(m->env.sender), d->dest->module->name, d->dest->host, STR_FMT(addr));
	}
}

static void fill_rcpts(const struct delivery *d, struct module_rcpt *rcpts)
{
	const struct envelope *e = &d->msg->env;
	for (size_t i = 0; i < d->n; i++) {
		const struct envelope_rcpt *r = &e->rcpts[d->rcpts[i]];
		rcpts[i] = (struct module_rcpt){.num = d->rcpts[i],
		    .address = r->to.n && !d->report ? r->to : r->address,
		    .orcpt = r->orcpt,
		    .notify = r->notify};
		if (!d->report && r->place.n) {
			rcpts[i].place = r->place;
			rcpts[i].doubt = r->doubt;
		}
	}
}

static void fill(const struct delivery *d, struct module_delivery *o, struct module_rcpt *rcpts)
{
	const struct envelope *e = &d->msg->env;
	fill_rcpts(d, rcpts);
	*o = (struct module_delivery){.delid = d->id,
	    .id = str_of(d->msg->id),
	    .sender = e->sender,
	    .host = str_of(d->dest->host),
	    .envid = e->envid,
	    .ret = e->ret,
	    .body8 = e->body8,
	    .headers8 = e->headers8,
	    .smtputf8 = e->smtputf8,
	    .verp = e->verp,
	    .vhost = e->vhost,
	    .login = e->login,
	    .source = e->source,
	    .security = e->security,
	    .requiretls = e->tls == 'R',
	    .tls_optional = e->tls == 'N',
	    .by = e->by,
	    .by_mode = e->by_mode,
	    .by_trace = e->by_trace,
	    .release = e->release,
	    .arrived = e->arrival,
	    .expires = e->expiry,
	    .size = e->size,
	    .rcpts = rcpts,
	    .n_rcpts = d->n,
	    .durable_elsewhere = !d->report};
	if (d->report) {
		o->extra = d->msg->history.p;
		o->extra_n = d->msg->history.n;
	}
}

static int send_frame(struct ipc *c, struct str text, int fd)
{
	ipc_compose(c, MODULE_FRAME_DELIVER, 0);
	ipc_put_rest(c, text);
	return ipc_send(c, fd);
}

/* Large ones by descriptor: it holds this message and nothing else. */
static int send_by_fd(struct scheduler *x, struct ipc *c, struct delivery *d,
    struct module_delivery *o, struct buf *text)
{
	struct stat st;
	int fd = queue_body_fd(x->queue, d->msg->seq), r = -1;
	if (fd >= 0 && fstat(fd, &st) == 0) {
		o->size = (uint64_t)st.st_size;
		buf_clear(text);
		if (module_encode_delivery(o, -1, 0, text))
			r = send_frame(c, buf_str(text), fd);
	}
	int e = errno;
	if (fd >= 0)
		close(fd);
	errno = e;
	return r;
}

static int send_delivery(struct scheduler *x, struct ipc *c, struct delivery *d,
    struct module_delivery *o, struct buf *text)
{
	struct buf body;
	buf_init(&body, QUEUE_INLINE_MAX + 1);
	int have = queue_body(x->queue, d->msg->seq, QUEUE_INLINE_MAX, &body), r = -1;
	if (have == 1) {
		o->size = body.n;
		if (module_encode_delivery(o, (int64_t)body.n, 0, text) &&
		    buf_adds(text, buf_str(&body)))
			r = send_frame(c, buf_str(text), -1);
		else
			have = 0;
	}
	buf_free(&body);
	return have == 0 ? send_by_fd(x, c, d, o, text) : r;
}

int link_deliver(struct scheduler *x, struct sched_module *m, struct delivery *d)
{
	const struct module_edge *e = m->link;
	struct ipc *c = e && e->link ? service_link_ipc(e->link) : NULL;
	struct log_ctx ctx = {"id", d->msg->id};
	if (!c || ipc_pending(c) > IPC_QUEUE_SOFT)
		return -1;
	struct module_rcpt *rcpts = calloc(d->n + 1, sizeof *rcpts);
	if (!rcpts)
		return 1;
	struct module_delivery o;
	struct buf text, sender;
	buf_init(&text, FRAME_MAX);
	buf_init(&sender, 8192);
	fill(d, &o, rcpts);
	if (o.verp && !d->report && d->n == 1 && o.sender.n &&
	    verp_encode(o.sender, d->msg->env.rcpts[d->rcpts[0]].address, &sender))
		o.sender = buf_str(&sender);
	int r = send_delivery(x, c, d, &o, &text);
	if (r)
		log_error(&ctx, "cannot hand the message to module %s: %m", m->name);
	else
		log_started(d);
	buf_free(&sender);
	buf_free(&text);
	free(rcpts);
	return r ? 1 : 0;
}
