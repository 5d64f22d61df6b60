#include "config.h"

#include "authdb/ldaprc.h"
#include "directory/directory.h"

bool ldaprc_filter(struct buf *out, const char *extra, const char *attribute, struct str value)
{
	buf_clear(out);
	buf_addf(out, "%s%s(%s=", *extra ? "(&" : "", extra, attribute);
	directory_escape(out, value);
	buf_addz(out, *extra ? "))" : ")");
	return !out->failed;
}

bool ldaprc_emailmap(struct buf *out, const char *text, struct str name)
{
	struct str rest = str_of(text);
	ptrdiff_t at = str_rchr(name, '@');
	struct str user = at < 0 ? name : str_head(name, (size_t)at);
	struct str realm = at < 0 ? STR_NONE : str_skip(name, (size_t)at + 1);
	buf_clear(out);
	while (rest.n) {
		bool is_user = str_starts(rest, STR("@user@"));
		if (is_user || str_starts(rest, STR("@realm@"))) {
			directory_escape(out, is_user ? user : realm);
			rest = str_skip(rest, is_user ? 6 : 7);
		} else {
			buf_addc(out, rest.p[0]);
			rest = str_skip(rest, 1);
		}
	}
	return !out->failed;
}
