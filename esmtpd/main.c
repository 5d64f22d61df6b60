/* courieresmtpd: a worker of the ESMTP server. */
#include "config.h"
#include <stdlib.h>
#include <unistd.h>
#include "esmtpd/session.h"
#include "service/listening.h"

enum {
	CERTIFICATES_MS = 20,     /* how often it is looked whether there are certificates now */
	CERTIFICATES_TRIES = 150, /* after which we serve without */
};

struct worker {
	struct esmtpd server;
	struct service *service;
	struct listening *listening;
	struct timer *certificates;
	unsigned tries;
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

static void client(void *door, int fd, const struct sockaddr_storage *peer)
{
	struct door *d = door;

	esmtpd_connection(d->server, d, fd, peer);
}

static void shut(void *door)
{
	struct door *d = door;

	esmtpd_shut(d->server, d);
}

static void listener(struct service *s, const char *name, const char *where, int fd)
{
	struct worker *w = service_data(s);

	for (size_t i = 0; i < DOORS; i++)
		if (strcmp(w->server.doors[i].name, name) == 0) {
			w->server.doors[i].shut = false;
			listening_add(w->listening, &w->server.doors[i], where, fd);
			return;
		}
	log_error(NULL, "no use for a listener '%s' at %s", name, where);
	close(fd);
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
	static const struct listening_handlers handlers = {client, shut};
	struct worker *w = mem_new(struct worker);
	char *path = instance_path(service_instance(s)->run, "esmtpd.board");

	log_rename(config_z(service_config(s), "esmtpd", "SYSLOGNAME", NULL));
	service_set_data(s, w);
	w->service = s;
	w->server.loop = service_loop(s);
	w->server.arena = arena_new(COMMAND_ARENA_MAX);
	for (size_t i = 0; i < DOORS; i++) {
		w->server.doors[i].server = &w->server;
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
	w->listening = listening_new(service_loop(s), &handlers);
	return w->server.board && w->server.arena && w->listening ? 0 : -1;
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
	listening_serve(w->listening);
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

	listening_end(w->listening);
	w->server.idle = drained;
	w->server.idle_ctx = w;
	esmtpd_drain(&w->server, service_retired_for(s));
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
