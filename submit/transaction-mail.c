/* MAIL: the message's beginning. */
#include "access/access.h"
#include "submit/bang.h"
#include "submit/client-lists.h"
#include "submit/sender-own.h"
#include "submit/transaction-parts.h"
#include <stdlib.h>

enum { MESSAGE_ARENA_MAX = 64 * 1024 * 1024 };

void message_free(struct message *m)
{
	if (!m)
		return;
	if (m->spool.gate)
		m->spool.gate->messages--;
	binary_free(m->binary);
	spool_free(&m->spool);
	map_free(m->seen, NULL);
	vec_free(&m->rcpts);
	vec_free(&m->accepted);
	vec_free(&m->part_ids);
	arena_free(m->arena);
	free(m);
}

static bool keep_frame(struct arena *a, struct gate_mail_frame *h)
{
	struct str *const parts[] = {&h->with, &h->mail.sender, &h->mail.helo, &h->mail.login,
	    &h->mail.tls, &h->mail.envid, &h->mail.security, &h->mail.idempotency};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		size_t n = parts[i]->n;
		*parts[i] = arena_str(a, *parts[i]);
		if (parts[i]->n != n)
			return false;
	}
	return true;
}

/* MAIL waits for the lists, or is refused: nobody passes them by.  True: that is all for now. */
static bool hold_mail(struct transaction *t, const struct gate_mail_frame *f)
{
	if (!t->lists || client_lists_done(t->lists))
		return false;
	struct gate_mail_frame *h = arena_alloc(t->arena, sizeof *h);
	if (h) {
		*h = *f;
		t->held = keep_frame(t->arena, h) ? h : NULL;
	}
	if (!t->held)
		transaction_say(t, REPLY_NO_MEMORY);
	return true;
}

static enum mime_mode mime_mode(const struct transaction *t)
{
	struct str value;
	enum mime_mode mode = SPOOL_MIME_ADD;
	if (transaction_env(t, "MIME", &value))
		spool_mime_parse(value, &mode);
	return mode;
}

/* The client's own BOFHSUPPRESSBACKSCATTER, else the settings'. */
static bool subject_to_track(const struct transaction *t, bool relay)
{
	struct str list, word;
	if (!access_env(buf_str(&t->env), "BOFHSUPPRESSBACKSCATTER", &list))
		return relay ? t->policy->track_auth : t->policy->track_smtp;
	while (str_split(&list, ',', &word))
		if (str_is(str_trim(word), relay ? "authsmtp" : "smtp"))
			return true;
	return false;
}

static struct message *message_new(struct transaction *t, const struct gate_mail_frame *f)
{
	struct message *m = mem_new(struct message);
	m->arena = arena_new(MESSAGE_ARENA_MAX);
	m->seen = map_new();
	if (!m->arena || !m->seen) {
		message_free(m);
		return NULL;
	}
	m->mail = f->mail;
	m->mail.sender = arena_str(m->arena, f->mail.sender);
	m->mail.helo = arena_str(m->arena, f->mail.helo);
	/* Any user of this machine may speak on the socket: a login and TLS are not theirs to
	 * claim. */
	m->mail.login = arena_str(m->arena, transaction_login(t, &f->mail));
	m->mail.tls = t->from_program ? STR_NONE : arena_str(m->arena, f->mail.tls);
	m->mail.envid = arena_str(m->arena, f->mail.envid);
	m->mail.security = arena_str(m->arena, f->mail.security);
	/* The key of a report: with one, anybody could have a bounce taken for sent. */
	m->mail.idempotency = t->dsn ? arena_str(m->arena, f->mail.idempotency) : STR_NONE;
	m->with = arena_str(m->arena, f->with);
	m->relay = t->client_relay || m->mail.login.n;
	m->track = t->from_network && subject_to_track(t, m->relay);
	/* A program that speaks for the network says itself what is to be checked. */
	bofh_options(buf_str(&t->env), m->relay,
	    !t->proxy && policy_door(t->policy, t->origin.service)->check_dns, &t->options);
	if (t->origin.remote_ip.n == 0)
		bofh_no_client(&t->options);
	m->bofh = t->from_network ? t->policy->bofh : NULL;
	spool_init(&m->spool, t->gate, t->policy);
	m->spool.size_limit = transaction_size_limit(t);
	m->spool.mime_mode = mime_mode(t);
	m->spool.declared_utf8 = t->from_network && m->mail.smtputf8;
	if (t->from_network && t->options.header_limit)
		spool_limit_header(&m->spool, t->options.header_limit);
	t->gate->messages++;
	m->spool.header = transaction_header;
	m->spool.file_there = transaction_file_there;
	m->spool.ctx = t;
	return m;
}

/* A session keeps the snapshot of its beginning for its message, and takes the newest with the
 * next. */
static void renew_policy(struct transaction *t, const struct gate_mail *m)
{
	bool deny;
	if (transaction_choose_policy(t, transaction_login(t, m)))
		transaction_read_environment(t, &deny);
}

static enum reply_id judge_mail(struct transaction *t, struct message *m, struct address *sender)
{
	struct mail_facts facts = {
	    .from_network = t->from_network,
	    .relay = m->relay,
	    .null_sender = m->mail.sender.n == 0,
	    .size = m->mail.size,
	    .size_limit = transaction_size_limit(t),
	    .disk_full = !disk_has_room(t->gate, t->policy, m->mail.size),
	    .ids = queue_client_up(t->gate->queue) && !service_draining(t->gate->service),
	};
	if (bang_source(t))
		m->mail.sender = bang_canonical(t, m->arena, m->mail.sender);
	/* "#@[]" marks reports about reports, as in the original's protocol with modules. */
	if (str_is(m->mail.sender, "#@[]") && t->dsn)
		sender->text = m->mail.sender;
	else if (!facts.null_sender)
		facts.sender = address_canonical(&t->policy->names, m->arena, m->mail.sender,
		    t->origin.local_ip,
		    (m->relay ? ADDRESS_BARE : 0) |
			(m->mail.smtputf8 || !t->from_network ? ADDRESS_UTF8 : 0),
		    sender);
	m->sender = sender->text;
	return decide_mail(&facts);
}

void transaction_mail(struct transaction *t, const struct gate_mail_frame *f)
{
	if (t->message) {
		transaction_say(t, REPLY_BAD_SEQUENCE);
		return;
	}
	if (hold_mail(t, f))
		return;
	renew_policy(t, &f->mail);
	struct message *m = message_new(t, f);
	struct address sender = {0};
	enum reply_id id = m ? judge_mail(t, m, &sender) : REPLY_NO_MEMORY;
	if (m && !t->env_good)
		id = REPLY_TABLE_DOWN;
	if (id == REPLY_SENDER_OK)
		t->message = m;
	else
		message_free(m);
	if (id != REPLY_SENDER_OK || !t->from_network)
		transaction_say(t, id);
	else if (sender.text.n && (sender_bound(t) & BOUND_ENVELOPE))
		sender_own_envelope(t);
	else
		sender_check_start(t, &sender);
}
