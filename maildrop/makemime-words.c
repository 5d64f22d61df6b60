/* makemime's command line: words from the arguments or from a file, into a tree of work. */
#include "maildrop/makemime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: makemime -c TYPE [-e ENCODING] [-C CHARSET] [-N NAME] [-a 'Header: value']... [-o OUT] "
    "FILE\n"
    "       makemime -m multipart/KIND [-e ENCODING] [-a 'Header: value']... [-o OUT] FILE\n"
    "       makemime -j FILE [-o OUT] FILE\n"
    "       makemime @FILE\n";

struct words {
	VEC(const char *) v;
	size_t at;
	unsigned depth;
};

/* What is left of the descriptor that the words came from, behind the line "-". */
static struct {
	int fd;
	struct str rest;
} shared = {.fd = -1};

void makemime_refuse(const char *why, const char *what)
{
	fprintf(stderr, "makemime: %s%s%s%s\n%s", why, what ? " '" : "", what ? what : "",
	    what ? "'" : "", usage);
	exit(EX_USAGE);
}

void makemime_fail(const char *what)
{
	fprintf(stderr, "makemime: '%s': %s\n", what, strerror(errno));
	exit(EX_NOINPUT);
}

/* "-" and "&N"; -1: a file's name. */
static int descriptor(const char *file)
{
	uint64_t n;
	if (strcmp(file, "-") == 0)
		return 0;
	if (*file == '@')
		file++;
	if (*file != '&')
		return -1;
	if (!str_u64(str_of(file + 1), &n) || n > 1023)
		makemime_refuse("no descriptor", file);
	return (int)n;
}

struct str makemime_read(const char *file)
{
	struct buf b;
	int fd = descriptor(file), own = -1;
	if (fd >= 0 && fd == shared.fd) {
		shared.fd = -1; /* a second reader gets what the descriptor has: nothing */
		return shared.rest;
	}
	if (fd < 0 && (own = fd = open(file, O_RDONLY | O_CLOEXEC)) < 0)
		makemime_fail(file);
	buf_init(&b, MAKEMIME_INPUT_MAX);
	if (file_read_fd(fd, &b) < 0)
		makemime_fail(file);
	if (own >= 0)
		close(own);
	return buf_str(&b);
}

static void words_from_file(struct words *w, const char *file)
{
	bool pipe = descriptor(file) >= 0;
	struct str rest = makemime_read(file), line;
	while (str_split(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (str_is(line, "-") && pipe) {
			shared.fd = descriptor(file);
			shared.rest = rest;
			return;
		}
		if (w->v.n >= MAKEMIME_WORDS_MAX)
			makemime_refuse("too many words in", file);
		vec_push(&w->v, mem_strndup(line.p, line.n));
	}
}

static const char *next(struct words *w, const char *missing)
{
	if (w->at >= w->v.n)
		makemime_refuse(missing, NULL);
	return w->v.v[w->at++];
}

static struct piece *read_piece(struct words *w);

static struct source read_source(struct words *w)
{
	const char *word = next(w, "a file is missing");
	struct source s = {.file = word};
	if (strcmp(word, "(") != 0)
		return s;
	if (++w->depth > MAKEMIME_DEPTH_MAX)
		makemime_refuse("parentheses too deep", NULL);
	s.piece = read_piece(w);
	w->depth--;
	if (strcmp(next(w, "a closing parenthesis is missing"), ")") != 0)
		makemime_refuse("no closing parenthesis at", w->v.v[w->at - 1]);
	return s;
}

/* An option behind the first one; false: it is none. */
static bool read_option(struct words *w, struct piece *p)
{
	const char *word = w->at < w->v.n ? w->v.v[w->at] : "";
	if (word[0] != '-' || !word[1] || word[2])
		return false;
	w->at++;
	const char *value = next(w, "an option's value is missing");
	if (word[1] == 'o')
		p->output = value;
	else if (word[1] == 'a' && p->kind != 'j')
		vec_push(&p->fields, value);
	else if (word[1] == 'e' && p->kind != 'j')
		p->encoding = value;
	else if (word[1] == 'C' && p->kind == 'c')
		p->charset = value;
	else if (word[1] == 'N' && p->kind == 'c')
		p->name = value;
	else
		makemime_refuse("no such option here:", word);
	return true;
}

/* Words of headers stay words of headers. */
static void check(const struct piece *p)
{
	for (size_t i = 0; i < p->fields.n; i++)
		if (strpbrk(p->fields.v[i], "\r\n") || !strchr(p->fields.v[i], ':'))
			makemime_refuse("no header field:", p->fields.v[i]);
	const char *one_line[] = {p->type, p->encoding, p->charset, p->name};
	for (size_t i = 0; i < ARRAY_LEN(one_line); i++)
		if (one_line[i] && str_has_ctl(str_of(one_line[i])))
			makemime_refuse("a control character in", one_line[i]);
	if (p->kind == 'c' && str_istarts(str_of(p->type), STR("multipart/")))
		makemime_refuse("-c makes no collection, -m does:", p->type);
	if (p->kind == 'm' && !str_istarts(str_of(p->type), STR("multipart/")))
		makemime_refuse("a collection's type begins with multipart/, not", p->type);
	if (p->kind == 'm' && p->encoding && strcmp(p->encoding, "7bit") != 0 &&
	    strcmp(p->encoding, "8bit") != 0)
		makemime_refuse("a collection is 7bit or 8bit, not", p->encoding);
}

static struct piece *read_piece(struct words *w)
{
	struct piece *p = mem_new(struct piece);
	const char *word = next(w, "nothing to do");
	if (word[0] != '-' || !word[1] || !strchr("cmj", word[1]) || word[2])
		makemime_refuse("-c, -m or -j comes first, not", word);
	p->kind = word[1];
	if (p->kind == 'j')
		p->in[0] = read_source(w);
	else
		p->type = next(w, "the type is missing");
	while (read_option(w, p))
		;
	p->in[p->kind == 'j'] = read_source(w);
	while (read_option(w, p))
		;
	check(p);
	return p;
}

struct piece *makemime_words(int argc, char **argv)
{
	struct words w = {0};
	if (argc == 2 && argv[1][0] == '@')
		words_from_file(&w, argv[1] + 1);
	else
		for (int i = 1; i < argc; i++)
			vec_push(&w.v, argv[i]);
	struct piece *p = read_piece(&w);
	if (w.at < w.v.n)
		makemime_refuse("one thing at a time; behind it stands", w.v.v[w.at]);
	vec_free(&w.v);
	return p;
}
