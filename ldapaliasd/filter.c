#include "ldapaliasd/directory.h"

/* Everything but letters, digits and what addresses are made of goes as \hh: a filter has its own
 * idea of some (RFC 4515, section 3). */
static void put_value(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (ascii_alnum(c) || (c && strchr("@.-_+=", c)))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "\\%02x", (unsigned)c);
	}
}

bool directory_filter(struct buf *out, const char *attribute, struct str value,
    const char *source_attribute, struct str source)
{
	buf_clear(out);
	bool both = source.p && *source_attribute;
	buf_addf(out, "%s(%s=", both ? "(&" : "", attribute);
	put_value(out, value);
	buf_addc(out, ')');
	if (both && source.n) {
		buf_addf(out, "(%s=", source_attribute);
		put_value(out, source);
		buf_addz(out, "))");
	} else if (both)
		buf_addf(out, "(!(%s=*)))", source_attribute);
	return !out->failed;
}
