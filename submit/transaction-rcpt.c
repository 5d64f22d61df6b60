/* RCPT and VRFY: aliases, acceptance, look-up. */
#include "submit/access.h"
#include "submit/aliases.h"
#include "submit/bang.h"
#include "submit/filter-run.h"
#include "submit/transaction.h"
#include "broker/local-key.h"

static struct gate_rcpt copy_rcpt(struct arena *a, const struct gate_rcpt *r)
{
	return (struct gate_rcpt){arena_str(a, r->address), arena_str(a, r->orcpt), r->notify};
}

bool message_add_rcpt(struct message *m, const struct address *a, const struct gate_rcpt *r,
    uint8_t notify, const struct route *route)
{
	if (map_get(m->seen, a->key))
		return true;
	struct envelope_rcpt e = {
	    .address = arena_str(m->arena, a->text),
	    .orcpt = arena_str(m->arena, r->orcpt),
	    .notify = notify,
	};
	if (route) {
		e.module = arena_str(m->arena, route->module);
		e.host = arena_str(m->arena, route->host);
		e.to = arena_str(m->arena, route->to);
	}
	if (!e.address.p || !map_set(m->seen, a->key, (void *)(uintptr_t)(m->rcpts.n + 1)))
		return false;
	vec_push(&m->rcpts, e);
	return true;
}

/* 250, which END may have to tell more about. */
static void accept(struct transaction *t, bool added, struct accepted a)
{
	if (added)
		vec_push(&t->message->accepted, a);
	transaction_say(t, added ? REPLY_RCPT_OK : REPLY_NO_MEMORY);
}

static struct accepted accepted_at(const struct message *m, const struct address *a)
{
	return (struct accepted){.rcpt = (size_t)(uintptr_t)map_get(m->seen, a->key) - 1};
}

/* A recipient without a filter of its own. */
static void accept_plain(struct transaction *t, const struct address *a, const struct gate_rcpt *r,
    const struct route *route)
{
	if (!t->asked_agreed && !filter_plain(t))
		return;
	bool added = message_add_rcpt(t->message, a, r, r->notify, route);
	accept(t, added, accepted_at(t->message, a));
}

static void on_filtered(struct transaction *t, bool white, bool content)
{
	struct message *m = t->message;
	if (!whitelist_agrees(t, white))
		return;
	bool added =
	    message_add_rcpt(m, &t->asked_address, &t->asked, t->asked.notify, &t->asked_route);
	struct accepted a = *t->asked_accepted;
	a.rcpt = accepted_at(m, &t->asked_address).rcpt;
	a.content = content;
	accept(t, added, a);
}

/* True: the filter of the mailbox's owner is asked, and answers. */
static bool ask_owner(struct transaction *t, const struct route *route)
{
	struct arena *a = t->message->arena;
	struct local_key key;
	if (t->asked_alias || !t->policy->mailbox_filters || !filtered_source(t) ||
	    !str_is(route->module, "local"))
		return false;
	if (!local_key_parse(route->host, a, &key) || str_is(key.user, BROKER_ALIAS_ACCOUNT))
		return false;
	t->asked_route = (struct route){.module = arena_str(a, route->module),
	    .host = arena_str(a, route->host),
	    .to = arena_str(a, route->to)};
	t->asked_accepted = arena_zero(a, sizeof *t->asked_accepted);
	if (t->asked_accepted) {
		t->asked_accepted->name = arena_str(a, key.user);
		t->asked_accepted->ext = arena_str(a, key.ext);
		filter_rcpt(t, key.user, key.ext, on_filtered);
	} else
		transaction_say(t, REPLY_NO_MEMORY);
	return true;
}

static void say_about(struct transaction *t, enum reply_id id, struct str address)
{
	struct gate_reply r = reply_about(t->message->arena, id, address);
	t->answer(t->ctx, &r);
}

static void on_resolved(void *ctx, enum lookup_state state, const struct route *route)
{
	struct transaction *t = ctx;
	t->resolve = NULL;
	enum reply_id id = decide_local(state, t->from_network);
	if (state == LOOKUP_REFUSED) {
		t->answer(t->ctx, &route->why);
		return;
	}
	if (t->must_be_open && state == LOOKUP_FOUND && !route->open)
		id = REPLY_NO_RELAY;
	if (id != REPLY_RCPT_OK) {
		say_about(t, id, t->asked.address);
		return;
	}
	if (state == LOOKUP_FOUND && ask_owner(t, route))
		return;
	accept_plain(t, &t->asked_address, &t->asked, state == LOOKUP_FOUND ? route : NULL);
}

