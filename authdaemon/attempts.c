#include "config.h"

#include "authdaemon/daemon.h"

#include <arpa/inet.h>
#include <stdlib.h>

struct attempts {
	struct map *peers;
};

struct record {
	unsigned failures;
	int64_t last_ms;
};

struct attempts *attempts_new(void)
{
	struct attempts *t = mem_new(struct attempts);
	t->peers = map_new();
	return t;
}

void attempts_free(struct attempts *t)
{
	if (!t)
		return;
	map_free(t->peers, free);
	free(t);
}

/* An IPv6 client has a /64 to choose from: that is who is counted. */
static struct str key_of(struct str peer, struct in6_addr *room)
{
	char text[AUTH_PEER_MAX];
	if (str_chr(peer, ':') < 0 || peer.n >= sizeof text)
		return peer;
	memcpy(text, peer.p, peer.n);
	text[peer.n] = 0;
	if (inet_pton(AF_INET6, text, room) != 1)
		return peer;
	return str_at(room, IN6_IS_ADDR_V4MAPPED(room) ? 16 : 8);
}

static struct record *find(struct attempts *t, struct str key)
{
	struct record *r = map_get(t->peers, key);
	if (r && clock_mono_ms() - r->last_ms > ATTEMPTS_FORGET_MS) {
		free(map_del(t->peers, key));
		return NULL;
	}
	return r;
}

void attempts_failed(struct attempts *t, struct str peer)
{
	struct in6_addr room;
	struct str key = key_of(peer, &room);
	if (key.n == 0)
		return;
	struct record *r = find(t, key);
	if (!r) {
		if (map_count(t->peers) >= ATTEMPTS_MAX) { /* a flood: what is known is old news */
			map_free(t->peers, free);
			t->peers = map_new();
		}
		r = mem_new(struct record);
		map_set(t->peers, key, r);
	}
	r->failures++;
	r->last_ms = clock_mono_ms();
}

void attempts_right(struct attempts *t, struct str peer)
{
	struct in6_addr room;
	struct str key = key_of(peer, &room);
	struct record *r = key.n ? find(t, key) : NULL;
	/* one good password does not wipe out a hundred guesses from the same place */
	if (r)
		r->failures /= 2;
}

unsigned attempts_factor(struct attempts *t, struct str peer)
{
	struct in6_addr room;
	struct str key = key_of(peer, &room);
	const struct record *r = key.n ? find(t, key) : NULL;
	unsigned steps = r ? r->failures / ATTEMPTS_FREE : 0;
	return steps >= ATTEMPTS_FACTOR_MAX ? ATTEMPTS_FACTOR_MAX : steps + 1;
}
