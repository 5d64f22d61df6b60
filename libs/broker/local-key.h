/*
 * The routing key ("host") of a local delivery: user!ext!uid!gid!home!maildir!quota, and after a
 * further "!" the account's own default delivery instructions when it has some.  The gate writes it
 * out of the account record, the local module reads it.  "!", "%", bytes below 0x21 and 0x7f inside
 * a field are %XX, so any name or path survives.  Nobody takes rights from it: the broker asks
 * authdaemond itself, and the uid here only tells which deliveries may share a worker.
 */
#ifndef COURIER_BROKER_LOCAL_KEY_H
#define COURIER_BROKER_LOCAL_KEY_H

#include "base/base.h"

enum { LOCAL_KEY_MAX = 8192 }; /* bytes of a whole key */

struct local_key {
	struct str user; /* account name as authdaemond knows it, or BROKER_ALIAS_ACCOUNT */
	struct str ext;  /* without the separator; empty: none */
	uint32_t uid, gid;
	struct str home;    /* empty for BROKER_ALIAS_ACCOUNT only, whose ids do not count either */
	struct str maildir; /* of the account record; empty: the default delivery decides */
	struct str quota;   /* "5000000S,100C"; empty: none */
	struct str delivery; /* default delivery instructions of the account; empty: the suite's */
};

/* False when out is full or the key gets longer than LOCAL_KEY_MAX. */
bool local_key_format(const struct local_key *k, struct buf *out);
/* Strings live in the arena.  False for anything that local_key_format would not write. */
bool local_key_parse(struct str key, struct arena *a, struct local_key *out);

#endif
