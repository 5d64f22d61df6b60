/* courieresmtpd: a worker of the ESMTP server. */
#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "esmtpd/session.h"

enum {
	ACCEPT_BATCH = 32, /* connections taken in a row before others get their turn */
	REST_MS = 200,     /* without descriptors: how long no connection is taken */
	LISTENERS_MAX = 64,
	CERTIFICATES_MS = 20,     /* how often it is looked whether there are certificates now */
	CERTIFICATES_TRIES = 150, /* after which we serve without */
};

struct listener {
	struct worker *worker;
	struct door *door;
	struct watch *watch;
	int fd;
};

struct worker {
	struct esmtpd server;
	struct service *service;
	struct listener listeners[LISTENERS_MAX];
	size_t n_listeners;
	struct timer *rest, *certificates;
	unsigned tries;
	bool serving; /* clients wait in the kernel's queue until it is set */
};

static const struct config_component *const components[] = {
    &esmtpd_settings, &esmtpd_msa_settings, &esmtpd_ssl_settings, &auth_settings};

static const struct {
	const char *name, *component;
} doors[DOORS] = {
    {"smtp", "esmtpd"},
    {"submission", "esmtpd-msa"},
    {"smtps", "esmtpd-ssl"},
};

/* ---- connections ---------------------------------------------------------------------------- */

static void listen_again(void *ctx)
{
	struct worker *w = ctx;

	for (size_t i = 0; i < w->n_listeners; i++)
		watch_set(w->listeners[i].watch, WATCH_READ);
}

/* Out of descriptors: the connection stays in the kernel's queue, and asking for it again at once
 * would only burn time. */
static void take_a_rest(struct worker *w)
{
	log_error(NULL, "cannot accept a connection: %m");
	for (size_t i = 0; i < w->n_listeners; i++)
		watch_set(w->listeners[i].watch, 0);
	timer_set(w->rest, REST_MS);
}

static void acceptable(void *ctx, int fd, int what)
{
	struct listener *l = ctx;

	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client >= 0)
			esmtpd_connection(&l->worker->server, l->door, client);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			 errno == ENOMEM) {
			take_a_rest(l->worker);
			return;
		} /* else: that client is gone already */
	}
}

static void listener(struct service *s, const char *name, const char *where, int fd)
{
	struct worker *w = service_data(s);
	struct listener *l = &w->listeners[w->n_listeners];
	struct door *door = NULL;

	for (size_t i = 0; i < DOORS; i++)
		if (strcmp(w->server.doors[i].name, name) == 0)
			door = &w->server.doors[i];
	if (!door || w->n_listeners == LISTENERS_MAX) {
		log_error(NULL, "no use for a listener '%s' at %s", name, where);
		close(fd);
		return;
	}
	*l = (struct listener){.worker = w, .door = door, .fd = fd};
	l->watch = watch_new(service_loop(s), fd, acceptable, l);
	if (!l->watch) {
		close(fd);
		return;
	}
	w->n_listeners++;
	watch_set(l->watch, w->serving ? WATCH_READ : 0);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void read_settings(struct worker *w)
{
	for (size_t i = 0; i < DOORS; i++) {
		struct door *d = &w->server.doors[i];

		door_settings_drop(d->settings);
		d->settings = door_settings_new(service_config(w->service), d->component);
	}
}

static int setup(struct service *s)
{
	struct worker *w = mem_new(struct worker);
	char *path = instance_path(service_instance(s)->run, "esmtpd.board");

	log_rename(config_z(service_config(s), "esmtpd", "SYSLOGNAME", NULL));
	service_set_data(s, w);
	w->service = s;
	w->server.loop = service_loop(s);
	w->server.arena = arena_new(COMMAND_ARENA_MAX);
	for (size_t i = 0; i < DOORS; i++) {
		w->server.doors[i].name = doors[i].name;
		w->server.doors[i].component = doors[i].component;
		/* here, since there are no authorities and groups to be read in the empty folder */
		w->server.doors[i].tls = tls_server_new(s, doors[i].component);
	}
	w->server.board = board_new(path);
	if (!w->server.board) {
		log_warning(NULL,
		    "cannot use '%s': %m; connections are counted by each process "
		    "for itself",
		    path);
		w->server.board = board_new(NULL);
	}
	free(path);
	w->server.dns = dns_new(service_loop(s), service_instance(s));
	w->rest = timer_new(service_loop(s), listen_again, w);
	return w->server.board && w->server.arena && w->rest ? 0 : -1;
}

/* Serving begins when the key process has told its certificates: the first client shall be offered
 * TLS like any other. */
static void look_for_certificates(void *ctx)
{
	struct worker *w = ctx;
	bool all = true;

	for (size_t i = 0; i < DOORS; i++)
		all = all && tls_server_usable(w->server.doors[i].tls);
	if (!all && ++w->tries < CERTIFICATES_TRIES) {
		timer_set(w->certificates, CERTIFICATES_MS);
		return;
	}
	if (!all)
		log_warning(NULL, "no certificate: TLS is not offered; see mkesmtpdcert(8)");
	w->serving = true;
	listen_again(w);
	service_ready(w->service);
}

static int start(struct service *s)
{
	struct worker *w = service_data(s);

	read_settings(w);
	w->server.gate = gate_client_new(s);
	w->server.auth = auth_client_new(s);
	w->certificates = timer_new(service_loop(s), look_for_certificates, w);
	if (!w->server.gate || !w->certificates)
		return -1;
	timer_set(w->certificates, 0);
	return 0;
}

static void reload(struct service *s)
{
	read_settings(service_data(s));
}

static void drained(struct esmtpd *e)
{
	service_exit(((struct worker *)e->idle_ctx)->service, 0);
}

static void drain(struct service *s)
{
	struct worker *w = service_data(s);

	timer_clear(w->rest);
	for (size_t i = 0; i < w->n_listeners; i++) {
		watch_free(w->listeners[i].watch);
		close(w->listeners[i].fd);
	}
	w->n_listeners = 0;
	w->server.idle = drained;
	w->server.idle_ctx = w;
	esmtpd_drain(&w->server);
}

static void stats(struct service *s, struct buf *out)
{
	const struct esmtpd *e = &((struct worker *)service_data(s))->server;

	buf_addf(out, "sessions=%zu connections=%llu messages=%llu", e->n_sessions,
	    (unsigned long long)e->accepted_connections, (unsigned long long)e->accepted_messages);
}

int main(int argc, char **argv)
{
	static const struct service_desc desc = {
	    .role = "esmtpd",
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .setup = setup,
	    .start = start,
	    .listener = listener,
	    .reload = reload,
	    .drain = drain,
	    .stats = stats,
	};

	return service_main(&desc, argc, argv);
}
