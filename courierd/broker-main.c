/* courierbroker: starts sessions and delivery workers as the owners of mailboxes. */
#include "config.h"

#include "courierd/broker.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* At a stop: sessions are told at once; workers end when their asker is gone, or are told later. */
enum { DRAIN_STEP_MS = 2000 };

static void take_config(struct broker *b)
{
	struct config *c = service_config(b->service);
	config_hold(c);
	if (b->config)
		config_drop(b->config);
	b->config = c;
	b->limits = (struct broker_limits){
	    .min_uid = (uint32_t)config_int(c, "broker", "MINUID", NULL),
	    .max_uid = (uint32_t)config_int(c, "broker", "MAXUID", NULL),
	    .sessions = (uint32_t)config_int(c, "broker", "MAXSESSIONS", NULL),
	    .per_account = (uint32_t)config_int(c, "broker", "MAXPERACCOUNT", NULL),
	    .workers = (uint32_t)config_int(c, "broker", "MAXWORKERS", NULL),
	    .root = geteuid() == 0,
	    .own_uid = geteuid(),
	};
}

static void leave_when_idle(struct broker *b)
{
	if (service_draining(b->service) &&
	    children_count(b, CHILD_SESSION) + children_count(b, CHILD_WORKER) == 0)
		service_exit(b->service, 0);
}

static void on_sigchld(void *ctx, int signo)
{
	struct broker *b = ctx;
	(void)signo;
	children_reap(b);
	leave_when_idle(b);
}

static void on_drain_step(void *ctx)
{
	struct broker *b = ctx;
	int signo = b->drain_step++ ? SIGKILL : SIGTERM;
	children_signal(b, CHILD_SESSION, signo);
	children_signal(b, CHILD_WORKER, signo);
	timer_set(b->drain, DRAIN_STEP_MS);
}

static int start(struct service *s)
{
	struct broker *b = mem_new(struct broker);
	b->service = s;
	service_set_data(s, b);
	take_config(b);
	b->children = map_new();
	b->per_account = map_new();
	b->auth = auth_client_new(s);
	b->looks = look_pool_new(b);
	b->sigchld = signal_watch_new(service_loop(s), SIGCHLD, on_sigchld, b);
	b->drain = timer_new(service_loop(s), on_drain_step, b);
	if (!b->children || !b->per_account || !b->auth || !b->sigchld || !b->drain)
		return -1;
	service_ready(s);
	return 0;
}

static void edge(struct service *s, const char *peer_role, unsigned peer_number, int fd)
{
	(void)peer_number;
	peer_new(service_data(s), peer_role, fd);
}

static void reload(struct service *s)
{
	take_config(service_data(s));
}

static void drain(struct service *s)
{
	struct broker *b = service_data(s);
	b->draining = true;
	filter_workers_end(b);
	look_pool_free(b->looks);
	b->looks = look_pool_new(b);
	children_signal(b, CHILD_SESSION, SIGTERM);
	timer_set(b->drain, DRAIN_STEP_MS);
	leave_when_idle(b);
}

static void stats(struct service *s, struct buf *out)
{
	struct broker *b = service_data(s);
	buf_addf(out, "sessions=%zu workers=%zu", children_count(b, CHILD_SESSION),
	    children_count(b, CHILD_WORKER));
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {
	    &broker_settings, &local_settings, &auth_settings};
	static const struct service_desc desc = {
	    .role = "broker",
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .start = start,
	    .edge = edge,
	    .reload = reload,
	    .drain = drain,
	    .stats = stats,
	};
	return service_main(&desc, argc, argv);
}
