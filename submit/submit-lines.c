/* The command line and the envelope's lines. */
#include "submit/submit.h"
#include <stdlib.h>

static const char *value_of(const char *word, const char *name)
{
	size_t n = strlen(name);
	return strncmp(word, name, n) == 0 ? word + n : NULL;
}

static bool parse_delay(const char *z, struct submit_options *o)
{
	uint64_t n;
	if (!str_u64(str_of(z), &n) || n >= UINT32_MAX)
		return false;
	o->hold = (uint32_t)n + 1;
	return true;
}

static bool parse_one(const char *word, struct submit_options *o)
{
	const struct {
		const char *name;
		const char **to;
	} values[] = {{"-expn=", &o->expn}, {"-vrfy=", &o->vrfy}, {"-rfc3848=", &o->rfc3848},
	    {"-vhost=", &o->vhost}, {"-src=", &o->src}};
	const char *z;
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if ((z = value_of(word, values[i].name))) {
			*values[i].to = z;
			return true;
		}
	if ((z = value_of(word, "-delay=")))
		return parse_delay(z, o);
	if (strcmp(word, "-bcc") == 0)
		return o->bcc = true;
	if (strcmp(word, "-verp") == 0)
		return o->verp = true;
	return false;
}

int submit_parse_options(
    int argc, const char *const *argv, struct submit_options *o, const char **wrong)
{
	static const char *const modules[] = {"local", "esmtp", "uucp", "dsn", "fax"};
	int i = 1;
	*o = (struct submit_options){0};
	*wrong = NULL;
	for (; i < argc && argv[i][0] == '-'; i++)
		if (!parse_one(argv[i], o)) {
			*wrong = argv[i];
			return -1;
		}
	if (argc - i != 2)
		return -1;
	o->module = argv[i];
	o->from_mta = argv[i + 1];
	for (size_t k = 0; k < ARRAY_LEN(modules); k++)
		if (strcmp(o->module, modules[k]) == 0)
			return 0;
	*wrong = o->module;
	return -1;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static struct str field(struct str *line)
{
	struct str f = {0};
	if (line->n)
		str_split(line, '\t', &f);
	return f;
}

/* "S{KEYWORD}" behind the letter. */
static const char *read_security(struct str *letters, struct submit_sender *out)
{
	ptrdiff_t end = str_chr(*letters, '}');
	if (end < 1 || letters->p[0] != '{')
		return "S wants a level in braces";
	struct str level = str_head(str_skip(*letters, 1), (size_t)end - 1);
	*letters = str_skip(*letters, (size_t)end + 1);
	if (str_iis(level, "STARTTLS"))
		out->security = STR("STARTTLS");
	else if (level.n && !str_iis(level, "NONE"))
		return "unknown SECURITY level";
	return NULL;
}

static const char *read_format(struct str letters, struct submit_sender *out)
{
	while (letters.n) {
		char c = letters.p[0];
		letters = str_skip(letters, 1);
		if (c == 'F' || c == 'H')
			out->ret = c;
		else if (c == 'V')
			out->verp = true;
		else if (c == '8')
			out->utf8 = true;
		else if (c == 'S') {
			const char *wrong = read_security(&letters, out);
			if (wrong)
				return wrong;
		}
	}
	return NULL;
}

const char *submit_sender_line(struct arena *a, struct str line, struct submit_sender *out)
{
	struct buf envid;
	*out = (struct submit_sender){.address = field(&line)};
	const char *wrong = read_format(field(&line), out);
	struct str text = field(&line);
	if (wrong || text.n == 0)
		return wrong;
	buf_init(&envid, SUBMIT_LINE_MAX);
	if (!xtext_decode(text, &envid))
		wrong = "the envelope id is no xtext";
	out->envid = arena_str(a, buf_str(&envid));
	buf_free(&envid);
	return wrong || out->envid.p ? wrong : "out of memory";
}

uint8_t submit_notify(struct str letters)
{
	static const char known[] = "SFDN";
	static const uint8_t bits[] = {
	    GATE_NOTIFY_SUCCESS, GATE_NOTIFY_FAILURE, GATE_NOTIFY_DELAY, GATE_NOTIFY_NEVER};
	uint8_t notify = 0;
	for (size_t i = 0; i < letters.n; i++) {
		const char *at = letters.p[i] ? strchr(known, letters.p[i]) : NULL;
		notify |= at ? bits[at - known] : 0;
	}
	return notify & GATE_NOTIFY_NEVER ? GATE_NOTIFY_NEVER : notify;
}

const char *submit_rcpt_line(struct str line, struct gate_rcpt *out)
{
	*out = (struct gate_rcpt){.address = field(&line)};
	out->notify = submit_notify(field(&line));
	out->orcpt = field(&line);
	return out->address.n ? NULL : "an address is missing";
}
