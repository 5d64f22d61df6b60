/* Shared by the files of libs/dns; nobody else includes it. */
#ifndef COURIER_DNS_PRIVATE_H
#define COURIER_DNS_PRIVATE_H

#include <unbound.h>
#include "dns/dns.h"

/* Anything that dns_cancel can name: a question, or an operation made of several. */
struct dns_op {
	uint64_t id;
	struct dns *dns;
	void (*cancel)(struct dns_op *op); /* frees it; no callback */
};

struct dns_question;

/* libunbound with its cache.  One that has been replaced lasts until its questions are answered. */
struct dns_engine {
	struct dns *dns;
	struct dns_engine *next; /* of those that were replaced */
	struct ub_ctx *ub;
	struct watch *watch;
	size_t asked;
};
struct dns_engine *dns_engine_new(
    struct dns *d, const struct instance *in, const struct dns_options *o); /* NULL: logged */
void dns_engines_free(struct dns *d);
void dns_engine_answered(struct dns_engine *e); /* one of its questions is over */

struct dns {
	struct loop *loop;
	struct dns_engine *engine, *old;
	struct timer *sweep;
	struct map *ops; /* id -> struct dns_op */
	uint64_t last_id;
	struct dns_question *first, *last; /* by deadline, soonest first */
	bool ipv6_first;
};

void dns_op_add(struct dns *d, struct dns_op *op, void (*cancel)(struct dns_op *op));
void dns_op_del(struct dns_op *op);
/* An answer of our own making, given at the loop's next turn. */
uint64_t dns_instant(struct dns *d, enum dns_status st, dns_done done, void *ctx);

/* etc/resolver: "ADDRESS@PORT" a line, '#' starts a comment.  Calls add() for each; 0, or the
 * number of the first line that is wrong. */
bool dns_resolver_server(struct str line, char *out, size_t size); /* one of them */
unsigned dns_resolver_parse(struct str text, void (*add)(void *ctx, const char *server), void *ctx);

/* Before the first question: options and forwarders.  -1: etc/resolver or an
 * option is wrong (logged). */
int dns_resolver_setup(struct ub_ctx *ub, const struct instance *in, const struct dns_options *o);

/* Puts the best first, equals by chance. */
struct dns_exchange {
	uint16_t pref;
	char host[DNS_NAME_SIZE];
};
void dns_exchange_sort(struct dns_exchange *x, size_t n);

#endif
