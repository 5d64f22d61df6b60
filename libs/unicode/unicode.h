/*
 * libs/unicode: UTF-8, charsets, IMAP's modified UTF-7, domain names beyond ASCII, case folding.
 *
 * No locale is used.  Nothing here opens a file, with one exception that must be switched on: iconv
 * loads its tables from files, so charset_allow_iconv(true) is for sessions and tools that are not
 * jailed; without it charsets beyond the built-in ones are unknown.
 */
#ifndef COURIER_UNICODE_H
#define COURIER_UNICODE_H

#include "base/base.h"

/* ---- UTF-8 (RFC 3629) ------------------------------------------------------------------------ */

/* Length of the well-formed sequence at the start of s and its code point; 0: there is none. */
size_t utf8_next(struct str s, uint32_t *cp);
bool utf8_valid(struct str s);
/* False (nothing added) for surrogates and beyond U+10FFFF, or when out is full. */
bool utf8_add(struct buf *out, uint32_t cp);
/* Length of the longest start of s, of at most max bytes, that does not cut a sequence. */
size_t utf8_cut(struct str s, size_t max);

/* ---- modified UTF-7 of IMAP folder names (RFC 3501, 5.1.3) ----------------------------------- */

/* Decoding is strict: false for anything that is not the one encoding of its text, for 8-bit
 * bytes and for control characters.  Encoding wants valid UTF-8 without control characters. */
bool utf7_imap_decode(struct str in, struct buf *utf8);
bool utf7_imap_encode(struct str utf8, struct buf *out);

/* ---- domains (RFC 5890-5893, UTS 46 non-transitional) ---------------------------------------- */

enum { DOMAIN_TEXT_MAX = 1000 }; /* octets of a domain in any form; longer ones are invalid */

/* A-label form, lower case, for DNS and peers without SMTPUTF8.  .p NULL: not a valid IDN, or no
 * memory.  Plain ASCII is lower-cased and not judged. */
struct str domain_ascii(struct arena *a, struct str domain);
/* U-label form, NFC, lower case.  .p NULL as above. */
struct str domain_unicode(struct arena *a, struct str domain);
/*
 * The form in which domains are compared and stored: U-labels, NFC, lower case; so `EXAMPLE.com`
 * is `example.com` and an A-label equals its U-label.  What is no valid IDN keeps its bytes, ASCII
 * letters in lower case.  .p NULL only without memory.
 */
struct str domain_canonical(struct arena *a, struct str domain);

/* ---- text ------------------------------------------------------------------------------------ */

/* Folded for comparing without case (full case folding, NFKD: RFC 5051 in spirit): two texts are
 * equal, or one is in the other, when their folded forms are.  Bytes that are not UTF-8 become
 * U+FFFD.  .p NULL without memory. */
struct str unicode_casefold(struct arena *a, struct str utf8);
/* Normalisation form C; .p NULL without memory or when the input is not UTF-8. */
struct str unicode_nfc(struct arena *a, struct str utf8);

/* ---- charsets -------------------------------------------------------------------------------- */

void charset_allow_iconv(bool yes); /* once, at the start of a process; off until then */

/*
 * Streaming conversion to UTF-8.  Built in: utf-8, us-ascii, iso-8859-1, iso-8859-15 and
 * windows-1252 with their usual other names.  As mail is in practice, iso-8859-1 means
 * windows-1252, and us-ascii with 8-bit bytes is read as UTF-8 where it is UTF-8 and as
 * windows-1252 elsewhere (so is the empty name).  What can't be decoded becomes U+FFFD and sets
 * `damaged`.
 */
struct charset {
	int kind;
	void *iconv;
	bool damaged;
	size_t held; /* bytes of a sequence that is not complete yet */
	char hold[16];
};

bool charset_open(struct charset *c, struct str name); /* false: unknown; nothing to close */
bool charset_convert(struct charset *c, struct str in, struct buf *out); /* false: out is full */
bool charset_end(struct charset *c, struct buf *out);
void charset_close(struct charset *c);

/* All at once; .p NULL when the charset is unknown or the arena full. */
struct str charset_to_utf8(struct arena *a, struct str name, struct str in);

#endif
