#include <stdio.h>
#include "dsn/compose.h"
#include "smtp/values.h"
#include "unicode/unicode.h"

enum {
	LINE_MAX_BYTES = 900, /* of a peer's text in one line of ours; RFC 5322 allows 998 */
	WORD_MAX = 1000,
};

bool dsn_has(const struct dsn_history *h, enum dsn_action a)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->recipients[i].action == a)
			return true;
	return false;
}

bool dsn_return_full(const struct dsn_history *h, char ret, uint64_t size, uint64_t limit)
{
	return ret != 'H' && size <= limit && dsn_has(h, DSN_FAILED);
}

/* ---- text from outside ----------------------------------------------------------------------- */

/* One line of it: control bytes and what is no UTF-8 become blanks, so it stays where it is put. */
static void add_clean(struct buf *out, struct str s, size_t max)
{
	s = str_head(s, utf8_cut(s, max));
	while (s.n) {
		uint32_t cp;
		size_t n = utf8_next(s, &cp);
		if (!n || cp < ' ' || cp == 127 || (cp >= 0x80 && cp < 0xa0))
			buf_addc(out, ' ');
		else
			buf_add(out, s.p, n);
		s = str_skip(s, n ? n : 1);
	}
}

static void add_field(struct buf *out, const char *name, struct str value)
{
	if (!value.n)
		return;
	buf_addf(out, "%s: ", name);
	add_clean(out, value, WORD_MAX);
	buf_addc(out, '\n');
}

static void add_date(struct buf *out, const char *name, int64_t t)
{
	char date[CLOCK_RFC5322_SIZE];
	if (t > 0)
		buf_addf(out, "%s: %s\n", name, clock_rfc5322(t, date));
}

/* A line of a reply without its code: records of replies have it in each line. */
static struct str without_code(struct str line, uint16_t code)
{
	char text[4];
	snprintf(text, sizeof text, "%03u", code % 1000u);
	if (!code || !str_starts(line, str_at(text, 3)))
		return line;
	if (line.n == 3)
		return STR_NONE;
	return line.p[3] == ' ' || line.p[3] == '-' ? str_skip(line, 4) : line;
}

/* Each line of a reply with its code, as it was on the wire, behind `mark`; sep goes between. */
static void add_reply(
    struct buf *out, const struct dsn_recipient *r, const char *mark, const char *sep)
{
	struct str text = r->diagnostic, line;
	const char *before = "";
	while (str_split(&text, '\n', &line)) {
		buf_addf(out, "%s%s", before, mark);
		if (r->code)
			buf_addf(out, "%03u%c", r->code, text.p ? '-' : ' ');
		add_clean(out, without_code(str_trim(line), r->code), LINE_MAX_BYTES);
		before = sep;
	}
}

/* ---- the text for people --------------------------------------------------------------------- */

/* "dns; NAME" is for programs. */
static struct str from_mta(const struct dsn_report *r)
{
	struct str s = r->history->from_mta;
	if (str_istarts(s, STR("dns;")))
		s = str_trim(str_skip(s, 4));
	return s.n ? s : STR("unknown");
}

static bool known_keyword(const struct dsn_report *r, struct str *rest, struct buf *out)
{
	char date[CLOCK_RFC5322_SIZE];
	const struct {
		struct str word, value;
	} known[] = {
	    {STR("[#ME#]"), r->me},
	    {STR("[#FROMTIME#]"), str_of(clock_rfc5322(r->arrived, date))},
	    {STR("[#FROMMTA#]"), from_mta(r)},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (str_starts(*rest, known[i].word)) {
			add_clean(out, known[i].value, WORD_MAX);
			*rest = str_skip(*rest, known[i].word.n);
			return true;
		}
	}
	return false;
}

static void add_template(struct buf *out, const struct dsn_report *r, struct str text)
{
	while (text.n) {
		ptrdiff_t at = str_find(text, STR("[#"));
		buf_adds(out, str_head(text, at < 0 ? text.n : (size_t)at));
		text = str_skip(text, at < 0 ? text.n : (size_t)at);
		if (text.n && !known_keyword(r, &text, out)) {
			buf_adds(out, str_head(text, 2));
			text = str_skip(text, 2);
		}
	}
	if (out->n && out->p[out->n - 1] != '\n')
		buf_addc(out, '\n');
}

/* The address the sender knows: what was first asked for, when that is recorded. */
static struct str shown_address(const struct dsn_recipient *r)
{
	ptrdiff_t semi = str_chr(r->orcpt, ';');
	return semi < 0 ? r->address : str_trim(str_skip(r->orcpt, (size_t)semi + 1));
}

static void add_recipient_text(struct buf *out, const struct dsn_recipient *r)
{
	buf_addc(out, '<');
	add_clean(out, shown_address(r), WORD_MAX);
	buf_addz(out, ">:\n");
	if (r->remote.n) {
		buf_addc(out, ' ');
		add_clean(out, r->remote, WORD_MAX);
		buf_addz(out, ":\n");
	}
	if (r->command.n) {
		buf_addz(out, " >>> ");
		add_clean(out, r->command, LINE_MAX_BYTES);
		buf_addc(out, '\n');
	}
	if (r->diagnostic.n) {
		add_reply(out, r, r->code ? " <<< " : " ", "\n");
		buf_addc(out, '\n');
	}
	buf_addc(out, '\n');
}

