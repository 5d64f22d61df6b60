/* couriergate: the one way into the queue. */
#include "config.h"

#include "submit/filter-files.h"
#include "submit/claim-ask.h"
#include "submit/client-lists.h"
#include "submit/ldap-alias.h"
#include "submit/pickup.h"
#include "submit/process.h"
#include "submit/resolve.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TICK_MS = 5000,
	SWEEP_TICKS = 720, /* an hour */
	LEAVE_MS = 100,
	SOCKET_PEERS_MAX = 200, /* local programs at a time */
	SOCKET_PEERS_UID = 100, /* of one user: what is left is the others' */
};

/* ---- configuration --------------------------------------------------------------------------- */

static int64_t etc_changed(struct gate_process *g)
{
	struct stat st;
	if (stat(service_instance(g->service)->etc, &st) < 0)
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static void want_edges(struct gate_process *g)
{
	const struct claims *c = g->policy->claims;
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].ask)
			claim_links_want(g->claims, c->v[i].module);
}

static int take_policy(struct gate_process *g)
{
	g->etc_changed = etc_changed(g);
	struct policy *p = policy_load(service_instance(g->service), service_config(g->service));
	if (!p)
		return -1;
	policy_drop(g->policy);
	g->policy = p;
	want_edges(g);
	g->generation = (uint64_t)clock_unique_us();
	if (g->queue)
		queue_client_generation(g->queue, g->generation);
	return 0;
}

/* Other servers may be named now, and after a step of the clock old answers would last too long. */
static void renew_resolver(struct gate_process *g)
{
	if (!g->dns)
		g->dns = dns_new(service_loop(g->service), service_instance(g->service));
	else if (dns_renew(g->dns, service_instance(g->service)) < 0)
		log_error(NULL, "the name servers that were asked before are asked further");
}

static void reload(struct service *s)
{
	struct gate_process *g = service_data(s);
	take_policy(g);
	renew_resolver(g);
}

/* Tables are put in place by renaming: the folder's time tells that one has come or gone. */
static void on_tick(void *ctx)
{
	struct gate_process *g = ctx;
	if (etc_changed(g) != g->etc_changed)
		take_policy(g);
	peers_sweep(g);
	if (++g->ticks % SWEEP_TICKS == 0)
		filter_files_sweep(g);
	if (g->listener)
		watch_set(g->listener, WATCH_READ);
	timer_set(g->tick, TICK_MS);
}

/* ---- edges and the submission socket --------------------------------------------------------- */

static void edge(struct service *s, const char *role, unsigned number, int fd)
{
	struct gate_process *g = service_data(s);
	(void)number;
	peer_new(g, role, fd, false, g->uid);
}

static void on_connection(void *ctx, int fd, int what)
{
	struct gate_process *g = ctx;
	struct ucred cred;
	socklen_t n = sizeof(cred);
	(void)what;
	if (g->socket_peers >= SOCKET_PEERS_MAX) { /* they wait in the kernel's line */
		watch_set(g->listener, 0);
		return;
	}
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* No descriptor, no memory: not again before the next tick. */
		log_error(NULL, "cannot accept a submission: %m");
		watch_set(g->listener, 0);
		return;
	}
	if (getsockopt(c, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0 ||
	    (cred.uid != 0 && cred.uid != g->uid && peers_of(g, cred.uid) >= SOCKET_PEERS_UID)) {
		close(c);
		return;
	}
	peer_new(g, "socket", c, true, cred.uid);
}

static void listener(struct service *s, const char *name, const char *where, int fd)
{
	struct gate_process *g = service_data(s);
	(void)where;
	if (strcmp(name, "submit") != 0 || g->listener) {
		close(fd);
		return;
	}
	g->listener_fd = fd;
	g->listener = watch_new(service_loop(s), fd, on_connection, g);
	if (g->listener)
		watch_set(g->listener, WATCH_READ);
}

/* ---- the service ----------------------------------------------------------------------------- */

/* A gate without a scheduler answers "later" to everybody: only now does it serve. */
static void queue_serves(void *ctx)
{
	struct gate_process *g = ctx;
	if (!g->ready)
		service_ready(g->service);
	g->ready = true;
	peers_release(g);
}

static const struct queue_client_handlers queue_handlers = {
    .route = resolve_question, .serving = queue_serves};

static int setup(struct service *s)
{
	struct gate_process *g = mem_new(struct gate_process);
	g->service = s;
	g->listener_fd = -1;
	service_set_data(s, g);
	return 0;
}

static int start(struct service *s)
{
	struct gate_process *g = service_data(s);
	g->uid = (uint32_t)getuid();
	g->claims = claim_links_new(s);
	if (!g->claims || take_policy(g) < 0)
		return -1;
	g->auth = auth_client_new(s);
	g->broker = broker_client_new(s);
	g->queue = queue_client_new(s, &queue_handlers, g);
	g->tick = timer_new(service_loop(s), on_tick, g);
	g->dns = dns_new(service_loop(s), service_instance(s));
	if (!g->dns)
		log_error(NULL, "senders can't be looked up: what asks for it is refused for now");
	if (!g->auth || !g->broker || !g->queue || !g->tick)
		return -1;
#ifdef ENABLE_LDAP
	g->directory = ldap_alias_client_new(s);
	if (!g->directory)
		return -1;
#endif
	queue_client_generation(g->queue, g->generation);
	timer_set(g->tick, TICK_MS);
	if (service_number(s) == 0)
		g->pickup = pickup_new(g);
	filter_files_sweep(g);
	return 0;
}

/* Messages that have begun are finished; new ones are told to come again. */
static void leave_when_idle(void *ctx)
{
	struct gate_process *g = ctx;
	if (g->messages) {
		timer_set(g->leave, LEAVE_MS);
		return;
	}
	peers_free(g);
	list_zones_free(g);
	service_exit(g->service, EXIT_SUCCESS);
}

static void drain(struct service *s)
{
	struct gate_process *g = service_data(s);
	pickup_free(g->pickup);
	g->pickup = NULL;
	watch_free(g->listener);
	g->listener = NULL;
	g->leave = timer_new(service_loop(s), leave_when_idle, g);
	if (g->leave)
		timer_set(g->leave, 0);
	else
		service_exit(s, EXIT_SUCCESS);
}

static void stats(struct service *s, struct buf *out)
{
	struct gate_process *g = service_data(s);
	buf_addf(out, "sessions=%zu accepted=%llu refused=%llu", g->transactions,
	    (unsigned long long)g->accepted, (unsigned long long)g->refused);
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&config_identity,
	    &submit_settings, &sender_settings[0], &sender_settings[1], &sender_settings[2],
	    &auth_settings};
	static const struct service_desc desc = {
	    .role = "gate",
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .setup = setup,
	    .start = start,
	    .listener = listener,
	    .edge = edge,
	    .reload = reload,
	    .drain = drain,
	    .stats = stats,
	};
	return service_main(&desc, argc, argv);
}
