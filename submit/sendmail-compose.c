/* What a program writes to sendmail becomes a message with an envelope. */
#include "rewrite/rewrite.h"
#include "submit/sendmail.h"
#include "unicode/unicode.h"
#include "mime/mime.h"
#include <sysexits.h>

/* CRLF becomes LF; programs write either. */
static bool normalise(struct str raw, struct buf *out)
{
	struct str line;
	while (raw.n && str_split(&raw, '\n', &line)) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_adds(out, line);
		buf_addc(out, '\n');
	}
	return !out->failed;
}

static bool is_field(struct str line)
{
	size_t i = 0;
	while (
	    i < line.n && (unsigned char)line.p[i] > ' ' && line.p[i] != ':' && line.p[i] != 0x7f)
		i++;
	return i > 0 && i < line.n && line.p[i] == ':';
}

/* The header ends at an empty line, or where a line is no field: `echo hello | sendmail x` is a
 * message without one. */
static size_t header_end(struct str text, size_t *body)
{
	struct str rest = text, line;
	size_t at = 0;
	while (rest.n && str_split(&rest, '\n', &line)) {
		bool folded = at > 0 && line.n && (line.p[0] == ' ' || line.p[0] == '\t');
		bool mbox = at == 0 && str_starts(line, STR("From "));
		if (line.n == 0) {
			*body = at + 1 < text.n ? at + 1 : text.n;
			return at;
		}
		if (!folded && !mbox && !is_field(line))
			break;
		at += line.n + 1;
	}
	*body = at < text.n ? at : text.n;
	return *body;
}

struct collector {
	struct arena *arena;
	struct sendmail_message *m;
	size_t max;
	bool full;
};

static void add_rcpt(struct collector *c, struct str address)
{
	if (c->m->n_rcpts >= c->max)
		c->full = true;
	else
		c->m->rcpts[c->m->n_rcpts++] = arena_str(c->arena, address);
}

static void add_list(struct collector *c, const struct mailaddr_list *list)
{
	struct buf b;
	buf_init(&b, 4096);
	for (const struct mailaddr *m = list->first; m; m = m->next) {
		if (m->kind != MAILADDR_MAILBOX || m->local.n == 0)
			continue;
		buf_clear(&b);
		if (mailaddr_print_spec(&b, m->local, m->domain))
			add_rcpt(c, buf_str(&b));
	}
	buf_free(&b);
	c->full |= list->limit;
}

/* A word of the command line is a list of addresses. */
static int from_command_line(struct collector *c, const struct sendmail_options *o)
{
	for (size_t i = 0; i < o->n_rcpts; i++) {
		struct mailaddr_list list;
		if (mailaddr_parse(c->arena, str_of(o->rcpts[i]), c->max, &list) < 0)
			return -1;
		if (list.malformed)
			add_rcpt(c, str_of(o->rcpts[i])); /* the gate says what is wrong */
		else
			add_list(c, &list);
	}
	return 0;
}

static int from_bcc(struct collector *c, struct str header)
{
	struct header_field f;
	struct mailaddr_list list;
	while (header_next_named(&header, "Bcc", &f)) {
		if (mailaddr_parse(c->arena, f.body, c->max, &list) < 0)
			return -1;
		add_list(c, &list);
	}
	return 0;
}

static int from_header(struct collector *c, const struct sendmail_options *o, struct str header)
{
	struct mailaddr_list list;
	if (o->bcc_only)
		return from_bcc(c, header);
	if (header_recipients(c->arena, header, c->max, &list) < 0)
		return -1;
	add_list(c, &list);
	return 0;
}

static int find_recipients(struct arena *a, const struct sendmail_options *o, struct str header,
    struct sendmail_message *m, const char **why)
{
	struct collector c = {.arena = a, .m = m, .max = SENDMAIL_RCPTS_MAX};
	m->rcpts = arena_alloc(a, c.max * sizeof(*m->rcpts));
	*why = "out of memory";
	if (!m->rcpts)
		return EX_TEMPFAIL;
	if ((o->n_rcpts ? from_command_line(&c, o) : from_header(&c, o, header)) < 0)
		return EX_TEMPFAIL;
	*why = "too many recipients";
	if (c.full)
		return EX_USAGE;
	*why = "no recipients";
	return m->n_rcpts ? EX_OK : EX_NOUSER;
}