static void add_section(struct buf *out, const struct dsn_report *r, enum dsn_action action)
{
	const struct str texts[] = {
	    [DSN_FAILED] = r->templates->failed,
	    [DSN_DELAYED] = r->templates->delayed,
	    [DSN_RELAYED] = r->templates->relayed,
	    [DSN_DELIVERED] = r->templates->delivered,
	    [DSN_EXPANDED] = r->templates->delivered,
	};
	if (!dsn_has(r->history, action))
		return;
	buf_addc(out, '\n');
	add_template(out, r, texts[action]);
	buf_addc(out, '\n');
	for (size_t i = 0; i < r->history->n; i++)
		if (r->history->recipients[i].action == action)
			add_recipient_text(out, &r->history->recipients[i]);
}

static void compose_text(const struct dsn_report *r, struct buf *out)
{
	static const enum dsn_action order[] = {
	    DSN_FAILED, DSN_DELAYED, DSN_RELAYED, DSN_DELIVERED, DSN_EXPANDED};
	add_template(out, r, r->templates->header);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		add_section(out, r, order[i]);
	add_template(out, r, r->templates->footer);
}

/* ---- the text for machines ------------------------------------------------------------------- */

static bool status_ok(struct str s, char class)
{
	size_t dots = 0;
	if (s.n < 5 || s.n > 9 || s.p[0] != class)
		return false;
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '.' && s.p[i - 1] != '.')
			dots++;
		else if (!ascii_digit((unsigned char)s.p[i]))
			return false;
	}
	return dots == 2 && s.p[1] == '.' && s.p[s.n - 1] != '.';
}

static void add_status(struct buf *out, const struct dsn_recipient *r)
{
	char class = r->action == DSN_FAILED ? '5' : r->action == DSN_DELAYED ? '4' : '2';
	if (status_ok(r->status, class))
		add_field(out, "Status", r->status);
	else
		buf_addf(out, "Status: %c.0.0\n", class);
}

static void add_diagnostic(struct buf *out, const struct dsn_recipient *r)
{
	bool good = r->action != DSN_FAILED && r->action != DSN_DELAYED;
	if (!r->diagnostic.n || (good && !r->code))
		return; /* nothing went wrong, and no peer said so */
	if (r->network_error)
		buf_addz(out, "X-Network-Error: ");
	else
		buf_addf(out, "Diagnostic-Code: %s; ", r->code ? "smtp" : "unknown");
	add_reply(out, r, "", "\n    ");
	buf_addc(out, '\n');
}

static void add_recipient_fields(struct buf *out, const struct dsn_recipient *r)
{
	buf_addc(out, '\n');
	add_field(out, "Original-Recipient", r->orcpt);
	buf_addf(out, "Final-Recipient: %s; ", str_has_8bit(r->address) ? "utf-8" : "rfc822");
	add_clean(out, r->address, WORD_MAX);
	buf_addf(out, "\nAction: %s\n", dsn_action_word(r->action));
	add_status(out, r);
	if (r->remote.n) {
		buf_addz(out, "Remote-MTA: dns; ");
		add_clean(out, r->remote, WORD_MAX);
		buf_addc(out, '\n');
	}
	add_diagnostic(out, r);
	add_date(out, "Last-Attempt-Date", r->last_attempt);
	if (r->action == DSN_DELAYED)
		add_date(out, "Will-Retry-Until", r->retry_until);
}

static void compose_status(const struct dsn_report *r, struct buf *out)
{
	char release[SMTP_TIME_SIZE];
	buf_addz(out, "Reporting-MTA: dns; ");
	add_clean(out, r->me, WORD_MAX);
	buf_addc(out, '\n');
	add_date(out, "Arrival-Date", r->arrived);
	add_date(out, "Deliver-By-Date", r->by);
	if (r->release > 0) {
		smtp_time_format(r->release, release);
		buf_addf(out, "Future-Release-Request: until;%s\n", release);
	}
	add_field(out, "Original-Envelope-Id", r->envid);
	add_field(out, "Received-From-MTA", r->history->from_mta);
	for (size_t i = 0; i < r->history->n; i++)
		add_recipient_fields(out, &r->history->recipients[i]);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool only_delays(const struct dsn_history *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->recipients[i].action != DSN_DELAYED)
			return false;
	return true;
}

/* "mailer-daemon@", as the original's file has it, means this host. */
static void add_from(const struct dsn_report *r, struct buf *out)
{
	struct str from = str_trim(r->from);
	bool angle = str_ends(from, STR("@>"));
	if (!angle && !str_ends(from, STR("@"))) {
		add_field(out, "From", from);
		return;
	}
	buf_addz(out, "From: ");
	add_clean(out, str_head(from, from.n - angle - 1), WORD_MAX);
	buf_addz(out, str_ends(from, STR("<@>")) ? "postmaster@" : "@");
	add_clean(out, r->me, WORD_MAX);
	buf_addz(out, angle ? ">\n" : "\n");
}

