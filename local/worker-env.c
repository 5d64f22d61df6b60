#include "config.h"

#include "local/worker.h"

#include <stdlib.h>

enum { ENV_MAX = 256 };

struct env {
	struct arena *a;
	char **v;
	size_t n;
	bool full;
};

static void put(struct env *e, const char *name, struct str value)
{
	char *line = arena_printf(e->a, "%s=%.*s", name, STR_FMT(value));
	if (e->n >= ENV_MAX || !line)
		e->full = true;
	else
		e->v[e->n++] = line;
}

/* What the courierd file sets; ours, put later, win because they stand first. */
static void put_lines(struct env *e, struct str lines)
{
	struct str line;
	while (lines.n && str_split(&lines, '\n', &line)) {
		char *copy = line.n && str_chr(line, '=') > 0 ? arena_strz(e->a, line) : NULL;
		if (line.n && str_chr(line, '=') > 0 && (e->n >= ENV_MAX || !copy))
			e->full = true;
		else if (copy)
			e->v[e->n++] = copy;
	}
}

static struct str after_dash(struct str s)
{
	ptrdiff_t at = str_chr(s, '-');
	return at < 0 ? STR_NONE : str_skip(s, (size_t)at + 1);
}

static void put_address(struct env *e, const struct job *j)
{
	struct str address = j->d->address;
	ptrdiff_t at = str_rchr(address, '@');
	put(e, "RECIPIENT", address);
	put(e, "LOCAL", at < 0 ? address : str_head(address, (size_t)at));
	put(e, "HOST", at < 0 ? STR_NONE : str_skip(address, (size_t)at + 1));
	struct str ext2 = after_dash(j->d->ext), ext3 = after_dash(ext2);
	put(e, "EXT", j->d->ext);
	put(e, "EXT2", ext2);
	put(e, "EXT3", ext3);
	put(e, "EXT4", after_dash(ext3));
	put(e, "DEFAULT", j->fallback);
}

static void put_lines_of_header(struct env *e, const struct job *j)
{
	struct buf b;
	buf_init(&b, 2 * WORKER_PATH_MAX);
	job_from_line(j, &b);
	put(e, "UFLINE", buf_str(&b));
	buf_clear(&b);
	buf_addf(&b, "Return-Path: <%.*s>", STR_FMT(j->d->sender));
	put(e, "RPLINE", buf_str(&b));
	buf_clear(&b);
	buf_addf(&b, "Delivered-To: %.*s", STR_FMT(j->d->address));
	put(e, "DTLINE", buf_str(&b));
	buf_free(&b);
}

char **job_environment(struct job *j)
{
	struct env e = {.a = j->a, .v = arena_zero(j->a, (ENV_MAX + 1) * sizeof(char *))};
	const char *instance = getenv("COURIER_HOME");
	if (!e.v)
		return NULL;
	put(&e, "HOME", j->d->home);
	put(&e, "USER", j->d->user);
	put(&e, "LOGNAME", j->d->user);
	put(&e, "SENDER", j->d->sender);
	put_address(&e, j);
	put_lines_of_header(&e, j);
	put(&e, "MAILDIRQUOTA", j->d->quota);
	if (instance)
		put(&e, "COURIER_HOME", str_of(instance));
	put_lines(&e, j->d->env);
	return e.full ? NULL : e.v;
}

void job_from_line(const struct job *j, struct buf *out)
{
	char date[CLOCK_RFC5322_SIZE];
	clock_mbox(clock_now(), date);
	struct str sender = j->d->sender.n ? j->d->sender : STR("MAILER-DAEMON");
	buf_addz(out, "From ");
	for (size_t i = 0; i < sender.n; i++) /* a word: readers split at blanks */
		buf_addc(out, sender.p[i] == ' ' ? '-' : sender.p[i]);
	buf_addf(out, " %s", date);
}

void job_header(const struct job *j, struct buf *out)
{
	buf_addf(out, "Delivered-To: %.*s\n", STR_FMT(j->d->address));
	buf_addf(out, "Return-Path: <%.*s>\n", STR_FMT(j->d->sender));
}

void job_header_filter(const struct job *j, struct buf *out)
{
	buf_addf(out, "Return-Path: <%.*s>\n", STR_FMT(j->d->sender));
	buf_addf(out, "Delivered-To: %.*s\n", STR_FMT(j->d->address));
}
