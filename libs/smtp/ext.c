/* The keywords of EHLO. */
#include "config.h"
#include "smtp/smtp.h"

/* The original's own come first, as ever. */
static const struct smtp_ext_word words[] = {
    {SMTP_EXT_VERP, "XVERP", "=Courier"},
    {SMTP_EXT_EXDATA, "XEXDATA", NULL},
    {SMTP_EXT_SECURITY, "XSECURITY", "=NONE,STARTTLS"},
    {SMTP_EXT_PIPELINING, "PIPELINING", NULL},
    {SMTP_EXT_8BITMIME, "8BITMIME", NULL},
    {SMTP_EXT_SMTPUTF8, "SMTPUTF8", NULL},
    {SMTP_EXT_SIZE, "SIZE", NULL},
    {SMTP_EXT_DSN, "DSN", NULL},
    {SMTP_EXT_CODES, "ENHANCEDSTATUSCODES", NULL},
    {SMTP_EXT_CHUNKING, "CHUNKING", NULL},
    {SMTP_EXT_BINARYMIME, "BINARYMIME", NULL},
    {SMTP_EXT_PRDR, "PRDR", NULL},
    {SMTP_EXT_DELIVERBY, "DELIVERBY", NULL},
    {SMTP_EXT_REQUIRETLS, "REQUIRETLS", NULL},
    {SMTP_EXT_FUTURERELEASE, "FUTURERELEASE", NULL},
    {SMTP_EXT_LIMITS, "LIMITS", NULL},
};

bool smtp_ext_word(size_t i, struct smtp_ext_word *out)
{
	if (i >= ARRAY_LEN(words))
		return false;
	*out = words[i];
	return true;
}

unsigned smtp_ext_find(struct str keyword)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_iis(keyword, words[i].word))
			return words[i].ext;
	return 0;
}
