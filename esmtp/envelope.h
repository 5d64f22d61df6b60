/* The commands of an envelope, with the parameters that the server knows. */
#ifndef COURIER_ESMTP_ENVELOPE_H
#define COURIER_ESMTP_ENVELOPE_H

#include "esmtp/conn-private.h"

/* Without CRLF.  False: the address can't be sent (control characters, no A-label form, too long);
 * out then holds nothing that may be used. */
bool envelope_mail(struct buf *out, const struct job *j, unsigned ext);
bool envelope_prdr(const struct job *j, unsigned ext); /* PRDR is among the parameters */
bool envelope_rcpt(struct buf *out, const struct job *j, const struct module_rcpt *r, unsigned ext);

#endif
