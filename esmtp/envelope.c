#include "esmtp/envelope.h"
#include "gate/gate.h"
#include "unicode/unicode.h"

enum { ADDRESS_MAX = 1024 };

/* Is SMTPUTF8 said in MAIL?  Only when something of this message is in need of it. */
static bool says_utf8(const struct job *j, unsigned ext)
{
	return (ext & EXT_SMTPUTF8) && (j->utf8 || j->d->smtputf8 || j->d->headers8);
}

/* Nothing may stand in a command that ends it, or the path in it, early. */
static bool sendable(struct str a)
{
	for (size_t i = 0; i < a.n; i++) {
		unsigned char c = (unsigned char)a.p[i];
		if (c < ' ' || c == 127)
			return false;
	}
	bool quoted = a.n && a.p[0] == '"';
	return a.n <= ADDRESS_MAX &&
	       (quoted || (str_chr(a, '<') < 0 && str_chr(a, '>') < 0 && str_chr(a, ' ') < 0));
}

static bool add_address(struct buf *out, struct str a, bool utf8)
{
	ptrdiff_t at = str_rchr(a, '@');
	if (!sendable(a))
		return false;
	if (utf8 || at < 0 || !str_has_8bit(str_skip(a, (size_t)at)))
		return buf_adds(out, a);
	struct arena *arena = arena_new(64 * 1024);
	struct str domain = arena ? domain_ascii(arena, str_skip(a, (size_t)at + 1)) : STR_NONE;
	bool good = domain.p && buf_adds(out, str_head(a, (size_t)at + 1)) && buf_adds(out, domain);
	arena_free(arena);
	return good;
}

/* Octets as they are sent, about: what the server measures its room by (RFC 1870). */
static uint64_t wire_size(const struct job *j)
{
	struct str text = module_body_inline(j->body);
	uint64_t lines = 0;
	if (!text.p)
		return j->d->size + j->d->size / 32;
	for (const char *p = text.p, *end = p + text.n; (p = memchr(p, '\n', (size_t)(end - p)));
	     p++)
		lines++;
	return text.n + lines;
}

/* What is left of the time (RFC 2852); how far it is over is told in mode N. */
static void add_by(struct buf *out, const struct module_delivery *d)
{
	int64_t left = d->by - clock_now(), most = 999999999;
	if (!d->by_mode)
		return;
	left = left > most ? most : left < -most ? -most : left;
	buf_addf(out, " BY=%lld;%c%s", (long long)left, d->by_mode, d->by_trace ? "T" : "");
}

/* A result for each recipient is worth asking for when there are several; who knows XEXDATA gives
 * them unasked. */
bool envelope_prdr(const struct job *j, unsigned ext)
{
	return (ext & EXT_PRDR) && !(ext & EXT_XEXDATA) && j->n > 1;
}

bool envelope_mail(struct buf *out, const struct job *j, unsigned ext)
{
	const struct module_delivery *d = j->d;
	bool utf8 = says_utf8(j, ext);
	buf_addz(out, "MAIL FROM:<");
	if (!add_address(out, d->sender, utf8))
		return false;
	buf_addc(out, '>');
	if (ext & EXT_SIZE)
		buf_addf(out, " SIZE=%llu", (unsigned long long)wire_size(j));
	if ((ext & EXT_8BITMIME) && d->body8)
		buf_addz(out, " BODY=8BITMIME");
	if (utf8)
		buf_addz(out, " SMTPUTF8");
	if (ext & EXT_SECURITY)
		buf_addz(out, " SECURITY=STARTTLS");
	if ((ext & EXT_REQUIRETLS) && d->requiretls)
		buf_addz(out, " REQUIRETLS");
	if (ext & EXT_DELIVERBY)
		add_by(out, d);
	if (envelope_prdr(j, ext))
		buf_addz(out, " PRDR");
	if ((ext & EXT_DSN) && d->ret)
		buf_addf(out, " RET=%s", d->ret == 'F' ? "FULL" : "HDRS");
	if ((ext & EXT_DSN) && d->envid.n) {
		buf_addz(out, " ENVID=");
		xtext_encode(d->envid, out);
	}
	return !out->failed;
}

static void add_notify(struct buf *out, uint8_t notify)
{
	static const struct {
		uint8_t bit;
		const char *word;
	} words[] = {
	    {GATE_NOTIFY_SUCCESS, "SUCCESS"},
	    {GATE_NOTIFY_FAILURE, "FAILURE"},
	    {GATE_NOTIFY_DELAY, "DELAY"},
	};
	const char *sep = " NOTIFY=";
	if (notify & GATE_NOTIFY_NEVER) {
		buf_addz(out, " NOTIFY=NEVER");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (notify & words[i].bit) {
			buf_addf(out, "%s%s", sep, words[i].word);
			sep = ",";
		}
	}
}

static void add_orcpt(struct buf *out, struct str orcpt, bool utf8)
{
	ptrdiff_t semi = str_chr(orcpt, ';');
	if (semi <= 0 || str_has_ctl(str_head(orcpt, (size_t)semi)) ||
	    str_chr(str_head(orcpt, (size_t)semi), ' ') >= 0)
		return;
	struct str address = str_skip(orcpt, (size_t)semi + 1);
	bool global = str_iis(str_head(orcpt, (size_t)semi), "utf-8");
	if (global && !utf8_valid(address))
		return;
	buf_addz(out, " ORCPT=");
	buf_adds(out, str_head(orcpt, (size_t)semi + 1));
	if (global)
		smtp_utf8_addr_encode(address, utf8, out);
	else
		xtext_encode(address, out);
}

bool envelope_rcpt(struct buf *out, const struct job *j, const struct module_rcpt *r, unsigned ext)
{
	buf_addz(out, "RCPT TO:<");
	if (!r->address.n || !add_address(out, r->address, says_utf8(j, ext)))
		return false;
	buf_addc(out, '>');
	if (ext & EXT_DSN) {
		add_notify(out, r->notify);
		add_orcpt(out, r->orcpt, says_utf8(j, ext));
	}
	return !out->failed;
}
