/* SCRAM, the server's side.  Names are those of RFC 5802, section 7. */
#include "config.h"

#include "sasl/sasl-private.h"

static bool decode_saslname(struct str in, struct buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		struct str rest = str_skip(in, i);
		if (in.p[i] != '=') {
			buf_addc(out, in.p[i]);
			continue;
		}
		if (!str_starts(rest, STR("=2C")) && !str_starts(rest, STR("=3D")))
			return false;
		buf_addc(out, rest.p[1] == '2' ? ',' : '=');
		i += 2;
	}
	return !out->failed && sasl_name_ok(buf_str(out));
}

/*
 * gs2-cbind-flag.  "y" says that the client could bind but thinks that we can't: with a binding at
 * hand somebody has tampered with our list of mechanisms.
 */
static bool flag_ok(const struct sasl_server *x, struct str flag)
{
	if (x->mech->plus)
		return str_is(flag, "p=tls-exporter");
	return str_is(flag, "n") || (str_is(flag, "y") && x->binding.n == 0);
}

static bool printable_nonce(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == ',')
			return false;
	return s.n > 0;
}

static enum sasl_status client_first(struct sasl_server *x, struct str in)
{
	struct str rest = in, flag, authzid, name, nonce;
	if (!str_split(&rest, ',', &flag) || !flag_ok(x, flag) || !str_split(&rest, ',', &authzid))
		return SASL_FAILED;
	buf_add(&x->gs2, in.p, in.n - rest.n);
	buf_adds(&x->messages, rest);
	/* "m=" at this place asks for an extension that nobody has defined: refused by not fitting
	 */
	if (!scram_attribute(&rest, 'n', &name) || !scram_attribute(&rest, 'r', &nonce) ||
	    !decode_saslname(name, &x->user) || !printable_nonce(nonce))
		return SASL_FAILED;
	if (authzid.n && (!str_starts(authzid, STR("a=")) || !str_eq(str_skip(authzid, 2), name)))
		return SASL_FAILED;
	buf_adds(&x->full_nonce, nonce);
	x->step = 2;
	return SASL_SECRETS;
}

static void salt_from_name(struct sasl_server *x)
{
	unsigned char digest[SASL_DIGEST_MAX];
	sasl_hmac(sasl_hash_find("sha256"), str_at(x->fake_key, SASL_FAKE_KEY_SIZE),
	    buf_str(&x->user), digest);
	memcpy(x->keys.salt, digest, SASL_SCRAM_SALT_SIZE);
	x->keys.salt_n = SASL_SCRAM_SALT_SIZE;
	x->keys.iterations = SASL_SCRAM_ITERATIONS;
}

static void choose_keys(struct sasl_server *x, const struct sasl_secrets *s)
{
	const struct sasl_hash *h = x->mech->hash;
	struct str record = !s ? STR_NONE : h->size == 20 ? s->scram_sha1 : s->scram_sha256;
	if (record.n && scram_parse(h, record, &x->keys))
		return;
	salt_from_name(x);
	if (s && s->clear.p && scram_derive(h, s->clear, &x->keys))
		return;
	x->fake = true;
	random_bytes(x->keys.stored, sizeof x->keys.stored);
}

/* server-first-message */
enum sasl_status sasl_scram_secrets(
    struct sasl_server *x, const struct sasl_secrets *s, struct buf *out)
{
	choose_keys(x, s);
	if (x->nonce.n == 0) {
		char token[25];
		random_token(token, 24);
		buf_addz(&x->nonce, token);
	}
	buf_adds(&x->full_nonce, buf_str(&x->nonce));
	buf_addz(out, "r=");
	buf_adds(out, buf_str(&x->full_nonce));
	buf_addz(out, ",s=");
	base64_encode(str_at(x->keys.salt, x->keys.salt_n), out);
	buf_addf(out, ",i=%u", x->keys.iterations);
	buf_addc(&x->messages, ',');
	buf_adds(&x->messages, buf_str(out));
	return SASL_MORE;
}

/* channel-binding: the client repeats the header we saw, and proves that it sees our TLS channel */
static bool binding_ok(const struct sasl_server *x, struct str text)
{
	struct buf got, want;
	buf_init(&got, SASL_STEP_MAX);
	buf_init(&want, 2 * SASL_STEP_MAX);
	buf_adds(&want, buf_str(&x->gs2));
	if (x->mech->plus)
		buf_adds(&want, x->binding);
	bool ok = base64_decode(text, &got) && !want.failed && got.n == want.n &&
		  sasl_same(got.p, want.p, want.n);
	buf_free(&got);
	buf_free(&want);
	return ok;
}

/* ClientProof := ClientKey XOR ClientSignature; StoredKey = H(ClientKey) */
static bool proof_ok(const struct sasl_server *x, struct str text)
{
	const struct sasl_hash *h = x->mech->hash;
	unsigned char key[SASL_DIGEST_MAX], stored[SASL_DIGEST_MAX];
	struct buf proof;
	buf_init(&proof, SASL_DIGEST_MAX + 3);
	bool ok = base64_decode(text, &proof) && proof.n == h->size &&
		  sasl_hmac(h, str_at(x->keys.stored, h->size), buf_str(&x->messages), key);
	for (size_t i = 0; ok && i < h->size; i++)
		key[i] ^= (unsigned char)proof.p[i];
	ok = ok && sasl_hash_of(h, str_at(key, h->size), stored) &&
	     sasl_same(stored, x->keys.stored, h->size);
	mem_wipe(key, sizeof key);
	buf_free(&proof);
	return ok && !x->fake;
}

static enum sasl_status client_final(struct sasl_server *x, struct str in, struct buf *out)
{
	const struct sasl_hash *h = x->mech->hash;
	unsigned char signature[SASL_DIGEST_MAX];
	struct str rest = in, binding, nonce;
	ptrdiff_t at = -1;
	for (size_t i = 0; i + 3 <= in.n; i++) /* the proof is the last attribute */
		if (memcmp(in.p + i, ",p=", 3) == 0)
			at = (ptrdiff_t)i;
	if (at < 0 || !scram_attribute(&rest, 'c', &binding) || !binding_ok(x, binding) ||
	    !scram_attribute(&rest, 'r', &nonce) || !str_eq(nonce, buf_str(&x->full_nonce)))
		return SASL_FAILED;
	buf_addc(&x->messages, ',');
	buf_adds(&x->messages, str_head(in, (size_t)at));
	if (x->messages.failed || !proof_ok(x, str_skip(in, (size_t)at + 3)))
		return SASL_FAILED;
	if (!sasl_hmac(h, str_at(x->keys.server, h->size), buf_str(&x->messages), signature))
		return SASL_FAILED;
	buf_addz(out, "v=");
	base64_encode(str_at(signature, h->size), out);
	return SASL_OK;
}

enum sasl_status sasl_scram_step(struct sasl_server *x, struct str in, struct buf *out)
{
	if (x->step == 0 && !in.p) { /* an empty challenge asks for the client's first message */
		x->step = 1;
		return SASL_MORE;
	}
	return x->step < 2 ? client_first(x, in) : client_final(x, in, out);
}
