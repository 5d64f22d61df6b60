/*
 * Who the client of a session is and what may be done for it: its origin, the policy that holds for
 * it, and its environment, made of the access table, the lists of the DNS and what the front end
 * says.
 */
#include "access/access.h"
#include "submit/client-lists.h"
#include "submit/transaction-parts.h"
#include <stdio.h>

void transaction_copy_origin(struct transaction *t, const struct gate_open_frame *o)
{
	t->origin = (struct gate_origin){
	    .source = arena_strz(t->arena, o->source),
	    .service = o->service.n ? arena_strz(t->arena, o->service) : NULL,
	    .remote_ip = arena_str(t->arena, o->remote_ip),
	    .remote_host = arena_str(t->arena, o->remote_host),
	    .local_ip = arena_str(t->arena, o->local_ip),
	    .sender_id = arena_str(t->arena, o->sender_id),
	    .vhost = arena_str(t->arena, o->vhost),
	    .env = arena_str(t->arena, o->env),
	    .from_mta = arena_str(t->arena, o->from_mta),
	    .label = str_of(arena_strz(t->arena, o->label)),
	    .remote_port = o->remote_port,
	    .local_port = o->local_port,
	};
}

/* The newest snapshot's policy for this client; true: it is another one than before. */
bool transaction_choose_policy(struct transaction *t, struct str login)
{
	struct policy *p = t->vhost.n
			       ? policy_vhost(t->gate->policy, t->vhost)
			       : policy_of_client(t->gate->policy, t->origin.local_ip, login);
	if (p == t->policy)
		return false;
	policy_hold(p);
	policy_drop(t->policy);
	t->policy = p;
	return true;
}

void transaction_read_environment(struct transaction *t, bool *deny)
{
	struct str value;
	*deny = false;
	buf_clear(&t->env);
	t->env_good = true;
	t->client_relay = !t->from_network;
	if (!t->from_network)
		return;
	if (!t->proxy)
		t->env_good = policy_access(policy_door(t->policy, t->origin.service),
		    &(struct access_question){
			t->origin.remote_ip, t->origin.local_ip, (uint16_t)t->origin.local_port},
		    &t->env, deny);
	/* Behind the table's: the first word counts. */
	if (t->lists)
		client_lists_env(t->lists, &t->env);
	transaction_add_said(t);
	bofh_defaults(t->policy->bofh, &t->env);
	t->env_good &= !t->env.failed;
	t->client_relay = t->env_good && access_env(buf_str(&t->env), "RELAYCLIENT", &value);
}

/* ---- lists of the DNS ------------------------------------------------------------------------ */

static const struct tcpd_options *lists_options(const struct transaction *t)
{
	return &policy_door(t->lists_policy, t->origin.service)->options;
}

static void on_lists(void *ctx)
{
	struct transaction *t = ctx;
	bool deny;
	transaction_read_environment(t, &deny);
	if (t->known) {
		void (*known)(void *) = t->known;
		t->known = NULL;
		known(t->ctx);
	} else if (t->held) {
		const struct gate_mail_frame f = *t->held;
		t->held = NULL;
		transaction_mail(t, &f);
	}
}

/* What the access table has set already is not asked for. */
void transaction_start_lists(struct transaction *t)
{
	struct buf own;
	bool deny;
	const struct door_policy *d = policy_door(t->policy, t->origin.service);
	if (!t->from_network || t->proxy || d->options.n_lists == 0)
		return;
	buf_init(&own, TRANSACTION_ENV_MAX);
	policy_access(d,
	    &(struct access_question){
		t->origin.remote_ip, t->origin.local_ip, (uint16_t)t->origin.local_port},
	    &own, &deny);
	if (!deny)
		t->lists = client_lists_new(
		    t->gate, &d->options, t->origin.remote_ip, buf_str(&own), on_lists, t);
	if (t->lists)
		t->lists_policy = policy_hold(t->policy);
	buf_free(&own);
}

/* The front end acts upon everything but BLOCK and its kin. */
static bool front_end_waits(const struct tcpd_options *o)
{
	for (size_t i = 0; i < o->n_lists; i++)
		if (!str_starts(o->lists[i].var, STR("BLOCK")))
			return true;
	return o->drop.n > 0;
}

bool transaction_known(struct transaction *t, void (*known)(void *ctx))
{
	if (!t->lists || client_lists_done(t->lists) || !front_end_waits(lists_options(t)))
		return true;
	t->known = known;
	return false;
}

void transaction_name(struct transaction *t, struct str host)
{
	t->origin.remote_host = arena_str(t->arena, str_head(host, 255));
}

/* ---- the environment ------------------------------------------------------------------------- */

bool transaction_env(const struct transaction *t, const char *name, struct str *value)
{
	return access_env(buf_str(&t->env), name, value) ||
	       (t->from_program && access_env(t->origin.env, name, value));
}

uint64_t transaction_size_limit(const struct transaction *t)
{
	struct str value;
	uint64_t n, limit = t->policy->size_limit;
	if (!transaction_env(t, "SIZELIMIT", &value) || !str_u64(value, &n))
		return limit;
	/* a user can make it smaller for his mail, not larger */
	return t->trusted || limit == 0 || (n && n < limit) ? n : limit;
}

/* NOADDDATE and kin: unset, empty and 0 are off. */
bool transaction_env_number(const struct transaction *t, const char *name, uint64_t *out)
{
	struct str value;
	*out = 0;
	if (!transaction_env(t, name, &value))
		return false;
	if (value.n && !str_u64(value, out))
		*out = 1;
	return true;
}

/* By the access table. */
static struct gate_reply denied(const struct transaction *t)
{
	struct str text = policy_door(t->policy, t->origin.service)->options.deny_text;
	return text.n ? reply_text(REPLY_DENIED, text) : reply(REPLY_DENIED);
}

/* -drop: its variable is set to something. */
static bool dropped(const struct transaction *t, struct gate_reply *out)
{
	struct str var, text;
	char name[80];
	if (!t->from_network || t->proxy)
		return false;
	var = policy_door(t->policy, t->origin.service)->options.drop;
	snprintf(name, sizeof name, "%.*s", STR_FMT(var));
	if (!var.n || !access_env(buf_str(&t->env), name, &text) || !text.n)
		return false;
	*out = reply_text(REPLY_DENIED, text);
	log_info(NULL, "dropped,relay=%.*s: %.*s", STR_FMT(t->origin.remote_ip), STR_FMT(text));
	return true;
}

void transaction_policy(struct transaction *t, struct gate_policy *out)
{
	struct str own;
	*out = (struct gate_policy){0};
	transaction_read_environment(t, &out->deny);
	out->relay = t->client_relay;
	out->reply = reply(REPLY_OK);
	if (out->deny)
		out->reply = denied(t);
	else if (dropped(t, &out->reply))
		out->deny = true;
	if (!t->env_good) {
		out->deny = true;
		out->reply = reply(REPLY_TABLE_DOWN);
		out->reply.code = 421;
	}
	out->greeting = t->policy->names.me;
	out->size_limit = transaction_size_limit(t);
	/* Beyond a hard limit the gate itself answers. */
	out->max_rcpts = t->from_network && !t->policy->rcpts_hard ? t->policy->max_rcpts : 0;
	if (t->policy->greeting.n && !access_env(buf_str(&t->env), "ESMTPGREETING", &own))
		buf_addf(&t->env, "ESMTPGREETING=%.*s\n", STR_FMT(t->policy->greeting));
	out->env = buf_str(&t->env);
}
