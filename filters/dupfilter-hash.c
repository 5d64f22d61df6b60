#include "config.h"

#include "filters/dupfilter-hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

static bool skip_header(struct dup_letters *l, unsigned char c)
{
	if (c == '\n' && !l->inside)
		l->body = true;
	if (c == '\n')
		l->inside = false;
	else if (c != '\r')
		l->inside = true;
	return !l->body;
}

size_t dup_letters(struct dup_letters *l, struct str in, char *out)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (!l->body && (skip_header(l, c) || c == '\n'))
			continue;
		if (ascii_alpha(c) || c >= 0x80)
			out[n++] = (char)ascii_lower(c);
	}
	return n;
}

/* ---- the hash -------------------------------------------------------------------------------- */

struct dup_hasher {
	EVP_MAC *mac;
	EVP_MAC_CTX *ctx;
};

struct dup_hasher *dup_hasher_new(const unsigned char key[DUP_KEY])
{
	struct dup_hasher *h = calloc(1, sizeof *h);
	size_t size = DUP_HASH;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end()};
	if (!h)
		return NULL;
	h->mac = EVP_MAC_fetch(NULL, "BLAKE2BMAC", NULL);
	h->ctx = h->mac ? EVP_MAC_CTX_new(h->mac) : NULL;
	if (h->ctx && EVP_MAC_init(h->ctx, key, DUP_KEY, params) == 1)
		return h;
	dup_hasher_free(h);
	return NULL;
}

bool dup_hasher_add(struct dup_hasher *h, struct str letters)
{
	return !letters.n ||
	       EVP_MAC_update(h->ctx, (const unsigned char *)letters.p, letters.n) == 1;
}

bool dup_hasher_end(struct dup_hasher *h, unsigned char out[DUP_HASH])
{
	size_t n;
	return EVP_MAC_final(h->ctx, out, &n, DUP_HASH) == 1 && n == DUP_HASH;
}

void dup_hasher_free(struct dup_hasher *h)
{
	if (!h)
		return;
	EVP_MAC_CTX_free(h->ctx);
	EVP_MAC_free(h->mac);
	free(h);
}

/* ---- the ring -------------------------------------------------------------------------------- */

struct dup_ring {
	struct map *count; /* hash -> size_t, how often it stands in the ring */
	unsigned char (*hashes)[DUP_HASH];
	size_t size, n, next;
};

struct dup_ring *dup_ring_new(size_t size)
{
	struct dup_ring *r = mem_new(struct dup_ring);
	r->size = size;
	r->hashes = mem_zero(size * sizeof *r->hashes);
	r->count = map_new();
	return r;
}

void dup_ring_free(struct dup_ring *r)
{
	if (!r)
		return;
	map_free(r->count, free);
	free(r->hashes);
	free(r);
}

static void forget(struct dup_ring *r, const unsigned char *hash)
{
	struct str key = str_at(hash, DUP_HASH);
	size_t *count = map_get(r->count, key);
	if (count && !--*count)
		free(map_del(r->count, key));
}

size_t dup_ring_add(struct dup_ring *r, const unsigned char hash[DUP_HASH])
{
	struct str key = str_at(hash, DUP_HASH);
	if (r->n == r->size)
		forget(r, r->hashes[r->next]);
	else
		r->n++;
	memcpy(r->hashes[r->next], hash, DUP_HASH);
	r->next = (r->next + 1) % r->size;
	size_t *count = map_get(r->count, key);
	if (!count) {
		count = mem_new(size_t);
		if (!map_set(r->count, key, count)) {
			free(count);
			return 1;
		}
	}
	return ++*count;
}
