/* authdaemond: who is this, may they enter, where do they live. */
#include "config.h"

#include "authdaemon/daemon.h"
#include "authdaemon/remote.h"
#include "authdaemon/spawn.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t number(const struct config *c, const char *name)
{
	return config_int(c, auth_settings.name, name, NULL);
}

static void configure(struct authd *d)
{
	const struct config *c = service_config(d->service);
	accounts_configure(&d->accounts, service_instance(d->service), c);
	d->fail_delay_ms = number(c, "AUTH_FAIL_DELAY") * 1000;
	d->debug = (int)number(c, "DEBUG_LOGIN");
	d->external = 0;
	for (size_t i = 0; i < ARRAY_LEN(auth_external_settings); i++)
		if (config_str(c, auth_external_settings[i].name, "TLS_EXTERNAL", NULL).n)
			d->external |= auth_external_kinds[i];
	cache_free(d->cache);
	d->cache =
	    cache_new((size_t)number(c, "AUTH_CACHE_MAX"), number(c, "AUTH_CACHE_TTL") * 1000);
	if (!d->helper && accounts_need_helper(c) && d->helper_fd < 0 && d->loop)
		log_warning(NULL, "authmodulelist has got a module that needs authdaemond to be "
				  "restarted");
}

static int setup(struct service *s)
{
	struct authd *d = mem_new(struct authd);
	d->service = s;
	d->helper_fd = -1;
	service_set_data(s, d);
	if (!accounts_need_helper(service_config(s)))
		return 0;
	d->helper_fd = helper_start();
	if (d->helper_fd < 0)
		log_error(NULL, "cannot start the helper for PAM and shadow: %m");
	return d->helper_fd < 0 ? -1 : 0;
}

/* Only one who still has root's rights can start it again: the supervisor's next authdaemond. */
static void helper_lost(void *ctx)
{
	struct authd *d = ctx;
	log_error(NULL, "the helper for PAM and shadow has ended; authdaemond starts anew");
	service_exit(d->service, EXIT_FAILURE);
}

static int start(struct service *s)
{
	struct authd *d = service_data(s);
	const struct config *c = service_config(s);
	d->loop = service_loop(s);
	random_bytes(d->fake_key, sizeof d->fake_key);
	buf_init(&d->dummy, PASSWORD_STORED_MAX);
	d->tickets = tickets_new();
	d->attempts = attempts_new();
	if (d->helper_fd >= 0) {
		d->helper = helper_new(d->loop, d->helper_fd, helper_lost, d);
		d->helper_fd = -1;
	}
	d->verifier = verifier_new(
	    d->loop, (unsigned)number(c, "daemons"), number(c, "AUTH_CHECK_TIMEOUT") * 1000);
	d->accounts.remotes = remotes_new(s);
	configure(d);
	service_ready(s);
	return 0;
}

static void listener(struct service *s, const char *name, const char *where UNUSED, int fd)
{
	struct authd *d = service_data(s);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (strcmp(name, "authsocket") == 0 && !d->listener && text_listen(d, fd) == 0)
		return;
	log_error(NULL, "cannot use listener '%s'", name);
	close(fd);
}

static void edge(struct service *s, const char *role, unsigned n UNUSED, int fd)
{
	edge_accept(service_data(s), role, fd);
}

static void reload(struct service *s)
{
	configure(service_data(s));
}

static void drain(struct service *s)
{
	struct authd *d = service_data(s);
	text_close_all(d);
	edge_close_all(d);
	verifier_free(d->verifier);
	helper_free(d->helper);
	remotes_free(d->accounts.remotes);
	d->accounts.remotes = NULL;
	service_exit(s, EXIT_SUCCESS);
}

static void stats(struct service *s, struct buf *out)
{
	const struct authd *d = service_data(s);
	buf_addf(out, "accepted=%llu refused=%llu undecided=%llu waiting=%zu",
	    (unsigned long long)d->right, (unsigned long long)d->wrong,
	    (unsigned long long)d->failed, verifier_waiting(d->verifier));
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&auth_settings,
	    &config_identity, &auth_external_settings[0], &auth_external_settings[1],
	    &auth_external_settings[2], &auth_external_settings[3], &auth_external_settings[4]};
	static const struct service_desc desc = {
	    .role = "auth",
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
	if (argc == 1 && strcmp(argv[0], SPAWN_VERIFIER) == 0)
		return verifier_main();
	if (argc == 1 && strcmp(argv[0], SPAWN_HELPER) == 0)
		return helper_main();
	return service_main(&desc, argc, argv);
}
