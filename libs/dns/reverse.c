/* The name of an address, believed only when it leads back to the address. */
#include <arpa/nameser.h>
#include <stdlib.h>
#include "dns/dns-private.h"
#include "dns/rdata.h"

enum { NAMES_MAX = 4 };

struct reverse {
	struct dns_op op;
	dns_name_done done;
	void *ctx;
	struct sockaddr_storage address;
	uint64_t question;
	char names[NAMES_MAX][DNS_NAME_SIZE];
	size_t n, at;
	bool unsure; /* some name could not be looked up for now */
};

static void reverse_cancel(struct dns_op *op)
{
	struct reverse *r = (struct reverse *)op;
	dns_cancel(op->dns, r->question);
	dns_op_del(op);
	free(r);
}

static void finish(struct reverse *r, enum dns_status st, struct str name)
{
	r->done(r->ctx, st, name);
	dns_op_del(&r->op);
	free(r);
}

static void next_name(struct reverse *r);

static void addresses_done(void *ctx, const struct dns_mx *mx)
{
	struct reverse *r = ctx;
	r->question = 0;
	r->unsure |= mx->status == DNS_TEMPFAIL || mx->partial_fail;
	for (size_t i = 0; i < mx->n_hosts; i++) {
		for (size_t j = 0; j < mx->hosts[i].n_addrs; j++) {
			if (dns_same_address(&mx->hosts[i].addrs[j], &r->address)) {
				finish(r, DNS_OK, str_of(r->names[r->at]));
				return;
			}
		}
	}
	r->at++;
	next_name(r);
}

static void next_name(struct reverse *r)
{
	if (r->at < r->n)
		r->question = dns_addresses(r->op.dns, str_of(r->names[r->at]), addresses_done, r);
	else
		finish(r, r->unsure ? DNS_TEMPFAIL : DNS_BADNAME, STR_NONE);
}

static void names_done(void *ctx, const struct dns_answer *a)
{
	struct reverse *r = ctx;
	struct sockaddr_storage ss;
	r->question = 0;
	if (a->status != DNS_OK) {
		finish(r, a->status, STR_NONE);
		return;
	}
	for (size_t i = 0; i < a->n && r->n < NAMES_MAX; i++) {
		/* A name that reads as an address would "lead back" by itself. */
		if (!dns_rdata_name(a->rdata[i], r->names[r->n]) && r->names[r->n][0] &&
		    !dns_literal(str_of(r->names[r->n]), &ss))
			r->n++;
	}
	next_name(r);
}

uint64_t dns_reverse(struct dns *d, const struct sockaddr *sa, dns_name_done done, void *ctx)
{
	struct reverse *r = mem_new(struct reverse);
	char name[DNS_NAME_SIZE];
	r->done = done;
	r->ctx = ctx;
	dns_op_add(d, &r->op, reverse_cancel);
	if (dns_reverse_name(sa, name)) {
		memcpy(&r->address, sa,
		    sa->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					     : sizeof(struct sockaddr_in6));
		r->question = dns_query(d, str_of(name), ns_t_ptr, names_done, r);
	} else {
		r->question = dns_instant(d, DNS_NODATA, names_done, r);
	}
	return r->op.id;
}
