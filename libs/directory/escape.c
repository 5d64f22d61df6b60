#include "config.h"

#include "base/base.h"
#include "directory/directory.h"

void directory_escape(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (ascii_alnum(c) || (c && strchr("@.-_+=", c)))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "\\%02x", (unsigned)c);
	}
}
