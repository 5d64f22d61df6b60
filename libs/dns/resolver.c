/* Where questions go: etc/resolver, else the system's own files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
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
 * remembered for long (T31); private zones belong to whoever runs the resolver.  The library asks
 * sixteen questions at a time unless told otherwise, and all others wait: as many dead domains
 * would stop the look-ups of everybody.
 */
static const char *const options[][2] = {
    {"do-not-query-localhost:", "no"},
    {"module-config:", "iterator"},
    {"infra-host-ttl:", "5"},
    {"infra-keep-probing:", "yes"},
    {"unblock-lan-zones:", "yes"},
    {"insecure-lan-zones:", "yes"},
    {"cache-max-negative-ttl:", "60"},
    {"outgoing-range:", "1000"},
    {"outgoing-num-tcp:", "50"},
    {"num-queries-per-thread:", "2000"},
    {"msg-cache-size:", "4m"},
    {"rrset-cache-size:", "8m"},
    {"use-syslog:", "no"},
};

/* Zones that libunbound answers by itself, but which a resolver of our own choice may well serve.
 */
static const char *const foreign[] = {
    "test.", "invalid.", "onion.", "home.arpa.", "127.in-addr.arpa."};

static void set_option(struct ub_ctx *ub, const char *name, const char *value)
{
	int e = ub_ctx_set_option(ub, name, value);
	if (e)
		log_warning(NULL, "resolver option '%s%s': %s", name, value, ub_strerror(e));
}

static bool readable(const char *path)
{
	return access(path, R_OK) == 0;
}

/* Where the keys of the root zone may be: the instance's own, then the system's. */
static int take_anchor(struct ub_ctx *ub, const struct instance *in)
{
	static const char *const system[] = {
	    "/var/lib/unbound/root.key", "/usr/share/dns/root.key"};
	char *own = in && in->etc ? instance_path(in->etc, "resolver.key") : NULL;
	const char *file = own && readable(own) ? own : NULL;
	for (size_t i = 0; !file && i < ARRAY_LEN(system); i++)
		if (readable(system[i]))
			file = system[i];
	int e = file ? ub_ctx_add_ta_file(ub, file) : 0;
	if (!file)
		log_error(NULL,
		    "no keys of the root zone for DNSSEC: put them into '%s', or "
		    "install dns-root-data",
		    own ? own : "etc/resolver.key");
	else if (e)
		log_error(NULL, "cannot use the keys in '%s': %s", file, ub_strerror(e));
	free(own);
	return file && !e ? 0 : -1;
}

static int take_options(struct ub_ctx *ub, const struct instance *in, const struct dns_options *o)
{
	char size[16];
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		set_option(ub, options[i][0], options[i][1]);
	if (o->udp_size) {
		snprintf(size, sizeof size, "%u", o->udp_size);
		set_option(ub, "edns-buffer-size:", size);
	}
	if (!o->dnssec)
		return 0;
	set_option(ub, "module-config:", "validator iterator");
	return take_anchor(ub, in);
}

static void free_zones(struct ub_ctx *ub)
{
	for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
		ub_ctx_zone_remove(ub, foreign[i]);
	/* Of the network 127 this one name stays, as it does for its address. */
	ub_ctx_data_add(ub, "1.0.0.127.in-addr.arpa. 10800 IN PTR localhost.");
}

/* 1, or -1: it is no server (logged). */
static int this_server(struct ub_ctx *ub, struct str text)
{
	char server[80];
	if (dns_resolver_server(text, server, sizeof server) && !ub_ctx_set_fwd(ub, server))
		return 1;
	log_error(
	    NULL, "'%.*s' is no name server: expected ADDRESS or ADDRESS@PORT", STR_FMT(text));
	return -1;
}

int dns_resolver_setup(struct ub_ctx *ub, const struct instance *in, const struct dns_options *o)
{
	if (take_options(ub, in, o))
		return -1;
	int own = o->server.p ? this_server(ub, o->server) : from_instance(ub, in);
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
