#include "config.h"

#include "base/child.h"
#include "filter/filter-private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATEMENT_ARENA = 256 << 20, CLOCK_EVERY = 64 };

/* ---- the run --------------------------------------------------------------------------------- */

struct filter_run *filter_run_new(
    const struct filter_host *host, void *ctx, struct filter_message m)
{
	struct filter_run *r = mem_new(struct filter_run);
	r->host = host;
	r->ctx = ctx;
	r->msg = m;
	r->vars = map_new();
	r->a = arena_new(STATEMENT_ARENA);
	r->file = "";
	buf_init(&r->error, FILTER_ERROR_MAX);
	view_forget(r); /* makes them, too */
	return r;
}

void filter_run_free(struct filter_run *r)
{
	if (!r)
		return;
	filter_db_close(r);
	view_forget(r);
	buf_free(&r->error);
	map_free(r->vars, free);
	arena_free(r->a);
	free(r);
}

void *filter_ctx(const struct filter_run *r)
{
	return r->ctx;
}

void filter_embedded(struct filter_run *r, bool yes)
{
	r->embedded = yes;
}

void filter_deadline(struct filter_run *r, int64_t ms)
{
	r->deadline = ms;
}

void filter_environment(struct filter_run *r, char *const *env)
{
	r->env = env;
}

bool filter_late(struct filter_run *r)
{
	if (!r->late && r->deadline && clock_mono_ms() >= r->deadline) {
		r->late = true;
		filter_fail(r, "the filter takes too long");
	}
	return r->late;
}

void filter_message_set(struct filter_run *r, struct filter_message m)
{
	r->msg = m;
	view_forget(r);
}

struct filter_message filter_message_of(const struct filter_run *r)
{
	return r->msg;
}

int filter_fail(struct filter_run *r, const char *fmt, ...)
{
	va_list ap;
	if (r->error.n)
		return -1;
	if (r->file[0])
		buf_addf(&r->error, "%s:%u:%u: ", r->file, r->line, r->column);
	va_start(ap, fmt);
	char *text = NULL;
	if (vasprintf(&text, fmt, ap) >= 0)
		printable(str_of(text), FILTER_ERROR_MAX / 2, &r->error);
	free(text);
	va_end(ap);
	return -1;
}

struct str filter_error_text(const struct filter_run *r)
{
	return r->error.n ? buf_str(&r->error) : STR("out of memory");
}

void filter_error_clear(struct filter_run *r)
{
	buf_clear(&r->error);
}

void filter_trace(struct filter_run *r, filter_tracer t, void *ctx)
{
	r->tracer = t;
	r->tracer_ctx = ctx;
}

void filter_say(struct filter_run *r, int level, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;
	if (!r->tracer)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0)
		r->tracer(r->tracer_ctx, level, r->file, r->line, str_of(text));
	va_end(ap);
	free(text);
}

/* ---- statements ------------------------------------------------------------------------------ */

static enum filter_end run_list(struct filter_run *r, struct statement *s);

static enum filter_end failed(struct filter_run *r, const char *what)
{
	filter_fail(r, "%s", what);
	return FILTER_ERROR;
}

static bool may_step(struct filter_run *r)
{
	if (++r->steps > FILTER_STEPS_MAX)
		filter_fail(r, "the filter takes too many steps");
	else if (r->steps % CLOCK_EVERY || !filter_late(r))
		return true;
	return false;
}

/* A value that outlives the statement's arena. */
static struct str kept(struct str s)
{
	return str_at(mem_strndup(s.p ? s.p : "", s.n), s.n);
}

static void set_number(struct filter_run *r, const char *name, int n)
{
	char text[20];
	snprintf(text, sizeof text, "%d", n);
	filter_set(r, str_of(name), str_of(text));
}

static enum filter_end deliver(struct filter_run *r, struct str where, bool copy)
{
	int code = -1;
	filter_say(r, 1, "%s \"%.*s\"", copy ? "cc" : "to", STR_FMT(where));
	if (!r->host->deliver)
		return failed(r, "delivery is not allowed here");
	if (r->host->deliver(r, where, &code) < 0)
		return FILTER_ERROR;
	if (code >= 0)
		set_number(r, "EXITCODE", code);
	return copy ? FILTER_FELL_THROUGH : FILTER_DELIVERED;
}

static enum filter_end system_or_xfilter(struct filter_run *r, struct str line, bool xfilter)
{
	int status = 0;
	filter_say(r, 1, "%s \"%.*s\"", xfilter ? "xfilter" : "system", STR_FMT(line));
	if (!r->host->program)
		return failed(r, "programs are not allowed here");
	enum filter_program kind = xfilter ? FILTER_XFILTER : FILTER_SYSTEM;
	if (r->host->program(r, kind, line, NULL, &status) < 0)
		return FILTER_ERROR;
	set_number(r, "RETURNCODE", status);
	if (xfilter && status != 0)
		return failed(r, "xfilter: the program did not end with 0");
	if (xfilter && (!r->host->replace || r->host->replace(r) < 0))
		return failed(r, "xfilter: its output could not become the message");
	return FILTER_FELL_THROUGH;
}

