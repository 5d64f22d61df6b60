#include "submit/header.h"
#include "rewrite/rewrite.h"

bool header_has_mime(struct str block)
{
	struct header_field f;
	return header_find(block, "MIME-Version", &f) || header_find(block, "Content-Type", &f);
}

bool header_has_junk(struct str block)
{
	struct header_field f;
	for (bool first = true; header_next(&block, &f); first = false)
		if (f.name.n == 0 && !(first && header_is_mbox_line(&f)))
			return true;
	return false;
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
	if (f->from_text.n) {
		buf_addz(out, "from ");
		printable(f->from_text, 1000, out);
	} else if (f->remote_ip.n) {
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
	add_comment(out, "PROXY: ", f->remote_info);
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
	return buf_addf(out, "courier.%.*s@%.*s", STR_FMT(tail), STR_FMT(host));
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

static bool rewrites(const struct header_job *f, const struct header_facts *facts)
{
	return f->rewrite == HEADER_REWRITE ||
	       (f->rewrite == HEADER_NO_REWRITE_SIGNED && !facts->has_dkim);
}

/* Canonical form: for mail of this machine's users bare names get their domain, too. */
static struct str canonical_addresses(
    struct arena *a, struct str block, const struct header_job *f, const struct header_facts *facts)
{
	struct rewrite_canonical c = {
	    .default_domain = f->local ? f->defaultdomain : STR_NONE, .me = f->me};
	struct rewrite rw = {.map = rewrite_canonical, .ctx = &c, .drop_angles = true};
	struct str out = block;
	if (f->map) {
		rw.map = f->map;
		rw.ctx = f->map_ctx;
	}
	if (!rewrites(f, facts))
		return block;
	return rewrite_header(a, block, &rw, &out) < 0 ? STR_NONE : out;
}

/* Whether a field of results says it is ours (RFC 8601, 5). */
static bool results_in_our_name(struct str block, struct str me)
{
	struct header_field f;
	while (header_next(&block, &f)) {
		struct str v = str_trim(f.body);
		if (str_iis(f.name, "Authentication-Results") && str_istarts(v, me) &&
		    (v.n == me.n || strchr("; \t\r\n/(", v.p[me.n])))
			return true;
	}
	return false;
}

/* What only the receiving host may say of a message is put aside when somebody else has said it. */
static struct str old_names(struct arena *a, struct str block, const struct header_job *f)
{
	static const struct rewrite_field rules[] = {
	    {"Return-Path", "Old-Return-Path"},
	    {"Received-SPF", "Old-Received-SPF"},
	    {"Authentication-Results", "Old-Authentication-Results"},
	};
	bool network = !f->local && f->remote_ip.n;
	size_t n = ARRAY_LEN(rules);
	if (f->keep_results && !results_in_our_name(block, f->me))
		n--;
	struct str out;
	return rewrite_fields(a, block, rules, network ? n : 1, &out) < 0 ? STR_NONE : out;
}

static bool is_bcc(struct str name)
{
	return str_iis(name, "Bcc") || str_iis(name, "Resent-Bcc");
}

static void add_fields(struct str block, bool drop_bcc, struct buf *out)
{
	struct header_field h;
	for (bool first = true; header_next(&block, &h); first = false)
		if (!(first && header_is_mbox_line(&h)) && !(drop_bcc && is_bcc(h.name)))
			add_raw(out, h.raw);
}

static void add_missing(
    const struct header_facts *facts, const struct header_job *f, struct buf *out)
{
	char date[CLOCK_RFC5322_SIZE];
	struct buf id;
	buf_init(&id, 1024);
	if (f->add_msgid)
		header_msgid(f->id, f->msgidhost, &id);
	struct header_defaults d = {.to = true,
	    .eol = "\n",
	    .date = f->add_date ? str_of(clock_rfc5322(f->now, date)) : STR_NONE,
	    .message_id = buf_str(&id)};
	header_add_missing(out, facts, &d);
	buf_free(&id);
	if (f->add_mime && !facts->has_mime_version && !facts->has_type)
		buf_addz(out, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
			      "Content-Transfer-Encoding: 8bit\n");
}

enum header_verdict header_process(
    struct arena *a, struct str block, const struct header_job *f, struct buf *out)
{
	struct header_facts facts;
	if (header_facts_read(a, block, &facts) < 0)
		return HEADER_FULL;
	if (facts.received > f->received_max)
		return HEADER_LOOP;
	struct str rest = canonical_addresses(a, block, f, &facts);
	if (rest.p)
		rest = old_names(a, rest, f);
	if (block.n && !rest.p)
		return HEADER_FULL;
	add_received(out, f);
	add_fields(rest, f->drop_bcc, out);
	add_missing(&facts, f, out);
	buf_addc(out, '\n');
	return out->failed ? HEADER_FULL : HEADER_OK;
}
