#include "config.h"

#include "courierd/sched-main.h"

static void add_encoded(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr("@:%!-[]+", s.p[i]) && s.p[i])
			buf_addf(out, "+%02X", (unsigned char)s.p[i]);
		else
			buf_addc(out, s.p[i]);
}

bool verp_sender(struct str sender, struct str recipient, struct buf *out)
{
	ptrdiff_t sat = str_rchr(sender, '@'), rat = str_rchr(recipient, '@');
	if (sat < 1 || rat < 1)
		return buf_adds(out, sender);
	buf_adds(out, str_head(sender, (size_t)sat));
	buf_addc(out, '-');
	add_encoded(out, str_head(recipient, (size_t)rat));
	buf_addc(out, '=');
	add_encoded(out, str_skip(recipient, (size_t)rat + 1));
	buf_adds(out, str_skip(sender, (size_t)sat));
	return !out->failed;
}
