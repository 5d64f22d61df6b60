/*
 * The file authsenders: addresses that accounts may send from besides those whose mail they get.
 *
 *	LOGIN WORD...      WORD: an address, @domain (every address of it), @.domain (below it), or
 **
 *
 * Blank separated, "#" begins a comment, a login may have several lines.  And the setting
 * AUTH_SENDER, which says what of a message is bound to the account.
 */
#ifndef COURIER_SUBMIT_AUTHSENDERS_H
#define COURIER_SUBMIT_AUTHSENDERS_H

#include "submit/address.h"

enum { AUTHSENDERS_TEXT_MAX = 16 * 1024 * 1024 };

struct authsenders;
/* NULL: no memory.  bad() is told of lines that can't be understood, which count for nothing. */
struct authsenders *authsenders_new(struct str text, const struct names *names,
    void (*bad)(void *ctx, unsigned line, const char *why), void *ctx);
void authsenders_free(struct authsenders *s); /* NULL is fine */
bool authsenders_allow(const struct authsenders *s, struct str login, const struct address *a);

enum bound { BOUND_ENVELOPE = 1, BOUND_HEADER = 2 };
/* "envelope", "header", both or nothing. */
bool bound_parse(struct str words, unsigned *out);

/*
 * The addresses in whose name a header speaks: From, Sender, Resent-From, Resent-Sender.  Texts
 * live in the arena.  -1: there is no From, or it can't be read, or there are more than max.
 */
int header_senders(struct arena *a, struct str block, struct str *out, size_t max);

#endif
