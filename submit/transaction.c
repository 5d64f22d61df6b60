#include "submit/transaction.h"
#include "access/access.h"
#include "submit/bang.h"
#include "submit/client-lists.h"
#include "submit/filter-run.h"
#include "submit/sender-own.h"
#include <stdio.h>
#include <stdlib.h>

enum { SESSION_ARENA_MAX = 128 * 1024, MESSAGE_ARENA_MAX = 64 * 1024 * 1024, ENV_MAX = 16 * 1024 };

void transaction_say(struct transaction *t, enum reply_id id)
{
	struct gate_reply r = reply(id);
	t->answer(t->ctx, &r);
}

static void message_free(struct message *m)
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

void transaction_reset(struct transaction *t)
{
	sender_own_cancel(t);
	sender_check_free(t->sender_check);
	t->sender_check = NULL;
	from_check_free(t->from_check);
	t->from_check = NULL;
	resolve_cancel(t->resolve);
	t->resolve = NULL;
	alias_find_cancel(t->alias);
	t->alias = NULL;
	verify_free(t->verify);
	t->verify = NULL;
	rcpt_filter_cancel(t->rcpt_filter);
	t->rcpt_filter = NULL;
	filtering_free(t->filtering);
	t->filtering = NULL;
	commit_cancel(t->commit);
	t->commit = NULL;
	t->ending = false;
	message_free(t->message);
	t->message = NULL;
}

static void copy_origin(struct transaction *t, const struct gate_open_frame *o)
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
static bool choose_policy(struct transaction *t, struct str login)
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

static void read_environment(struct transaction *t, bool *deny)
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
	read_environment(t, &deny);
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
static void start_lists(struct transaction *t)
{
	struct buf own;
	bool deny;
	const struct door_policy *d = policy_door(t->policy, t->origin.service);
	if (!t->from_network || t->proxy || d->options.n_lists == 0)
		return;
	buf_init(&own, ENV_MAX);
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

/* MAIL waits for the lists.  True: it does. */
static bool hold_mail(struct transaction *t, const struct gate_mail_frame *f)
{
	if (!t->lists || client_lists_done(t->lists))
		return false;
	struct gate_mail_frame *h = arena_alloc(t->arena, sizeof *h);
	if (!h)
		return false; /* they are passed over */
	*h = *f;
	struct str *const parts[] = {&h->with, &h->mail.sender, &h->mail.helo, &h->mail.login,
	    &h->mail.tls, &h->mail.envid, &h->mail.security, &h->mail.idempotency};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		*parts[i] = arena_str(t->arena, *parts[i]);
	t->held = h;
	return true;
}

void transaction_name(struct transaction *t, struct str host)
{
	t->origin.remote_host = arena_str(t->arena, str_head(host, 255));
}

struct transaction *transaction_new(struct gate_process *g, const struct gate_open_frame *o,
    enum source_kind kind, uint32_t uid, void (*answer)(void *ctx, const struct gate_reply *r),
    void *ctx)
{
	struct transaction *t = mem_new(struct transaction);
	bool deny;
	t->arena = arena_new(SESSION_ARENA_MAX);
	if (!t->arena) {
		free(t);
		return NULL;
	}
	t->gate = g;
	t->proxy = kind == SOURCE_PROXY;
	t->from_network = kind == SOURCE_NETWORK || t->proxy;
	t->from_program = kind == SOURCE_PROGRAM;
	t->dsn = kind == SOURCE_REPORT;
	t->uid = uid;
	t->trusted = uid == 0 || uid == g->uid;
	t->answer = answer;
	t->ctx = ctx;
	buf_init(&t->env, ENV_MAX);
	copy_origin(t, o);
	t->vhost = t->from_network && !t->proxy ? STR_NONE : arena_str(t->arena, o->vhost);
	choose_policy(t, STR_NONE);
	read_environment(t, &deny);
	start_lists(t);
	g->transactions++;
	return t;
}

void transaction_free(struct transaction *t)
{
	if (!t)
		return;
	transaction_reset(t);
	transaction_forget_login(t);
	t->gate->transactions--;
	client_lists_free(t->lists);
	policy_drop(t->lists_policy);
	policy_drop(t->policy);
	buf_free(&t->env);
	arena_free(t->arena);
	free(t);
}

bool transaction_env(const struct transaction *t, const char *name, struct str *value)
{
	return access_env(buf_str(&t->env), name, value) ||
	       (t->from_program && access_env(t->origin.env, name, value));
}

static uint64_t size_limit(const struct transaction *t)
{
	struct str value;
	uint64_t n, limit = t->policy->size_limit;
	if (!transaction_env(t, "SIZELIMIT", &value) || !str_u64(value, &n))
		return limit;
	/* a user can make it smaller for his mail, not larger */
	return t->trusted || limit == 0 || (n && n < limit) ? n : limit;
}

/* NOADDDATE and kin: unset, empty and 0 are off. */
static bool env_number(const struct transaction *t, const char *name, uint64_t *out)
{
	struct str value;
	*out = 0;
	if (!transaction_env(t, name, &value))
		return false;
	if (value.n && !str_u64(value, out))
		*out = 1;
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
	*out = (struct gate_policy){0};
	read_environment(t, &out->deny);
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
	out->size_limit = size_limit(t);
	/* Beyond a hard limit the gate itself answers. */
	out->max_rcpts = t->from_network && !t->policy->rcpts_hard ? t->policy->max_rcpts : 0;
	if (t->policy->greeting.n)
		buf_addf(&t->env, "ESMTPGREETING=%.*s\n", STR_FMT(t->policy->greeting));
	out->env = buf_str(&t->env);
}

/* ---- MAIL ------------------------------------------------------------------------------------ */

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
	m->spool.size_limit = size_limit(t);
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
	if (choose_policy(t, transaction_login(t, m)))
		read_environment(t, &deny);
}

