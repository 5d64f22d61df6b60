#include "gate/gate-proto.h"

static void put_u8(struct buf *out, unsigned v)
{
	buf_addc(out, (char)v);
}

static void put_u32(struct buf *out, uint32_t v)
{
	unsigned char b[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
	    (unsigned char)(v >> 8), (unsigned char)v};
	buf_add(out, b, sizeof(b));
}

static void put_u64(struct buf *out, uint64_t v)
{
	put_u32(out, (uint32_t)(v >> 32));
	put_u32(out, (uint32_t)v);
}

/* What the other side would refuse is refused here: an outsider's long word must not end the edge.
 */
static void put_text(struct buf *out, struct str s, size_t max)
{
	if (s.n > max) {
		out->failed = true;
		return;
	}
	put_u32(out, (uint32_t)s.n);
	buf_adds(out, s);
}

struct reader {
	struct str left;
	bool bad;
};

static const unsigned char *take(struct reader *r, size_t n)
{
	if (r->bad || r->left.n < n) {
		r->bad = true;
		return NULL;
	}
	const unsigned char *p = (const unsigned char *)r->left.p;
	r->left = str_skip(r->left, n);
	return p;
}

/* A value above its maximum makes the frame bad. */
static unsigned get_u8(struct reader *r, unsigned max)
{
	const unsigned char *p = take(r, 1);
	if (p && *p > max)
		r->bad = true;
	return p ? *p : 0;
}

