/* The edges to modules: deliveries go out, results come in. */
#include "config.h"

#include "courierd/sched-main.h"
#include "rfc822/rfc822.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAME_MAX = IPC_BODY_MAX - 1024, RESULT_ARENA = 256 * 1024 };

static void on_result(struct sched_module *m, struct str text, struct arena *a)
{
	struct module_result r;
	uint64_t delid;
	uint32_t num;
	bool done;
	if (module_decode_result(text, a, &delid, &num, &r, &done)) {
		log_error(NULL,
		    "module %s sent a result that cannot be understood; its edge is dropped",
		    m->name);
		link_drop(m);
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

static void on_frame(void *ctx, struct ipc *c UNUSED, struct ipc_msg *f)
{
	struct sched_module *m = ctx;
	uint64_t delid;
	if (f->type == MODULE_FRAME_RESULT) {
		struct arena *a = arena_new(RESULT_ARENA);
		if (a)
			on_result(m, f->body, a);
		else { /* what was in it is asked for again */
			log_error(NULL, "no memory for a result of module %s", m->name);
			link_drop(m);
		}
		arena_free(a);
	} else if (f->type == MODULE_FRAME_DONE && module_decode_done(f->body, &delid) == 0) {
		struct delivery *d = module_delivery_find(m, delid);
		if (d)
			delivery_done(m->s, d);
	} else if (f->type == MODULE_FRAME_SYNCED && module_decode_synced(f->body, on_synced, m))
		log_error(NULL, "module %s sent a frame that cannot be understood", m->name);
}

static void on_drain(void *ctx, struct ipc *c UNUSED)
{
	struct sched_module *m = ctx;
	m->s->hooks->soon(m->s->ctx);
}

static void on_up(void *ctx)
{
	const struct sched_module *m = ctx;
	log_info(NULL, "Started courier%s, maxdels=%u, maxhost=%u, maxrcpt=%u", m->name, m->maxdels,
	    m->maxhost, m->maxrcpt);
	module_up(ctx);
}

static void on_down(void *ctx)
{
	struct sched_module *m = ctx;
	if (m->active)
		log_warning(
		    NULL, "module %s has ended with %u deliveries under way", m->name, m->active);
	module_down(m);
}

void links_open(struct scheduler *x)
{
	static const struct ipc_handlers handlers = {.on_msg = on_frame, .on_drain = on_drain};
	for (size_t i = 0; i < x->core.n_modules; i++) {
		struct sched_module *m = &x->core.modules[i];
		if (m->configured && !m->link)
			m->link =
			    service_link_new(x->service, m->name, 0, &handlers, on_up, on_down, m);
	}
}

void link_drop(struct sched_module *m)
{
	if (m->link)
		service_link_drop(m->link);
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

static void fill(const struct delivery *d, struct module_delivery *o, struct module_rcpt *rcpts)
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
	struct ipc *c = m->link ? service_link_ipc(m->link) : NULL;
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
