#include "config.h"

#include "queue/envelope.h"

enum { REPLY_LINES_MAX = 50, REPLY_LINE_MAX = 1024, VALUE_MAX = 16 * 1024 };

void envelope_init(struct envelope *e)
{
	memset(e, 0, sizeof *e);
	e->delay = -1;
}

/* A value stays on its line whatever it holds. */
static bool add_value(struct buf *out, struct str v)
{
	v = str_head(v, VALUE_MAX);
	char *p = buf_reserve(out, v.n);
	if (!p)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		unsigned char c = (unsigned char)v.p[i];
		p[i] = c == '\t' ? ' ' : c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	out->n += v.n;
	out->p[out->n] = 0;
	return true;
}

static void record(struct buf *out, char letter, struct str value)
{
	buf_addc(out, letter);
	add_value(out, value);
	buf_addc(out, '\n');
}

static void record_if(struct buf *out, char letter, struct str value)
{
	if (value.n)
		record(out, letter, value);
}

static void flag(struct buf *out, char letter, bool on)
{
	if (on)
		buf_addf(out, "%c\n", letter);
}

static void add_fields(struct buf *out, struct str module, struct str host, struct str to)
{
	field_encode(module, out);
	buf_addc(out, '\t');
	field_encode(host, out);
	buf_addc(out, '\t');
	field_encode(to, out);
	buf_addc(out, '\n');
}

static void add_notify(struct buf *out, uint8_t notify)
{
	buf_addc(out, 'N');
	if (notify & NOTIFY_NEVER)
		buf_addc(out, 'N');
	else {
		if (notify & NOTIFY_SUCCESS)
			buf_addc(out, 'S');
		if (notify & NOTIFY_FAILURE)
			buf_addc(out, 'F');
		if (notify & NOTIFY_DELAY)
			buf_addc(out, 'D');
	}
	buf_addc(out, '\n');
}

static void add_rcpt(struct buf *out, const struct envelope_rcpt *r)
{
	record(out, 'r', r->address);
	record(out, 'R', r->orcpt);
	add_notify(out, r->notify);
	if (r->module.n) {
		buf_addc(out, 'h');
		add_fields(out, r->module, r->host, r->to);
	}
}

static void add_time(struct buf *out, char letter, int64_t t)
{
	if (t)
		buf_addf(out, "%c%lld\n", letter, (long long)t);
}

/* Recipients that are over from the beginning: a list whose members stand beside it. */
static void add_results(const struct envelope *e, struct buf *out)
{
	for (uint32_t i = 0; i < e->n_rcpts; i++) {
		const struct envelope_rcpt *r = &e->rcpts[i];
		struct envelope_result x = {i, r->state, r->local, r->when, r->status, r->peer,
		    r->error, r->sent, r->reply};
		if (rcpt_final(r->state))
			envelope_add_result(out, &x);
	}
}

/* What was agreed upon for its way: TLS, time. */
static void add_terms(const struct envelope *e, struct buf *out)
{
	if (e->tls)
		buf_addf(out, "1%c\n", e->tls == 'R' ? 'R' : 'N');
	if (e->by_mode)
		buf_addf(out, "2%lld %c%s\n", (long long)e->by, e->by_mode == 'R' ? 'R' : 'N',
		    e->by_trace ? " T" : "");
	add_time(out, '3', e->release);
}

