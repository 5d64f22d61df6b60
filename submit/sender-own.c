#include "submit/sender-own.h"
#include "broker/local-key.h"
#include "submit/transaction.h"
#include <stdlib.h>

struct own {
	struct transaction *t;
	struct str *addresses; /* in the message's arena, as is what follows */
	size_t n, at;
	struct address address; /* the one at hand */
	struct alias_find *alias;
	struct resolve *resolve;
	own_done done;
};

unsigned sender_bound(const struct transaction *t)
{
	struct str value;
	unsigned bound;
	if (!t->from_network || t->message->mail.login.n == 0)
		return 0;
	if (transaction_env(t, "AUTH_SENDER", &value) && bound_parse(value, &bound))
		return bound;
	return policy_bound(t->policy, t->origin.service);
}

void sender_own_cancel(struct transaction *t)
{
	struct own *o = t->own;
	if (!o)
		return;
	alias_find_cancel(o->alias);
	resolve_cancel(o->resolve);
	free(o);
	t->own = NULL;
}

static void end(struct own *o, enum reply_id id)
{
	struct transaction *t = o->t;
	own_done done = o->done;
	struct str about = o->at < o->n ? o->addresses[o->at] : STR_NONE;
	sender_own_cancel(t);
	done(t, id, about);
}

static void next_address(struct own *o);

static bool is_login(struct own *o, const struct route *r)
{
	struct local_key key;
	return str_is(r->module, "local") && local_key_parse(r->host, o->t->message->arena, &key) &&
	       str_eq(key.user, o->t->message->mail.login);
}

static void on_resolved(void *ctx, enum lookup_state state, const struct route *r)
{
	struct own *o = ctx;
	o->resolve = NULL;
	enum reply_id id = decide_local(state, true);
	if (id != REPLY_RCPT_OK && reply(id).code < 500) {
		end(o, id);
	} else if (state == LOOKUP_FOUND && is_login(o, r)) {
		o->at++;
		next_address(o);
	} else
		end(o, REPLY_NOT_OWNER);
}

static void resolve_it(struct own *o)
{
	struct transaction *t = o->t;
	struct route route;
	const struct resolve_facts facts = {.source = STR("esmtp")};
	if (route_at_once(t->policy, &o->address, &route) ||
	    route_is_asked(t->policy, &o->address)) {
		end(o, REPLY_NOT_OWNER);
		return;
	}
	o->resolve = resolve_new(t->gate, t->policy, &o->address, &facts, on_resolved, o);
	if (o->resolve)
		resolve_start(o->resolve);
	else
		end(o, REPLY_NO_MEMORY);
}

/* 1 with the one member there is. */
static bool only_member(struct str members, struct str *one)
{
	struct str line;
	size_t n = 0;
	while (members.n && str_split(&members, '\n', &line))
		if (line.n && n++ == 0)
			*one = line;
	return n == 1;
}

static void on_alias(void *ctx, int result, struct str members)
{
	struct own *o = ctx;
	struct transaction *t = o->t;
	struct str one;
	o->alias = NULL;
	if (result < 0)
		end(o, REPLY_TABLE_DOWN);
	else if (result == 0)
		resolve_it(o);
	else if (!only_member(members, &one) ||
		 address_canonical(&t->policy->names, t->message->arena, one, STR_NONE,
		     ADDRESS_BARE | ADDRESS_UTF8, &o->address) != ADDRESS_OK)
		end(o, REPLY_NOT_OWNER);
	else
		resolve_it(o);
}

