/* couriersts: fetches and keeps the MTA-STS policies of other domains (RFC 8461). */
#include "config.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "stsd/keeper.h"
#include "stsd/sts-settings.h"

static struct keeper {
	struct service *service;
	struct sts_source source;
	struct box *box;
	struct asks *asks;
	struct upkeep_turns *upkeep;
} keeper;

/* Authorities are read now: the files can't be reached any more from the jail. */
static int setup(struct service *s)
{
	struct keeper *k = &keeper;
	log_rename("couriersts");
	k->service = s;
	k->source.dir = -1;
	k->source.failed = map_new();
	k->source.dns = dns_new(service_loop(s), service_instance(s));
	k->source.fetcher = sts_settings_fetcher(service_config(s), service_loop(s));
	if (!k->source.failed || !k->source.dns)
		return -1;
	return k->source.fetcher ? 0 : -1;
}

/* The jail is the folder itself. */
static int open_folder(struct service *s)
{
	char *path =
	    service_jailed(s) ? mem_strdup("/") : instance_path(service_instance(s)->var, "sts");
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		log_error(NULL, "cannot open the folder '%s' of MTA-STS policies: %m", path);
	free(path);
	return fd;
}

static int start(struct service *s)
{
	struct keeper *k = &keeper;
	k->source.dir = open_folder(s);
	if (k->source.dir < 0)
		return -1;
	k->box = box_new(service_loop(s), k->source.dir);
	if (!k->box)
		return -1;
	k->asks = asks_new(service_loop(s), &k->source, k->box);
	k->upkeep = upkeep_new(
	    service_loop(s), &k->source, config_int(service_config(s), "sts", "STS_REFRESH", NULL));
	if (!k->upkeep)
		return -1;
	service_ready(s);
	return 0;
}

static void edge(struct service *s UNUSED, const char *role UNUSED, unsigned number UNUSED, int fd)
{
	asks_peer(keeper.asks, fd);
}

/* The authorities can be read at the start alone. */
static void reload(struct service *s)
{
	service_restart_me(s);
}

static void drain(struct service *s)
{
	box_write(keeper.box);
	service_exit(s, EXIT_SUCCESS);
}

static void stats(struct service *s UNUSED, struct buf *out)
{
	buf_addf(out, "asked=%llu running=%zu", (unsigned long long)asks_count(keeper.asks),
	    asks_running(keeper.asks));
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {
	    &sts_component, &config_identity};
	static const struct service_desc desc = {
	    .role = "sts",
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .setup = setup,
	    .start = start,
	    .edge = edge,
	    .reload = reload,
	    .drain = drain,
	    .stats = stats,
	};
	return service_main(&desc, argc, argv);
}
