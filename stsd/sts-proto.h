/*
 * Questions to the process that keeps MTA-STS policies (role sts): frames of libs/ipc over an edge.
 * The asker chooses the id.
 *
 *	STS_ASK     str domain, A-labels in lower case
 *	STS_ANSWER  u8 is there a policy, u8 enum sts_mode, rest: the policy's text
 *
 * and about hosts whose STARTTLS is broken, which are kept here over restarts (lines of
 * libs/sts/no-tls.h):
 *
 *	STS_NO_TLS        rest: a line; there is no answer
 *	STS_NO_TLS_LIST   nothing
 *	STS_NO_TLS_HOSTS  u8 more frames follow, rest: lines
 *
 * An answer to STS_ASK may take as long as STS_WORST_MS: two look-ups and one fetch.
 */
#ifndef COURIER_STS_PROTO_H
#define COURIER_STS_PROTO_H

enum { STS_ASK = 1, STS_NO_TLS, STS_NO_TLS_LIST, STS_ANSWER = 64, STS_NO_TLS_HOSTS };
enum { STS_WORST_MS = 120 * 1000 };

#endif
