#include "config.h"

#include "directory/directory.h"
#include "ldapaliasd/directory.h"

bool directory_filter(struct buf *out, const char *attribute, struct str value,
    const char *source_attribute, struct str source)
{
	buf_clear(out);
	bool both = source.p && *source_attribute;
	buf_addf(out, "%s(%s=", both ? "(&" : "", attribute);
	directory_escape(out, value);
	buf_addc(out, ')');
	if (both && source.n) {
		buf_addf(out, "(%s=", source_attribute);
		directory_escape(out, source);
		buf_addz(out, "))");
	} else if (both)
		buf_addf(out, "(!(%s=*)))", source_attribute);
	return !out->failed;
}
