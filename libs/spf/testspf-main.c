/* testspf: what SPF says of an address, a greeting and a sender. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "dns/rdata.h"
#include "spf/spf.h"

struct run {
	struct loop *loop;
	struct spf_facts facts;
	struct str server;
	int status;
};

static void usage(void)
{
	fputs("usage: testspf [--dns ADDRESS@PORT] IP HELO MAILFROM\n", stderr);
	exit(2);
}

static void done(void *ctx, const struct spf_verdict *v)
{
	struct run *r = ctx;
	printf("%s", spf_result_name(v->result));
	if (v->problem)
		printf(" (%s)", v->problem);
	if (v->explanation.n)
		printf(": %.*s", STR_FMT(v->explanation));
	putchar('\n');
	r->status = v->result == SPF_TEMPERROR ? 75 : 0;
	loop_stop(r->loop);
}

static struct dns *resolver(struct run *r)
{
	struct instance in;
	char *why;
	if (r->server.n)
		return dns_new_asking(r->loop, r->server);
	if (instance_find(&in, NULL, &why) < 0) {
		fprintf(stderr, "testspf: %s\n", why);
		return NULL;
	}
	struct dns *d = dns_new(r->loop, &in);
	instance_free(&in);
	return d;
}

static int check(struct run *r)
{
	r->loop = loop_new();
	struct dns *d = r->loop ? resolver(r) : NULL;
	if (d && spf_check_new(r->loop, d, &r->facts, done, r))
		loop_run(r->loop);
	dns_free(d);
	if (r->loop)
		loop_free(r->loop);
	return r->status;
}

int main(int argc, char **argv)
{
	char host[256] = "localhost";
	struct run r = {.status = 75};
	log_open("testspf", LOG_TO_STDERR, -1);
	if (argc > 2 && strcmp(argv[1], "--dns") == 0) {
		r.server = str_of(argv[2]);
		argc -= 2;
		argv += 2;
	}
	if (argc != 4 || !dns_literal(str_of(argv[1]), &r.facts.ip))
		usage();
	if (gethostname(host, sizeof host - 1) < 0)
		memcpy(host, "localhost", sizeof "localhost");
	struct str sender = str_of(argv[3]);
	ptrdiff_t at = str_rchr(sender, '@');
	r.facts.helo = str_of(argv[2]);
	r.facts.domain = sender.n == 0 ? r.facts.helo
			 : at < 0      ? sender
				       : str_skip(sender, (size_t)at + 1);
	r.facts.sender = sender.n ? sender : r.facts.helo;
	r.facts.receiver = str_of(host);
	r.facts.now = clock_now();
	return check(&r);
}
