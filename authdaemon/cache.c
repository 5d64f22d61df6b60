#include "config.h"

#include "authdaemon/daemon.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

/*
 * An entry is a digest under a key that this process alone knows, of login, stored record and
 * password: a changed record finds nothing, and the memory tells nobody a password.
 */
enum { DIGEST = 32 };

struct cache {
	unsigned char key[DIGEST];
	struct map *until; /* digest -> int64_t */
	size_t max;
	int64_t ttl_ms;
};

struct cache *cache_new(size_t max, int64_t ttl_ms)
{
	struct cache *c = mem_new(struct cache);
	random_bytes(c->key, sizeof c->key);
	c->until = map_new();
	c->max = max;
	c->ttl_ms = ttl_ms;
	return c;
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	map_free(c->until, free);
	mem_wipe(c, sizeof *c);
	free(c);
}

static bool digest(const struct cache *c, struct str login, struct str stored, struct str password,
    unsigned char out[DIGEST])
{
	const struct str parts[] = {login, stored, password};
	struct buf all;
	buf_init(&all, 16 * 1024);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		uint32_t n = (uint32_t)parts[i].n; /* so that "ab","c" is not "a","bc" */
		buf_add(&all, &n, sizeof n);
		buf_adds(&all, parts[i]);
	}
	bool ok = !all.failed && HMAC(EVP_sha256(), c->key, sizeof c->key,
				     (const unsigned char *)all.p, all.n, out, NULL);
	mem_wipe(all.p, all.n);
	buf_free(&all);
	return ok;
}

bool cache_has(struct cache *c, struct str login, struct str stored, struct str password)
{
	unsigned char d[DIGEST];
	if (c->ttl_ms == 0 || !digest(c, login, stored, password, d))
		return false;
	int64_t *until = map_get(c->until, str_at(d, DIGEST));
	if (until && *until > clock_mono_ms())
		return true;
	if (until)
		free(map_del(c->until, str_at(d, DIGEST)));
	return false;
}

void cache_add(struct cache *c, struct str login, struct str stored, struct str password)
{
	unsigned char d[DIGEST];
	if (c->ttl_ms == 0 || c->max == 0 || !digest(c, login, stored, password, d))
		return;
	if (map_count(c->until) >= c->max) { /* begin anew: it costs each account one hash */
		map_free(c->until, free);
		c->until = map_new();
	}
	int64_t *until = mem_new(int64_t);
	*until = clock_mono_ms() + c->ttl_ms;
	int64_t *old = map_get(c->until, str_at(d, DIGEST));
	map_set(c->until, str_at(d, DIGEST), until);
	free(old);
}