/* ---- From ------------------------------------------------------------------------------------ */

static bool print_from(
    struct buf *out, const char *field, struct str name, struct str local, struct str domain)
{
	struct buf phrase;
	buf_init(&phrase, 1024);
	buf_addf(out, "%s: ", field);
	if (name.n && str_has_8bit(name)) {
		if (utf8_valid(name) && mime_words_encode(&phrase, name, true, 6, "\n"))
			buf_adds(out, buf_str(&phrase));
	} else if (name.n)
		mailaddr_print_phrase(out, name);
	buf_free(&phrase);
	buf_addz(out, name.n ? " <" : "");
	mailaddr_print_spec(out, local, domain);
	buf_addz(out, name.n ? ">\n" : "\n");
	return !out->failed;
}

/* A From that is there is rewritten only when the environment or -F says so. */
static bool rewrite_from(struct arena *a, struct str body, const struct sendmail_options *o,
    const struct sendmail_user *u, struct buf *out)
{
	struct mailaddr_list list;
	struct str name = o->name ? str_of(o->name) : u->force_name;
	if (name.n == 0 && u->force_user.n == 0 && u->force_host.n == 0)
		return false;
	if (mailaddr_parse(a, body, MAILADDR_MAX_DEFAULT, &list) < 0 || list.malformed)
		return false;
	for (struct mailaddr *m = list.first; m; m = m->next) {
		if (m->kind != MAILADDR_MAILBOX)
			continue;
		if (name.n)
			m->name = name;
		if (u->force_user.n)
			m->local = u->force_user;
		if (u->force_host.n)
			m->domain = u->force_host;
	}
	return mailaddr_print_field(out, "From", list.first, "\n");
}

static bool add_header(struct arena *a, struct str header, const struct sendmail_options *o,
    const struct sendmail_user *u, bool drop_bcc, struct buf *out)
{
	struct header_field f;
	bool from = false;
	while (header_next(&header, &f)) {
		if (drop_bcc && (str_iis(f.name, "Bcc") || str_iis(f.name, "Resent-Bcc")))
			continue;
		if (str_iis(f.name, "From")) {
			from = true;
			if (rewrite_from(a, f.body, o, u, out))
				continue;
		}
		buf_adds(out, f.raw);
	}
	if (!from)
		print_from(
		    out, "From", o->name ? str_of(o->name) : u->name, u->from_user, u->from_host);
	return !out->failed;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static struct str find_sender(
    struct arena *a, const struct sendmail_options *o, const struct sendmail_user *u)
{
	if (o->sender) {
		struct str s = str_trim(str_of(o->sender));
		if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
			s = str_head(str_skip(s, 1), s.n - 2);
		return s;
	}
	struct buf b;
	buf_init(&b, 2048);
	mailaddr_print_spec(&b, u->user, u->host);
	struct str s = arena_str(a, buf_str(&b));
	buf_free(&b);
	return s;
}

int sendmail_compose(struct arena *a, const struct sendmail_options *o,
    const struct sendmail_user *u, struct str raw, struct sendmail_message *m, const char **why)
{
	struct buf text;
	size_t body;
	buf_init(&text, SENDMAIL_MAX);
	buf_init(&m->text, SENDMAIL_MAX);
	m->sender = find_sender(a, o, u);
	bool good = normalise(raw, &text);
	size_t n = header_end(buf_str(&text), &body);
	struct str header = str_head(buf_str(&text), n);
	int r = find_recipients(a, o, header, m, why);
	good = good && add_header(a, header, o, u, o->n_rcpts == 0, &m->text) &&
	       buf_addc(&m->text, '\n') && buf_adds(&m->text, str_skip(buf_str(&text), body));
	buf_free(&text);
	if (r == EX_OK && !good) {
		*why = "the message is too large";
		r = EX_DATAERR;
	}
	return r;
}
