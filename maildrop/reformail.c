/* reformail: changes, shows and splits messages. */
#include "config.h"

#include "maildir/mbox-lock.h"
#include "maildrop/reformail.h"
#include "rfc822/rfc822.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: reformail [-a|-A|-i|-I 'Header: value'] [-R Old: New:] [-u|-U Header:] [-c] [-d 0|1]\n"
    "                 [-f 0|1]\n"
    "       reformail -x|-X Header: ...\n"
    "       reformail -D BYTES FILE\n"
    "       reformail -s PROGRAM [ARGUMENT ...]\n";

enum { CHANGES_MAX = 1000, CACHE_MAX = 64 << 20 };

struct change {
	char what;             /* the option's letter */
	struct str name, text; /* text: the whole line, or the new name of -R */
};

static struct {
	VEC(struct change) changes;
	bool join, crlf, drop_from, add_from, show;
} opt;

struct field {
	struct str name, raw; /* raw: name, body and line ends */
	bool gone;
};

static struct {
	struct buf in, made; /* made: texts of new fields */
	struct str from;     /* the From_ line */
	VEC(struct field) fields;
	struct str rest; /* the empty line and the body */
} m;

_Noreturn void refuse(void)
{
	fputs(usage, stderr);
	exit(EX_USAGE);
}

_Noreturn void fail(const char *what)
{
	fprintf(stderr, "reformail: %s: %s\n", what, strerror(errno));
	exit(EX_TEMPFAIL);
}