static struct resolve_facts facts_of(struct transaction *t)
{
	const struct message *m = t->message;
	struct resolve_facts f = {
	    .source = t->from_network ? STR("esmtp") : str_of(t->origin.source),
	    .env = buf_str(&t->env),
	    .relay = t->client_relay,
	    .accepted = !t->must_be_open,
	};
	if (m) {
		f.sender = m->sender;
		f.login = m->mail.login;
		f.relay = m->relay;
	}
	return f;
}

static void look_up(struct transaction *t, const struct address *a, const struct gate_rcpt *r)
{
	struct message *m = t->message;
	if (map_get(m->seen, a->key)) {
		accept(t, true, accepted_at(m, a));
		return;
	}
	enum reply_id id = decide_track(m->track ? queue_client_track(t->gate->queue, a->text) : 0);
	if (id != REPLY_RCPT_OK) {
		say_about(t, id, r->address);
		return;
	}
	struct route route;
	if (!t->must_be_open && route_at_once(t->policy, a, &route)) {
		accept_plain(t, a, r, &route);
		return;
	}
	t->asked = copy_rcpt(m->arena, r);
	t->asked_address = *a;
	struct resolve_facts facts = facts_of(t);
	t->resolve = resolve_new(t->gate, a, &facts, on_resolved, t);
	if (t->resolve)
		resolve_start(t->resolve);
	else
		transaction_say(t, REPLY_NO_MEMORY);
}

static enum address_error canonical(
    struct transaction *t, struct arena *a, struct str text, bool bare, struct address *out)
{
	if (bang_source(t))
		text = bang_canonical(t, a, text);
	bool utf8 = !t->from_network || (t->message && t->message->mail.smtputf8);
	return address_canonical(&t->policy->names, a, text, t->origin.local_ip,
	    (bare ? ADDRESS_BARE : 0) | (utf8 ? ADDRESS_UTF8 : 0), out);
}

/*
 * An alias of several addresses is a list: its members are told of nothing.  One with a single
 * address is another name for it, and that address is looked at as if it had been given.
 */
