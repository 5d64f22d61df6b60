/*
 * Questions to courierldapaliasd: frames of libs/ipc, over an edge (role ldapalias) or the socket
 * var/run/ldapalias.  The asker chooses the id.
 *
 *	LDAPALIAS_ASK     str source, str domain, u32 count, count times str key
 *	LDAPALIAS_ANSWER  u8 enum ldapalias_result, u8 more, rest: lines
 *
 * Keys are looked for in their order, then the domain.  An answer of many lines comes in several
 * frames; `more` is 1 in all of them but the last.
 */
#ifndef COURIER_LDAPALIAS_PROTO_H
#define COURIER_LDAPALIAS_PROTO_H

enum { LDAPALIAS_ASK = 1, LDAPALIAS_ANSWER = 64 };

enum ldapalias_result {
	LDAPALIAS_NONE,
	LDAPALIAS_MEMBERS, /* addresses, one a line */
	LDAPALIAS_DOMAIN,  /* accounts that have the domain's mail as extensions, one a line */
	LDAPALIAS_DOWN,    /* the directory does not answer; the line says why */
};

enum { LDAPALIAS_FRAME = 60 * 1024, LDAPALIAS_KEYS_MAX = 4 };

#define LDAPALIAS_SOCKET "ldapalias" /* in var/run */

#endif