static enum reply_id judge_mail(struct transaction *t, struct message *m, struct address *sender)
{
	struct mail_facts facts = {
	    .from_network = t->from_network,
	    .relay = m->relay,
	    .null_sender = m->mail.sender.n == 0,
	    .size = m->mail.size,
	    .size_limit = size_limit(t),
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

/* ---- DATA and END ---------------------------------------------------------------------------- */

/* "dns; helo (host [ip])": the part behind the type, when a program has given it. */
static struct str origin_text(const struct transaction *t)
{
	struct str s = t->origin.from_mta;
	ptrdiff_t at = str_chr(s, ';');
	return at < 0 ? STR_NONE : str_trim(str_skip(s, (size_t)at + 1));
}

/* What lists of -allow say of the client. */
static void list_fields(const struct transaction *t, struct buf *out)
{
	struct buf b;
	if (!t->lists)
		return;
	buf_init(&b, 8192);
	client_lists_results(t->lists, t->policy->names.me, &b);
	if (b.n && !b.failed)
		buf_addf(out, "Authentication-Results: %.*s\n", STR_FMT(buf_str(&b)));
	buf_free(&b);
}

static struct str remote_info(const struct transaction *t)
{
	struct str info;
	return t->from_network && !t->proxy && access_env(t->origin.env, "TCPREMOTEINFO", &info)
		   ? info
		   : STR_NONE;
}

enum header_verdict transaction_header(void *ctx, struct str block, bool add_mime, struct buf *out)
{
	struct transaction *t = ctx;
	struct message *m = t->message;
	const struct policy *p = t->policy;
	uint64_t no_date, no_msgid, rewrite;
	struct header_field tls;
	m->tls_optional =
	    header_find(block, "TLS-Required", &tls) && str_iis(str_trim(tls.body), "No");
	bool date = env_number(t, "NOADDDATE", &no_date) ? !no_date : p->add_date;
	bool msgid = env_number(t, "NOADDMSGID", &no_msgid) ? !no_msgid : p->add_msgid;
	if (!env_number(t, "NOADDRREWRITE", &rewrite))
		rewrite = p->rewrite;
	/* reports are ours, and what is forwarded has been here before */
	if (!t->from_network && !t->from_program)
		rewrite = HEADER_NO_REWRITE;
	struct header_job f = {
	    .from_text = origin_text(t),
	    .me = p->names.me,
	    .defaultdomain = p->names.defaultdomain,
	    .msgidhost = p->names.msgidhost,
	    .id = str_of(m->id_text),
	    .now = clock_now(),
	    .helo = m->mail.helo,
	    .remote_host = t->origin.remote_host,
	    .remote_ip = t->origin.remote_ip,
	    .remote_info = remote_info(t),
	    .keep_results =
		t->from_network && !policy_door(t->policy, t->origin.service)->exclusive,
	    .login = transaction_login_text(t),
	    .tls = m->mail.tls,
	    .with = m->with,
	    .sender_id = t->origin.sender_id,
	    .only_rcpt = m->rcpts.n == 1 ? m->rcpts.v[0].address : STR_NONE,
	    .local = t->from_program,
	    .add_date = date,
	    .add_msgid = msgid,
	    .drop_bcc = t->from_network && m->mail.login.n > 0,
	    .rewrite = rewrite > 1 ? HEADER_NO_REWRITE_SIGNED : (enum header_rewrite)rewrite,
	    .received_max = p->received_max,
	    .add_mime = add_mime,
	};
	if (bang_source(t)) {
		f.map = bang_header_map;
		f.map_ctx = t;
		f.from_node = m->mail.helo;
	}
	struct arena *a = arena_new(MESSAGE_ARENA_MAX);
	if (!a)
		return HEADER_FULL;
	list_fields(t, out);
	sender_spf_fields(t, out);
	enum header_verdict v = header_process(a, block, &f, out);
	arena_free(a);
	return v;
}

static void begin_data(struct transaction *t)
{
	struct message *m = t->message;
	m->receiving = true;
	if (m->rcpts.n == 0)
		m->error = REPLY_NO_RECIPIENTS;
	else if (!queue_client_id(t->gate->queue, &m->id))
		m->error = REPLY_QUEUE_DOWN;
	else
		queue_id_format(&m->id, m->id_text);
}

/* Once; the spool still has the header as it came. */
static void header_ended(struct transaction *t)
{
	struct message *m = t->message;
	if (m->error != REPLY_OK || m->spool.error != REPLY_OK || m->from_checked)
		return;
	sender_own_note(t);
	from_check_start(t);
}

static void lines_there(void *ctx, enum reply_id error);

static void take_lines(void *ctx, struct str bytes)
{
	struct transaction *t = ctx;
	struct message *m = t->message;
	if (m->error == REPLY_OK)
		spool_add(&m->spool, bytes);
	if (t->from_check)
		from_check_more(t->from_check, bytes.n);
	else if (m->spool.head_ended)
		header_ended(t);
}

void transaction_data(struct transaction *t, struct str bytes)
{
	struct message *m = t->message;
	if (!m)
		return;
	if (!m->receiving)
		begin_data(t);
	if (m->mail.binary && !m->binary)
		m->binary =
		    binary_new(t->gate, t->policy, m->spool.size_limit, take_lines, lines_there, t);
	if (m->binary)
		binary_add(m->binary, bytes);
	else
		take_lines(t, bytes);
}

static void end_with(struct transaction *t, enum reply_id id)
{
	t->gate->refused++;
	transaction_reset(t);
	transaction_say(t, id);
}

/* r: perhaps in the message's memory. */
static void end_reply(struct transaction *t, const struct gate_reply *why)
{
	struct arena *a = arena_new(64 * 1024);
	struct gate_reply r = *why;
	r.text = a ? arena_str(a, why->text) : STR_NONE;
	if (!r.text.p)
		r = reply(REPLY_NO_MEMORY);
	struct log_ctx ctx = {"id", t->message->id_text};
	log_info(&ctx, "refused,from=<%.*s>: %u %.*s", STR_FMT(t->message->sender), r.code,
	    STR_FMT(r.text));
	t->gate->refused++;
	transaction_reset(t);
	t->answer(t->ctx, &r);
	arena_free(a);
}

static void end_refused(struct transaction *t, enum reply_id id, unsigned faults)
{
	struct gate_reply r = reply(id);
	if (id == REPLY_BAD_MIME && mime_fault_text(faults))
		r = reply_about(t->message->arena, id, str_of(mime_fault_text(faults)));
	end_reply(t, &r);
}

static void judge_message(struct transaction *t)
{
	struct message *m = t->message;
	const struct policy *p = t->policy;
	struct mime_result mime = {0};
	bool marked;
	if (!spool_faults(&m->spool, &mime)) {
		end_with(t, spool_limit(&m->spool, REPLY_COMPLEX));
		return;
	}
	struct message_facts f = {
	    .faults = mime.faults,
	    .junk_header = m->spool.junk,
	    .smtputf8 = m->mail.smtputf8,
	    .exempt = !t->from_network,
	    .trapped = m->trapped,
	    .base64_text = t->options.no_base64 && bofh_base64_text(mime.root),
	    .header8 = p->header8,
	    .body8 = p->body8,
	    .mime = p->mime,
	};
	enum reply_id id = decide_message(&f, &marked);
	m->judged = id == REPLY_OK;
	m->marked = marked;
	m->facts = f;
	if (id == REPLY_OK && m->refusal.code)
		end_reply(t, &m->refusal);
	else if (id != REPLY_OK)
		end_refused(t, id, mime.faults & (unsigned)~MIME_FAULT_BODY_8BIT);
}

/* What the message is now, for its envelope; then filters, and the queue. */
static void hand_on(struct transaction *t)
{
	struct message *m = t->message;
	m->facts.faults &= ~(unsigned)(MIME_FAULT_BODY_8BIT | MIME_FAULT_HEADER_8BIT);
	m->facts.faults |= m->spool.body8 ? MIME_FAULT_BODY_8BIT : 0;
	m->facts.faults |= m->spool.headers8 ? MIME_FAULT_HEADER_8BIT : 0;
	filtering_start(t, &m->facts, m->marked);
}

/* Data, decision, conversion, the queue: each may have to wait for a file. */
static void go_on_ending(struct transaction *t)
{
	struct message *m = t->message;
	t->ending = true;
	header_ended(t);
	if (m->error == REPLY_OK && sender_own_header(t))
		return;
	if (m->error == REPLY_OK && !m->judged) {
		if (spool_end(&m->spool) == 0)
			return;
		m->error = m->spool.error;
		if (m->error == REPLY_OK) {
			judge_message(t);
			if (t->message != m) /* refused */
				return;
		}
	}
	if (m->error == REPLY_OK && spool_finish(&m->spool) == 0)
		return;
	if (m->error == REPLY_OK)
		m->error = m->spool.error;
	t->ending = false;
	if (m->error == REPLY_OK)
		hand_on(t);
	else
		end_refused(t, m->error, 0);
}

/* Binary text has become lines. */
static void lines_there(void *ctx, enum reply_id error)
{
	struct transaction *t = ctx;
	if (t->message->error == REPLY_OK)
		t->message->error = error;
	go_on_ending(t);
}

void transaction_end(struct transaction *t)
{
	if (!t->message) {
		transaction_say(t, REPLY_BAD_SEQUENCE);
		return;
	}
	if (!t->message->receiving)
		begin_data(t);
	if (t->message->binary && t->message->error == REPLY_OK)
		binary_end(t->message->binary);
	else
		go_on_ending(t);
}

void transaction_file_there(void *ctx)
{
	struct transaction *t = ctx;
	if (t->ending)
		go_on_ending(t);
}