static void add_members(struct transaction *t, const struct gate_rcpt *r, struct str members)
{
	struct message *m = t->message;
	struct str line, rest = members;
	struct address a = {0};
	size_t n = 0;
	while (str_split(&rest, '\n', &line))
		n += line.n != 0;
	if (n != 1 && !t->asked_agreed && !filter_plain(t))
		return;
	while (str_split(&members, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (address_canonical(&t->policy->names, m->arena, line, STR_NONE,
			ADDRESS_BARE | ADDRESS_UTF8, &a) != ADDRESS_OK) {
			log_warning(
			    NULL, "an alias has the impossible member '%.*s'", STR_FMT(line));
			continue;
		}
		if (n == 1) {
			look_up(t, &a, r);
			return;
		}
		struct route route;
		struct gate_rcpt none = {0};
		if (!message_add_rcpt(m, &a, &none, GATE_NOTIFY_NEVER,
			route_at_once(t->policy, &a, &route) ? &route : NULL)) {
			transaction_say(t, REPLY_NO_MEMORY);
			return;
		}
	}
	accept(t, true, (struct accepted){.rcpt = SIZE_MAX});
}

static void on_alias_filtered(struct transaction *t, bool white, bool content)
{
	(void)content; /* not for aliases: they are not whitelisted, that is all */
	if (!whitelist_agrees(t, white))
		return;
	t->asked_agreed = true;
	add_members(t, &t->asked, t->asked_members);
}

/* An alias: its own filter is asked, where there is one. */
static void take_alias(
    struct transaction *t, const struct address *a, const struct gate_rcpt *r, struct str members)
{
	t->asked_alias = true;
	if (!t->policy->alias_filter || !filtered_source(t)) {
		add_members(t, r, members);
		return;
	}
	t->asked = copy_rcpt(t->message->arena, r);
	t->asked_members = arena_str(t->message->arena, members);
	if (t->asked_members.p)
		filter_rcpt(t, STR(BROKER_ALIAS_FILTER), a->text, on_alias_filtered);
	else
		transaction_say(t, REPLY_NO_MEMORY);
}

/* BLOCK of the access file: its text refuses every recipient, with its own code if it has one. */
static bool blocked(struct transaction *t)
{
	struct str text;
	bool exempt = t->message->relay && t->from_network;
	if (exempt || !transaction_env(t, "BLOCK", &text) || text.n == 0)
		return false;
	struct gate_reply r = reply(REPLY_DENIED);
	uint64_t code;
	if (text.n > 4 && text.p[3] == ' ' && str_u64(str_head(text, 3), &code) && code >= 400 &&
	    code < 600) {
		r.code = (uint16_t)code;
		if (code < 500)
			r.enhanced = STR("4.7.1");
		text = str_skip(text, 4);
	}
	r.text = text;
	t->answer(t->ctx, &r);
	return true;
}

void transaction_rcpt(struct transaction *t, const struct gate_rcpt *r)
{
	struct message *m = t->message;
	if (!m || m->receiving) {
		transaction_say(t, REPLY_BAD_SEQUENCE);
		return;
	}
	if (blocked(t))
		return;
	t->asked_alias = t->asked_agreed = false;
	struct address a = {0};
	struct buf members;
	buf_init(&members, ALIAS_TEXT_MAX);
	struct rcpt_facts f = {
	    .address = canonical(t, m->arena, r->address, m->relay, &a),
	    .relay = m->relay,
	    .rcpts = (uint32_t)m->rcpts.n,
	    .max_rcpts = t->from_network ? t->policy->max_rcpts : 0,
	};
	int alias = 0;
	if (f.address == ADDRESS_OK) {
		f.kind = a.kind;
		alias = aliases_lookup(t->policy->aliases, &t->policy->names, &a, &members);
		f.is_alias = alias > 0;
		f.accepted = address_accepted(&t->policy->names, &a);
		f.asked = route_is_asked(t->policy, &a);
		t->must_be_open = !m->relay && !f.is_alias && f.accepted == 0;
	}
	enum reply_id id = alias < 0 ? REPLY_TABLE_DOWN : decide_rcpt(&f);
	if (id != REPLY_RCPT_OK)
		say_about(t, id, r->address);
	else if (alias > 0)
		take_alias(t, &a, r, buf_str(&members));
	else
		look_up(t, &a, r);
	buf_free(&members);
}

/* ---- VRFY and EXPN --------------------------------------------------------------------------- */

struct verify {
	struct transaction *t;
	struct arena *arena;
	struct address address;
};

void verify_free(struct verify *v)
{
	if (!v)
		return;
	arena_free(v->arena);
	free(v);
}

static void verify_end(struct verify *v, enum reply_id id, struct str text)
{
	struct transaction *t = v->t;
	struct gate_reply r = reply(id);
	if (text.n)
		r.text = text;
	t->verify = NULL;
	t->answer(t->ctx, &r);
	verify_free(v);
}

static void verify_refused(struct verify *v, const struct gate_reply *why)
{
	struct transaction *t = v->t;
	t->verify = NULL;
	t->answer(t->ctx, why);
	verify_free(v);
}

static void on_verified(void *ctx, enum lookup_state state, const struct route *route)
{
	struct verify *v = ctx;
	v->t->resolve = NULL;
	if (state == LOOKUP_REFUSED) {
		verify_refused(v, &route->why);
		return;
	}
	enum reply_id id = decide_local(state, true);
	verify_end(v, id == REPLY_RCPT_OK ? REPLY_OK : id,
	    id == REPLY_RCPT_OK ? v->address.text : STR_NONE);
}

void transaction_vrfy(struct transaction *t, struct str address, bool expand)
{
	struct verify *v = mem_new(struct verify);
	struct buf members;
	struct route route;
	v->t = t;
	t->verify = v;
	v->arena = arena_new(256 * 1024);
	if (!v->arena || canonical(t, v->arena, address, true, &v->address) != ADDRESS_OK) {
		verify_end(v, v->arena ? REPLY_RCPT_SYNTAX : REPLY_NO_MEMORY, STR_NONE);
		return;
	}
	buf_init(&members, ALIAS_TEXT_MAX);
	int alias = aliases_lookup(t->policy->aliases, &t->policy->names, &v->address, &members);
	if (alias < 0)
		verify_end(v, REPLY_TABLE_DOWN, STR_NONE);
	else if (expand)
		verify_end(v, alias ? REPLY_OK : REPLY_NOT_ALIAS,
		    str_head(str_trim(buf_str(&members)), GATE_TEXT_MAX));
	else if (alias > 0 || route_at_once(t->policy, &v->address, &route))
		verify_end(v, REPLY_OK, v->address.text);
	else {
		struct resolve_facts facts = facts_of(t);
		t->resolve = resolve_new(t->gate, &v->address, &facts, on_verified, v);
		if (t->resolve)
			resolve_start(t->resolve);
		else
			verify_end(v, REPLY_NO_MEMORY, STR_NONE);
	}
	buf_free(&members);
}
