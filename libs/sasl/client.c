/* The client's side, for relaying with a name and password. */
#include "config.h"

#include "sasl/sasl-private.h"

#include <stdlib.h>

struct client_mechanism {
	const char *name;
	const char *hash;
	enum sasl_status (*step)(struct sasl_client *c, struct str in, struct buf *out);
	bool first, clear, plus;
};

struct sasl_client {
	const struct client_mechanism *mech;
	unsigned step;
	bool done;
	struct buf user, authzid, password, binding;
	struct buf nonce, gs2, messages;
	unsigned char server_signature[SASL_DIGEST_MAX];
};

static enum sasl_status plain(struct sasl_client *c, struct str in UNUSED, struct buf *out)
{
	if (c->step++)
		return SASL_FAILED;
	buf_adds(out, buf_str(&c->authzid));
	buf_addc(out, 0);
	buf_adds(out, buf_str(&c->user));
	buf_addc(out, 0);
	buf_adds(out, buf_str(&c->password));
	c->done = true;
	return SASL_MORE;
}

/* The prompts' words differ from server to server: their order does not. */
static enum sasl_status login(struct sasl_client *c, struct str in UNUSED, struct buf *out)
{
	if (c->step > 1)
		return SASL_FAILED;
	c->done = c->step == 1;
	buf_adds(out, c->step++ == 0 ? buf_str(&c->user) : buf_str(&c->password));
	return SASL_MORE;
}

static enum sasl_status cram(struct sasl_client *c, struct str in, struct buf *out)
{
	const struct sasl_hash *h = sasl_hash_find(c->mech->hash);
	unsigned char digest[SASL_DIGEST_MAX];
	if (c->step++ || !sasl_hmac(h, buf_str(&c->password), in, digest))
		return SASL_FAILED;
	buf_adds(out, buf_str(&c->user));
	buf_addc(out, ' ');
	hex_encode(str_at(digest, h->size), out);
	c->done = true;
	return SASL_MORE;
}

static void add_saslname(struct str name, struct buf *out)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == ',' || name.p[i] == '=')
			buf_addz(out, name.p[i] == ',' ? "=2C" : "=3D");
		else
			buf_addc(out, name.p[i]);
	}
}

static enum sasl_status scram_first(struct sasl_client *c, struct buf *out)
{
	if (c->nonce.n == 0) {
		char token[25];
		random_token(token, 24);
		buf_addz(&c->nonce, token);
	}
	buf_addz(&c->gs2, c->mech->plus ? "p=tls-exporter," : "n,");
	if (c->authzid.n) {
		buf_addz(&c->gs2, "a=");
		add_saslname(buf_str(&c->authzid), &c->gs2);
	}
	buf_addc(&c->gs2, ',');
	buf_addz(&c->messages, "n=");
	add_saslname(buf_str(&c->user), &c->messages);
	buf_addz(&c->messages, ",r=");
	buf_adds(&c->messages, buf_str(&c->nonce));
	buf_adds(out, buf_str(&c->gs2));
	buf_adds(out, buf_str(&c->messages));
	return SASL_MORE;
}

struct offer { /* server-first-message */
	struct str nonce;
	struct buf salt;
	uint64_t iterations;
};

static bool parse_offer(const struct sasl_client *c, struct str in, struct offer *o)
{
	struct str salt, iterations;
	/* A server that asks for a million rounds would hold up the queue. */
	return scram_attribute(&in, 'r', &o->nonce) && scram_attribute(&in, 's', &salt) &&
	       scram_attribute(&in, 'i', &iterations) && o->nonce.n > c->nonce.n &&
	       str_starts(o->nonce, buf_str(&c->nonce)) && base64_decode(salt, &o->salt) &&
	       o->salt.n > 0 && str_u64(iterations, &o->iterations) && o->iterations > 0 &&
	       o->iterations <= SASL_SCRAM_ITERATIONS_MAX;
}

static void final_without_proof(const struct sasl_client *c, struct str nonce, struct buf *out)
{
	struct buf bound;
	buf_init(&bound, 2 * SASL_STEP_MAX);
	buf_adds(&bound, buf_str(&c->gs2));
	if (c->mech->plus)
		buf_adds(&bound, buf_str(&c->binding));
	buf_addz(out, "c=");
	base64_encode(buf_str(&bound), out);
	buf_addz(out, ",r=");
	buf_adds(out, nonce);
	buf_free(&bound);
}

static bool prove(struct sasl_client *c, const struct offer *o, struct buf *out)
{
	const struct sasl_hash *h = sasl_hash_find(c->mech->hash);
	unsigned char salted[SASL_DIGEST_MAX], key[SASL_DIGEST_MAX], stored[SASL_DIGEST_MAX];
	unsigned char signature[SASL_DIGEST_MAX], server[SASL_DIGEST_MAX];
	struct str salted_s = str_at(salted, h->size), message = buf_str(&c->messages);
	struct buf prepared;
	buf_init(&prepared, 4 * SASL_PASSWORD_MAX);
	bool ok = sasl_prep(buf_str(&c->password), &prepared) &&
		  scram_salted(
		      h, buf_str(&prepared), buf_str(&o->salt), (unsigned)o->iterations, salted) &&
		  sasl_hmac(h, salted_s, STR("Client Key"), key) &&
		  sasl_hash_of(h, str_at(key, h->size), stored) &&
		  sasl_hmac(h, str_at(stored, h->size), message, signature) &&
		  sasl_hmac(h, salted_s, STR("Server Key"), server) &&
		  sasl_hmac(h, str_at(server, h->size), message, c->server_signature);
	for (size_t i = 0; ok && i < h->size; i++)
		key[i] ^= signature[i];
	if (ok) {
		buf_addz(out, ",p=");
		base64_encode(str_at(key, h->size), out);
	}
	mem_wipe(salted, sizeof salted);
	mem_wipe(key, sizeof key);
	mem_wipe(prepared.p, prepared.n);
	buf_free(&prepared);
	return ok;
}

