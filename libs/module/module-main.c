#include "config.h"

#include "module/module-body.h"
#include "module/module-proto.h"

#include <stdlib.h>
#include <unistd.h>

enum { ARENA_MAX = 1024 * 1024, CLAIM_ARENA_MAX = 256 * 1024 };

/* One module a process. */
static struct {
	const struct module_desc *desc;
	struct service_desc service;
	struct service *s;
	struct ipc *edge;
	uint64_t epoch; /* which life of the edge: results of earlier ones are dropped */
	size_t active;
	bool draining, leaving; /* leaving: the scheduler may not know it yet */
} host;

struct delivery {
	uint64_t epoch;
	struct arena *arena;
	struct module_delivery d;
	struct module_body body;
	struct buf held; /* the last result: it leaves with the next one or with the end */
};

/* A result that does not get there would be waited for: the edge ends, and the scheduler knows. */
static void send_buf(uint64_t epoch, uint16_t type, const struct buf *text)
{
	if (!host.edge || epoch != host.epoch)
		return;
	ipc_compose(host.edge, type, 0);
	ipc_put_rest(host.edge, buf_str(text));
	if (!text->failed && ipc_send(host.edge, -1) == 0)
		return;
	log_error(NULL, "cannot send a result to the scheduler, the edge is dropped: %m");
	ipc_free(host.edge);
	host.edge = NULL;
}

static void send_held(struct delivery *x)
{
	if (x->held.n || x->held.failed)
		send_buf(x->epoch, MODULE_FRAME_RESULT, &x->held);
	buf_clear(&x->held);
}

void module_result(void *handle, uint32_t rcpt_num, const struct module_result *r)
{
	struct delivery *x = handle;
	struct module_result cut = *r;
	send_held(x);
	cut.diagnostic = str_head(cut.diagnostic, 8192);
	cut.command = str_head(cut.command, 4096);
	cut.remote = str_head(cut.remote, 1024);
	module_encode_result(x->d.delid, rcpt_num, &cut, false, &x->held);
}

static void end_if_idle(void)
{
	if (host.draining && !host.leaving && !host.active &&
	    !(host.desc->parting && host.desc->parting(host.s)))
		service_exit(host.s, 0);
}

static void delivery_free(struct delivery *x)
{
	if (x->body.fd >= 0)
		close(x->body.fd);
	buf_free(&x->held);
	arena_free(x->arena);
	free(x);
}

void module_parted(void)
{
	end_if_idle();
}

void module_done(void *handle)
{
	struct delivery *x = handle;
	if (x->held.n || x->held.failed) {
		buf_addz(&x->held, "done\t1\n");
		send_held(x);
	} else {
		module_encode_done(x->d.delid, &x->held);
		send_buf(x->epoch, MODULE_FRAME_DONE, &x->held);
	}
	delivery_free(x);
	host.active--;
	end_if_idle();
}

void module_synced(const struct module_owed *v, size_t n, enum module_sync how)
{
	enum { AT_ONCE = 500 };
	for (size_t k; n; n -= k, v += k) {
		struct buf b;
		buf_init(&b, 64 * 1024);
		k = n < AT_ONCE ? n : AT_ONCE;
		module_encode_synced(v, k, how, &b);
		send_buf(host.epoch, MODULE_FRAME_SYNCED, &b);
		buf_free(&b);
	}
}

static struct delivery *decode(struct ipc_msg *m)
{
	struct delivery *x = mem_new(struct delivery);
	x->epoch = host.epoch;
	x->body.fd = -1;
	x->arena = arena_new(ARENA_MAX);
	buf_init(&x->held, 64 * 1024);
	struct str text = x->arena ? arena_str(x->arena, m->body) : STR_NONE, body;
	if (!text.p || module_decode_delivery(text, x->arena, &x->d, &body, &x->body.offset)) {
		delivery_free(x);
		return NULL;
	}
	x->body.size = x->d.size;
	x->body.text = body;
	if (body.p)
		x->body.size = x->d.size = body.n;
	else if ((x->body.fd = ipc_take_fd(m)) < 0) {
		delivery_free(x);
		return NULL;
	}
	return x;
}

