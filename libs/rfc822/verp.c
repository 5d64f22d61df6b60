#include "rfc822/rfc822.h"

/* What would not survive in a local part, or is a border of ours. */
static bool plain(char c)
{
	return !c || !strchr("@:%!-[]+", c);
}

static void encode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (plain(s.p[i]))
			buf_addc(out, s.p[i]);
		else
			buf_addf(out, "+%02X", (unsigned char)s.p[i]);
}

bool verp_encode(struct str sender, struct str recipient, struct buf *out)
{
	ptrdiff_t sat = str_rchr(sender, '@'), rat = str_rchr(recipient, '@');
	if (sat < 1 || rat < 1)
		return buf_adds(out, sender);
	buf_adds(out, str_head(sender, (size_t)sat));
	buf_addc(out, '-');
	encode(out, str_head(recipient, (size_t)rat));
	buf_addc(out, '=');
	encode(out, str_skip(recipient, (size_t)rat + 1));
	buf_adds(out, str_skip(sender, (size_t)sat));
	return !out->failed;
}

static bool decode(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		int high = -1, low = -1;
		if (s.p[i] == '+' && i + 2 < s.n) {
			high = hex_digit((unsigned char)s.p[i + 1]);
			low = hex_digit((unsigned char)s.p[i + 2]);
		}
		char c = high < 0 || low < 0 ? s.p[i] : (char)(high * 16 + low);
		if ((unsigned char)c < ' ' || c == 127)
			return false;
		buf_addc(out, c);
		i += high < 0 || low < 0 ? 0 : 2;
	}
	return !out->failed;
}

/* The dash is the last one: encoded parts hold none. */
bool verp_decode(struct str address, struct buf *sender, struct buf *recipient)
{
	ptrdiff_t at = str_rchr(address, '@');
	struct str local = str_head(address, at < 0 ? 0 : (size_t)at);
	ptrdiff_t dash = str_rchr(local, '-');
	if (at < 1 || dash < 1)
		return false;
	struct str coded = str_skip(local, (size_t)dash + 1);
	ptrdiff_t equals = str_rchr(coded, '=');
	if (equals < 1 || (size_t)equals + 1 == coded.n)
		return false;
	buf_adds(sender, str_head(local, (size_t)dash));
	buf_adds(sender, str_skip(address, (size_t)at));
	return decode(recipient, str_head(coded, (size_t)equals)) && buf_addc(recipient, '@') &&
	       decode(recipient, str_skip(coded, (size_t)equals + 1)) && !sender->failed;
}
