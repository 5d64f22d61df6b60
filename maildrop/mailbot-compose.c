/* mailbot: the answer as a message (RFC 3834, 3464, 5965). */
#include "config.h"

#include "maildrop/charset-out.h"
#include "maildrop/mailbot.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

static bool is_reply(const struct mailbot *b)
{
	return b->format <= MAILBOT_REPLYDRAFT || b->format == MAILBOT_REPLYFEEDBACK;
}

static bool is_forward(const struct mailbot *b)
{
	return b->format == MAILBOT_FORWARD || b->format == MAILBOT_FORWARDATT;
}

static bool is_feedback(const struct mailbot *b)
{
	return b->format == MAILBOT_FEEDBACK || b->format == MAILBOT_REPLYFEEDBACK;
}

static struct str field(const struct mailbot *b, const char *name)
{
	struct header_field f;
	return header_find(b->header, name, &f) ? str_trim(header_unfold(b->arena, f.body))
						: STR_NONE;
}

/* ---- the header ------------------------------------------------------------------------------ */

static void add_addresses(
    const struct mailbot *b, const char *name, struct str text, struct buf *out)
{
	struct mailaddr_list list;
	if (text.n && mailaddr_parse(b->arena, text, MAILADDR_MAX_DEFAULT, &list) == 0 &&
	    list.mailboxes)
		mailaddr_print_field(out, name, list.first, "\n");
}

static void add_recipients(const struct mailbot *b, struct buf *out)
{
	const char *to = b->to && !*b->to ? getenv("SENDER") : b->to;
	if (!is_reply(b))
		return;
	add_addresses(b, "To",
	    to ? str_of(to) : mailbot_answer_to(b->arena, b->header, b->prefer_errors_to), out);
	if (b->format != MAILBOT_REPLYALL)
		return;
	struct str first = field(b, "To"), second = field(b, "Cc");
	struct str all = str_of(arena_printf(b->arena, "%.*s%s%.*s", STR_FMT(first),
	    first.n && second.n ? ", " : "", STR_FMT(second)));
	add_addresses(b, "Cc", all, out);
}

/* References of the message and its own id, one on a line. */
static void add_references(const struct mailbot *b, struct buf *out)
{
	struct str refs = field(b, "References"), own = field(b, "Message-ID"), id;
	int n = 0;
	for (; n < 100 && msgid_next(b->arena, &refs, &id); n++)
		buf_addf(out, "%s<%.*s>\n", n ? "\t" : "References: ", STR_FMT(id));
	if (!msgid_next(b->arena, &own, &id))
		return;
	buf_addf(out, "%s<%.*s>\n", n ? "\t" : "References: ", STR_FMT(id));
	buf_addf(out, "In-Reply-To: <%.*s>\n", STR_FMT(id));
}

static void add_subject(const struct mailbot *b, struct buf *out)
{
	struct str s =
	    b->subject ? str_of(b->subject) : mime_words_decode(b->arena, field(b, "Subject"));
	bool again;
	buf_addz(out, "Subject: ");
	if (!b->subject && is_reply(b) && !is_feedback(b)) {
		subject_base(b->arena, s, &again);
		if (!again || !str_istarts(s, STR("re:")))
			buf_addz(out, "Re: ");
	}
	mime_words_encode(out, s, false, 13, "\n");
	buf_addz(out, !b->subject && is_forward(b) ? " (fwd)\n" : "\n");
}

static void add_header(const struct mailbot *b, struct buf *out)
{
	for (size_t i = 0; i < b->fields.n; i++)
		buf_addf(out, "%s\n", b->fields.v[i]);
	buf_addz(out, "Precedence: junk\nAuto-Submitted: auto-replied\n");
	add_recipients(b, out);
	if (!is_forward(b))
		add_references(b, out);
	add_subject(b, out);
	buf_addz(out, "Mime-Version: 1.0\n");
}

/* ---- the parts ------------------------------------------------------------------------------- */

