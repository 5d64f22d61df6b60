#include "submit/replies.h"

static const struct {
	uint16_t code;
	struct str enhanced, text;
} table[REPLIES] = {
    [REPLY_OK] = {250, STR_INIT("2.0.0"), STR_INIT("Ok.")},
    [REPLY_SENDER_OK] = {250, STR_INIT("2.1.0"), STR_INIT("Ok.")},
    [REPLY_RCPT_OK] = {250, STR_INIT("2.1.5"), STR_INIT("Ok.")},
    [REPLY_BAD_SEQUENCE] = {503, STR_INIT("5.5.1"), STR_INIT("Commands out of sequence")},
    [REPLY_NO_RECIPIENTS] = {511, STR_INIT("5.5.1"), STR_INIT("No recipients")},
    [REPLY_SENDER_SYNTAX] = {501, STR_INIT("5.1.7"),
	STR_INIT("Syntax error in the sender's address")},
    [REPLY_SENDER_DOMAIN] = {553, STR_INIT("5.1.7"),
	STR_INIT("The sender's address has no domain")},
    [REPLY_NEEDS_UTF8] = {553, STR_INIT("5.6.7"), STR_INIT("Address beyond ASCII needs SMTPUTF8")},
    [REPLY_RCPT_SYNTAX] = {501, STR_INIT("5.1.3"), STR_INIT("Syntax error in the address")},
    [REPLY_RCPT_DOMAIN] = {513, STR_INIT("5.1.3"), STR_INIT("The address has no domain")},
    [REPLY_TOO_LONG] = {501, STR_INIT("5.1.3"), STR_INIT("The address is too long")},
    [REPLY_UNKNOWN_USER] = {550, STR_INIT("5.1.1"), STR_INIT("User unknown")},
    [REPLY_NO_RELAY] = {513, STR_INIT("5.7.1"), STR_INIT("Relaying denied")},
    [REPLY_HAS_FAILED] = {556, STR_INIT("5.1.0"),
	STR_INIT("Mail for this address could not be delivered just now")},
    [REPLY_HAS_WAITED] = {456, STR_INIT("4.1.0"),
	STR_INIT("Earlier mail for this address still waits, try again later")},
    [REPLY_TOO_MANY] = {431, STR_INIT("4.5.3"), STR_INIT("Too many recipients")},
    [REPLY_DENIED] = {571, STR_INIT("5.7.1"),
	STR_INIT("Mail from your address is not accepted here")},
    [REPLY_TOO_LARGE] = {523, STR_INIT("5.3.4"), STR_INIT("The message is too large")},
    [REPLY_HEADER_LARGE] = {534, STR_INIT("5.3.4"), STR_INIT("The message's header is too large")},
    [REPLY_LOOP] = {546, STR_INIT("5.4.6"), STR_INIT("Routing loop: too many Received headers")},
    [REPLY_HEADER_8BIT] = {550, STR_INIT("5.6.7"),
	STR_INIT("The header holds 8-bit bytes that are not encoded (RFC 2047)")},
    [REPLY_BODY_8BIT] = {550, STR_INIT("5.6.1"),
	STR_INIT("The message holds 8-bit bytes but no MIME header that says so (RFC 2045)")},
    [REPLY_BAD_MIME] = {550, STR_INIT("5.6.0"), STR_INIT("Malformed message")},
    [REPLY_COMPLEX] = {550, STR_INIT("5.6.0"),
	STR_INIT("The message's MIME structure is too complex")},
    [REPLY_NOT_ALIAS] = {500, STR_INIT("5.1.1"), STR_INIT("Not an alias")},
    [REPLY_AUTH_DOWN] = {450, STR_INIT("4.3.0"),
	STR_INIT("Accounts can't be looked up at the moment, try again later")},
    [REPLY_TABLE_DOWN] = {450, STR_INIT("4.3.0"),
	STR_INIT("A table can't be read at the moment, try again later")},
    [REPLY_BROKER_DOWN] = {450, STR_INIT("4.3.0"),
	STR_INIT("The mailbox can't be looked at at the moment, try again later")},
    [REPLY_QUEUE_DOWN] = {451, STR_INIT("4.3.0"),
	STR_INIT("The mail queue is not available at the moment, try again later")},
    [REPLY_DISK_FULL] = {431, STR_INIT("4.3.1"),
	STR_INIT("The mail system is full, try again later")},
    [REPLY_NO_MEMORY] = {451, STR_INIT("4.3.0"), STR_INIT("Out of memory, try again later")},
    [REPLY_UNROUTABLE] = {550, STR_INIT("5.1.2"), STR_INIT("No way leads to this address")},
    [REPLY_FILTER_DOWN] = {432, STR_INIT("4.3.0"),
	STR_INIT("Mail filters are not available at the moment, try again later")},
    [REPLY_MAILBOX_FILTER] = {450, STR_INIT("4.3.0"),
	STR_INIT("The recipient's mail filter can't be asked at the moment, try again later")},
    [REPLY_WHITELIST] = {412, STR_INIT("4.5.3"),
	STR_INIT("This recipient needs a message of its own, send it separately")},
    [REPLY_MODULE_DOWN] = {451, STR_INIT("4.3.0"),
	STR_INIT("The module for this address does not answer at the moment, try again later")},
    [REPLY_BADFROM] = {517, STR_INIT("5.7.1"), STR_INIT("Sender rejected")},
    [REPLY_FREEMAIL] = {517, STR_INIT("5.7.1"), STR_INIT("accepted only from the mail hosts of")},
    [REPLY_FREEMAIL_UNSURE] = {417, STR_INIT("4.7.1"),
	STR_INIT("your host name can't be looked up at the moment; accepted only from the mail "
		 "hosts of")},
    [REPLY_BADMX] = {517, STR_INIT("5.7.1"),
	STR_INIT("The sender's domain has an unwanted mail host")},
    [REPLY_NO_REPORTS] = {517, STR_INIT("5.7.1"),
	STR_INIT("Delivery status notifications are refused by the mail hosts of")},
    [REPLY_NO_SUCH_DOMAIN] = {517, STR_INIT("5.1.8"),
	STR_INIT("The sender's domain could never be answered\nDomain does not exist")},
    [REPLY_NO_MAIL_HOST] = {517, STR_INIT("5.1.8"),
	STR_INIT("The sender's domain could never be answered\nNo mail host has an address")},
    [REPLY_NULL_MX] = {517, STR_INIT("5.7.27"),
	STR_INIT("The sender's domain could never be answered\nIt takes no mail (RFC 7505)")},
    [REPLY_DOMAIN_LITERAL] = {517, STR_INIT("5.1.8"),
	STR_INIT("The sender's domain could never be answered\nAn MX record names an address "
		 "instead of a host (RFC 1035)")},
    [REPLY_DOMAIN_LOOP] = {517, STR_INIT("5.1.8"),
	STR_INIT("The sender's domain could never be answered\nIts CNAME records go in a circle")},
    [REPLY_DNS_DOWN] = {417, STR_INIT("4.4.3"),
	STR_INIT("The sender's domain can't be looked up at the moment")},
    [REPLY_HELO_GONE] = {517, STR_INIT("5.7.1"), STR_INIT("No such host was said in HELO")},
    [REPLY_HELO_GONE_LATER] = {417, STR_INIT("4.7.1"), STR_INIT("No such host was said in HELO")},
    [REPLY_HELO_FOREIGN] = {517, STR_INIT("5.7.1"),
	STR_INIT("The name said in HELO does not lead to your address")},
    [REPLY_HELO_FOREIGN_LATER] = {417, STR_INIT("4.7.1"),
	STR_INIT("The name said in HELO does not lead to your address")},
    [REPLY_HELO_UNKNOWN] = {417, STR_INIT("4.4.3"),
	STR_INIT("The name said in HELO can't be looked up at the moment")},
    [REPLY_SPF] = {517, STR_INIT("5.7.23"), STR_INIT("SPF")},
    [REPLY_SPF_LATER] = {417, STR_INIT("4.7.24"), STR_INIT("SPF")},
    [REPLY_SPAMTRAP] = {550, STR_INIT("5.7.1"), STR_INIT("Spam refused")},
    [REPLY_TOO_MANY_HARD] = {531, STR_INIT("5.5.3"), STR_INIT("Too many recipients")},
    [REPLY_NOT_OWNER] = {550, STR_INIT("5.7.1"),
	STR_INIT("Your account may not send in the name of")},
    [REPLY_BASE64_TEXT] = {550, STR_INIT("5.6.1"),
	STR_INIT("Text in base64 is not accepted here, send it as it is or as quoted-printable")},
    [REPLY_BARE_NEWLINE] = {554, STR_INIT("5.6.1"),
	STR_INIT("Outside of binary parts lines end with CR and LF, which never stand alone")},
};

struct gate_reply reply(enum reply_id id)
{
	return (struct gate_reply){
	    .code = table[id].code, .enhanced = table[id].enhanced, .text = table[id].text};
}

struct gate_reply reply_about(struct arena *a, enum reply_id id, struct str about)
{
	struct gate_reply r = reply(id);
	struct buf b;
	buf_init(&b, 2048);
	printable(about, 1000, &b);
	char *z = arena_printf(a, "%.*s: %.*s", STR_FMT(r.text), STR_FMT(buf_str(&b)));
	buf_free(&b);
	if (z)
		r.text = str_of(z);
	return r;
}

struct gate_reply reply_text(enum reply_id id, struct str text)
{
	struct gate_reply r = reply(id);
	uint64_t code;
	if (text.n > 4 && text.p[3] == ' ' && str_u64(str_head(text, 3), &code) && code >= 400 &&
	    code < 600) {
		r.code = (uint16_t)code;
		r.enhanced = code < 500 ? STR("4.7.1") : STR("5.7.1");
		text = str_skip(text, 4);
	}
	r.text = text;
	return r;
}
