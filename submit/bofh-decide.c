/* What the DNS has said of a sender, and what follows. */
#include "submit/bofh.h"

enum reply_id decide_sender_domain(const struct domain_facts *f)
{
	if (f->loop)
		return REPLY_DOMAIN_LOOP;
	if (f->bad_mx)
		return REPLY_DOMAIN_LITERAL;
	if (f->null_mx)
		return REPLY_NULL_MX;
	if (f->badmx[0])
		return REPLY_BADMX;
	switch (f->status) {
	case DNS_OK:
		return REPLY_OK;
	case DNS_TEMPFAIL:
		return REPLY_DNS_DOWN;
	case DNS_NODATA:
		return REPLY_NO_MAIL_HOST;
	case DNS_NXDOMAIN:
	case DNS_BADNAME:
		break;
	}
	return REPLY_NO_SUCH_DOMAIN;
}

enum helo_verdict decide_helo(const struct helo_facts *f)
{
	if (f->matches || f->null_mx)
		return HELO_GOOD;
	if (f->literal)
		return HELO_FOREIGN;
	if (f->unsure)
		return HELO_UNKNOWN;
	return f->exists ? HELO_FOREIGN : HELO_GONE;
}

bool bofh_base64_text(const struct mime_part *p)
{
	for (; p; p = p->next) {
		if (p->cte == MIME_BASE64 && str_is(p->type, "text") &&
		    (str_is(p->subtype, "plain") || str_is(p->subtype, "html")))
			return true;
		if (bofh_base64_text(p->child)) /* the parser bounds the depth */
			return true;
	}
	return false;
}

enum reply_id decide_spf(unsigned accepted, unsigned hard, enum spf_result r)
{
	if (accepted == BOFH_SPF_OFF || (accepted & 1U << r))
		return REPLY_OK;
	return hard & 1U << r ? REPLY_SPF : REPLY_SPF_LATER;
}

const char *bofh_spf_name(enum spf_result r)
{
	return r == SPF_TEMPERROR ? "error" : r == SPF_PERMERROR ? "unknown" : spf_result_name(r);
}

/* A peer's word in a field of ours: nothing that ends a value, a line or the field. */
static void add_value(struct buf *out, const char *name, struct str s)
{
	buf_addf(out, "\n  %s=", name);
	s = str_head(s, 400);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool good = c > ' ' && c != 0x7f && !strchr("()\\<>;\"", c);
		buf_addc(out, good ? (char)c : '?');
	}
	buf_addc(out, ';');
}

void bofh_spf_field(const struct spf_field *f, struct buf *out)
{
	static const char *const identities[BOFH_IDENTITIES] = {"HELO", "MAILFROM", "FROM"};
	buf_addf(out, "Received-SPF: %s (Address %s the Sender Policy Framework)",
	    bofh_spf_name(f->result), f->result == SPF_PASS ? "passes" : "does not pass");
	add_value(out, "SPF", str_of(identities[f->identity]));
	add_value(out, "sender", f->sender);
	add_value(out, "remoteip", f->remote_ip);
	add_value(out, "remotehost", f->remote_host);
	add_value(out, "helo", f->helo);
	add_value(out, "receiver", f->receiver);
	buf_addc(out, '\n');
}
