#include "config.h"
#include "smtp/smtp.h"

enum { SIZE_DIGITS = 19 }; /* what a 64 bit number has room for without an overflow */

enum smtp_reply_id smtp_bdat_parse(struct str args, struct smtp_chunk *out)
{
	struct str size, word;

	*out = (struct smtp_chunk){0};
	if (!str_word(&args, &size))
		return SMTP_R_NO_ARGUMENT;
	if (size.n > SIZE_DIGITS || !str_u64(size, &out->size))
		return SMTP_R_SYNTAX;
	if (!str_word(&args, &word))
		return SMTP_R_NONE;
	out->last = str_iis(word, "LAST");
	return out->last && !str_word(&args, &word) ? SMTP_R_NONE : SMTP_R_SYNTAX;
}