static void lost_edge(void *ctx UNUSED, struct ipc *c)
{
	if (c == host.edge) {
		host.edge = NULL;
		host.leaving = false;
	}
	ipc_free(c);
	end_if_idle();
}

static void on_frame(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	if (m->type == MODULE_FRAME_LEAVING) {
		host.leaving = false;
		end_if_idle();
		return;
	}
	if (m->type != MODULE_FRAME_DELIVER)
		return;
	struct delivery *x = decode(m);
	if (!x) {
		log_error(NULL,
		    "the scheduler sent a delivery that cannot be understood; the edge is dropped");
		lost_edge(ctx, c);
		return;
	}
	host.active++;
	if (host.draining && !host.leaving)
		module_done(x);
	else
		host.desc->deliver(host.s, &x->d, &x->body, x);
}

/* ---- the gate's questions -------------------------------------------------------------------- */

static void answer(struct ipc *c, uint32_t id, const struct claim_answer *w)
{
	struct buf b;
	buf_init(&b, CLAIM_TEXT_MAX);
	if (!claim_encode_answer(w, &b)) {
		buf_clear(&b);
		claim_encode_answer(&(struct claim_answer){.claim = CLAIM_DEFER}, &b);
	}
	ipc_compose(c, MODULE_FRAME_CLAIMED, id);
	ipc_put_rest(c, buf_str(&b));
	if (ipc_send(c, -1))
		log_warning(NULL, "cannot answer the gate: %m");
	buf_free(&b);
}

static void on_question(void *ctx UNUSED, struct ipc *c, struct ipc_msg *m)
{
	struct claim_ask q;
	struct claim_answer w = {.claim = CLAIM_DEFER};
	struct arena *a = m->type == MODULE_FRAME_CLAIM ? arena_new(CLAIM_ARENA_MAX) : NULL;
	if (a && claim_decode_ask(m->body, a, &q) == 0)
		host.desc->claim(host.s, a, &q, &w);
	answer(c, m->id, &w);
	arena_free(a);
}

static void gate_gone(void *ctx UNUSED, struct ipc *c)
{
	ipc_free(c);
}

static void on_gate(struct service *s, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_question, .on_close = gate_gone};
	if (!host.desc->claim || !ipc_new(service_loop(s), fd, &handlers, NULL))
		close(fd);
}

static void on_edge(struct service *s, const char *peer_role, unsigned peer_number UNUSED, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_frame, .on_close = lost_edge};
	if (strcmp(peer_role, "gate") == 0) {
		on_gate(s, fd);
		return;
	}
	if (strcmp(peer_role, "sched") != 0) {
		close(fd);
		return;
	}
	ipc_free(host.edge);
	host.epoch++;
	host.edge = ipc_new(service_loop(s), fd, &handlers, NULL);
}

static void on_drain(struct service *s UNUSED)
{
	host.draining = true;
	host.leaving = service_retired(host.s) && host.edge &&
		       ipc_reply(host.edge, MODULE_FRAME_LEAVING, 0) == 0;
	if (host.desc->drain)
		host.desc->drain(host.s);
	end_if_idle();
}

static int on_start(struct service *s)
{
	host.s = s;
	return host.desc->service.start ? host.desc->service.start(s) : (service_ready(s), 0);
}

static void on_stats(struct service *s, struct buf *out)
{
	buf_addf(out, "deliveries=%zu ", host.active);
	if (host.desc->service.stats)
		host.desc->service.stats(s, out);
}

int module_main(const struct module_desc *desc, int argc, char **argv)
{
	host.desc = desc;
	host.service = desc->service;
	if (!host.service.role)
		host.service.role = desc->name;
	host.service.start = on_start;
	host.service.edge = on_edge;
	host.service.drain = on_drain;
	host.service.stats = on_stats;
	return service_main(&host.service, argc, argv);
}
