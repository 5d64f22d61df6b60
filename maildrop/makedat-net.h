/*
 * Networks as keys: what gdbmfetch's option I and readers of the original's tables look for.
 *
 * An IPv4 network is stored as the octets it consists of ("10.1"; several keys when it ends inside
 * an octet), an IPv6 network as its 16-bit words (":2001:0db8"), a single address of either whole
 * ("192.0.2.1", ":2001:0db8:...").  "from-to" is a range of IPv4 addresses.
 */
#ifndef COURIER_MAKEDAT_NET_H
#define COURIER_MAKEDAT_NET_H

#include "base/base.h"

/* Pure.  put() for each key; what it returns other than 0 ends it and is returned.  -1: not a
 * network, or one of more than MAKEDAT_KEYS_MAX keys. */
enum { MAKEDAT_KEYS_MAX = 65536 };
int makedat_network(struct str text, int (*put)(void *ctx, struct str key), void *ctx);

#endif