static struct str header_name(const char *arg)
{
	ptrdiff_t colon = str_chr(str_of(arg), ':');
	if (colon < 1)
		refuse();
	return str_at(arg, (size_t)colon);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_message(void)
{
	struct header_field f;
	size_t body;
	buf_init(&m.in, INPUT_MAX);
	buf_init(&m.made, INPUT_MAX);
	if (file_read_fd(0, &m.in) < 0)
		fail("cannot read the message");
	struct str all = buf_str(&m.in);
	while (opt.drop_from && all.n && blank(first_line(all)))
		all = str_skip(all, first_line(all).n);
	if (str_starts(all, STR("From "))) {
		m.from = first_line(all);
		all = str_skip(all, m.from.n);
	}
	size_t n = header_length(all, &body);
	struct str block = str_head(all, n);
	m.rest = str_skip(all, n);
	while (header_next(&block, &f))
		vec_push(&m.fields, ((struct field){.name = f.name, .raw = f.raw}));
}

/* ---- changing -------------------------------------------------------------------------------- */

static void add_field(struct str name, struct str raw)
{
	vec_push(&m.fields, ((struct field){.name = name, .raw = raw}));
}

static size_t count(struct str name)
{
	size_t n = 0;
	for (size_t i = 0; i < m.fields.n; i++)
		n += !m.fields.v[i].gone && str_ieq(m.fields.v[i].name, name);
	return n;
}

static struct str text_copy(const char *text)
{
	return str_of(mem_strdup(text));
}

static struct str with_id(const struct change *c)
{
	struct str value = str_skip(c->text, c->name.n + 1);
	char host[256] = "localhost", token[25];
	if (value.n || (!str_iis(c->name, "Message-ID") && !str_iis(c->name, "Resent-Message-ID")))
		return c->text;
	gethostname(host, sizeof host - 1);
	random_token(token, 24);
	char *z = mem_printf("%.*s <%s.reformail@%s>", STR_FMT(c->text), token, host);
	return str_of(z);
}

static void rename_field(struct field *f, struct str name)
{
	struct buf b;
	buf_init(&b, INPUT_MAX);
	buf_adds(&b, name);
	buf_adds(&b, str_skip(f->raw, f->name.n));
	f->name = name;
	f->raw = buf_str(&b); /* lives to the end of the process */
}

static void old_fields(const struct change *c)
{
	for (size_t i = 0; i < m.fields.n; i++) {
		struct field *f = &m.fields.v[i];
		if (f->gone || !str_ieq(f->name, c->name))
			continue;
		if (c->what == 'I')
			f->gone = true;
		else if (c->what == 'R')
			rename_field(f, c->text);
		else
			rename_field(f, str_of(mem_printf("Old-%.*s", STR_FMT(f->name))));
	}
}

/* -u keeps the first, -U the last. */
static void keep_one(const struct change *c)
{
	size_t left = count(c->name), seen = 0;
	for (size_t i = 0; i < m.fields.n; i++) {
		struct field *f = &m.fields.v[i];
		if (f->gone || !str_ieq(f->name, c->name))
			continue;
		seen++;
		f->gone = c->what == 'u' ? seen > 1 : seen < left;
	}
}

static void apply(const struct change *c)
{
	switch (c->what) {
	case 'a':
		if (!count(c->name))
			add_field(c->name, with_id(c));
		break;
	case 'A':
		add_field(c->name, with_id(c));
		break;
	case 'i':
		old_fields(c);
		add_field(c->name, c->text);
		break;
	case 'I':
		old_fields(c);
		if (c->text.n > c->name.n + 1)
			add_field(c->name, c->text);
		break;
	case 'R':
		old_fields(c);
		break;
	default:
		keep_one(c);
	}
}

/* ---- the line of an mbox --------------------------------------------------------------------- */

/* "From SENDER date" becomes a Return-Path. */
static void from_to_path(void)
{
	struct change all = {.what = 'I', .name = STR("Return-Path")};
	struct str rest = str_trim(m.from), word = STR_NONE;
	if (!m.from.n)
		return;
	m.from = STR_NONE;
	str_word(&rest, &word);
	str_word(&rest, &word);
	old_fields(&all);
	add_field(all.name, str_of(mem_printf("Return-Path: <%.*s>", STR_FMT(word))));
}

static struct str sender(struct arena *a)
{
	static const char *const names[] = {"Errors-To", "Return-Path", "From"};
	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		for (size_t i = 0; i < m.fields.n; i++) {
			struct field *f = &m.fields.v[i];
			struct mailaddr_list l;
			if (f->gone || !str_iis(f->name, names[k]) ||
			    mailaddr_parse(a, str_skip(f->raw, f->name.n + 1), 10, &l) < 0)
				continue;
			for (const struct mailaddr *p = l.first; p; p = p->next)
				if (p->kind == MAILADDR_MAILBOX && p->local.n) {
					mailaddr_print_spec(&m.made, p->local, p->domain);
					return buf_str(&m.made);
				}
		}
	return STR("root");
}

static void make_from(void)
{
	char date[CLOCK_RFC5322_SIZE];
	struct arena *a = arena_new(16 << 20);
	if (m.from.n || !a)
		return;
	clock_mbox(clock_now(), date);
	struct str who = sender(a);
	m.from = str_of(mem_printf("From %.*s %s\n", STR_FMT(who), date));
	arena_free(a);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A field on one line: every fold one blank. */
static void unfold(struct str raw, struct buf *out)
{
	raw = str_trim(raw);
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] != '\n' && raw.p[i] != '\r') {
			buf_addc(out, raw.p[i]);
			continue;
		}
		while (i + 1 < raw.n && ascii_space((unsigned char)raw.p[i + 1]))
			i++;
		buf_addc(out, ' ');
	}
}

static void put(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n')
			continue;
		if (s.p[i] == '\n' && opt.crlf)
			putchar('\r');
		putchar(s.p[i]);
	}
}

static void put_field(struct str raw)
{
	struct buf b;
	buf_init(&b, INPUT_MAX);
	if (opt.join)
		unfold(raw, &b);
	struct str s = opt.join ? buf_str(&b) : raw;
	put(s);
	if (!s.n || s.p[s.n - 1] != '\n')
		put(STR("\n"));
	buf_free(&b);
}

static void show(const struct change *c)
{
	struct buf b;
	for (size_t i = 0; i < m.fields.n; i++) {
		struct field *f = &m.fields.v[i];
		if (!str_ieq(f->name, c->name))
			continue;
		buf_init(&b, INPUT_MAX);
		unfold(c->what == 'X' ? f->raw : str_skip(f->raw, f->name.n + 1), &b);
		put(buf_str(&b));
		put(STR("\n"));
		buf_free(&b);
	}
}

