/*
 * Questions to the process that keeps MTA-STS policies (role sts): frames of libs/ipc over an edge.
 * The asker chooses the id.
 *
 *	STS_ASK     str domain, A-labels in lower case
 *	STS_ANSWER  u8 is there a policy, u8 enum sts_mode, rest: the policy's text
 *
 * An answer may take as long as STS_WORST_MS: two look-ups and one fetch.
 */
#ifndef COURIER_STS_PROTO_H
#define COURIER_STS_PROTO_H

enum { STS_ASK = 1, STS_ANSWER = 64 };
enum { STS_WORST_MS = 120 * 1000 };

#endif
