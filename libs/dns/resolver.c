/* Where questions go: etc/resolver, else the system's own files. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "dns/dns-private.h"

enum { RESOLVER_FILE_MAX = 16 * 1024 };

struct servers {
	struct ub_ctx *ub;
	unsigned n;
};

static void add_server(void *ctx, const char *server)
{
	struct servers *s = ctx;
	if (!ub_ctx_set_fwd(s->ub, server))
		s->n++;
}

/* 1: servers were set, 0: there is no such file (or nothing in it), -1: it is wrong (logged). */
static int from_instance(struct ub_ctx *ub, const struct instance *in)
{
	struct servers s = {.ub = ub};
	struct buf text;
	if (!in || !in->etc)
		return 0;
	buf_init(&text, RESOLVER_FILE_MAX);
	char *path = instance_path(in->etc, "resolver");
	int result = 0;
	if (!file_read(AT_FDCWD, path, &text)) {
		unsigned bad = dns_resolver_parse(buf_str(&text), add_server, &s);
		if (bad)
			log_error(NULL, "%s:%u: expected ADDRESS@PORT", path, bad);
		result = bad ? -1 : s.n > 0;
	} else if (errno != ENOENT) {
		log_error(NULL, "cannot read '%s': %m", path);
		result = -1;
	}
	free(path);
	buf_free(&text);
	return result;
}

/*
 * A resolver that is down must be asked again as soon as it is back, so its failures are not
 * remembered for long (T31); private zones belong to whoever runs the resolver.
 */
static const char *const options[][2] = {
    {"do-not-query-localhost:", "no"},
    {"module-config:", "iterator"},
    {"infra-host-ttl:", "5"},
    {"infra-keep-probing:", "yes"},
    {"unblock-lan-zones:", "yes"},
    {"insecure-lan-zones:", "yes"},
    {"cache-max-negative-ttl:", "60"},
    {"msg-cache-size:", "4m"},
    {"rrset-cache-size:", "8m"},
    {"use-syslog:", "no"},
};

/* Zones that libunbound answers by itself, but which a resolver of our own choice may well serve.
 */
static const char *const foreign[] = {
    "test.", "invalid.", "onion.", "home.arpa.", "127.in-addr.arpa."};

static void set_options(struct ub_ctx *ub)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		int e = ub_ctx_set_option(ub, options[i][0], options[i][1]);
		if (e)
			log_warning(NULL, "resolver option '%s%s': %s", options[i][0],
			    options[i][1], ub_strerror(e));
	}
}

static void free_zones(struct ub_ctx *ub)
{
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		ub_ctx_zone_remove(ub, foreign[i]);
	/* Of the network 127 this one name stays, as it does for its address. */
	ub_ctx_data_add(ub, "1.0.0.127.in-addr.arpa. 10800 IN PTR localhost.");
}

int dns_resolver_asking(struct ub_ctx *ub, struct str server)
{
	struct servers s = {.ub = ub};
	set_options(ub);
	if (dns_resolver_parse(server, add_server, &s) || s.n != 1) {
		log_error(NULL, "'%.*s' is no name server: expected ADDRESS@PORT", STR_FMT(server));
		return -1;
	}
	free_zones(ub);
	return 0;
}

int dns_resolver_setup(struct ub_ctx *ub, const struct instance *in)
{
	set_options(ub);
	int own = from_instance(ub, in);
	if (own < 0)
		return -1;
	if (own) {
		free_zones(ub);
		return 0;
	}
	int e = ub_ctx_resolvconf(ub, NULL);
	if (e)
		log_warning(NULL, "cannot read '/etc/resolv.conf': %s; asking the root servers",
		    ub_strerror(e));
	ub_ctx_hosts(ub, NULL);
	return 0;
}
