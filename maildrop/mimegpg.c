/* mimegpg: the walk through a message, and the command line. */
#include "config.h"

#include "maildrop/mimegpg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] = "usage: mimegpg -s | -E | -e [-p FD] [-- GPG-OPTION ...]\n"
			    "       mimegpg -c | -d [-p FD] [-- GPG-OPTION ...]\n"
			    "-s goes with -E or -e, -c with -d.\n";

_Noreturn void mimegpg_fail(const char *what)
{
	fprintf(stderr, "mimegpg: %s: %s\n", what, errno ? strerror(errno) : "cannot be handled");
	exit(EX_TEMPFAIL);
}

/* ---- texts ----------------------------------------------------------------------------------- */

struct str mimegpg_bytes(struct str message, size_t start, size_t end)
{
	return str_head(str_skip(message, start), end > start ? end - start : 0);
}

void mimegpg_fields(struct str header, bool mime, struct buf *out)
{
	bool add = false;
	while (header.n) {
		const char *nl = memchr(header.p, '\n', header.n);
		struct str line = str_head(header, nl ? (size_t)(nl - header.p) + 1 : header.n);
		header = str_skip(header, line.n);
		if (!str_trim(line).n)
			break;
		if (line.p[0] != ' ' && line.p[0] != '\t')
			add = str_istarts(line, STR("Content-")) == mime;
		if (add)
			buf_adds(out, line);
	}
}

void mimegpg_crlf(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			buf_addc(out, '\r');
		buf_addc(out, text.p[i]);
	}
}

void mimegpg_boundary(char out[32])
{
	snprintf(out, 32, "=_gpg_%016llx", (unsigned long long)random_u64());
}

bool mimegpg_is(const struct mime_part *p, const char *type, const char *subtype)
{
	return str_is(p->type, type) && str_is(p->subtype, subtype);
}

void mimegpg_decode(struct str message, const struct mime_part *p, struct buf *out)
{
	struct mime_decoder d;
	mime_decoder_init(&d, p->cte);
	if (!mime_decode(&d, mimegpg_bytes(message, p->body.start, p->body.end), out) ||
	    !mime_decode_end(&d, out))
		mimegpg_fail("a part is too large");
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* Nobody but us makes such a section: one that came with the mail would look checked. */
static void add_header(struct str message, const struct mime_part *p, struct buf *out)
{
	struct str header = mimegpg_bytes(message, p->header.start, p->header.end), boundary;
	if (!mimegpg_is(p, "multipart", "x-mimegpg")) {
		buf_adds(out, header);
		return;
	}
	boundary = mime_param_raw(p->params, "boundary");
	bool type = false;
	while (header.n) {
		const char *nl = memchr(header.p, '\n', header.n);
		struct str line = str_head(header, nl ? (size_t)(nl - header.p) + 1 : header.n);
		header = str_skip(header, line.n);
		if (line.p[0] != ' ' && line.p[0] != '\t')
			type = str_istarts(line, STR("Content-Type"));
		if (!str_trim(line).n)
			buf_addf(out, "Content-Type: multipart/mixed; boundary=\"%.*s\"\n",
			    STR_FMT(boundary));
		if (!type || !str_trim(line).n)
			buf_adds(out, line);
	}
}

static void walk(
    struct mimegpg *g, struct str message, struct mime_part *p, bool top, struct buf *out)
{
	bool done = g->sign || g->encrypt ? mimegpg_protect(g, message, p, top, out)
					  : mimegpg_open(g, message, p, top, out);
	if (done)
		return;
	add_header(message, p, out);
	size_t at = p->body.start;
	for (struct mime_part *c = p->multipart ? p->child : NULL; c; c = c->next) {
		buf_adds(out, mimegpg_bytes(message, at, c->header.start));
		walk(g, message, c, false, out);
		at = c->body.end;
	}
	buf_adds(out, mimegpg_bytes(message, at, p->body.end));
}

void mimegpg_walk(struct mimegpg *g, struct str message, struct buf *out)
{
	struct mime_limits limits = mime_default_limits;
	struct mime_result r;
	limits.depth = MIMEGPG_DEPTH_MAX;
	if (mime_parse(g->arena, message, &limits, &r) < 0)
		mimegpg_fail("the message");
	walk(g, message, r.root, g->layers == 0, out);
}

/* ---- the command line ------------------------------------------------------------------------ */

static int descriptor(const char *text)
{
	uint64_t n;
	if (!str_u64(str_of(text), &n) || n > 1023 || fcntl((int)n, F_GETFD) < 0) {
		fprintf(stderr, "mimegpg: '%s' is no open descriptor\n", text);
		exit(EX_USAGE);
	}
	return (int)n;
}

static void read_options(struct mimegpg *g, int argc, char **argv)
{
	int c;
	while ((c = getopt(argc, argv, "+sEecdp:")) != -1) {
		g->sign |= c == 's';
		g->encrypt |= c == 'E' || c == 'e';
		g->whole |= c == 'E';
		g->check |= c == 'c';
		g->decrypt |= c == 'd';
		if (c == 'p')
			g->passphrase = descriptor(optarg);
		if (c == '?')
			optind = argc + 1;
	}
	bool make = g->sign || g->encrypt, open = g->check || g->decrypt;
	if (make == open || optind > argc ||
	    (optind < argc && strcmp(argv[optind - 1], "--") != 0)) {
		fputs(usage, stderr);
		exit(EX_USAGE);
	}
	g->more = argv + optind;
}

int main(int argc, char **argv)
{
	struct mimegpg g = {.passphrase = -1};
	struct buf in, out;
	log_open("mimegpg", LOG_TO_STDERR, -1);
	read_options(&g, argc, argv);
	buf_init(&in, MIMEGPG_MESSAGE_MAX);
	buf_init(&out, MIMEGPG_MESSAGE_MAX);
	g.arena = arena_new((size_t)2 * MIMEGPG_MESSAGE_MAX);
	errno = 0;
	if (!g.arena || file_read_fd(0, &in) < 0)
		mimegpg_fail("cannot read the message");
	mimegpg_walk(&g, buf_str(&in), &out);
	errno = EFBIG;
	if (out.failed)
		mimegpg_fail("the result is too large");
	if (file_write_all(1, out.p, out.n) < 0)
		mimegpg_fail("cannot write the result");
	arena_free(g.arena);
	return 0;
}
