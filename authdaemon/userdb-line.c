#include "config.h"

#include "authdaemon/userdb.h"

bool userdb_name_ok(struct str name)
{
	return name.n > 0 && name.n <= USERDB_NAME_MAX && name.p[0] != '#' && !str_has_ctl(name) &&
	       str_trim(name).n == name.n;
}

bool userdb_field_ok(struct str field)
{
	for (size_t i = 0; i < field.n; i++)
		if (!ascii_alnum((unsigned char)field.p[i]) && !memchr("-_.", field.p[i], 3))
			return false;
	return field.n > 0 && field.n <= 64;
}

bool userdb_value_ok(struct str value)
{
	return !str_has_ctl(value) && str_chr(value, '|') < 0;
}

bool userdb_is_secret(struct str field)
{
	return str_ends(field, STR("pw"));
}

bool userdb_key(struct str name, struct buf *out)
{
	ptrdiff_t at = str_rchr(name, '@');
	size_t local = at < 0 ? name.n : (size_t)at;
	buf_add(out, name.p, local);
	for (size_t i = local; i < name.n; i++)
		buf_addc(out, (char)ascii_lower((unsigned char)name.p[i]));
	return !out->failed;
}

int userdb_line(struct str line, struct str *name, struct str *record)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (str_trim(line).n == 0 || line.p[0] == '#')
		return 0;
	if (line.n > USERDB_LINE_MAX || !str_split(&line, '\t', name) || !line.p)
		return -1;
	*record = str_trim(line);
	return userdb_name_ok(*name) && record->n && !str_has_ctl(*record) ? 1 : -1;
}

bool userdb_next(struct str *record, struct str *field, struct str *value)
{
	struct str piece;
	do {
		if (!str_split(record, '|', &piece))
			return false;
	} while (piece.n == 0);
	ptrdiff_t at = str_chr(piece, '=');
	*field = at < 0 ? piece : str_head(piece, (size_t)at);
	*value = at < 0 ? STR_NONE : str_skip(piece, (size_t)at + 1);
	return true;
}

bool userdb_field(struct str record, const char *field, struct str *value)
{
	struct str f, v;
	while (userdb_next(&record, &f, &v)) {
		if (!str_is(f, field))
			continue;
		*value = v;
		return true;
	}
	return false;
}