/* "\n", "\t"; "\c" at the end: no line end; any other backslash is dropped. */
static struct str printed(struct filter_run *r, struct str s)
{
	struct buf b;
	bool end = true;
	buf_init(&b, FILTER_VALUE_MAX + 1);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '\\' || i + 1 == s.n) {
			buf_addc(&b, s.p[i]);
			continue;
		}
		char c = s.p[++i];
		if (c == 'c' && i + 1 == s.n)
			end = false;
		else
			buf_addc(&b, c == 'n' ? '\n' : c == 't' ? '\t' : c);
	}
	if (end)
		buf_addc(&b, '\n');
	return filter_keep(r, &b);
}

/* The caller's place, while another file runs. */
struct place {
	const char *file;
	unsigned line, column;
	void *db;
	bool trusted;
};

/* NULL: r->error tells.  *own: to be freed here. */
static struct filter *to_include(struct filter_run *r, struct str path, bool *own)
{
	struct filter *f = NULL;
	struct buf text;
	*own = !r->host->include;
	if (!*own)
		return r->host->include(r, path, &r->error);
	buf_init(&text, FILTER_FILE_MAX);
	char *name = mem_strndup(path.p ? path.p : "", path.n);
	if (r->host->read_file && r->host->read_file(r, str_of(name), &text) == 0)
		f = filter_parse(name, buf_str(&text), &r->error);
	buf_free(&text);
	free(name);
	return f;
}

static enum filter_end include(struct filter_run *r, struct str path)
{
	struct place here = {r->file, r->line, r->column, r->db, r->trusted};
	enum filter_end end = FILTER_ERROR;
	bool own = false;
	if (r->include_depth >= FILTER_INCLUDE_MAX)
		return failed(r, "include: too many files in files");
	filter_say(r, 3, "include \"%.*s\"", STR_FMT(path));
	bool trusted = r->trusted || (r->host->trusted && r->host->trusted(r, path));
	struct filter *f = to_include(r, path, &own);
	if (!f)
		return failed(r, "include: this is no filter");
	r->db = NULL;
	r->trusted = trusted;
	r->include_depth++;
	end = filter_execute(r, f);
	r->include_depth--;
	r->file = here.file;
	filter_at(r, here.line, here.column);
	r->db = here.db;
	r->trusted = here.trusted;
	if (own)
		filter_free(f);
	return end;
}

static enum filter_end locked(struct filter_run *r, struct statement *s, struct str path)
{
	void *lock = NULL;
	if (!r->host->lock)
		return failed(r, "locks are not allowed here");
	if (r->host->lock(r, s->what == W_DOTLOCK, path, &lock) < 0)
		return FILTER_ERROR;
	enum filter_end end = run_list(r, s->body);
	r->host->unlock(r, lock);
	return end;
}

static enum filter_end loop(struct filter_run *r, struct statement *s)
{
	struct str v;
	for (;;) {
		arena_reset(r->a);
		filter_at(r, s->line, s->column);
		if (!may_step(r) || !filter_eval(r, s->expr, &v))
			return FILTER_ERROR;
		filter_at(r, s->line, s->column);
		filter_say(r, 3, "while: %s", filter_true(v) ? "yes" : "no");
		if (!filter_true(v))
			return FILTER_FELL_THROUGH;
		enum filter_end end = run_list(r, s->body);
		if (end != FILTER_FELL_THROUGH)
			return end;
	}
}

static enum filter_end foreach (struct filter_run *r, struct statement * s)
{
	struct buf found;
	struct str subject;
	struct node *n = s->expr;
	enum filter_end end = FILTER_FELL_THROUGH;
	buf_init(&found, FILTER_VARS_MAX);
	bool ok = n->kind == NODE_PATTERN ? pattern_run(r, n->pattern, NULL, NULL, &found)
					  : filter_eval(r, n->a, &subject) &&
						pattern_run(r, n->pattern, &subject, NULL, &found);
	for (size_t at = 0; ok && at < found.n && end == FILTER_FELL_THROUGH;) {
		size_t len = strlen(found.p + at);
		filter_at(r, s->line, s->column);
		filter_say(r, 3, "foreach: MATCH=\"%s\"", found.p + at);
		if (!filter_set(r, STR("MATCH"), str_at(found.p + at, len)))
			end = failed(r, "too much text in variables");
		else
			end = run_list(r, s->body);
		at += len + 1;
	}
	buf_free(&found);
	return ok ? end : FILTER_ERROR;
}

