#include "config.h"

#include "authdaemon/text-request.h"

/* Cuts a line off *rest. False: its end has not come yet. */
static bool take_line(struct str *rest, struct str *line)
{
	ptrdiff_t at = str_chr(*rest, '\n');
	if (at < 0)
		return false;
	*line = str_head(*rest, (size_t)at);
	*rest = str_skip(*rest, (size_t)at + 1);
	return true;
}

/* NAME=value, the name of letters, digits and underscores: nothing that begins a request looks so.
 */
static bool is_fact(struct str line, struct str *name, struct str *value)
{
	size_t n = 0;
	while (n < line.n && (ascii_alnum((unsigned char)line.p[n]) || line.p[n] == '_'))
		n++;
	if (n == 0 || n == line.n || line.p[n] != '=')
		return false;
	*name = str_head(line, n);
	*value = str_skip(line, n + 1);
	return true;
}

static int parse_pre(struct str words, struct str rest, struct text_request *r)
{
	r->kind = TEXT_PRE;
	if (!str_word(&words, &r->module) || !str_word(&words, &r->service))
		return -1;
	r->user = str_trim(words); /* a name may hold blanks */
	return r->user.n && !str_has_ctl(r->user) && rest.n == 0 ? 1 : -1;
}

static int parse_auth(struct str words, struct str rest, struct text_request *r)
{
	uint64_t n;
	struct str count, one, two;
	r->kind = TEXT_AUTH;
	if (!str_word(&words, &count) || !str_u64(count, &n) || n > TEXT_REQUEST_MAX)
		return -1;
	if (rest.n < n)
		return 0;
	rest = str_head(rest, (size_t)n);
	if (!take_line(&rest, &r->service) || !take_line(&rest, &r->type))
		return -1;
	if (!take_line(&rest, &one))
		return -1;
	two = rest.n && rest.p[rest.n - 1] == '\n' ? str_head(rest, rest.n - 1) : rest;
	if (str_is(r->type, "login")) {
		r->user = one;
		r->password = two;
	} else {
		r->challenge = one;
		r->response = two;
	}
	return r->service.n && two.n && str_chr(two, '\n') < 0 ? 1 : -1;
}

static int parse_passwd(struct str fields, struct str rest, struct text_request *r)
{
	struct str *const into[] = {&r->service, &r->user, &r->password, &r->new_password};
	r->kind = TEXT_PASSWD;
	while (fields.n && fields.p[0] == ' ')
		fields = str_skip(fields, 1);
	if (fields.n && fields.p[fields.n - 1] == '\t')
		fields.n--;
	for (size_t i = 0; i < ARRAY_LEN(into); i++)
		if (!str_split(&fields, '\t', into[i]) || into[i]->n == 0 || str_has_ctl(*into[i]))
			return -1;
	return !fields.p && rest.n == 0 ? 1 : -1;
}

static int parse_enumerate(struct str words, struct str rest, struct text_request *r)
{
	r->kind = TEXT_ENUMERATE;
	return str_trim(words).n == 0 && rest.n == 0 ? 1 : -1;
}

int text_parse(struct str in, struct text_request *r)
{
	static const struct {
		const char *verb;
		int (*arm)(struct str words, struct str rest, struct text_request *r);
	} verbs[] = {{"PRE", parse_pre}, {"AUTH", parse_auth}, {"PASSWD", parse_passwd},
	    {"ENUMERATE", parse_enumerate}};
	struct str line, name, value, verb;
	*r = (struct text_request){0};
	unsigned facts = 0;
	for (;;) {
		if (!take_line(&in, &line))
			return 0;
		if (!is_fact(line, &name, &value))
			break;
		if (++facts > TEXT_FACTS_MAX)
			return -1;
		if (str_is(name, "TCPREMOTEIP"))
			r->peer = value;
	}
	if (!str_word(&line, &verb))
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_is(verb, verbs[i].verb))
			return verbs[i].arm(line, in, r);
	return -1;
}

void text_attribute(struct buf *out, const char *name, struct str value)
{
	if (value.n && memchr(value.p, '\n', value.n))
		return;
	buf_addz(out, name);
	buf_addc(out, '=');
	buf_adds(out, value);
	buf_addc(out, '\n');
}