/* The order is that of the original as far as it goes. */
bool envelope_encode(const struct envelope *e, struct buf *out)
{
	char id[QUEUE_ID_SIZE];
	queue_id_format(&e->id, id);
	record(out, 's', e->sender);
	record_if(out, 'f', e->from_mta);
	record(out, 'e', e->envid);
	buf_addc(out, 't');
	if (e->ret)
		buf_addc(out, e->ret == 'F' ? 'F' : 'H');
	buf_addc(out, '\n');
	flag(out, 'V', e->verp);
	record_if(out, 'U', e->security);
	record_if(out, 'i', e->login);
	add_terms(e, out);
	record(out, 'M', str_of(id));
	if (e->delay >= 0)
		buf_addf(out, "L%lld\n", (long long)e->delay);
	flag(out, '8', e->body8);
	flag(out, 'm', e->headers8);
	flag(out, '6', e->smtputf8);
	flag(out, 'T', e->track);
	for (size_t i = 0; i < e->n_rcpts; i++)
		add_rcpt(out, &e->rcpts[i]);
	for (size_t i = 0; i < e->n_env; i++)
		record(out, 'O', e->env[i]);
	record_if(out, 'v', e->vhost);
	record_if(out, 'u', e->source);
	if (e->generation)
		buf_addf(out, "g%llx\n", (unsigned long long)e->generation);
	buf_addf(out, "o%u\nB%llu\n", (unsigned)e->uid, (unsigned long long)e->size);
	add_time(out, 'a', e->arrival);
	add_time(out, 'E', e->expiry);
	add_time(out, 'W', e->warn);
	add_results(e, out);
	buf_adds(out, e->added);
	return !out->failed;
}

static void add_info(struct buf *out, uint32_t num, char kind, struct str text)
{
	if (!text.n)
		return;
	buf_addf(out, "I%u %c ", (unsigned)num, kind);
	add_value(out, str_head(text, REPLY_LINE_MAX));
	buf_addc(out, '\n');
}

bool envelope_add_result(struct buf *out, const struct envelope_result *r)
{
	add_info(out, r->num, 'P', r->peer);
	add_info(out, r->num, 'C', r->error);
	add_info(out, r->num, 'S', r->sent);
	struct str rest = r->reply, line;
	for (int i = 0; i < REPLY_LINES_MAX && str_split(&rest, '\n', &line); i++)
		add_info(out, r->num, 'R', str_trim(line));
	char letter = rcpt_final(r->state) ? (r->state == RCPT_FAILED ? 'F' : 'S') : 'D';
	buf_addf(out, "%c%u %lld", letter, (unsigned)r->num, (long long)r->when);
	if (letter == 'S' && r->state == RCPT_RELAYED)
		buf_addz(out, " r");
	else if (letter == 'S' && r->local)
		buf_addz(out, " l");
	else if (letter != 'S' && r->status.n) {
		buf_addc(out, ' ');
		add_value(out, str_head(r->status, 16));
	}
	return buf_addc(out, '\n') && !out->failed;
}

bool envelope_add_round(struct buf *out, int64_t when)
{
	return buf_addf(out, "C%lld\n", (long long)when);
}
bool envelope_add_next(struct buf *out, int64_t when)
{
	return buf_addf(out, "A%lld\n", (long long)when);
}
bool envelope_add_warned(struct buf *out)
{
	return buf_addz(out, "w\n");
}
bool envelope_add_cancel(struct buf *out, struct str reason)
{
	record(out, 'X', str_head(reason, REPLY_LINE_MAX));
	return !out->failed;
}
bool envelope_add_reported(struct buf *out, uint32_t num)
{
	return buf_addf(out, "Y%u\n", (unsigned)num);
}
bool envelope_add_report(struct buf *out, struct str token)
{
	record(out, 'Z', token);
	return !out->failed;
}

bool envelope_add_key(struct buf *out, struct str token, struct str id)
{
	buf_addc(out, 'K');
	field_encode(token, out);
	buf_addc(out, '\t');
	field_encode(id, out);
	return buf_addc(out, '\n') && !out->failed;
}

bool envelope_add_route(
    struct buf *out, uint32_t num, struct str module, struct str host, struct str to)
{
	buf_addf(out, "H%u ", (unsigned)num);
	add_fields(out, module, host, to);
	return !out->failed;
}

bool envelope_add_generation(struct buf *out, uint64_t generation)
{
	return buf_addf(out, "g%llx\n", (unsigned long long)generation);
}

bool envelope_add_place(struct buf *out, uint32_t num, bool doubt, struct str place)
{
	buf_addf(out, "k%u", (unsigned)num);
	if (place.n) {
		buf_addf(out, " %d\t", doubt);
		field_encode(place, out);
	}
	return buf_addc(out, '\n') && !out->failed;
}
