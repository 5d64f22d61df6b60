#include "submit/decide.h"
#include "mime/mime.h"

enum reply_id decide_mail(const struct mail_facts *f)
{
	if (!f->null_sender) {
		switch (f->sender) {
		case ADDRESS_OK:
			break;
		case ADDRESS_SYNTAX:
		case ADDRESS_TOO_LONG:
			return REPLY_SENDER_SYNTAX;
		case ADDRESS_NO_DOMAIN:
			return REPLY_SENDER_DOMAIN;
		case ADDRESS_NEEDS_UTF8:
			return REPLY_NEEDS_UTF8;
		case ADDRESS_TEMPORARY:
			return REPLY_TABLE_DOWN;
		}
	}
	if (f->size_limit && f->size > f->size_limit)
		return REPLY_TOO_LARGE;
	if (!f->ids)
		return REPLY_QUEUE_DOWN;
	return f->disk_full ? REPLY_DISK_FULL : REPLY_SENDER_OK;
}

enum reply_id decide_rcpt(const struct rcpt_facts *f)
{
	switch (f->address) {
	case ADDRESS_OK:
		break;
	case ADDRESS_SYNTAX:
		return REPLY_RCPT_SYNTAX;
	case ADDRESS_TOO_LONG:
		return REPLY_TOO_LONG;
	case ADDRESS_NO_DOMAIN:
		return REPLY_RCPT_DOMAIN;
	case ADDRESS_NEEDS_UTF8:
		return REPLY_NEEDS_UTF8;
	case ADDRESS_TEMPORARY:
		return REPLY_TABLE_DOWN;
	}
	if (f->max_rcpts && f->rcpts >= f->max_rcpts)
		return f->hard ? REPLY_TOO_MANY_HARD : REPLY_TOO_MANY;
	if (f->instruction && f->from_network)
		return REPLY_UNKNOWN_USER;
	if (f->is_alias || f->relay || f->asked)
		return REPLY_RCPT_OK;
	if (f->accepted < 0)
		return REPLY_TABLE_DOWN;
	return f->accepted ? REPLY_RCPT_OK : REPLY_NO_RELAY;
}

enum reply_id decide_local(enum lookup_state found, bool from_network)
{
	if (!from_network)
		return REPLY_RCPT_OK;
	switch (found) {
	case LOOKUP_FOUND:
		return REPLY_RCPT_OK;
	case LOOKUP_AUTH_DOWN:
		return REPLY_AUTH_DOWN;
	case LOOKUP_BROKER_DOWN:
		return REPLY_BROKER_DOWN;
	case LOOKUP_MODULE_DOWN:
		return REPLY_MODULE_DOWN;
	case LOOKUP_NOWHERE:
		return REPLY_UNROUTABLE;
	case LOOKUP_REFUSED: /* the module's own words are said instead */
	case LOOKUP_NONE:
		break;
	}
	return REPLY_UNKNOWN_USER;
}

enum reply_id decide_track(char letter)
{
	return letter == 'F' ? REPLY_HAS_FAILED : letter == 'D' ? REPLY_HAS_WAITED : REPLY_RCPT_OK;
}

static bool check(enum check_mode mode, bool fault, bool *marked)
{
	if (fault && mode == CHECK_MARK)
		*marked = true;
	return fault && mode == CHECK_REFUSE;
}

/*
 * MIME_FAULT_UNCLOSED and faults of headers deep inside are no reason to refuse: other systems'
 * reports carry cut messages, and nobody could bounce to us.
 */
enum reply_id decide_message(const struct message_facts *f, bool *marked)
{
	unsigned header = f->smtputf8 ? MIME_FAULT_HEADER_NOT_UTF8 : MIME_FAULT_HEADER_8BIT;
	unsigned mime = MIME_FAULT_BAD_TYPE | MIME_FAULT_BAD_ENCODING | MIME_FAULT_DUPLICATE |
			MIME_FAULT_NO_BOUNDARY | MIME_FAULT_NUL;
	*marked = false;
	if (f->exempt)
		return REPLY_OK;
	if (f->trapped)
		return REPLY_SPAMTRAP;
	if (f->base64_text)
		return REPLY_BASE64_TEXT;
	if (f->faults & (MIME_FAULT_DEPTH | MIME_FAULT_PARTS | MIME_FAULT_PARAMS))
		return REPLY_COMPLEX;
	if (check(f->header8, f->faults & header, marked))
		return REPLY_HEADER_8BIT;
	if (check(f->mime, f->junk_header || (f->faults & mime), marked))
		return REPLY_BAD_MIME;
	if (check(f->body8, f->faults & MIME_FAULT_UNDECLARED_8BIT, marked))
		return REPLY_BODY_8BIT;
	return REPLY_OK;
}

bool check_mode_parse(struct str s, enum check_mode *out)
{
	static const char *const words[] = {"refuse", "accept", "mark"};
	for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
		if (str_iis(s, words[i])) {
			*out = (enum check_mode)i;
			return true;
		}
	}
	return false;
}

bool disk_need_parse(struct str s, struct disk_need *out)
{
	struct str w[4];
	size_t n = 0;
	while (n < ARRAY_LEN(w) && str_word(&s, &w[n]))
		n++;
	return n == 3 && str_u64(w[0], &out->blocks) && str_u64(w[1], &out->inodes) &&
	       str_u64(w[2], &out->step) && out->step > 0;
}
