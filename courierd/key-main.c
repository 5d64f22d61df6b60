/* courierkey: the process that holds the private keys. */
#include "config.h"
#include <stdlib.h>
#include "courierd/key-serve.h"

enum {
	LOOK_MS = 10 * 1000, /* how often the files are looked at */
	/* tickets are made with a key for this long, and read for as long again; they are good for
	 * SESSION_S */
	TICKETS_MS = 12 * 60 * 60 * 1000,
	ALL = (1U << KEY_COMPONENTS) - 1,
};

struct key_process {
	struct key_server server;
	struct timer *look, *renew;
};

static void look(struct service *s)
{
	struct key_process *k = service_data(s);
	unsigned changed =
	    key_store_refresh(&k->server.store, service_config(s), service_instance(s));

	if (changed)
		log_info(NULL, "certificates have been read");
	key_server_push(&k->server, changed);
	if (key_opener_lost()) {
		log_error(
		    NULL, "the helper that opens certificates has ended; courierkey starts anew");
		service_exit(s, EXIT_FAILURE);
	}
}

static void look_again(void *ctx)
{
	struct key_process *k = service_data(ctx);

	look(ctx);
	timer_set(k->look, LOOK_MS);
}

static void renew_tickets(void *ctx)
{
	struct key_process *k = service_data(ctx);

	memcpy(k->server.tickets + TICKET_KEY, k->server.tickets, TICKET_KEY);
	random_bytes(k->server.tickets, TICKET_KEY);
	key_server_push(&k->server, ALL);
	timer_set(k->renew, TICKETS_MS);
}

static int setup(struct service *s)
{
	return key_opener_start();
}

static int start(struct service *s)
{
	struct key_process *k = mem_new(struct key_process);

	service_set_data(s, k);
	key_store_init(&k->server.store);
	k->look = timer_new(service_loop(s), look_again, s);
	k->renew = timer_new(service_loop(s), renew_tickets, s);
	if (!k->look || !k->renew)
		return -1;
	random_bytes(k->server.tickets, sizeof k->server.tickets);
	renew_tickets(s);
	look_again(s);
	service_ready(s);
	return 0;
}

static void edge(struct service *s, const char *role, unsigned number, int fd)
{
	struct key_process *k = service_data(s);

	key_server_edge(&k->server, service_loop(s), role, fd);
}

static void stats(struct service *s, struct buf *out)
{
	struct key_process *k = service_data(s);
	size_t pairs = 0;

	for (size_t i = 0; i < KEY_COMPONENTS; i++)
		pairs += key_component_working(&k->server.store.components[i]);
	buf_addf(out, "certificates=%zu clients=%zu signatures=%llu", pairs,
	    key_server_peers(&k->server), (unsigned long long)k->server.signatures);
}

int main(int argc, char **argv)
{
	static const struct service_desc desc = {
	    .role = "key",
	    .components = key_settings,
	    .n_components = KEY_COMPONENTS,
	    .setup = setup,
	    .start = start,
	    .edge = edge,
	    .reload = look,
	    .stats = stats,
	};

	return service_main(&desc, argc, argv);
}
