/* The filter of a mailbox's owner, at RCPT or at the end of a message (localmailfilter(7)). */
#include "config.h"

#include "base/child-run.h"
#include "local/worker-drop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENV_LINES = 256 };

static void fault(struct worker_filtered *r, struct arena *a, const char *what, const char *why)
{
	const char *text = arena_printf(a, "%s: %s", what, why);
	*r = (struct worker_filtered){.output = str_of(text ? text : "no memory")};
}

static char **make_argv(const struct worker_filter *f, struct arena *a)
{
	char **v = arena_zero(a, 12 * sizeof *v);
	const struct str rest[] = {f->host, f->address, f->sender, f->mailbox, f->quota};
	size_t n = 0;
	if (!v)
		return NULL;
	v[n++] = arena_strz(a, f->program);
	v[n++] = arena_strz(a, STR("-D"));
	v[n++] = arena_printf(a, "%u/%u", (unsigned)f->uid, (unsigned)f->gid);
	v[n++] = arena_strz(a, STR("-M"));
	v[n++] = arena_strz(a, f->filter);
	for (size_t i = 0; i < ARRAY_LEN(rest); i++)
		v[n++] = arena_strz(a, rest[i]);
	for (size_t i = 0; i < n; i++)
		if (!v[i])
			return NULL;
	return v;
}

static char **make_env(const struct worker_filter *f, struct arena *a)
{
	char **v = arena_zero(a, (ENV_LINES + 1) * sizeof *v);
	struct str rest = f->env, line;
	size_t n = 0;
	while (v && str_split(&rest, '\n', &line))
		if (line.n && (n == ENV_LINES || !(v[n++] = arena_strz(a, line))))
			return NULL;
	return v;
}

/* The home may be missing or locked: then there is nobody to ask. */
static bool enter(const struct worker_filter *f, struct arena *a, struct worker_filtered *r)
{
	char *home = arena_strz(a, f->home);
	struct stat st;
	if (home && chdir(home) == 0 && stat(".", &st) == 0 && !(st.st_mode & S_ISVTX))
		return true;
	fault(r, a, "cannot enter the home folder", home ? strerror(errno) : "no memory");
	return false;
}

enum { FIRST_ARGUMENT = 4 }; /* of make_argv: what stands behind -M */

static const char too_long[] = "it took too long and was ended (LOCALFILTERTIME)";

static void tell(const struct child_run *p, struct arena *a, struct worker_filtered *r)
{
	if (p->late)
		fault(r, a, "the filter", too_long);
	else if (WIFSIGNALED(p->status))
		fault(r, a, "the filter was ended by", strsignal(WTERMSIG(p->status)));
	else
		*r = (struct worker_filtered){.ended = true,
		    .status = (uint32_t)WEXITSTATUS(p->status),
		    .output = arena_str(a, buf_str(p->out))};
}

static bool run_inside(const struct worker_filter *f, struct child_run *p, int message,
    struct arena *a, struct worker_filtered *r)
{
	struct drop_verdict v;
	if (!worker_drop_filter(f, message, p->argv + FIRST_ARGUMENT, p->env, p->out, &v))
		return false;
	if (v.late)
		fault(r, a, "the filter", too_long);
	else
		*r = (struct worker_filtered){.ended = true,
		    .status = (uint32_t)v.status,
		    .output = arena_str(a, buf_str(p->out))};
	return true;
}

static void run(const struct worker_filter *f, struct child_run *p, int message, struct arena *a,
    struct worker_filtered *r)
{
	if (run_inside(f, p, message, a, r))
		return;
	if (access(p->argv[0], X_OK) < 0)
		fault(r, a, p->argv[0], strerror(errno));
	else if (child_run(p) < 0)
		fault(r, a, "cannot run the filter", strerror(errno));
	else
		tell(p, a, r);
}

void worker_filter_run(
    const struct worker_filter *f, int message, struct arena *a, struct worker_filtered *r)
{
	struct buf output;
	int null = message < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
	struct child_run p = {.argv = make_argv(f, a),
	    .env = make_env(f, a),
	    .in = message < 0 ? null : message,
	    .deadline = clock_mono_ms() + (int64_t)f->seconds * 1000,
	    .out = &output,
	    .err = &output};
	buf_init(&output, BROKER_OUTPUT_MAX);
	if (f->uid != geteuid())
		fault(r, a, "the worker", "it belongs to somebody else");
	else if (!p.argv || !p.env || p.in < 0)
		fault(r, a, "the filter", "no memory, or no descriptors");
	else if (enter(f, a, r))
		run(f, &p, message, a, r);
	buf_free(&output);
	if (null >= 0)
		close(null);
}
