#include "config.h"

#include "sasl/sasl-private.h"

static enum sasl_status challenge(struct sasl_server *x, struct buf *out)
{
	if (x->nonce.n == 0) {
		char token[33];
		random_token(token, 32);
		buf_addf(&x->nonce, "<%s.%lld@%s>", token, (long long)clock_now(),
		    x->host[0] ? x->host : "localhost");
	}
	buf_adds(out, buf_str(&x->nonce));
	x->step = 1;
	return SASL_MORE;
}

/* "user digest": the user name may itself hold blanks, the digest can't. */
enum sasl_status sasl_cram_step(struct sasl_server *x, struct str in, struct buf *out)
{
	if (x->step == 0)
		return in.n ? SASL_FAILED : challenge(x, out);
	ptrdiff_t blank = str_rchr(in, ' ');
	if (blank <= 0 || !sasl_name_ok(str_head(in, (size_t)blank)))
		return SASL_FAILED;
	struct str digest = str_skip(in, (size_t)blank + 1);
	if (digest.n != 2 * x->mech->hash->size || !hex_decode(digest, &x->proof))
		return SASL_FAILED;
	buf_adds(&x->user, str_head(in, (size_t)blank));
	return SASL_SECRETS;
}

static struct str context_of(const struct sasl_secrets *s, const struct sasl_hash *h)
{
	return h->size == 16 ? s->hmac_md5 : h->size == 20 ? s->hmac_sha1 : s->hmac_sha256;
}

enum sasl_status sasl_cram_secrets(
    struct sasl_server *x, const struct sasl_secrets *s, struct buf *out UNUSED)
{
	const struct sasl_hash *h = x->mech->hash;
	struct buf context, want;
	buf_init(&context, 4 * SASL_DIGEST_MAX);
	buf_init(&want, SASL_DIGEST_MAX);
	bool known = false;
	if (s && context_of(s, h).n)
		known = buf_adds(&context, context_of(s, h));
	else if (s && s->clear.p)
		known = sasl_hmac_context(h->name, s->clear, &context);
	else /* as much work as for a user that exists */
		sasl_hmac_context(h->name, str_at(x->fake_key, SASL_FAKE_KEY_SIZE), &context);
	bool same = sasl_hmac_finish(h->name, buf_str(&context), buf_str(&x->nonce), &want) &&
		    want.n == x->proof.n && sasl_same(want.p, x->proof.p, want.n);
	mem_wipe(context.p, context.n);
	mem_wipe(want.p, want.n);
	buf_free(&context);
	buf_free(&want);
	return same && known ? SASL_OK : SASL_FAILED;
}
