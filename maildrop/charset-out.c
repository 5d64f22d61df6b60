#include "config.h"

#include "maildrop/charset-out.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <iconv.h>

struct str charset_from_utf8(struct arena *a, const char *charset, struct str utf8)
{
	if (!charset || str_iis(str_of(charset), "utf-8"))
		return utf8;
	iconv_t cd = iconv_open(charset, "UTF-8");
	if (cd == (iconv_t)-1)
		return STR_NONE;
	size_t in_left = utf8.n, out_left = utf8.n * 4 + 16;
	char *start = arena_alloc(a, out_left), *out = start, *in = arena_strz(a, utf8);
	while (start && in && in_left && iconv(cd, &in, &in_left, &out, &out_left) == (size_t)-1) {
		uint32_t cp;
		size_t n = utf8_next(str_at(in, in_left), &cp);
		if (errno == E2BIG || !out_left)
			break;
		in += n ? n : 1;
		in_left -= n ? n : 1;
		*out++ = '?';
		out_left--;
	}
	iconv_close(cd);
	return start && in ? str_range(start, out) : STR_NONE;
}