static enum sasl_status scram_final(struct sasl_client *c, struct str in, struct buf *out)
{
	struct offer o;
	buf_init(&o.salt, 1024);
	bool ok = parse_offer(c, in, &o);
	if (ok) {
		final_without_proof(c, o.nonce, out);
		buf_addc(&c->messages, ',');
		buf_adds(&c->messages, in);
		buf_addc(&c->messages, ',');
		buf_adds(&c->messages, buf_str(out));
		ok = !c->messages.failed && prove(c, &o, out);
	}
	buf_free(&o.salt);
	return ok ? SASL_MORE : SASL_FAILED;
}

/* verifier: the server knows what the password makes, too */
static enum sasl_status scram_check(struct sasl_client *c, struct str in)
{
	const struct sasl_hash *h = sasl_hash_find(c->mech->hash);
	struct str text;
	struct buf raw;
	buf_init(&raw, SASL_DIGEST_MAX + 3);
	c->done = scram_attribute(&in, 'v', &text) && base64_decode(text, &raw) &&
		  raw.n == h->size && sasl_same(raw.p, c->server_signature, h->size);
	buf_free(&raw);
	return c->done ? SASL_MORE : SASL_FAILED;
}

static enum sasl_status scram(struct sasl_client *c, struct str in, struct buf *out)
{
	switch (c->step++) {
	case 0:
		return scram_first(c, out);
	case 1:
		return scram_final(c, in, out);
	case 2:
		return scram_check(c, in);
	default:
		return SASL_FAILED;
	}
}

static const struct client_mechanism mechanisms[] = {
    /* the best first */
    {"SCRAM-SHA-256-PLUS", "sha256", scram, true, false, true},
    {"SCRAM-SHA-1-PLUS", "sha1", scram, true, false, true},
    {"SCRAM-SHA-256", "sha256", scram, true, false, false},
    {"SCRAM-SHA-1", "sha1", scram, true, false, false},
    {"CRAM-SHA256", "sha256", cram, false, false, false},
    {"CRAM-SHA1", "sha1", cram, false, false, false},
    {"CRAM-MD5", "md5", cram, false, false, false},
    {"PLAIN", NULL, plain, true, true, false},
    {"LOGIN", NULL, login, false, true, false},
};

static const struct client_mechanism *find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++)
		if (str_iis(name, mechanisms[i].name))
			return &mechanisms[i];
	return NULL;
}

static void each_buffer(struct sasl_client *c, void (*fn)(struct buf *b))
{
	fn(&c->user);
	fn(&c->authzid);
	fn(&c->password);
	fn(&c->binding);
	fn(&c->nonce);
	fn(&c->gs2);
	fn(&c->messages);
}

struct sasl_client *sasl_client_new(struct str mechanism, struct str user, struct str authzid,
    struct str password, struct str binding)
{
	const struct client_mechanism *m = find(mechanism);
	if (!m || (m->plus && binding.n == 0) || user.n > SASL_NAME_MAX ||
	    authzid.n > SASL_NAME_MAX || password.n > SASL_PASSWORD_MAX ||
	    binding.n > SASL_STEP_MAX)
		return NULL;
	struct sasl_client *c = mem_new(struct sasl_client);
	c->mech = m;
	each_buffer(c, sasl_buffer_start);
	buf_adds(&c->user, user);
	buf_adds(&c->authzid, authzid);
	buf_adds(&c->password, password);
	buf_adds(&c->binding, binding);
	return c;
}

void sasl_client_free(struct sasl_client *c)
{
	if (!c)
		return;
	each_buffer(c, sasl_buffer_wipe);
	mem_wipe(c, sizeof *c);
	free(c);
}

bool sasl_client_first(const struct sasl_client *c)
{
	return c->mech->first;
}

enum sasl_status sasl_client_step(struct sasl_client *c, struct str challenge, struct buf *out)
{
	buf_clear(out);
	if (challenge.n > SASL_STEP_MAX)
		return SASL_FAILED;
	enum sasl_status status = c->mech->step(c, challenge, out);
	if (status != SASL_FAILED && !out->failed)
		return status;
	c->done = false;
	return SASL_FAILED;
}

bool sasl_client_done(const struct sasl_client *c)
{
	return c->done;
}

void sasl_client_set_nonce(struct sasl_client *c, struct str nonce)
{
	buf_clear(&c->nonce);
	buf_adds(&c->nonce, nonce);
}

static bool offers(struct str list, const char *name)
{
	struct str word;
	while (str_word(&list, &word))
		if (str_iis(word, name))
			return true;
	return false;
}

const char *sasl_client_choose(struct str offered, bool tls, bool binding, bool clear_ok)
{
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		const struct client_mechanism *m = &mechanisms[i];
		bool usable = m->plus ? binding : !m->clear || tls || clear_ok;
		if (usable && offers(offered, m->name))
			return m->name;
	}
	return NULL;
}
