#include "submit/header.h"
#include "rewrite/rewrite.h"

struct seen {
	unsigned received;
	bool date, msgid, recipient, signed_, junk;
	bool mime;
};

static bool is_any(struct str name, const char *const *list)
{
	for (; *list; list++)
		if (str_iis(name, *list))
			return true;
	return false;
}

/* The line that mbox files put before a message is none of its fields. */
static bool is_mbox_line(const struct header_field *h)
{
	return h->name.n == 0 && str_starts(h->raw, STR("From "));
}

static void survey(struct str block, struct seen *s)
{
	static const char *const recipients[] = {
	    "To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc", NULL};
	struct header_field f;
	*s = (struct seen){0};
	for (bool first = true; header_next(&block, &f); first = false) {
		if (f.name.n == 0)
			s->junk |= !(first && is_mbox_line(&f));
		else if (str_iis(f.name, "Received"))
			s->received++;
		else if (str_iis(f.name, "Date"))
			s->date = true;
		else if (str_iis(f.name, "Message-ID"))
			s->msgid = true;
		else if (str_iis(f.name, "DKIM-Signature"))
			s->signed_ = true;
		else if (str_iis(f.name, "MIME-Version") || str_iis(f.name, "Content-Type"))
			s->mime = true;
		s->recipient |= is_any(f.name, recipients);
	}
}

bool header_has_mime(struct str block)
{
	struct seen s;
	survey(block, &s);
	return s.mime;
}

/* A peer's word inside our Received: whatever could end a comment or a line becomes '?'. */
static void add_word(struct buf *out, struct str s)
{
	s = str_head(s, 256);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool good = c > ' ' && c != 0x7f && !strchr("()\\<>;\"", c);
		buf_addc(out, good ? (char)c : '?');
	}
}

static void add_comment(struct buf *out, const char *label, struct str s)
{
	if (s.n == 0)
		return;
	buf_addf(out, "\n  (%s", label);
	struct str word;
	for (bool first = true; str_word(&s, &word); first = false) {
		if (!first)
			buf_addc(out, ' ');
		add_word(out, word);
	}
	buf_addc(out, ')');
}

static void add_received(struct buf *out, const struct header_job *f)
{
	char date[CLOCK_RFC5322_SIZE];
	buf_addz(out, "Received: ");
	if (f->remote_ip.n) {
		buf_addz(out, "from ");
		add_word(out, f->helo.n ? f->helo : STR("unknown"));
		buf_addz(out, " (");
		add_word(out, f->remote_host);
		buf_addz(out, f->remote_host.n ? " [" : "[");
		add_word(out, f->remote_ip);
		buf_addz(out, "])");
	} else if (f->from_node.n) {
		buf_addz(out, "from ");
		add_word(out, f->from_node);
	} else
		buf_addz(out, "from localhost (localhost [127.0.0.1])");
	add_comment(out, "AUTH: ", f->login);
	add_comment(out, "TLS: ", f->tls);
	add_comment(out, "", f->sender_id);
	buf_addf(out, "\n  by %.*s with ", STR_FMT(f->me));
	add_word(out, f->with.n ? f->with : STR("local"));
	buf_addf(out, "\n  id %.*s", STR_FMT(f->id));
	if (f->only_rcpt.n && f->only_rcpt.n < 500 && !str_has_ctl(f->only_rcpt))
		buf_addf(out, "\n  for <%.*s>", STR_FMT(f->only_rcpt));
	buf_addf(out, "; %s\n", clock_rfc5322(f->now, date));
}

bool header_msgid(struct str id, struct str host, struct buf *out)
{
	ptrdiff_t dot = str_chr(id, '.');
	struct str tail = dot < 0 ? id : str_skip(id, (size_t)dot + 1);
	return buf_addf(out, "<courier.%.*s@%.*s>", STR_FMT(tail), STR_FMT(host));
}

/* Copies a field with LF line ends.  A line of nothing but CR would end the header for others. */
static void add_raw(struct buf *out, struct str raw)
{
	struct str line;
	while (raw.n && str_split(&raw, '\n', &line)) {
		while (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0)
			continue;
		buf_adds(out, line);
		buf_addc(out, '\n');
	}
}

/* Bare addresses of this machine's users get their domain. */
static struct str canonical_addresses(
    struct arena *a, struct str block, const struct header_job *f, const struct seen *s)
{
	struct rewrite_canonical c = {.default_domain = f->defaultdomain, .me = f->me};
	struct rewrite rw = {.map = rewrite_canonical, .ctx = &c};
	struct str out = block;
	if (f->map) {
		rw.map = f->map;
		rw.ctx = f->map_ctx;
	}
	if (!f->local || f->rewrite == HEADER_NO_REWRITE ||
	    (f->rewrite == HEADER_NO_REWRITE_SIGNED && s->signed_))
		return block;
	return rewrite_header(a, block, &rw, &out) < 0 ? STR_NONE : out;
}

static const char *new_name(struct str name, const struct header_job *f)
{
	if (str_iis(name, "Return-Path"))
		return "Old-Return-Path";
	if (f->local || f->remote_ip.n == 0)
		return NULL;
	if (str_iis(name, "Received-SPF"))
		return "Old-Received-SPF";
	return str_iis(name, "Authentication-Results") ? "Old-Authentication-Results" : NULL;
}

static void add_field(const struct header_field *h, const struct header_job *f, struct buf *out)
{
	const char *name = new_name(h->name, f);
	if (name)
		buf_addz(out, name);
	add_raw(out, name ? str_skip(h->raw, h->name.n) : h->raw);
}

static void add_missing(const struct seen *s, const struct header_job *f, struct buf *out)
{
	char date[CLOCK_RFC5322_SIZE];
	if (!s->date && f->add_date)
		buf_addf(out, "Date: %s\n", clock_rfc5322(f->now, date));
	if (!s->msgid && f->add_msgid) {
		buf_addz(out, "Message-ID: ");
		header_msgid(f->id, f->msgidhost, out);
		buf_addc(out, '\n');
	}
	if (!s->recipient)
		buf_addz(out, "To: undisclosed-recipients: ;\n");
	if (f->add_mime && !s->mime)
		buf_addz(out, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
			      "Content-Transfer-Encoding: 8bit\n");
}

enum header_verdict header_process(
    struct arena *a, struct str block, const struct header_job *f, struct buf *out)
{
	struct seen s;
	struct header_field h;
	survey(block, &s);
	if (s.received > f->received_max)
		return HEADER_LOOP;
	struct str rest = canonical_addresses(a, block, f, &s);
	if (block.n && !rest.p)
		return HEADER_FULL;
	add_received(out, f);
	for (bool first = true; header_next(&rest, &h); first = false)
		if (!(first && is_mbox_line(&h)))
			add_field(&h, f, out);
	add_missing(&s, f, out);
	buf_addc(out, '\n');
	if (out->failed)
		return HEADER_FULL;
	return s.junk ? HEADER_JUNK : HEADER_OK;
}