static void add_header(const struct dsn_report *r, bool eight, struct buf *out)
{
	char date[CLOCK_RFC5322_SIZE];
	struct str subject =
	    only_delays(r->history) ? r->templates->subject_warn : r->templates->subject_notice;
	if (r->from.n) {
		add_from(r, out);
	} else {
		buf_addz(out, "From: \"Courier mail server at ");
		add_clean(out, r->me, WORD_MAX);
		buf_addz(out, "\" <postmaster@");
		add_clean(out, r->me, WORD_MAX);
		buf_addz(out, ">\n");
	}
	buf_addz(out, "To: <");
	add_clean(out, r->to, WORD_MAX);
	if (str_chr(r->to, '@') < 0) { /* our own postmaster */
		buf_addc(out, '@');
		add_clean(out, r->domain.n ? r->domain : r->me, WORD_MAX);
	}
	buf_addz(out, ">\n");
	add_field(out, "Subject", str_trim(subject));
	buf_addf(out, "Date: %s\nMessage-ID: <%.*s>\n", clock_rfc5322(r->now, date),
	    STR_FMT(r->message_id));
	buf_addf(out,
	    "Auto-Submitted: auto-replied\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\n"
	    "    boundary=\"=_courier_%.*s\"\n"
	    "Content-Transfer-Encoding: %s\n\n"
	    "This is a message in MIME format, about mail that was sent.\n",
	    STR_FMT(r->boundary), eight ? "8bit" : "7bit");
}

static void add_border(const struct dsn_report *r, const char *end, struct buf *out)
{
	buf_addf(out, "\n--=_courier_%.*s%s\n", STR_FMT(r->boundary), end);
}

static void add_part_head(struct buf *out, const char *type, bool eight)
{
	buf_addf(out, "Content-Type: %s\nContent-Transfer-Encoding: %s\n\n", type,
	    eight ? "8bit" : "7bit");
}

/* The first part's header is the administrator's; its encoding is ours to know. */
static void add_text_part(struct buf *out, struct str text)
{
	bool eight = str_has_8bit(text);
	buf_addf(out, "Content-Transfer-Encoding: %s\n", eight ? "8bit" : "7bit");
	if (!str_istarts(text, STR("Content-")))
		buf_addz(out, "Content-Type: text/plain; charset=utf-8\n\n");
	buf_adds(out, text);
}

static struct str header_of(struct str original)
{
	ptrdiff_t end = str_find(original, STR("\n\n"));
	return end < 0 ? original : str_head(original, (size_t)end + 1);
}

static bool addresses_utf8(const struct dsn_report *r)
{
	bool eight = str_has_8bit(r->to);
	for (size_t i = 0; i < r->history->n; i++)
		eight |= str_has_8bit(r->history->recipients[i].address) ||
			 str_has_8bit(r->history->recipients[i].orcpt);
	return eight;
}

/* A header beyond ASCII is message/global when it is UTF-8; what else it may be, nobody knows. */
static bool is_global(struct str header)
{
	return str_has_8bit(header) && utf8_valid(header);
}

/* Peers write what they like in their replies; only addresses are worth message/global-*, which
 * many readers don't know (RFC 6533, section 3). */
static void make_ascii(struct buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if ((unsigned char)b->p[i] >= 0x80)
			b->p[i] = '?';
}

static void add_parts(
    const struct dsn_report *r, struct str text, struct str status, bool utf8, struct buf *out)
{
	bool global = is_global(header_of(r->original));
	add_border(r, "", out);
	add_text_part(out, text);
	add_border(r, "", out);
	add_part_head(out, utf8 ? "message/global-delivery-status" : "message/delivery-status",
	    str_has_8bit(status));
	buf_adds(out, status);
	add_border(r, "", out);
	add_part_head(out,
	    r->full  ? (global ? "message/global" : "message/rfc822")
	    : global ? "message/global-headers"
		     : "text/rfc822-headers",
	    str_has_8bit(r->original));
	buf_adds(out, r->full ? r->original : header_of(r->original));
	add_border(r, "--", out);
}

int dsn_compose(const struct dsn_report *r, struct buf *out, struct dsn_facts *facts)
{
	struct buf text, status;
	bool good = str_find(r->original, r->boundary) < 0 && r->boundary.n;
	buf_init(&text, DSN_REPORT_MAX);
	buf_init(&status, DSN_REPORT_MAX);
	compose_text(r, &text);
	compose_status(r, &status);
	bool utf8 = addresses_utf8(r);
	if (!utf8)
		make_ascii(&status);
	struct str original = r->full ? r->original : header_of(r->original);
	facts->body8 = utf8 || str_has_8bit(buf_str(&text)) || str_has_8bit(original);
	facts->utf8 = utf8 || str_has_8bit(r->from);
	add_header(r, facts->body8, out);
	add_parts(r, buf_str(&text), buf_str(&status), utf8, out);
	good = good && !text.failed && !status.failed && !out->failed;
	buf_free(&text);
	buf_free(&status);
	return good ? 0 : -1;
}
