/*
 * A list of domains, as the files locals, hosteddomains and esmtpacceptmailfor hold it.
 *
 * One entry a line: a domain; ".dom", every domain below dom but not dom itself; "!x" takes x (a
 * domain or ".dom") out again; "*" is the system's host name and "*.dom" that name with ".dom"
 * behind it.  Domains stand in UTF-8 or as A-labels; they are kept as domain_canonical gives them.
 * The longest entry that fits decides; of two lines for one name the first.  Behind a domain and
 * blanks a second one may stand: mail for the first is kept as if it were for the second
 * (hosteddomains only).  '#' starts a comment line.
 */
#ifndef COURIER_SUBMIT_DOMAINS_H
#define COURIER_SUBMIT_DOMAINS_H

#include "base/base.h"

struct domains;
struct table;
/* host: what "*" stands for.  NULL without memory. */
struct domains *domains_new(struct str text, struct str host);
/* The same out of a table that makehosteddomains or makeacceptmailfor built; owns t. */
struct domains *domains_of_table(struct table *t);
void domains_free(struct domains *d);
/* Lines that are no entry and were left out; *first: the number of the first of them. */
unsigned domains_faults(const struct domains *d, unsigned *first);

struct domain_match {
	struct str target; /* the second domain, or empty; valid until the next call */
	size_t at;         /* where in the domain the entry begins: 0, or at a dot */
};
/* domain: canonical.  1 it is in the list, 0 it is not, -1 the table can't be read (errno).
 * m may be NULL. */
int domains_match(struct domains *d, struct str domain, struct domain_match *m);
/* Every entry of a list made from text, in no order: key ("dom" or ".dom") and value ("", "!" or a
 * target). */
bool domains_next(const struct domains *d, size_t *at, struct str *key, struct str *value);

#endif
