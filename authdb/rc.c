#include "config.h"

#include "authdb/rc.h"

#include <errno.h>
#include <fcntl.h>

/* Cuts the next line off *text, with those that it goes on with, into out. */
static bool next_line(struct str *text, unsigned *line, struct buf *out)
{
	struct str l;
	buf_clear(out);
	for (bool more = true; more && str_split(text, '\n', &l); ++*line) {
		if (l.n && l.p[l.n - 1] == '\r')
			l.n--;
		bool comment = out->n == 0 && str_trim(l).n && str_trim(l).p[0] == '#';
		more = !comment && l.n && l.p[l.n - 1] == '\\';
		buf_adds(out, str_head(l, l.n - more));
		if (!more) {
			++*line;
			return true;
		}
	}
	return out->n > 0;
}

static const struct rc_setting *find(const struct rc_file *f, struct str name)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_is(name, f->settings[i].name))
			return &f->settings[i];
	return NULL;
}

static const char *judge_value(const struct rc_setting *s, struct str v, struct arena *a)
{
	uint64_t n;
	if (v.n == 0 || (s->type != RC_NUMBER && s->type != RC_FLAG))
		return NULL;
	uint64_t max = s->type == RC_FLAG ? 1 : s->max;
	if (str_u64(v, &n) && n >= s->min && n <= max)
		return NULL;
	const char *why = arena_printf(a, "%s is a number from %llu to %llu", s->name,
	    (unsigned long long)s->min, (unsigned long long)max);
	return why ? why : "the file is too large";
}

/* Tabs of lines that were put together are blanks; nothing else below a blank has a meaning. */
static char *copy_value(struct str v, struct arena *a)
{
	char *z = arena_strz(a, v);
	for (size_t i = 0; z && i < v.n; i++)
		if (z[i] == '\t')
			z[i] = ' ';
	return z;
}

static void note(struct rc *out, unsigned line, const char *why)
{
	if (why && out->n_odd < ARRAY_LEN(out->odd))
		out->odd[out->n_odd++] = (struct rc_fault){line, why};
}

static const char *take(
    const struct rc_file *f, struct str text, unsigned line, struct arena *a, struct rc *out)
{
	struct str name, rest = text;
	str_word(&rest, &name);
	const struct rc_setting *s = find(f, name);
	if (!s || s->type == RC_UNUSED) {
		note(out, line,
		    s ? s->why
		      : arena_printf(
			    a, "'%.*s' is no setting of this file", STR_FMT(str_head(name, 60))));
		return NULL;
	}
	rest = str_trim(rest);
	char *z = copy_value(rest, a);
	if (!z)
		return "the file is too large";
	if (str_has_ctl(str_at(z, rest.n)))
		return "a control character";
	out->values[s->at] = z;
	return judge_value(s, rest, a);
}

int rc_parse(const struct rc_file *f, struct str text, struct arena *a, struct rc *out,
    struct rc_fault *fault)
{
	struct buf one;
	unsigned next = 1;
	*out = (struct rc){.n_odd = 0};
	*fault = (struct rc_fault){0, NULL};
	for (size_t i = 0; i < RC_VALUES_MAX; i++)
		out->values[i] = "";
	for (size_t i = f->n; i-- > 0;)
		if (f->settings[i].def)
			out->values[f->settings[i].at] = f->settings[i].def;
	buf_init(&one, RC_FILE_MAX);
	while (!fault->why && (fault->line = next, next_line(&text, &next, &one))) {
		struct str l = str_trim(buf_str(&one));
		if (l.n && l.p[0] != '#')
			fault->why = take(f, l, fault->line, a, out);
	}
	mem_wipe(one.p, one.n);
	buf_free(&one);
	if (!fault->why) {
		fault->line = 0;
		fault->why = f->judge ? f->judge(out->values, a) : NULL;
	}
	return fault->why ? -1 : 0;
}

int rc_load(const struct rc_file *f, const char *etc, struct arena *a, struct rc *out,
    struct rc_fault *fault, const char **path)
{
	struct buf text;
	*fault = (struct rc_fault){0, "out of memory"};
	*path = arena_printf(a, "%s/%s", etc, f->name);
	if (!*path)
		return -1;
	buf_init(&text, RC_FILE_MAX);
	int r = file_read(AT_FDCWD, *path, &text);
	if (r < 0) {
		fault->why = arena_printf(a, "cannot be read: %s", strerror(errno));
	} else {
		r = rc_parse(f, buf_str(&text), a, out, fault);
	}
	mem_wipe(text.p, text.n);
	buf_free(&text);
	return r;
}

uint64_t rc_number(const struct rc *rc, unsigned at)
{
	uint64_t n = 0;
	(void)str_u64(str_of(rc->values[at]), &n);
	return n;
}
