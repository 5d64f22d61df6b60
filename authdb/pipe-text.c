#include "config.h"

#include "authdb/pipe-text.h"

static bool one_line(struct str s)
{
	return s.n > 0 && !str_has_ctl(s);
}

bool pipe_request(const struct authdb_job *j, struct buf *out)
{
	bool named = one_line(j->service) && one_line(j->name) && str_chr(j->service, ' ') < 0;
	switch (j->kind) {
	case AUTHDB_LOOKUP:
		buf_addf(out, "PRE . %.*s %.*s\n", STR_FMT(j->service), STR_FMT(j->name));
		return named && !out->failed;
	case AUTHDB_CHECK:
		buf_addf(out, "AUTH %zu\n%.*s\nlogin\n%.*s\n%.*s\n",
		    j->service.n + j->name.n + j->password.n + 9, STR_FMT(j->service),
		    STR_FMT(j->name), STR_FMT(j->password));
		return named && one_line(j->password) && !out->failed;
	case AUTHDB_CHANGE:
		buf_addf(out, "PASSWD %.*s\t%.*s\t%.*s\t%.*s\n", STR_FMT(j->service),
		    STR_FMT(j->name), STR_FMT(j->password), STR_FMT(j->fresh));
		return named && one_line(j->password) && one_line(j->fresh) && !out->failed;
	case AUTHDB_EACH:
		return buf_addz(out, "ENUMERATE\n");
	default:
		return false;
	}
}

enum pipe_answer pipe_answer(enum authdb_frame kind, struct str text)
{
	struct str line;
	bool account = kind == AUTHDB_LOOKUP || kind == AUTHDB_CHECK, first = true;
	while (text.n) {
		ptrdiff_t end = str_chr(text, '\n');
		if (end < 0)
			return text.n > PIPE_LINE_MAX ? PIPE_BROKEN : PIPE_MORE;
		line = str_head(text, (size_t)end);
		text = str_skip(text, (size_t)end + 1);
		if (first && str_is(line, "FAIL"))
			return text.n ? PIPE_BROKEN : PIPE_NO;
		if (!account)
			return str_is(line, "OK") && !text.n ? PIPE_YES : PIPE_BROKEN;
		if (str_is(line, "."))
			return text.n ? PIPE_BROKEN : PIPE_YES;
		if (str_chr(line, '=') <= 0)
			return PIPE_BROKEN;
		first = false;
	}
	return PIPE_MORE;
}

static struct str attribute(struct str text, const char *name)
{
	struct str line, key;
	while (str_split(&text, '\n', &line))
		if (str_split(&line, '=', &key) && str_is(key, name))
			return line;
	return STR_NONE;
}

static bool keep(struct authdb_job *j, struct str text, const char *name, struct str *out)
{
	struct str s = attribute(text, name);
	*out = s.n ? arena_str(j->arena, s) : STR_NONE;
	return !s.n || out->p;
}

const char *pipe_account(struct str text, struct authdb_job *j)
{
	struct auth_account *a = &j->a;
	struct str uid = attribute(text, "UID"), gid = attribute(text, "GID");
	bool kept = keep(j, text, "USERNAME", &a->sysuser) && keep(j, text, "HOME", &a->home) &&
		    keep(j, text, "ADDRESS", &a->name) && keep(j, text, "NAME", &a->fullname) &&
		    keep(j, text, "MAILDIR", &a->maildir) && keep(j, text, "QUOTA", &a->quota) &&
		    keep(j, text, "OPTIONS", &a->options) && keep(j, text, "PASSWD", &j->stored) &&
		    keep(j, text, "PASSWD2", &j->clear);
	a->uid = UINT32_MAX;
	if (!kept)
		return "its answer is too large";
	if (!a->name.n || !a->home.n)
		return "its answer lacks ADDRESS or HOME";
	if (!authdb_id(gid, &a->gid))
		return "its answer has no usable GID";
	if (uid.n ? !authdb_id(uid, &a->uid) : !a->sysuser.n)
		return "its answer has neither a usable UID nor USERNAME";
	j->binds = true; /* the program is asked about passwords itself */
	return NULL;
}

enum pipe_line pipe_listed(struct str line, struct auth_account *a)
{
	struct str uid = STR_NONE, gid = STR_NONE;
	struct str *const columns[] = {&a->name, &uid, &gid, &a->home, &a->maildir, &a->options};
	size_t n = 0;
	*a = (struct auth_account){0};
	if (str_is(line, "."))
		return PIPE_END;
	if (!line.n || line.p[0] == '#')
		return PIPE_NOTHING;
	while (n < ARRAY_LEN(columns) && str_split(&line, '\t', columns[n]))
		n++;
	bool good =
	    n >= 4 && a->name.n && a->home.n && authdb_id(uid, &a->uid) && authdb_id(gid, &a->gid);
	return good ? PIPE_ACCOUNT : PIPE_ODD;
}
