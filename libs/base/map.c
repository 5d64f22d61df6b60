#include "config.h"

#include "base/base.h"

#include <stdlib.h>

/* Open addressing with linear probing; deleted places are closed by shifting back. */
struct slot {
	uint64_t hash;
	char *key;
	size_t n;
	void *value;
};

struct map {
	struct slot *slots;
	size_t cap, count;
	uint64_t k0, k1;
};

static inline uint64_t rotl(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotl(v[1], 13) ^ v[0], v[0] = rotl(v[0], 32);
	v[2] += v[3], v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = rotl(v[1], 17) ^ v[2], v[2] = rotl(v[2], 32);
}

/* SipHash-1-3 */
static uint64_t hash_of(const struct map *m, struct str s)
{
	uint64_t v[4] = {m->k0 ^ 0x736f6d6570736575u, m->k1 ^ 0x646f72616e646f6du,
	    m->k0 ^ 0x6c7967656e657261u, m->k1 ^ 0x7465646279746573u};
	size_t i = 0;
	uint64_t w;
	for (; i + 8 <= s.n; i += 8) {
		memcpy(&w, s.p + i, 8);
		v[3] ^= w;
		sip_round(v);
		v[0] ^= w;
	}
	w = (uint64_t)s.n << 56;
	for (size_t k = 0; i + k < s.n; k++)
		w |= (uint64_t)(unsigned char)s.p[i + k] << (8 * k);
	v[3] ^= w;
	sip_round(v);
	v[0] ^= w;
	v[2] ^= 0xff;
	sip_round(v), sip_round(v), sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(void)
{
	struct map *m = calloc(1, sizeof *m);
	if (m) {
		m->k0 = random_u64();
		m->k1 = random_u64();
	}
	return m;
}

void map_free(struct map *m, void (*free_value)(void *))
{
	if (!m)
		return;
	for (size_t i = 0; i < m->cap; i++) {
		if (!m->slots[i].value)
			continue;
		if (free_value)
			free_value(m->slots[i].value);
		free(m->slots[i].key);
	}
	free(m->slots);
	free(m);
}

size_t map_count(const struct map *m)
{
	return m->count;
}

static struct slot *lookup(const struct map *m, struct str key, uint64_t h)
{
	for (size_t i = h & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct slot *s = &m->slots[i];
		if (!s->value || (s->hash == h && str_eq(str_at(s->key, s->n), key)))
			return s;
	}
}

void *map_get(const struct map *m, struct str key)
{
	return m->cap ? lookup(m, key, hash_of(m, key))->value : NULL;
}

static bool grow(struct map *m)
{
	size_t cap = m->cap ? m->cap * 2 : 16;
	struct slot *old = m->slots, *fresh = calloc(cap, sizeof *fresh);
	size_t old_cap = m->cap;
	if (!fresh)
		return false;
	m->slots = fresh;
	m->cap = cap;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].value)
			*lookup(m, str_at(old[i].key, old[i].n), old[i].hash) = old[i];
	free(old);
	return true;
}

bool map_set(struct map *m, struct str key, void *value)
{
	if (m->count * 4 >= m->cap * 3 && !grow(m))
		return false;
	uint64_t h = hash_of(m, key);
	struct slot *s = lookup(m, key, h);
	if (!s->value) {
		char *copy = malloc(key.n + 1);
		if (!copy)
			return false;
		if (key.n)
			memcpy(copy, key.p, key.n);
		copy[key.n] = 0;
		s->hash = h;
		s->key = copy;
		s->n = key.n;
		m->count++;
	}
	s->value = value;
	return true;
}

void *map_del(struct map *m, struct str key)
{
	if (!m->cap)
		return NULL;
	struct slot *s = lookup(m, key, hash_of(m, key));
	void *value = s->value;
	if (!value)
		return NULL;
	free(s->key);
	m->count--;
	size_t hole = (size_t)(s - m->slots), mask = m->cap - 1;
	for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
		size_t home = m->slots[i].hash & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct slot){0};
	return value;
}

bool map_next(const struct map *m, size_t *at, struct str *key, void **value)
{
	for (; *at < m->cap; (*at)++) {
		struct slot *s = &m->slots[*at];
		if (s->value) {
			*key = str_at(s->key, s->n);
			*value = s->value;
			(*at)++;
			return true;
		}
	}
	return false;
}
