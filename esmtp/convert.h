/*
 * The message for a server that can't take it as it is: without 8BITMIME 8-bit bodies become
 * quoted-printable; without SMTPUTF8 the text of 8-bit headers becomes encoded words, if nobody has
 * said that the message needs SMTPUTF8.
 */
#ifndef COURIER_ESMTP_CONVERT_H
#define COURIER_ESMTP_CONVERT_H

#include "mime/mime.h"

/* What is done where a conversion would break a signature. */
enum signed_mode { SIGNED_BOUNCE, SIGNED_SEND, SIGNED_CONVERT };
bool signed_mode_parse(struct str s, enum signed_mode *out);

/* Pure: flags of mime_convert_new, 0: the message goes as it is. */
struct convert_facts {
	bool body8, headers8,
	    needs_utf8; /* needs_utf8: addresses, or the sender has said SMTPUTF8 */
	bool knows_8bitmime, knows_smtputf8;
};
unsigned convert_flags(const struct convert_facts *f);

/* Pure: what can be done, from what a plan would keep. */
enum convert_verdict {
	CONVERT_GO,
	CONVERT_AS_IS,
	CONVERT_SIGNED,  /* it would break a signature: 5.6.3 */
	CONVERT_ADDRESS, /* a header has an address that needs SMTPUTF8: 5.6.7 */
};
enum convert_verdict convert_decide(
    unsigned kept, bool dkim, enum signed_mode parts, enum signed_mode dkim_mode);

/* The message on its way through. */
struct job;
struct conversion;
struct convert_fault {
	const char *status, *text; /* static */
};
/* 1 *out is to be used; 0 the message goes as it is; -1 it can't be sent: *fault; a status that
 * begins with 4: not now. */
int conversion_new(
    const struct job *j, unsigned ext, struct conversion **out, struct convert_fault *fault);
/* The next piece (LF line ends): 1 there is more, 0 that was the end, -1 can't be read. */
int conversion_next(struct conversion *c, struct buf *out);
void conversion_free(struct conversion *c);

#endif