static uint32_t get_u32(struct reader *r)
{
	const unsigned char *p = take(r, 4);
	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static uint64_t get_u64(struct reader *r)
{
	uint64_t high = get_u32(r);
	return high << 32 | get_u32(r);
}

static struct str get_text(struct reader *r, size_t max)
{
	uint32_t n = get_u32(r);
	if (n > max)
		r->bad = true;
	const unsigned char *p = take(r, n);
	return p ? str_at(p, n) : STR_NONE;
}

static bool done(const struct reader *r)
{
	return !r->bad && r->left.n == 0;
}

bool gate_encode_open(struct buf *out, const struct gate_origin *o)
{
	put_text(out, str_of(o->source), GATE_ADDRESS_MAX);
	put_text(out, str_of(o->service), GATE_ADDRESS_MAX);
	put_text(out, o->remote_ip, GATE_ADDRESS_MAX);
	put_text(out, o->remote_host, GATE_ADDRESS_MAX);
	put_text(out, o->local_ip, GATE_ADDRESS_MAX);
	put_text(out, o->sender_id, GATE_ADDRESS_MAX);
	put_text(out, o->vhost, GATE_ADDRESS_MAX);
	put_text(out, o->env, GATE_TEXT_MAX);
	put_text(out, o->from_mta, GATE_ADDRESS_MAX);
	put_text(out, o->label, GATE_ADDRESS_MAX);
	put_u32(out, o->remote_port);
	put_u32(out, o->local_port);
	return !out->failed;
}

bool gate_decode_open(struct str body, struct gate_open_frame *o)
{
	struct reader r = {body, false};
	o->source = get_text(&r, GATE_ADDRESS_MAX);
	o->service = get_text(&r, GATE_ADDRESS_MAX);
	o->remote_ip = get_text(&r, GATE_ADDRESS_MAX);
	o->remote_host = get_text(&r, GATE_ADDRESS_MAX);
	o->local_ip = get_text(&r, GATE_ADDRESS_MAX);
	o->sender_id = get_text(&r, GATE_ADDRESS_MAX);
	o->vhost = get_text(&r, GATE_ADDRESS_MAX);
	o->env = get_text(&r, GATE_TEXT_MAX);
	o->from_mta = get_text(&r, GATE_ADDRESS_MAX);
	o->label = get_text(&r, GATE_ADDRESS_MAX);
	o->remote_port = get_u32(&r);
	o->local_port = get_u32(&r);
	return done(&r);
}

enum {
	FLAG_BODY8 = 1,
	FLAG_UTF8 = 2,
	FLAG_VERP = 4,
	FLAG_EXDATA = 8,
	FLAG_BINARY = 16,
	FLAG_REQUIRETLS = 32,
	FLAG_BY_TRACE = 64,
	FLAGS_ALL = 127
};

bool gate_encode_mail(struct buf *out, const struct gate_mail *m)
{
	put_text(out, m->sender, GATE_ADDRESS_MAX);
	put_text(out, m->helo, GATE_ADDRESS_MAX);
	put_text(out, m->login, GATE_ADDRESS_MAX);
	put_text(out, str_of(m->with), GATE_ADDRESS_MAX);
	put_text(out, m->tls, GATE_ADDRESS_MAX);
	put_text(out, m->envid, GATE_ADDRESS_MAX);
	put_text(out, m->security, GATE_ADDRESS_MAX);
	put_text(out, m->idempotency, GATE_ADDRESS_MAX);
	put_u8(out, (unsigned char)m->ret);
	put_u8(out, (m->body8 ? FLAG_BODY8 : 0u) | (m->smtputf8 ? FLAG_UTF8 : 0u) |
			(m->verp ? FLAG_VERP : 0u) | (m->exdata ? FLAG_EXDATA : 0u) |
			(m->binary ? FLAG_BINARY : 0u) | (m->requiretls ? FLAG_REQUIRETLS : 0u) |
			(m->by_trace ? FLAG_BY_TRACE : 0u));
	put_u64(out, m->size);
	put_u32(out, m->hold);
	put_u8(out, (unsigned char)m->by_mode);
	put_u64(out, (uint64_t)m->by);
	put_u64(out, (uint64_t)m->release);
	return !out->failed;
}

/* Epoch seconds. */
static int64_t get_time(struct reader *r)
{
	uint64_t n = get_u64(r);
	if (n > GATE_TIME_MAX)
		r->bad = true;
	return (int64_t)n;
}

bool gate_decode_mail(struct str body, struct gate_mail_frame *f)
{
	struct reader r = {body, false};
	struct gate_mail *m = &f->mail;
	*f = (struct gate_mail_frame){0};
	m->sender = get_text(&r, GATE_ADDRESS_MAX);
	m->helo = get_text(&r, GATE_ADDRESS_MAX);
	m->login = get_text(&r, GATE_ADDRESS_MAX);
	f->with = get_text(&r, GATE_ADDRESS_MAX);
	m->tls = get_text(&r, GATE_ADDRESS_MAX);
	m->envid = get_text(&r, GATE_ADDRESS_MAX);
	m->security = get_text(&r, GATE_ADDRESS_MAX);
	m->idempotency = get_text(&r, GATE_ADDRESS_MAX);
	m->ret = (char)get_u8(&r, 127);
	unsigned flags = get_u8(&r, FLAGS_ALL);
	m->body8 = flags & FLAG_BODY8;
	m->smtputf8 = flags & FLAG_UTF8;
	m->verp = flags & FLAG_VERP;
	m->exdata = flags & FLAG_EXDATA;
	m->binary = flags & FLAG_BINARY;
	m->requiretls = flags & FLAG_REQUIRETLS;
	m->by_trace = flags & FLAG_BY_TRACE;
	m->size = get_u64(&r);
	m->hold = get_u32(&r);
	m->by_mode = (char)get_u8(&r, 127);
	m->by = get_time(&r);
	m->release = get_time(&r);
	if (m->by_mode != 0 && m->by_mode != 'R' && m->by_mode != 'N')
		return false;
	if (m->ret != 0 && m->ret != 'F' && m->ret != 'H')
		return false;
	return done(&r);
}

bool gate_encode_rcpt(struct buf *out, const struct gate_rcpt *r)
{
	put_text(out, r->address, GATE_ADDRESS_MAX);
	put_text(out, r->orcpt, GATE_ADDRESS_MAX);
	put_u8(out, r->notify);
	return !out->failed;
}

bool gate_decode_rcpt(struct str body, struct gate_rcpt *rcpt)
{
	struct reader r = {body, false};
	rcpt->address = get_text(&r, GATE_ADDRESS_MAX);
	rcpt->orcpt = get_text(&r, GATE_ADDRESS_MAX);
	rcpt->notify = (uint8_t)get_u8(&r, GATE_NOTIFY_NEVER);
	return done(&r);
}

bool gate_encode_vrfy(struct buf *out, struct str address, bool expand)
{
	put_u8(out, expand);
	put_text(out, address, GATE_ADDRESS_MAX);
	return !out->failed;
}

bool gate_decode_vrfy(struct str body, struct str *address, bool *expand)
{
	struct reader r = {body, false};
	*expand = get_u8(&r, 1);
	*address = get_text(&r, GATE_ADDRESS_MAX);
	return done(&r);
}

bool gate_encode_auth(struct buf *out, struct str ticket, struct str mechanism)
{
	put_text(out, ticket, GATE_ADDRESS_MAX);
	put_text(out, mechanism, GATE_ADDRESS_MAX);
	return !out->failed;
}

bool gate_decode_auth(struct str body, struct str *ticket, struct str *mechanism)
{
	struct reader r = {body, false};
	*ticket = get_text(&r, GATE_ADDRESS_MAX);
	*mechanism = get_text(&r, GATE_ADDRESS_MAX);
	return done(&r);
}

bool gate_encode_name(struct buf *out, struct str host)
{
	put_text(out, host, GATE_ADDRESS_MAX);
	return !out->failed;
}

bool gate_decode_name(struct str body, struct str *host)
{
	struct reader r = {body, false};
	*host = get_text(&r, GATE_ADDRESS_MAX);
	return done(&r);
}

bool gate_encode_reply(struct buf *out, const struct gate_reply *r)
{
	put_u32(out, r->code);
	put_text(out, r->enhanced, GATE_ADDRESS_MAX);
	put_text(out, r->text, GATE_TEXT_MAX);
	put_text(out, r->id, GATE_ADDRESS_MAX);
	return !out->failed;
}

static void get_reply(struct reader *r, struct gate_reply *out)
{
	uint32_t code = get_u32(r);
	if (code > 599)
		r->bad = true;
	out->code = (uint16_t)code;
	out->enhanced = get_text(r, GATE_ADDRESS_MAX);
	out->text = get_text(r, GATE_TEXT_MAX);
	out->id = get_text(r, GATE_ADDRESS_MAX);
}

bool gate_decode_reply(struct str body, struct gate_reply *out)
{
	struct reader r = {body, false};
	get_reply(&r, out);
	return done(&r) && out->code >= 200;
}

bool gate_encode_policy(struct buf *out, const struct gate_policy *p)
{
	put_u8(out, p->deny);
	put_u8(out, p->relay);
	gate_encode_reply(out, &p->reply);
	put_text(out, p->greeting, GATE_ADDRESS_MAX);
	put_u64(out, p->size_limit);
	put_u32(out, p->max_rcpts);
	put_text(out, p->env, GATE_TEXT_MAX);
	return !out->failed;
}

bool gate_decode_policy(struct str body, struct gate_policy *p)
{
	struct reader r = {body, false};
	p->deny = get_u8(&r, 1);
	p->relay = get_u8(&r, 1);
	get_reply(&r, &p->reply);
	p->greeting = get_text(&r, GATE_ADDRESS_MAX);
	p->size_limit = get_u64(&r);
	p->max_rcpts = get_u32(&r);
	p->env = get_text(&r, GATE_TEXT_MAX);
	return done(&r);
}
