#include "config.h"

#include "sasl/sasl-private.h"

#include <openssl/evp.h>

bool scram_attribute(struct str *rest, char name, struct str *value)
{
	struct str piece;
	if (rest->n < 2 || rest->p[0] != name || rest->p[1] != '=')
		return false;
	str_split(rest, ',', &piece);
	*value = str_skip(piece, 2);
	return true;
}

static bool decode_key(struct str text, unsigned char *out, size_t size)
{
	struct buf raw;
	buf_init(&raw, SASL_DIGEST_MAX + 3);
	bool ok = base64_decode(text, &raw) && raw.n == size;
	if (ok)
		memcpy(out, raw.p, size);
	mem_wipe(raw.p, raw.n);
	buf_free(&raw);
	return ok;
}

static bool decode_salt(struct str text, struct scram_keys *k)
{
	struct buf raw;
	buf_init(&raw, sizeof k->salt);
	bool ok = base64_decode(text, &raw) && raw.n > 0;
	if (ok) {
		memcpy(k->salt, raw.p, raw.n);
		k->salt_n = raw.n;
	}
	buf_free(&raw);
	return ok;
}

bool scram_parse(const struct sasl_hash *h, struct str record, struct scram_keys *k)
{
	struct str part[4] = {{0}};
	uint64_t iterations;
	for (size_t i = 0; i < 4; i++)
		if (!str_split(&record, ',', &part[i]))
			return false;
	if (record.p || !str_u64(part[0], &iterations) || iterations == 0 ||
	    iterations > SASL_SCRAM_ITERATIONS_MAX)
		return false;
	k->iterations = (unsigned)iterations;
	return decode_salt(part[1], k) && decode_key(part[2], k->stored, h->size) &&
	       decode_key(part[3], k->server, h->size);
}

bool scram_salted(const struct sasl_hash *h, struct str prepared, struct str salt,
    unsigned iterations, unsigned char out[SASL_DIGEST_MAX])
{
	return PKCS5_PBKDF2_HMAC(prepared.p, (int)prepared.n, (const unsigned char *)salt.p,
		   (int)salt.n, (int)iterations, EVP_get_digestbyname(h->name), (int)h->size,
		   out) == 1;
}

bool scram_derive(const struct sasl_hash *h, struct str password, struct scram_keys *k)
{
	unsigned char salted[SASL_DIGEST_MAX], client[SASL_DIGEST_MAX];
	struct buf prepared;
	buf_init(&prepared, 4 * SASL_PASSWORD_MAX);
	bool ok = sasl_prep(password, &prepared) &&
		  scram_salted(
		      h, buf_str(&prepared), str_at(k->salt, k->salt_n), k->iterations, salted) &&
		  sasl_hmac(h, str_at(salted, h->size), STR("Client Key"), client) &&
		  sasl_hash_of(h, str_at(client, h->size), k->stored) &&
		  sasl_hmac(h, str_at(salted, h->size), STR("Server Key"), k->server);
	mem_wipe(salted, sizeof salted);
	mem_wipe(client, sizeof client);
	mem_wipe(prepared.p, prepared.n);
	buf_free(&prepared);
	return ok;
}

bool sasl_scram_record(
    const char *hash, struct str password, struct str salt, unsigned iterations, struct buf *out)
{
	const struct sasl_hash *h = sasl_hash_find(hash);
	struct scram_keys k = {.iterations = iterations, .salt_n = salt.n};
	if (!h || salt.n == 0 || salt.n > sizeof k.salt)
		return false;
	memcpy(k.salt, salt.p, salt.n);
	if (!scram_derive(h, password, &k))
		return false;
	buf_addf(out, "%u,", iterations);
	base64_encode(salt, out);
	buf_addc(out, ',');
	base64_encode(str_at(k.stored, h->size), out);
	buf_addc(out, ',');
	base64_encode(str_at(k.server, h->size), out);
	mem_wipe(&k, sizeof k);
	return !out->failed;
}

int sasl_scram_verify(const char *hash, struct str record, struct str password)
{
	const struct sasl_hash *h = sasl_hash_find(hash);
	struct scram_keys have, made;
	if (!h || !scram_parse(h, record, &have))
		return -1;
	made = have;
	int r = scram_derive(h, password, &made) && sasl_same(have.stored, made.stored, h->size);
	mem_wipe(&have, sizeof have);
	mem_wipe(&made, sizeof made);
	return r;
}
