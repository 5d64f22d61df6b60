/* What is to be done with a message that a server can't take as it is. */
#include "esmtp/convert.h"

bool signed_mode_parse(struct str s, enum signed_mode *out)
{
	static const char *const words[] = {"bounce", "send", "convert"};
	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (str_iis(s, words[i])) {
			*out = (enum signed_mode)i;
			return true;
		}
	return false;
}

unsigned convert_flags(const struct convert_facts *f)
{
	unsigned flags = 0;
	if (f->body8 && !f->knows_8bitmime)
		flags |= MIME_TO_7BIT;
	if (f->headers8 && !f->knows_smtputf8 && !f->needs_utf8)
		flags |= MIME_TO_ASCII;
	return flags;
}

enum convert_verdict convert_decide(
    unsigned kept, bool dkim, enum signed_mode parts, enum signed_mode dkim_mode)
{
	if (dkim && dkim_mode == SIGNED_SEND)
		return CONVERT_AS_IS;
	if (dkim && dkim_mode == SIGNED_BOUNCE)
		return CONVERT_SIGNED;
	if ((kept & MIME_KEPT_BODY) && parts != SIGNED_CONVERT)
		return parts == SIGNED_SEND ? CONVERT_AS_IS : CONVERT_SIGNED;
	if (kept & MIME_KEPT_HEADER)
		return parts == SIGNED_SEND ? CONVERT_AS_IS : CONVERT_ADDRESS;
	return CONVERT_GO;
}
