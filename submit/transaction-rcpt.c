/* RCPT and VRFY: aliases, acceptance, look-up. */
#include "access/access.h"
#include "submit/aliases.h"
#include "submit/bang.h"
#include "submit/filter-run.h"
#include "submit/transaction.h"
#include "broker/local-key.h"

/* An original recipient without a type, as the original's programs give it, has the usual one. */
static struct str copy_orcpt(struct arena *a, struct str orcpt)
{
	if (orcpt.n == 0 || str_chr(orcpt, ';') >= 0)
		return arena_str(a, orcpt);
	const char *type = str_has_8bit(orcpt) ? "utf-8" : "rfc822";
	char *z = arena_printf(a, "%s;%.*s", type, STR_FMT(orcpt));
	return z ? str_of(z) : STR_NONE;
}

static struct gate_rcpt copy_rcpt(struct arena *a, const struct gate_rcpt *r)
{
	return (struct gate_rcpt){arena_str(a, r->address), copy_orcpt(a, r->orcpt), r->notify};
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
	m->trapped |= m->bofh && bofh_spamtrap(m->bofh, a->key);
	if (!e.address.p || !map_set(m->seen, a->key, (void *)(uintptr_t)(m->rcpts.n + 1)))
		return false;
	vec_push(&m->rcpts, e);
	return true;
}

/* 250, which END may have to tell more about. */
static void accept_rcpt(struct transaction *t, bool added, struct accepted a)
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
	accept_rcpt(t, added, accepted_at(t->message, a));
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
	accept_rcpt(t, added, a);
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
		/* Where an alias leads is the administrator's word, whoever uses it. */
		f.relay = m->relay || t->asked_alias;
	}
	return f;
}

