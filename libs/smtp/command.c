/* Command lines: the verb, and the arguments of those verbs that have no parameters. */
#include "config.h"
#include "smtp/smtp.h"

static const struct {
	const char *word;
	enum smtp_verb verb;
} verbs[] = {
    {"MAIL", SMTP_MAIL},
    {"RCPT", SMTP_RCPT},
    {"DATA", SMTP_DATA},
    {"BDAT", SMTP_BDAT},
    {"EHLO", SMTP_EHLO},
    {"HELO", SMTP_HELO},
    {"RSET", SMTP_RSET},
    {"QUIT", SMTP_QUIT},
    {"NOOP", SMTP_NOOP},
    {"AUTH", SMTP_AUTH},
    {"STARTTLS", SMTP_STARTTLS},
    {"VRFY", SMTP_VRFY},
    {"EXPN", SMTP_EXPN},
    {"HELP", SMTP_HELP},
};

const char *smtp_verb_name(enum smtp_verb v)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (verbs[i].verb == v)
			return verbs[i].word;
	return "";
}

static bool clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static struct str trim_blanks(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_skip(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

void smtp_command_parse(struct str line, struct smtp_command *out)
{
	size_t n = 0;

	while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
		n++;
	out->verb = SMTP_UNKNOWN;
	out->word = str_head(line, n);
	out->args = trim_blanks(str_skip(line, n));
	if (!clean(line))
		return;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_iis(out->word, verbs[i].word))
			out->verb = verbs[i].verb;
}

bool smtp_helo_ok(struct str name)
{
	if (!name.n || name.n > SMTP_HELO_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (!ascii_alnum(c) && c < 0x80 && !memchr(".-_:[]", c, 6))
			return false;
	}
	return true;
}

enum smtp_reply_id smtp_vrfy_parse(
    struct arena *a, struct str args, bool *utf8, struct str *address)
{
	/* RFC 6531, section 3.7.4.2: SMTPUTF8 may stand behind the string */
	*utf8 = str_iends(args, STR(" SMTPUTF8"));
	if (*utf8)
		args = trim_blanks(str_head(args, args.n - 9));
	if (!args.n)
		return SMTP_R_NO_ARGUMENT;
	if (str_has_8bit(args) && !*utf8)
		return SMTP_R_NEED_UTF8;
	if (args.p[0] == '<' && args.n >= 2 && args.p[args.n - 1] == '>')
		args = str_at(args.p + 1, args.n - 2);
	if (!args.n || str_has_ctl(args) || args.n > MAILPATH_LOCAL_MAX + 1 + MAILPATH_DOMAIN_MAX)
		return SMTP_R_SYNTAX;
	*address = arena_str(a, args);
	return address->p ? SMTP_R_NONE : SMTP_R_NO_MEMORY;
}

static bool mechanism_ok(struct str m) /* RFC 4422, section 3.1 */
{
	if (!m.n || m.n > 20)
		return false;
	for (size_t i = 0; i < m.n; i++) {
		unsigned char c = (unsigned char)m.p[i];

		if (!ascii_alnum(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

enum smtp_reply_id smtp_auth_parse(
    struct arena *a, struct str args, struct str *mechanism, struct str *initial)
{
	struct str rest = args, word;
	struct buf raw;
	bool ok;

	*initial = STR_NONE;
	if (!str_word(&rest, mechanism))
		return SMTP_R_NO_ARGUMENT;
	if (!mechanism_ok(*mechanism))
		return SMTP_R_BAD_MECHANISM;
	if (!str_word(&rest, &word))
		return SMTP_R_NONE;
	if (trim_blanks(rest).n)
		return SMTP_R_SYNTAX;
	if (str_is(word, "=")) { /* an empty response, not none */
		*initial = STR("");
		return SMTP_R_NONE;
	}
	buf_init(&raw, SMTP_AUTH_LINE_MAX);
	ok = base64_decode(word, &raw);
	if (ok)
		*initial = arena_str(a, buf_str(&raw));
	mem_wipe(raw.p, raw.n);
	buf_free(&raw);
	if (!ok)
		return SMTP_R_BAD_BASE64;
	return initial->p ? SMTP_R_NONE : SMTP_R_NO_MEMORY;
}
