#include "config.h"

#include "base/child-run.h"
#include "base/child.h"
#include "local/worker-drop.h"

#include <sys/wait.h>
#include <sysexits.h>

enum verdict program_exit(int code)
{
	static const unsigned char permanent[] = {64, 65, 67, 68, 69, 76, 77, 78, 100, 112};
	if (code == 0)
		return GO_ON;
	if (code == 99)
		return STOP;
	if (code == EX_SOFTWARE)
		return BOUNCED;
	for (size_t i = 0; i < ARRAY_LEN(permanent); i++)
		if (code == permanent[i])
			return FAILED;
	return DEFERRED;
}

const char *program_command(struct arena *a, const char *command, struct str maildrop)
{
	struct str rest = str_of(command), word, name = maildrop;
	ptrdiff_t slash = str_rchr(maildrop, '/');
	if (slash >= 0)
		name = str_skip(maildrop, (size_t)slash + 1);
	if (!maildrop.n || !str_word(&rest, &word) ||
	    !(str_eq(word, maildrop) || str_eq(word, name)))
		return command;
	/* The shell puts the values in, so nothing in them is read as a command. */
	return arena_printf(a, "%.*s -f \"$SENDER\" -A \"$RPLINE\" -A \"$DTLINE\" %.*s",
	    STR_FMT(word), STR_FMT(rest));
}

enum verdict program_ended(struct job *j, int code)
{
	enum verdict v = program_exit(code);
	if (v == DEFERRED || v == FAILED || v == BOUNCED) {
		if (!j->text.n)
			buf_addf(&j->text, "the program ended with exit status %d", code);
		memcpy(j->status, v == DEFERRED ? "4.3.0" : "5.3.0", 6);
	}
	return v;
}

static enum verdict judge(struct job *j, const struct child_run *p)
{
	if (p->late)
		return job_verdict(j, DEFERRED, "4.3.0", "the program took too long and was ended");
	if (WIFSIGNALED(p->status))
		return job_verdict(j, DEFERRED, "4.3.0", "the program was ended by signal %d",
		    WTERMSIG(p->status));
	return program_ended(j, WEXITSTATUS(p->status));
}

enum verdict program_run(struct job *j, const char *command, struct buf *output)
{
	char **env = job_environment(j);
	const char *line = program_command(j->a, command, j->d->maildrop);
	struct buf *sink = output ? output : &j->text;
	enum verdict v;
	if (env && !output && worker_drop(j, command, env, &v))
		return v;
	struct child_run p = {.env = env,
	    .in = message_stdin(&j->msg),
	    .deadline = clock_mono_ms() + (int64_t)j->d->program_seconds * 1000,
	    .memory = j->d->program_memory,
	    .out = sink,
	    .err = sink};
	const char *shell = child_env(env, STR("SHELL"));
	if (!shell || shell[0] != '/')
		shell = "/bin/sh";
	char *argv[] = {
	    (char *)(uintptr_t)shell, (char *)(uintptr_t) "-c", (char *)(uintptr_t)line, NULL};
	p.argv = argv;
	if (p.in < 0 || !env || !line || child_run(&p) < 0)
		return job_errno(j, "cannot run", command);
	if (p.full && output)
		return job_verdict(j, DEFERRED, "4.3.5", "the program's instructions are too long");
	return judge(j, &p);
}