static void look_up(struct transaction *t, const struct address *a, const struct gate_rcpt *r)
{
	struct message *m = t->message;
	if (map_get(m->seen, a->key)) {
		accept_rcpt(t, true, accepted_at(m, a));
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
	t->asked_address = *a;
	struct resolve_facts facts = facts_of(t);
	t->resolve = resolve_new(t->gate, t->policy, a, &facts, on_resolved, t);
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
 * The list itself, as a recipient whose delivery is over: a sender who wants to hear of success
 * hears that the list has taken the message.  Not among the mailboxes seen: it may be a member of
 * its own.
 */
static bool add_expanded(struct message *m, const struct address *a, const struct gate_rcpt *r)
{
	char *key = arena_printf(m->arena, "=%.*s", STR_FMT(a->text));
	if (!key)
		return false;
	if (map_get(m->seen, str_of(key)))
		return true;
	struct envelope_rcpt e = {
	    .address = arena_str(m->arena, a->text),
	    .orcpt = r->orcpt,
	    .notify = r->notify,
	    .state = RCPT_DELIVERED,
	    .local = true,
	    .when = clock_now(),
	    .status = STR("2.0.0"),
	};
	if (!e.address.p || !map_set(m->seen, str_of(key), (void *)(uintptr_t)(m->rcpts.n + 1)))
		return false;
	vec_push(&m->rcpts, e);
	return true;
}

/* One member of a list: told of nothing. */
static bool add_member(struct transaction *t, struct str line)
{
	struct message *m = t->message;
	struct address a = {0};
	if (address_canonical(&t->policy->names, m->arena, line, STR_NONE,
		ADDRESS_BARE | ADDRESS_UTF8, &a) != ADDRESS_OK) {
		log_warning(NULL, "an alias has the impossible member '%.*s'", STR_FMT(line));
		return true;
	}
	struct route route;
	struct gate_rcpt none = {0};
	return message_add_rcpt(
	    m, &a, &none, GATE_NOTIFY_NEVER, route_at_once(t->policy, &a, &route) ? &route : NULL);
}

/* Reports name what the sender has written (RFC 3461, 4.2: the address of this RCPT, no other). */
static void keep_original(struct transaction *t)
{
	struct str given = t->asked_address.text;
	if (t->asked.orcpt.n || str_has_8bit(given))
		return;
	char *z = arena_printf(t->message->arena, "rfc822;%.*s", STR_FMT(given));
	if (z)
		t->asked.orcpt = str_of(z);
}

/* Another name for one address, which is looked at as if it had been given. */
static void look_up_member(struct transaction *t, struct str line)
{
	struct address a = {0};
	keep_original(t);
	if (address_canonical(&t->policy->names, t->message->arena, line, STR_NONE,
		ADDRESS_BARE | ADDRESS_UTF8, &a) == ADDRESS_OK) {
		look_up(t, &a, &t->asked);
		return;
	}
	log_warning(NULL, "an alias has the impossible member '%.*s'", STR_FMT(line));
	say_about(t, REPLY_UNKNOWN_USER, t->asked.address);
}

/*
 * An alias of several addresses is a list.  A sender who wants to hear of success hears that the
 * list has taken the message: the report is made here, since no member makes one.
 */
static void add_members(struct transaction *t, struct str members)
{
	struct str line, rest = members, first = STR_NONE;
	size_t n = 0;
	while (str_split(&rest, '\n', &line))
		if (line.n && n++ == 0)
			first = line;
	if (n == 1) {
		look_up_member(t, first);
		return;
	}
	if (!t->asked_agreed && !filter_plain(t))
		return;
	const struct address list = t->asked_address;
	bool good =
	    !(t->asked.notify & GATE_NOTIFY_SUCCESS) || add_expanded(t->message, &list, &t->asked);
	while (good && str_split(&members, '\n', &line))
		if (line.n)
			good = add_member(t, line);
	accept_rcpt(t, good, (struct accepted){.rcpt = SIZE_MAX});
}

static void on_alias_filtered(struct transaction *t, bool white, bool content)
{
	(void)content; /* not for aliases: they are not whitelisted, that is all */
	if (!whitelist_agrees(t, white))
		return;
	t->asked_agreed = true;
	add_members(t, t->asked_members);
}

/* An alias: its own filter is asked, where there is one. */
static void take_alias(struct transaction *t, const struct address *a, struct str members)
{
	t->asked_alias = true;
	if (!t->policy->alias_filter || !filtered_source(t)) {
		add_members(t, members);
		return;
	}
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
	struct gate_reply r = reply_text(REPLY_DENIED, text);
	t->answer(t->ctx, &r);
	return true;
}

static struct str alias_source_of(const struct transaction *t)
{
	return str_of(t->from_network ? "esmtp" : t->origin.source);
}

static void on_alias(void *ctx, int alias, struct str members)
{
	struct transaction *t = ctx;
	struct message *m = t->message;
	const struct address a = t->asked_address;
	t->alias = NULL;
	struct rcpt_facts f = {
	    .kind = a.kind,
	    .accepted = t->asked_percent ? 1 : address_accepted(&t->policy->names, &a),
	    .relay = m->relay,
	    .is_alias = alias > 0,
	    .instruction = alias_is_instruction(&a),
	    .from_network = t->from_network,
	    .rcpts = (uint32_t)m->accepted.n,
	    .max_rcpts = t->from_network ? t->policy->max_rcpts : 0,
	    .hard = t->policy->rcpts_hard,
	};
	f.asked = route_is_asked(t->policy, &a);
	t->must_be_open = !m->relay && !f.is_alias && f.accepted == 0;
	enum reply_id id = alias < 0 ? REPLY_TABLE_DOWN : decide_rcpt(&f);
	if (id != REPLY_RCPT_OK)
		say_about(t, id, t->asked.address);
	else if (alias > 0)
		take_alias(t, &a, members);
	else
		look_up(t, &a, &t->asked);
}

/* What is asked for, in canonical form, the percent hack undone. */
static enum address_error read_asked(struct transaction *t, const struct gate_rcpt *r)
{
	struct message *m = t->message;
	struct str inner = STR_NONE;
	enum address_error e = canonical(t, m->arena, r->address, m->relay, &t->asked_address);
	int percent = 0;
	t->asked = copy_rcpt(m->arena, r);
	if (e == ADDRESS_OK && t->from_network)
		percent = address_percent(&t->policy->names, m->arena, &t->asked_address, &inner);
	t->asked_percent = percent > 0;
	if (percent > 0)
		e = canonical(t, m->arena, inner, false, &t->asked_address);
	return percent < 0 ? ADDRESS_TEMPORARY : e;
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
	struct rcpt_facts f = {.address = read_asked(t, r), .relay = true};
	if (f.address != ADDRESS_OK) {
		say_about(t, decide_rcpt(&f), r->address);
		return;
	}
	t->alias =
	    alias_find_new(t->gate, t->policy, alias_source_of(t), &t->asked_address, on_alias, t);
	if (t->alias)
		alias_find_start(t->alias);
	else
		transaction_say(t, REPLY_NO_MEMORY);
}

/* ---- VRFY and EXPN --------------------------------------------------------------------------- */

struct verify {
	struct transaction *t;
	struct arena *arena;
	struct address address;
	bool expand;
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

static void on_verify_alias(void *ctx, int alias, struct str members)
{
	struct verify *v = ctx;
	struct transaction *t = v->t;
	t->alias = NULL;
	struct route route;
	if (alias < 0)
		verify_end(v, REPLY_TABLE_DOWN, STR_NONE);
	else if (v->expand)
		verify_end(v, alias ? REPLY_OK : REPLY_NOT_ALIAS,
		    str_head(str_trim(members), GATE_TEXT_MAX));
	else if (alias > 0 || route_at_once(t->policy, &v->address, &route))
		verify_end(v, REPLY_OK, v->address.text);
	else {
		struct resolve_facts facts = facts_of(t);
		t->resolve = resolve_new(t->gate, t->policy, &v->address, &facts, on_verified, v);
		if (t->resolve)
			resolve_start(t->resolve);
		else
			verify_end(v, REPLY_NO_MEMORY, STR_NONE);
	}
}

void transaction_vrfy(struct transaction *t, struct str address, bool expand)
{
	struct verify *v = mem_new(struct verify);
	v->t = t;
	t->verify = v;
	t->asked_alias = false;
	v->expand = expand;
	v->arena = arena_new(256 * 1024);
	if (!v->arena || canonical(t, v->arena, address, true, &v->address) != ADDRESS_OK) {
		verify_end(v, v->arena ? REPLY_RCPT_SYNTAX : REPLY_NO_MEMORY, STR_NONE);
		return;
	}
	t->alias =
	    alias_find_new(t->gate, t->policy, alias_source_of(t), &v->address, on_verify_alias, v);
	if (t->alias)
		alias_find_start(t->alias);
	else
		verify_end(v, REPLY_NO_MEMORY, STR_NONE);
}