static void add_text_part(const struct mailbot *b, struct buf *out)
{
	struct buf text;
	buf_init(&text, (size_t)4 * MAILBOT_INPUT_MAX);
	if (!is_forward(b) && !b->no_quote)
		mailbot_quote(b, &text);
	buf_adds(&text, b->text);
	if (b->format == MAILBOT_FORWARD)
		mailbot_forward_text(b, &text);
	else if (b->format == MAILBOT_FORWARDATT)
		buf_addf(&text, "\n%s\n", b->marker);
	buf_addf(out,
	    "Content-Type: text/plain; format=flowed; delsp=yes; charset=\"%s\"\n"
	    "Content-Transfer-Encoding: 8bit\n\n",
	    b->charset ? b->charset : "UTF-8");
	struct str encoded = charset_from_utf8(b->arena, b->charset, buf_str(&text));
	if (text.n && !encoded.p)
		mailbot_fail(EX_USAGE, b->charset, "no such character set");
	buf_adds(out, encoded);
	buf_free(&text);
}

static void add_date(const struct mailbot *b, struct buf *out)
{
	struct tm tm;
	char text[64];
	time_t t = (time_t)b->now;
	gmtime_r(&t, &tm);
	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	buf_addf(out, "Arrival-Date: %s\n", text);
}

static void add_dsn_part(const struct mailbot *b, struct buf *out)
{
	buf_addz(out, "Content-Type: message/delivery-status\nContent-Transfer-Encoding: 7bit\n\n");
	add_date(b, out);
	buf_addf(out, "\nFinal-Recipient: rfc822; %s\nAction: delivered\nStatus: 2.0.0\n",
	    b->dsn_address);
}

static void add_feedback_part(const struct mailbot *b, struct buf *out)
{
	buf_addz(out, "Content-Type: message/feedback-report\nContent-Transfer-Encoding: 7bit\n\n");
	buf_addf(out, "Feedback-Type: %s\nUser-Agent: mailbot/" PACKAGE_VERSION "\nVersion: 1\n",
	    b->feedback_type);
	add_date(b, out);
	for (size_t i = 0; i < b->facts.n; i++)
		buf_addf(out, "%s: %s\n", b->facts.v[i].name, b->facts.v[i].value);
}

/* The message, or its header alone. */
static void add_original(const struct mailbot *b, bool whole, struct buf *out)
{
	bool global = str_has_8bit(b->header);
	struct str s = whole ? b->message : b->header;
	if (whole)
		buf_addf(out, "Content-Type: message/%s\n", global ? "global" : "rfc822");
	else
		buf_addf(out, "Content-Type: %s\n",
		    global ? "message/global-headers" : "text/rfc822-headers");
	if (str_has_8bit(s))
		buf_addz(out, "Content-Transfer-Encoding: 8bit\n");
	buf_addz(out, "Content-Disposition: attachment\n\n");
	buf_adds(out, s);
}

static void next_part(const struct mailbot *b, const char *boundary, struct buf *out,
    void (*part)(const struct mailbot *, struct buf *))
{
	buf_addf(out, "\n--%s\n", boundary);
	part(b, out);
}

static void add_parts(const struct mailbot *b, struct buf *out)
{
	char boundary[32];
	bool dsn = b->format == MAILBOT_REPLYDSN, feedback = is_feedback(b);
	do
		snprintf(boundary, sizeof boundary, "=_%016llx", (unsigned long long)random_u64());
	while (str_find(b->message, str_of(boundary)) >= 0 ||
	       str_find(b->text, str_of(boundary)) >= 0);
	buf_addf(out, "Content-Type: multipart/%s; boundary=\"%s\"\n",
	    dsn        ? "report; report-type=delivery-status"
	    : feedback ? "report; report-type=feedback-report"
		       : "mixed",
	    boundary);
	buf_addz(out, "Content-Transfer-Encoding: 8bit\n\nA message in MIME format.\n");
	next_part(b, boundary, out, add_text_part);
	if (dsn)
		next_part(b, boundary, out, add_dsn_part);
	else if (feedback)
		next_part(b, boundary, out, add_feedback_part);
	buf_addf(out, "\n--%s\n", boundary);
	add_original(b, b->attach_all || b->format == MAILBOT_FORWARDATT, out);
	buf_addf(out, "\n--%s--\n", boundary);
}

void mailbot_compose(const struct mailbot *b, struct buf *out)
{
	add_header(b, out);
	if (b->format == MAILBOT_REPLYDSN || b->format == MAILBOT_FORWARDATT || is_feedback(b))
		add_parts(b, out);
	else
		add_text_part(b, out);
}
