/* DATA and END: the text comes, is judged and goes on to the filters and the queue. */
#include "access/access.h"
#include "submit/bang.h"
#include "submit/client-lists.h"
#include "submit/filter-run.h"
#include "submit/sender-own.h"
#include "submit/transaction-parts.h"

enum { HEADER_ARENA_MAX = 64 * 1024 * 1024 };

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
	bool date = transaction_env_number(t, "NOADDDATE", &no_date) ? !no_date : p->add_date;
	bool msgid = transaction_env_number(t, "NOADDMSGID", &no_msgid) ? !no_msgid : p->add_msgid;
	if (!transaction_env_number(t, "NOADDRREWRITE", &rewrite))
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
	struct arena *a = arena_new(HEADER_ARENA_MAX);
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
