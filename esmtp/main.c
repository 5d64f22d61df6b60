/* The esmtp module's process. */
#include <stdlib.h>
#include "esmtp/esmtp.h"

enum {
	SWEEP_MS = 60 * 1000,
	NO_TLS_MIN_S = 2 * 3600, /* how long a host whose TLS is broken gets mail in clear */
	NO_TLS_SPREAD_S = 2 * 3600,
	TOLD_S = 24 * 3600,
	START_LOOK_MS = 50,
	START_LOOKS = 100, /* five seconds */
	CHUNK_MAX = 2 * 64 * 1024 + 16,
};

static struct esmtp esmtp;

void esmtp_no_tls_add(struct esmtp *e, struct str host)
{
	int64_t until = clock_now() + NO_TLS_MIN_S + (int64_t)(random_u64() % NO_TLS_SPREAD_S);
	if (no_tls_add(e->no_tls, host, until))
		sts_keep_no_tls(e->sts, host, until);
}

void esmtp_sts_report(struct esmtp *e, const char *domain, const char *host, const char *why)
{
	char *key = mem_printf("%s %s %.100s", domain, host, why);
	struct str k = str_head(str_of(key), NO_TLS_HOST_MAX);
	if (!no_tls_has(e->told, k, clock_now())) {
		log_warning(
		    NULL, "MTA-STS of '%s' (testing) would stop mail to %s: %s", domain, host, why);
		no_tls_add(e->told, k, clock_now() + TOLD_S);
	}
	free(key);
}

static void deliver(
    struct service *s UNUSED, struct module_delivery *d, struct module_body *b, void *handle)
{
	struct esmtp *e = &esmtp;
	struct job *j = job_new(e, d, b, handle);
	if (!e->awaiting) {
		target_submit(e, j);
		return;
	}
	j->next = e->held;
	e->held = j;
}

static void sweep(void *ctx)
{
	struct esmtp *e = ctx;
	targets_sweep(e);
	timer_set(e->sweep, SWEEP_MS);
}

static void submit_held(struct esmtp *e)
{
	struct job *j, *next;
	e->awaiting = false;
	for (j = e->held, e->held = NULL; j; j = next) {
		next = j->next;
		target_submit(e, j);
	}
}

static bool certificate_missing(const struct esmtp *e)
{
	return e->tls && !tls_client_usable(e->tls);
}

/* Mail that comes before our certificate would be put off, and before the list of hosts without TLS
 * it would try TLS there: it is held for some seconds. */
static void await_start(void *ctx)
{
	struct esmtp *e = ctx;
	bool known = !certificate_missing(e) && sts_list_known(e->sts);
	if (known || ++e->awaited > START_LOOKS) {
		if (certificate_missing(e))
			log_error(NULL, "the certificate of TLS_CERTFILE in 'courierd' is not "
					"there: mail to hosts with TLS waits");
		submit_held(e);
		return;
	}
	e->awaiting = true;
	timer_set(e->start, START_LOOK_MS);
}

/* It is used all the same: mail that stops makes no password secret again. */
static void bad_passwords(void *ctx UNUSED, const char *path, const char *why)
{
	log_error(NULL, "'%s': %s", path, why);
}

static int setup(struct service *s)
{
	struct esmtp *e = &esmtp;
	log_rename("courieresmtp");
	e->service = s;
	e->loop = service_loop(s);
	e->targets = map_new();
	e->no_tls = no_tls_new();
	e->told = no_tls_new();
	e->sweep = timer_new(e->loop, sweep, e);
	e->start = timer_new(e->loop, await_start, e);
	buf_init(&e->chunk, CHUNK_MAX);
	if (!e->targets || !e->no_tls || !e->told || !e->sweep || !e->start)
		return -1;
	authclient_look(service_instance(s)->etc, bad_passwords, NULL);
	e->settings = settings_new(service_config(s));
	const struct dns_options dns = {
	    .dnssec = config_bool(service_config(s), "esmtp", "ESMTP_DNSSEC", NULL)};
	e->dns = dns_new_with(e->loop, service_instance(s), &dns);
	if (!e->settings || !e->dns)
		return -1;
	e->self = self_new(service_config(s));
	e->sts = sts_client_new(
	    s, e->no_tls, config_int(service_config(s), "esmtp", "STS_TIMEOUT", NULL) * 1000);
	e->tls = tls_client_new_keyed(s, "esmtp");
	if (e->tls)
		tls_client_resume(e->tls);
	else
		log_warning(NULL, "TLS cannot be used; mail goes in clear");
	dns_prefer_ipv6(
	    e->dns, config_bool(service_config(s), "esmtp", "ESMTP_PREFER_IPV6_MX", NULL));
	return 0;
}

static int start(struct service *s)
{
	timer_set(esmtp.sweep, SWEEP_MS);
	sts_client_start(esmtp.sts);
	await_start(&esmtp);
	service_ready(s);
	return 0;
}

/* Targets that exist keep their route until they are forgotten; new mail looks its route up anew.
 */
static void reload(struct service *s)
{
	struct settings *fresh = settings_new(service_config(s));
	if (!fresh)
		return;
	settings_free(esmtp.settings);
	esmtp.settings = fresh;
	self_free(esmtp.self);
	esmtp.self = self_new(service_config(s));
	dns_prefer_ipv6(
	    esmtp.dns, config_bool(service_config(s), "esmtp", "ESMTP_PREFER_IPV6_MX", NULL));
}

static void part(struct service *s UNUSED)
{
	targets_part(&esmtp);
}

static bool parting(struct service *s UNUSED)
{
	return targets_parting(&esmtp);
}

static void stats(struct service *s UNUSED, struct buf *out)
{
	buf_addf(out, "targets=%zu idle=%zu", map_count(esmtp.targets), esmtp.idle);
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&esmtp_component,
	    &config_identity, &esmtp_port_smtp, &esmtp_port_msa, &esmtp_port_smtps};
	static const struct module_desc desc = {
	    .name = "esmtp",
	    .service =
		{
		    .role = "esmtp",
		    .components = components,
		    .n_components = ARRAY_LEN(components),
		    .setup = setup,
		    .start = start,
		    .reload = reload,
		    .stats = stats,
		},
	    .deliver = deliver,
	    .drain = part,
	    .parting = parting,
	};
	return module_main(&desc, argc, argv);
}
