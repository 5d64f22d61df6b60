/* HMAC contexts need the inner state of a hash, which only OpenSSL's old interface shows. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "config.h"

#include "sasl/sasl-private.h"

#include <openssl/md5.h>
#include <openssl/sha.h>

enum { BLOCK = 64, WORDS_MAX = 8 };

/* One hash run seen as its words, so that it can be taken out after a block and put back. */
struct run {
	const struct sasl_hash *hash;
	union {
		MD5_CTX md5;
		SHA_CTX sha1;
		SHA256_CTX sha256;
	} u;
};

static bool run_start(struct run *r, const char *name)
{
	r->hash = sasl_hash_find(name);
	if (!r->hash)
		return false;
	return r->hash->size == 16   ? MD5_Init(&r->u.md5)
	       : r->hash->size == 20 ? SHA1_Init(&r->u.sha1)
				     : SHA256_Init(&r->u.sha256);
}

static void run_add(struct run *r, const void *p, size_t n)
{
	if (r->hash->size == 16)
		MD5_Update(&r->u.md5, p, n);
	else if (r->hash->size == 20)
		SHA1_Update(&r->u.sha1, p, n);
	else
		SHA256_Update(&r->u.sha256, p, n);
}

static void run_end(struct run *r, unsigned char out[SASL_DIGEST_MAX])
{
	if (r->hash->size == 16)
		MD5_Final(out, &r->u.md5);
	else if (r->hash->size == 20)
		SHA1_Final(out, &r->u.sha1);
	else
		SHA256_Final(out, &r->u.sha256);
}

static size_t run_words(struct run *r, uint32_t *words[WORDS_MAX])
{
	MD5_CTX *m = &r->u.md5;
	SHA_CTX *s = &r->u.sha1;
	uint32_t *md5[] = {&m->A, &m->B, &m->C, &m->D};
	uint32_t *sha1[] = {&s->h0, &s->h1, &s->h2, &s->h3, &s->h4};
	size_t n = r->hash->size / 4;
	for (size_t i = 0; i < n; i++)
		words[i] = n == 4 ? md5[i] : n == 5 ? sha1[i] : &r->u.sha256.h[i];
	return n;
}

/* MD5 writes its words low byte first, the SHA family high byte first. */
static unsigned shift_of(const struct run *r, unsigned byte)
{
	return r->hash->size == 16 ? 8 * byte : 24 - 8 * byte;
}

static void run_export(struct run *r, unsigned char *out)
{
	uint32_t *words[WORDS_MAX];
	size_t n = run_words(r, words);
	for (size_t i = 0; i < n; i++)
		for (unsigned b = 0; b < 4; b++)
			out[4 * i + b] = (unsigned char)(*words[i] >> shift_of(r, b));
}

static void run_import(struct run *r, const unsigned char *in)
{
	static const unsigned char block[BLOCK];
	uint32_t *words[WORDS_MAX];
	run_add(r, block, sizeof block); /* counts the key's block; the state is set below */
	size_t n = run_words(r, words);
	for (size_t i = 0; i < n; i++) {
		*words[i] = 0;
		for (unsigned b = 0; b < 4; b++)
			*words[i] |= (uint32_t)in[4 * i + b] << shift_of(r, b);
	}
}

bool sasl_hmac_context(const char *hash, struct str password, struct buf *out)
{
	unsigned char key[BLOCK] = {0}, pad[BLOCK], state[2 * SASL_DIGEST_MAX];
	struct run r;
	if (!run_start(&r, hash))
		return false;
	size_t size = r.hash->size;
	if (password.n > BLOCK) {
		run_add(&r, password.p, password.n);
		run_end(&r, key);
	} else if (password.n) {
		memcpy(key, password.p, password.n);
	}
	for (unsigned half = 0; half < 2; half++) {
		for (size_t i = 0; i < BLOCK; i++)
			pad[i] = key[i] ^ (half == 0 ? 0x5c : 0x36);
		run_start(&r, hash);
		run_add(&r, pad, BLOCK);
		run_export(&r, state + half * size);
	}
	bool ok = hex_encode(str_at(state, 2 * size), out);
	mem_wipe(key, sizeof key);
	mem_wipe(pad, sizeof pad);
	mem_wipe(state, sizeof state);
	mem_wipe(&r, sizeof r);
	return ok;
}

bool sasl_hmac_finish(const char *hash, struct str context, struct str text, struct buf *out)
{
	unsigned char digest[SASL_DIGEST_MAX];
	struct run r;
	struct buf raw;
	if (!run_start(&r, hash) || context.n != 4 * r.hash->size)
		return false;
	size_t size = r.hash->size;
	buf_init(&raw, 2 * SASL_DIGEST_MAX);
	bool ok = hex_decode(context, &raw);
	if (ok) {
		const unsigned char *state = (const unsigned char *)raw.p;
		run_import(&r, state + size);
		run_add(&r, text.p ? text.p : "", text.n);
		run_end(&r, digest);
		run_start(&r, hash);
		run_import(&r, state);
		run_add(&r, digest, size);
		run_end(&r, digest);
		ok = buf_add(out, digest, size);
	}
	mem_wipe(raw.p, raw.n);
	buf_free(&raw);
	mem_wipe(&r, sizeof r);
	return ok;
}
