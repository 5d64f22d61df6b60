/* The service's end of the control channel. */
#include "config.h"

#include "service/service-private.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { INIT_WAIT_MS = 30000 };

static void drop_frame(const struct ipc_msg *m)
{
	log_error(NULL, "frame %u from the supervisor is not understood; both must be of one build",
	    m->type);
}

int service_control_init(struct service *s)
{
	struct ipc_msg m;
	struct ipc_reader r;
	struct ipc *c = ipc_new(NULL, CONTROL_FD, NULL, NULL);
	if (!c)
		return -1;
	int got = ipc_recv(c, &m, INIT_WAIT_MS);
	if (got != 1 || m.type != CONTROL_INIT) {
		log_error(NULL,
		    "no supervisor at descriptor %d: this program is started by courier start",
		    CONTROL_FD);
		return -1;
	}
	ipc_read(&m, &r);
	struct str role = ipc_get_str(&r);
	s->role = mem_strndup(role.p, role.n);
	s->number = ipc_get_u32(&r);
	struct str user = ipc_get_str(&r), group = ipc_get_str(&r);
	s->user = mem_strndup(user.p, user.n);
	s->group = mem_strndup(group.p, group.n);
	s->flags = ipc_get_u8(&r);
	struct str dir = ipc_get_str(&r);
	s->empty_dir = mem_strndup(dir.p, dir.n);
	s->control = c;
	if (!ipc_done(&r)) {
		drop_frame(&m);
		return -1;
	}
	return 0;
}

static void hold(
    struct service *s, bool listener, struct str name, struct str where, unsigned number, int fd)
{
	struct held_fd h = {
	    mem_strndup(name.p, name.n), mem_strndup(where.p, where.n), number, fd, listener};
	vec_push(&s->held, h);
}

static void release_held(struct service *s)
{
	for (size_t i = 0; i < s->held.n; i++) {
		struct held_fd *h = &s->held.v[i];
		if (h->is_listener && s->desc->listener)
			s->desc->listener(s, h->name, h->where, h->fd);
		else if (!h->is_listener && s->desc->edge)
			s->desc->edge(s, h->name, h->number, h->fd);
		else
			close(h->fd);
		free(h->name);
		free(h->where);
	}
	vec_free(&s->held);
}

static void on_listener(struct service *s, struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	struct str name = ipc_get_str(&r), where = ipc_get_str(&r);
	if (!ipc_done(&r) || m->fd < 0)
		drop_frame(m);
	else
		hold(s, true, name, where, 0, ipc_take_fd(m));
	if (s->started)
		release_held(s);
}

static void on_edge(struct service *s, struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	struct str role = ipc_get_str(&r);
	uint32_t number = ipc_get_u32(&r);
	if (!ipc_done(&r) || m->fd < 0)
		drop_frame(m);
	else
		hold(s, false, role, STR_NONE, number, ipc_take_fd(m));
	if (s->started)
		release_held(s);
}

static void on_start(struct service *s, struct ipc_msg *m)
{
	if (s->started)
		return;
	s->started = true;
	if (s->desc->start && s->desc->start(s) < 0) {
		service_exit(s, EXIT_FAILURE);
		return;
	}
	release_held(s);
}

static void on_connected(struct service *s, struct ipc_msg *m)
{
	for (size_t i = 0; i < s->connects.n; i++) {
		if (s->connects.v[i].id != m->id)
			continue;
		struct pending_connect p = s->connects.v[i];
		vec_remove(&s->connects, i);
		p.connected(p.ctx, ipc_take_fd(m));
		return;
	}
}

static void on_reload(struct service *s, struct ipc_msg *m)
{
	if (s->desc->reload_unread) {
		s->desc->reload(s);
		return;
	}
	struct config *fresh =
	    config_load(&s->instance, s->desc->components, s->desc->n_components, NULL);
	if (!fresh) {
		log_error(NULL, "the new configuration has faults; the old one stays in force");
		return;
	}
	config_drop(s->config);
	s->config = fresh;
	if (s->desc->reload)
		s->desc->reload(s);
}

static void on_stop(struct service *s, struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	service_begin_drain(s, ipc_get_u32(&r), false, STR_NONE);
}

static void on_retire(struct service *s, struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	uint32_t grace = ipc_get_u32(&r);
	service_begin_drain(s, grace, true, ipc_get_str(&r));
}

static void on_ask_stats(struct service *s, struct ipc_msg *m)
{
	struct buf b;
	buf_init(&b, 16384);
	if (s->desc->stats)
		s->desc->stats(s, &b);
	ipc_compose(s->control, CONTROL_STATS, m->id);
	ipc_put_rest(s->control, buf_str(&b));
	(void)ipc_send(s->control, -1);
	buf_free(&b);
}

static void on_ping(struct service *s, struct ipc_msg *m)
{
	(void)ipc_reply(s->control, CONTROL_PONG, m->id);
}

static void on_command(struct service *s, struct ipc_msg *m)
{
	if (s->desc->command)
		s->desc->command(s, m->body);
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	static void (*const arms[])(struct service *, struct ipc_msg *) = {
	    [CONTROL_LISTENER] = on_listener,
	    [CONTROL_START] = on_start,
	    [CONTROL_EDGE] = on_edge,
	    [CONTROL_CONNECTED] = on_connected,
	    [CONTROL_RELOAD] = on_reload,
	    [CONTROL_STOP] = on_stop,
	    [CONTROL_ASK_STATS] = on_ask_stats,
	    [CONTROL_PING] = on_ping,
	    [CONTROL_COMMAND] = on_command,
	    [CONTROL_RETIRE] = on_retire,
	};
	if (m->type < ARRAY_LEN(arms) && arms[m->type])
		arms[m->type](ctx, m);
	else
		drop_frame(m);
}

/* Without its supervisor a service has no one to answer to: it ends. */
static void on_close(void *ctx, struct ipc *c)
{
	struct service *s = ctx;
	ipc_free(c);
	s->control = NULL;
	service_exit(s, EXIT_SUCCESS);
}

int service_control_start(struct service *s)
{
	static const struct ipc_handlers handlers = {on_msg, on_close, NULL};
	int fd = dup(CONTROL_FD);
	ipc_free(s->control);
	s->control = fd < 0 ? NULL : ipc_new(s->loop, fd, &handlers, s);
	return s->control ? 0 : -1;
}

void service_ready(struct service *s)
{
	if (s->ready || !s->control)
		return;
	s->ready = true;
	(void)ipc_reply(s->control, CONTROL_READY, 0);
}

void service_restart_me(struct service *s)
{
	if (s->control)
		(void)ipc_reply(s->control, CONTROL_RESTART_ME, 0);
}

struct refused {
	void (*connected)(void *ctx, int fd);
	void *ctx;
};

static void refuse_later(void *arg)
{
	struct refused *x = arg;
	x->connected(x->ctx, -1);
	free(x);
}

void service_connect(struct service *s, const char *role, unsigned number,
    void (*connected)(void *ctx, int fd), void *ctx)
{
	struct pending_connect p = {++s->next_connect, connected, ctx};
	int r = -1;
	if (s->control) {
		ipc_compose(s->control, CONTROL_CONNECT, p.id);
		ipc_put_z(s->control, role);
		ipc_put_u32(s->control, number);
		r = ipc_send(s->control, -1);
	}
	if (r == 0) {
		vec_push(&s->connects, p);
		return;
	}
	struct refused *x = mem_new(struct refused);
	*x = (struct refused){connected, ctx};
	if (loop_defer(s->loop, refuse_later, x) < 0)
		free(x);
}
