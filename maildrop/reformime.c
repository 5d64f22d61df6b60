/* reformime: shows, takes apart and mends MIME messages. */
#include "config.h"

#include "maildrop/reformime.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: reformime [-s SECTIONS] [-i | -e | -x[PREFIX] | -X PROGRAM [ARGUMENT ...]]\n"
    "       reformime -d | -D | -r | -r7 | -r8 | -rU | -V | -u\n"
    "       reformime -m\n"
    "       reformime [-c CHARSET] -h|-H|-o|-O TEXT\n";

static _Noreturn void refuse(void)
{
	fputs(usage, stderr);
	exit(EX_USAGE);
}

void reformime_fail(const char *what, const char *why)
{
	fflush(stdout);
	fprintf(stderr, "reformime: %s: %s\n", what, why);
	exit(1);
}

void reformime_put(struct str s)
{
	if (fwrite(s.p, 1, s.n, stdout) != s.n)
		reformime_fail("cannot write", strerror(errno));
}

void reformime_tag(const struct mime_part *p, struct buf *out)
{
	if (!p->parent) {
		buf_addc(out, '1');
		return;
	}
	/* the message inside a message/rfc822 is its section .1, as any first part */
	reformime_tag(p->parent, out);
	buf_addf(out, ".%u", p->number);
}

struct str reformime_range(const struct reformime *r, struct mime_range g)
{
	return str_head(str_skip(r->message, g.start), g.end - g.start);
}

struct str reformime_content(const struct reformime *r, const struct mime_part *p)
{
	struct str raw = reformime_range(r, p->body);
	struct mime_decoder d;
	struct buf out;
	if (p->cte != MIME_QP && p->cte != MIME_BASE64)
		return raw;
	buf_init(&out, REFORMIME_INPUT_MAX);
	mime_decoder_init(&d, p->cte);
	if (!mime_decode(&d, raw, &out) || !mime_decode_end(&d, &out))
		reformime_fail("cannot decode a section", "it is too large");
	return buf_str(&out);
}

struct str reformime_name(const struct reformime *r, const struct mime_part *p)
{
	struct str name = mime_param_value(r->arena, p->disposition_params, "filename");
	return name.p ? name : mime_param_value(r->arena, p->params, "name");
}

static void read_message(struct reformime *r)
{
	struct buf in;
	buf_init(&in, REFORMIME_INPUT_MAX);
	if (file_read_fd(0, &in) < 0)
		reformime_fail("cannot read the message", strerror(errno));
	r->message = buf_str(&in);
	if (mime_parse(r->arena, r->message, &mime_default_limits, &r->mime) < 0)
		reformime_fail("cannot read the message", "it has too many parts for this program");
}

static void pick_all(struct reformime *r, const struct mime_part *p)
{
	vec_push(&r->picked, p);
	for (const struct mime_part *c = p->child; c; c = c->next)
		pick_all(r, c);
}

static const struct mime_part *pick(const struct reformime *r, struct str tag)
{
	struct buf b;
	buf_init(&b, REFORMIME_TAG_MAX);
	for (size_t i = 0; i < r->picked.n; i++) {
		buf_clear(&b);
		reformime_tag(r->picked.v[i], &b);
		if (str_eq(buf_str(&b), tag))
			return r->picked.v[i];
	}
	fprintf(stderr, "reformime: there is no section '%.*s'\n", STR_FMT(tag));
	exit(1);
}

/* -s 1.1,1.2 */
static void pick_sections(struct reformime *r, const char *list)
{
	struct reformime all = *r;
	struct str rest = str_of(list), tag;
	memset(&r->picked, 0, sizeof r->picked);
	while (r->picked.n < REFORMIME_SECTIONS_MAX && str_split(&rest, ',', &tag))
		vec_push(&r->picked, pick(&all, tag));
	r->by_name = true;
	vec_free(&all.picked);
}

struct options {
	char what;          /* the letter of what is to be done; 0: list the sections */
	const char *detail; /* of -r and -x: what stands behind the letter */
	const char *sections, *charset, *text;
	char **program; /* of -X */
};

static void set_action(struct options *o, const char *word)
{
	if (o->what)
		refuse();
	o->what = word[1];
	o->detail = word + 2;
	bool more =
	    o->what == 'x' || (o->what == 'r' && strchr("78U", word[2]) && !(word[2] && word[3]));
	if (word[2] && !more)
		refuse();
}

static void read_options(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc && !o->program; i++) {
		const char *w = argv[i];
		if (w[0] != '-' || !w[1] || !strchr("sieixXdDmrVuhHoOc", w[1]))
			refuse();
		if (!strchr("schHoO", w[1])) {
			set_action(o, w);
			o->program = w[1] == 'X' ? argv + i + 1 : NULL;
			continue;
		}
		const char *value = w[2] ? w + 2 : argv[++i];
		if (!value)
			refuse();
		if (w[1] == 's')
			o->sections = value;
		else if (w[1] == 'c')
			o->charset = value;
		else if (o->what)
			refuse();
		else
			o->what = w[1], o->text = value;
	}
	if ((o->program && !*o->program) || (o->what == 'e' && !o->sections))
		refuse();
}

static int act(struct reformime *r, const struct options *o)
{
	switch (o->what) {
	case 'i':
		return reformime_info(r);
	case 'e':
		return reformime_extract(r);
	case 'x':
		return *o->detail ? reformime_save(r, o->detail) : reformime_ask(r);
	case 'X':
		return reformime_pipe(r, o->program);
	case 'd':
		return reformime_statuses(r, false);
	case 'D':
		return reformime_statuses(r, true);
	case 'r':
		return reformime_rewrite(r, *o->detail);
	case 'V':
		return reformime_validate(r);
	case 'u':
		return reformime_search_text(r);
	default:
		return reformime_list(r);
	}
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct reformime r = {.arena = arena_new((size_t)2 << 30)};
	charset_allow_iconv(true);
	read_options(&o, argc, argv);
	int status;
	if (o.text)
		status = reformime_header(o.what, o.charset, o.text);
	else if (o.what == 'm')
		status = reformime_digest();
	else {
		read_message(&r);
		r.charset = o.charset;
		pick_all(&r, r.mime.root);
		if (o.sections)
			pick_sections(&r, o.sections);
		status = act(&r, &o);
	}
	if (fflush(stdout) != 0)
		reformime_fail("cannot write", strerror(errno));
	return status;
}