static int reformat(void)
{
	read_message();
	if (opt.drop_from)
		from_to_path();
	for (size_t i = 0; i < opt.changes.n; i++) {
		if (opt.show)
			show(&opt.changes.v[i]);
		else
			apply(&opt.changes.v[i]);
	}
	if (!opt.show) {
		if (opt.add_from)
			make_from();
		put(m.from);
		for (size_t i = 0; i < m.fields.n; i++)
			if (!m.fields.v[i].gone)
				put_field(m.fields.v[i].raw);
		put(m.rest.n ? m.rest : STR("\n"));
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		fail("cannot write");
	return 0;
}

/* ---- duplicates ------------------------------------------------------------------------------ */

static bool in_cache(struct str cache, struct str id)
{
	while (cache.n) {
		size_t n = strnlen(cache.p, cache.n);
		if (str_eq(str_head(cache, n), id))
			return true;
		cache = str_skip(cache, n + 1);
	}
	return false;
}

/* The newest id comes first; those that do not fit any more are forgotten. */
static void remember(int fd, struct str old, struct str id, size_t max)
{
	struct buf b;
	buf_init(&b, 2 * (size_t)CACHE_MAX);
	buf_adds(&b, id);
	buf_addc(&b, 0);
	while (old.n && *old.p) {
		size_t n = strnlen(old.p, old.n);
		if (b.n + n + 2 > max)
			break;
		buf_adds(&b, str_head(old, n));
		buf_addc(&b, 0);
		old = str_skip(old, n + 1);
	}
	buf_addc(&b, 0);
	if (lseek(fd, 0, SEEK_SET) < 0 || file_write_all(fd, b.p, b.n) < 0 ||
	    ftruncate(fd, (off_t)b.n) < 0)
		fail("cannot write the cache");
	buf_free(&b);
}

static int duplicate(const char *length, const char *file)
{
	uint64_t max = 0;
	struct buf cache;
	struct lock_times t = {.give_up = 120};
	struct str id = STR_NONE;
	if (!file || !str_u64(str_of(length), &max) || !max || max > CACHE_MAX)
		refuse();
	read_message();
	for (size_t i = 0; i < m.fields.n && !id.n; i++)
		if (str_iis(m.fields.v[i].name, "Message-ID"))
			id = str_trim(str_skip(m.fields.v[i].raw, m.fields.v[i].name.n + 1));
	if (!id.n || memchr(id.p, 0, id.n))
		return 1;
	buf_init(&cache, CACHE_MAX);
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || kernel_lock(fd, false, &t) < 0 || file_read_fd(fd, &cache) < 0)
		fail(file);
	bool known = in_cache(buf_str(&cache), id);
	if (!known)
		remember(fd, buf_str(&cache), id, (size_t)max);
	if (file_close(fd) < 0)
		fail(file);
	buf_free(&cache);
	return known ? 0 : 1;
}

/* ---- the command line ------------------------------------------------------------------------ */

static void change(char what, const char *arg)
{
	struct change c = {.what = what, .name = header_name(arg), .text = text_copy(arg)};
	if (opt.changes.n >= CHANGES_MAX || str_chr(c.text, '\n') >= 0)
		refuse();
	vec_push(&opt.changes, c);
}

static void digit(char what, const char *arg)
{
	if ((arg[0] != '0' && arg[0] != '1') || arg[1])
		refuse();
	if (what == 'd')
		opt.crlf = arg[0] == '1';
	else if (arg[0] == '1')
		opt.add_from = true;
	else
		opt.drop_from = true;
}

int main(int argc, char **argv)
{
	int c;
	log_open("reformail", LOG_TO_STDERR, -1);
	if (argc > 1 && !strcmp(argv[1], "-s"))
		return split_mailbox(argv + 2);
	while ((c = getopt(argc, argv, "+D:x:X:a:A:i:I:R:u:U:cd:f:")) != -1) {
		if (c == 'D') {
			return duplicate(optarg, argv[optind]);
		} else if (c == 'c') {
			opt.join = true;
		} else if (c == 'd' || c == 'f') {
			digit((char)c, optarg);
		} else if (c == 'R') {
			if (!argv[optind])
				refuse();
			change('R', optarg);
			opt.changes.v[opt.changes.n - 1].text = header_name(argv[optind++]);
		} else if (c == '?') {
			refuse();
		} else {
			opt.show = opt.show || c == 'x' || c == 'X';
			change((char)c, optarg);
		}
	}
	for (size_t i = 0; i < opt.changes.n; i++)
		if (opt.show && opt.changes.v[i].what != 'x' && opt.changes.v[i].what != 'X')
			refuse();
	return reformat();
}
