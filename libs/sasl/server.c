#include "config.h"

#include "sasl/sasl-private.h"

#include <stdio.h>
#include <stdlib.h>

static const struct sasl_hash md5 = {"md5", 16}, sha1 = {"sha1", 20}, sha256 = {"sha256", 32};

static const struct sasl_mechanism mechanisms[] = {
    {"PLAIN", NULL, sasl_plain_step, NULL, true, false, false},
    {"LOGIN", NULL, sasl_login_step, NULL, true, false, false},
    {"CRAM-MD5", &md5, sasl_cram_step, sasl_cram_secrets, false, false, false},
    {"CRAM-SHA1", &sha1, sasl_cram_step, sasl_cram_secrets, false, false, false},
    {"CRAM-SHA256", &sha256, sasl_cram_step, sasl_cram_secrets, false, false, false},
    {"SCRAM-SHA-1", &sha1, sasl_scram_step, sasl_scram_secrets, false, false, false},
    {"SCRAM-SHA-256", &sha256, sasl_scram_step, sasl_scram_secrets, false, false, false},
    {"SCRAM-SHA-1-PLUS", &sha1, sasl_scram_step, sasl_scram_secrets, false, true, false},
    {"SCRAM-SHA-256-PLUS", &sha256, sasl_scram_step, sasl_scram_secrets, false, true, false},
    {"EXTERNAL", NULL, sasl_external_step, sasl_external_secrets, false, false, true},
};

static const struct sasl_mechanism *find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++)
		if (str_iis(name, mechanisms[i].name))
			return &mechanisms[i];
	return NULL;
}

bool sasl_is_known(struct str mechanism)
{
	return find(mechanism) != NULL;
}

bool sasl_is_clear(struct str mechanism)
{
	const struct sasl_mechanism *m = find(mechanism);
	return m && m->clear;
}

/* The bytes of every buffer of an exchange, in one place for start and end. */
static void each_buffer(struct sasl_server *x, void (*fn)(struct buf *b))
{
	fn(&x->user);
	fn(&x->password);
	fn(&x->nonce);
	fn(&x->gs2);
	fn(&x->messages);
	fn(&x->full_nonce);
	fn(&x->proof);
}

struct sasl_server *sasl_server_new(struct str mechanism, const struct sasl_server_env *env)
{
	const struct sasl_mechanism *m = find(mechanism);
	if (!m || (m->plus && env->binding.n == 0) || (m->external && env->external.n == 0))
		return NULL;
	struct sasl_server *x = mem_new(struct sasl_server);
	x->mech = m;
	x->due = SASL_MORE;
	snprintf(x->host, sizeof x->host, "%.*s", STR_FMT(env->host));
	memcpy(x->fake_key, env->fake_key, sizeof x->fake_key);
	if (env->binding.n)
		x->binding = str_at(mem_strndup(env->binding.p, env->binding.n), env->binding.n);
	if (env->external.n)
		x->external =
		    str_at(mem_strndup(env->external.p, env->external.n), env->external.n);
	each_buffer(x, sasl_buffer_start);
	return x;
}

void sasl_server_free(struct sasl_server *x)
{
	if (!x)
		return;
	each_buffer(x, sasl_buffer_wipe);
	free((void *)(uintptr_t)x->binding.p);
	free((void *)(uintptr_t)x->external.p);
	mem_wipe(x, sizeof *x);
	free(x);
}

enum sasl_status sasl_server_step(struct sasl_server *x, struct str in, struct buf *out)
{
	buf_clear(out);
	if (x->due != SASL_MORE || in.n > SASL_STEP_MAX)
		return x->due = SASL_FAILED;
	x->due = x->mech->step(x, in, out);
	if (out->failed)
		x->due = SASL_FAILED;
	return x->due;
}

enum sasl_status sasl_server_verdict(struct sasl_server *x, bool right)
{
	x->due = x->due == SASL_PASSWORD && right ? SASL_OK : SASL_FAILED;
	return x->due;
}

enum sasl_status sasl_server_secrets(
    struct sasl_server *x, const struct sasl_secrets *secrets, struct buf *out)
{
	buf_clear(out);
	if (x->due != SASL_SECRETS)
		return x->due = SASL_FAILED;
	x->due = x->mech->secrets(x, secrets, out);
	if (out->failed)
		x->due = SASL_FAILED;
	return x->due;
}

struct str sasl_server_user(const struct sasl_server *x)
{
	return buf_str(&x->user);
}

struct str sasl_server_password(const struct sasl_server *x)
{
	return buf_str(&x->password);
}

void sasl_server_set_nonce(struct sasl_server *x, struct str nonce)
{
	buf_clear(&x->nonce);
	buf_adds(&x->nonce, nonce);
}
