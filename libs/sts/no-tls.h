/*
 * Hosts whose STARTTLS does not work: mail for them goes in clear for a while (where it may).  As
 * lines, in the file var/sts/.no-tls and between the processes that know them:
 *
 *	UNTIL HOST [ADDRESS]	until: seconds since 1970
 */
#ifndef COURIER_STS_NO_TLS_H
#define COURIER_STS_NO_TLS_H

#include "base/base.h"

enum {
	NO_TLS_HOSTS_MAX = 10000,
	NO_TLS_HOST_MAX = 400,
	NO_TLS_LONGEST_S =
	    24 * 3600, /* an end that is farther away is one of a clock that was wrong */
};

/* One line without its end; false: it is none. */
bool no_tls_line(struct str line, int64_t *until, struct str *host);

/* A list of them; what is over counts as gone. */
struct no_tls;
struct no_tls *no_tls_new(void); /* NULL: no memory */
void no_tls_free(struct no_tls *n);
bool no_tls_add(struct no_tls *n, struct str host, int64_t until); /* false: it is full */
bool no_tls_has(struct no_tls *n, struct str host, int64_t now);
void no_tls_read(struct no_tls *n, struct str lines); /* adds; lines of another kind are left out */
/* Lines from the place *at (0 at first) as long as they fit; false: these were the last. */
bool no_tls_print(struct no_tls *n, size_t *at, int64_t now, struct buf *out);

#endif