static enum filter_end exception(struct filter_run *r, struct statement *s)
{
	enum filter_end end = run_list(r, s->body);
	if (end != FILTER_ERROR || r->steps > FILTER_STEPS_MAX || filter_late(r))
		return end;
	filter_say(r, 1, "exception: %.*s", STR_FMT(filter_error_text(r)));
	filter_error_clear(r);
	return FILTER_FELL_THROUGH;
}

static bool banned(const struct filter_run *r, enum word what)
{
	static const enum word words[] = {
	    W_CC, W_DOTLOCK, W_FLOCK, W_LOG, W_LOGFILE, W_SYSTEM, W_TO, W_XFILTER};
	for (size_t i = 0; r->embedded && !r->trusted && i < ARRAY_LEN(words); i++)
		if (words[i] == what)
			return true;
	return false;
}

/* What else has a line of its own in the trace tells it where it is done. */
static void tell(struct filter_run *r, enum word what, struct str v)
{
	static const struct {
		enum word what;
		const char *name;
	} words[] = {{W_ECHO, "echo"}, {W_LOG, "log"}, {W_LOGFILE, "logfile"}, {W_IMPORT, "import"},
	    {W_UNSET, "unset"}, {W_DOTLOCK, "dotlock"}, {W_FLOCK, "flock"}};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].what == what)
			filter_say(r, 3, "%s \"%.*s\"", words[i].name, STR_FMT(v));
}

static enum filter_end with_value(struct filter_run *r, struct statement *s, struct str v)
{
	struct str text;
	tell(r, s->what, v);
	switch (s->what) {
	case W_TO:
	case W_CC:
		return deliver(r, v, s->what == W_CC);
	case W_XFILTER:
	case W_SYSTEM:
		return system_or_xfilter(r, v, s->what == W_XFILTER);
	case W_ECHO:
	case W_LOG:
		text = printed(r, v);
		if (text.p && s->what == W_ECHO && r->host->echo)
			r->host->echo(r, text);
		else if (text.p && s->what == W_LOG && (!r->host->log || r->host->log(r, text) < 0))
			return failed(r, "cannot write to the log file");
		return text.p ? FILTER_FELL_THROUGH : FILTER_ERROR;
	case W_LOGFILE:
		if (r->host->logfile && r->host->logfile(r, v) == 0)
			return FILTER_FELL_THROUGH;
		return failed(r, "cannot open the log file");
	case W_IMPORT:
		if (!filter_set(r, v, str_of(child_env(r->env, v))))
			return failed(r, "too much text in variables");
		return FILTER_FELL_THROUGH;
	case W_UNSET:
		filter_unset(r, v);
		return FILTER_FELL_THROUGH;
	case W_INCLUDE:
		return include(r, v);
	case W_DOTLOCK:
	case W_FLOCK:
		return locked(r, s, v);
	default:
		return FILTER_FELL_THROUGH;
	}
}

static enum filter_end run_one(struct filter_run *r, struct statement *s)
{
	struct str v = STR_NONE;
	if (banned(r, s->what))
		return failed(r, "this statement is not allowed in embedded mode");
	switch (s->what) {
	case W_WHILE:
		return loop(r, s);
	case W_FOREACH:
		return foreach (r, s);
	case W_EXCEPTION:
		return exception(r, s);
	case W_EXIT:
		filter_say(r, 1, "exit");
		return FILTER_EXIT;
	default:
		break;
	}
	if (!s->expr)
		return run_list(r, s->body);
	if (!filter_eval(r, s->expr, &v))
		return FILTER_ERROR;
	filter_at(r, s->line, s->column);
	if (s->what == W_IF) {
		filter_say(r, 3, "if: %s", filter_true(v) ? "yes" : "no");
		return run_list(r, filter_true(v) ? s->body : s->other);
	}
	v = kept(v);
	enum filter_end end = with_value(r, s, v);
	free((void *)(uintptr_t)v.p);
	return end;
}

static enum filter_end run_list(struct filter_run *r, struct statement *s)
{
	for (; s; s = s->next) {
		arena_reset(r->a);
		filter_at(r, s->line, s->column);
		if (!may_step(r))
			return FILTER_ERROR;
		enum filter_end end = run_one(r, s);
		if (end != FILTER_FELL_THROUGH)
			return end;
	}
	return FILTER_FELL_THROUGH;
}

enum filter_end filter_execute(struct filter_run *r, const struct filter *f)
{
	r->file = f->name;
	filter_at(r, 0, 0);
	enum filter_end end = run_list(r, f->first);
	if (!filter_db_close(r) && end != FILTER_ERROR)
		end = FILTER_ERROR;
	r->file = "";
	return end;
}