static void next_address(struct own *o)
{
	struct transaction *t = o->t;
	struct message *m = t->message;
	if (o->at == o->n) {
		end(o, REPLY_OK);
		return;
	}
	enum address_error e = address_canonical(&t->policy->names, m->arena, o->addresses[o->at],
	    t->origin.local_ip, ADDRESS_BARE | ADDRESS_UTF8, &o->address);
	if (e != ADDRESS_OK) {
		end(o, e == ADDRESS_TEMPORARY ? REPLY_TABLE_DOWN : REPLY_NOT_OWNER);
	} else if (authsenders_allow(
		       policy_root(t->policy)->authsenders, m->mail.login, &o->address)) {
		o->at++;
		next_address(o);
	} else {
		o->alias =
		    alias_find_new(t->gate, t->policy, STR("esmtp"), &o->address, on_alias, o);
		if (o->alias)
			alias_find_start(o->alias);
		else
			end(o, REPLY_NO_MEMORY);
	}
}

void sender_own_start(struct transaction *t, const struct str *addresses, size_t n, own_done done)
{
	struct own *o = mem_new(struct own);
	o->t = t;
	o->n = n;
	o->done = done;
	o->addresses = arena_zero(t->message->arena, (n + 1) * sizeof *o->addresses);
	t->own = o;
	for (size_t i = 0; o->addresses && i < n; i++)
		o->addresses[i] = addresses[i];
	if (o->addresses)
		next_address(o);
	else {
		o->n = 0;
		end(o, REPLY_NO_MEMORY);
	}
}

/* ---- the header ------------------------------------------------------------------------------ */

static void refuse(struct transaction *t, enum reply_id id, struct str about)
{
	t->message->refusal = reply_about(t->message->arena, id, about);
}

void sender_own_note(struct transaction *t)
{
	struct message *m = t->message;
	struct str found[OWN_ADDRESSES_MAX];
	if (!(sender_bound(t) & BOUND_HEADER))
		return;
	int n = header_senders(m->arena, buf_str(&m->spool.head), found, OWN_ADDRESSES_MAX);
	if (n < 0) {
		refuse(t, REPLY_NOT_OWNER, STR("the From field, which can't be read"));
		return;
	}
	m->speaks_for = arena_zero(m->arena, (size_t)(n + 1) * sizeof *m->speaks_for);
	if (!m->speaks_for) {
		m->refusal = reply(REPLY_NO_MEMORY);
		return;
	}
	for (int i = 0; i < n; i++)
		m->speaks_for[i] = found[i];
	m->n_speaks_for = (size_t)n;
}

static void on_header(struct transaction *t, enum reply_id id, struct str address)
{
	if (id != REPLY_OK)
		refuse(t, id, address);
	transaction_file_there(t);
}

bool sender_own_header(struct transaction *t)
{
	struct message *m = t->message;
	size_t n = m->n_speaks_for;
	m->n_speaks_for = 0;
	if (n == 0 || m->refusal.code)
		return t->own != NULL;
	sender_own_start(t, m->speaks_for, n, on_header);
	return true;
}

/* ---- the envelope ---------------------------------------------------------------------------- */

/* The sender is the account's own; on with what the DNS says of it. */
static void on_envelope(struct transaction *t, enum reply_id id, struct str about)
{
	struct message *m = t->message;
	struct address sender = {0};
	if (id == REPLY_OK && address_canonical(&t->policy->names, m->arena, m->sender, STR_NONE,
				  ADDRESS_BARE | ADDRESS_UTF8, &sender) == ADDRESS_OK) {
		sender_check_start(t, &sender);
		return;
	}
	struct arena *a = arena_new(64 * 1024); /* the message's goes with it */
	struct gate_reply r = reply(REPLY_NO_MEMORY);
	if (a)
		r = reply_about(a, id == REPLY_OK ? REPLY_TABLE_DOWN : id, about);
	log_info(NULL, "refused,from=<%.*s>,relay=%.*s,login=%.*s: %u %.*s", STR_FMT(m->sender),
	    STR_FMT(t->origin.remote_ip), STR_FMT(m->mail.login), r.code, STR_FMT(r.text));
	transaction_reset(t);
	t->answer(t->ctx, &r);
	arena_free(a);
}

void sender_own_envelope(struct transaction *t)
{
	sender_own_start(t, &t->message->sender, 1, on_envelope);
}
