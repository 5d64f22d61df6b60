#include "config.h"

#include "local/worker.h"
#include "maildir/maildir.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum verdict job_verdict(struct job *j, enum verdict v, const char *status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_clear(&j->text);
	buf_vaddf(&j->text, fmt, ap);
	va_end(ap);
	snprintf(j->status, sizeof j->status, "%s", status);
	return v;
}

enum verdict job_errno(struct job *j, const char *what, const char *path)
{
	int e = errno ? errno : EIO;
	bool full = e == ENOSPC || e == EDQUOT;
	return job_verdict(
	    j, DEFERRED, full ? "4.3.1" : "4.3.0", "%s '%.500s': %s", what, path, strerror(e));
}

bool job_needs_fresh(const struct job *j)
{
	return !strcmp(j->status, "fresh");
}

bool job_no_home(const struct job *j)
{
	return !strcmp(j->status, "home");
}

static enum verdict forward(struct job *j, const char *address)
{
	buf_addz(&j->forwards, address);
	if (buf_addc(&j->forwards, '\n'))
		return GO_ON;
	buf_clear(&j->forwards); /* to none of them, rather than to some */
	return job_verdict(j, FAILED, "5.3.5", "the instructions forward to too many addresses");
}

static enum verdict mailbox(struct job *j, const char *path)
{
	int kind = mailbox_kind(j, path);
	if (kind < 0)
		return job_errno(j, "cannot deliver to", path);
	return kind ? maildir_verdict(j, maildir_now(j, path), path) : mbox_deliver(j, path);
}

static enum verdict run_all(struct job *j, const struct dot_file *f, int depth);
static enum verdict run_default(struct job *j, int depth);

static enum verdict run_text(struct job *j, struct str text, int depth)
{
	struct dot_file f;
	const char *fault = dot_parse(text, j->a, &f);
	if (fault)
		return job_verdict(j, DEFERRED, "4.3.5", "the delivery instructions: it %s", fault);
	return f.empty ? run_default(j, depth) : run_all(j, &f, depth);
}

/* The instructions that a command prints count when it ends with 0 or 99. */
static enum verdict dynamic(struct job *j, const char *command, int depth)
{
	struct buf out;
	enum verdict v, inner;
	if (j->d->flags & WORKER_NO_DYNAMIC)
		return job_verdict(
		    j, DEFERRED, "4.3.5", "\"||\" instructions are switched off here");
	if (depth >= DOT_DYNAMIC_DEPTH)
		return job_verdict(
		    j, DEFERRED, "4.3.5", "\"||\" instructions are nested too deeply");
	j->alone = false;
	buf_init(&out, DOT_DYNAMIC_MAX);
	v = program_run(j, command, &out);
	if ((v == GO_ON || v == STOP) && out.n) {
		inner = run_text(j, buf_str(&out), depth + 1);
		v = inner == GO_ON ? v : inner;
	} else if (v == DEFERRED || v == FAILED || v == BOUNCED) {
		buf_clear(&j->text);
		buf_adds(&j->text, str_head(buf_str(&out), WORKER_TEXT_MAX));
	}
	buf_free(&out);
	return v;
}

static enum verdict run_one(struct job *j, const struct dot_line *line, int depth)
{
	j->kept = j->kept || line->kind == DOT_MAILBOX || line->kind == DOT_PROGRAM;
	switch (line->kind) {
	case DOT_MAILBOX:
		return mailbox(j, line->text);
	case DOT_PROGRAM:
		return program_run(j, line->text, NULL);
	case DOT_DYNAMIC:
		return dynamic(j, line->text, depth);
	case DOT_FORWARD:
		return forward(j, line->text);
	}
	return GO_ON;
}

static enum verdict run_all(struct job *j, const struct dot_file *f, int depth)
{
	enum verdict v = GO_ON;
	for (size_t i = 0; i < f->n && v == GO_ON; i++)
		v = run_one(j, &f->line[i], depth);
	return v;
}

static bool wants_program(const struct dot_file *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->line[i].kind == DOT_PROGRAM || f->line[i].kind == DOT_DYNAMIC)
			return true;
	return false;
}

/* The account's instructions, or its Maildir, as text. */
static struct str default_text(struct job *j)
{
	struct str m = j->d->maildir;
	if (j->d->delivery.n || !m.n || m.p[0] == '/' || m.p[0] == '.')
		return j->d->delivery.n ? j->d->delivery : m;
	return str_of(arena_printf(j->a, "./%.*s", STR_FMT(m)));
}

static enum verdict run_default(struct job *j, int depth)
{
	struct dot_file f;
	const char *fault = dot_parse(default_text(j), j->a, &f);
	if (fault)
		return job_verdict(j, DEFERRED, "4.3.5", "the default delivery: it %s", fault);
	j->default_delivery = !j->d->delivery.n;
	enum verdict v = run_all(j, &f, depth);
	j->default_delivery = false;
	return v;
}

/* The common case, one Maildir and nothing else, waits in the batch for the others. */
static bool try_batch(struct job *j, const struct dot_file *f, struct batch *b, enum verdict *v)
{
	const char *path = f->line[0].text;
	if (f->n != 1 || f->line[0].kind != DOT_MAILBOX || mailbox_kind(j, path) != 1)
		return false;
	int error = maildir_start(j, path, &b->item[b->n]);
	if (error)
		*v = maildir_verdict(j, error, path);
	else
		b->item[b->n++].quota_fails = (j->d->flags & WORKER_QUOTA_FAILS) != 0;
	return true;
}

/* True: *v is set. */
static bool prepare(struct job *j, struct buf *text, struct dot_file *f, enum verdict *v)
{
	struct buf why;
	int found = -2, loops = -1, home;
	buf_init(&why, WORKER_TEXT_MAX);
	home = home_enter(arena_strz(j->a, j->d->home), &why);
	if (home == 0)
		found = dot_find(&j->d->rules, j->d->ext, text, &j->fallback, &why);
	if (found == -2)
		*v = job_verdict(j, DEFERRED, home == -2 ? "home" : "4.3.0", "%s", why.p);
	else if (found == -1)
		*v = job_verdict(j, FAILED, "5.1.1", "no such user: there is no such extension");
	else if ((loops = message_loops(&j->msg, j->d->address)) > 0)
		*v = job_verdict(
		    j, BOUNCED, "5.4.6", "mail loop: it has been delivered to this address before");
	else if (loops < 0)
		*v = job_errno(j, "cannot read the message", "");
	buf_free(&why);
	if (loops != 0)
		return true;
	const char *fault = dot_parse(buf_str(text), j->a, f);
	if (!fault && f->empty) {
		j->default_delivery = !j->d->delivery.n;
		fault = dot_parse(default_text(j), j->a, f);
	}
	if (fault)
		*v = job_verdict(j, DEFERRED, "4.3.5", "the delivery instructions: it %s", fault);
	return fault != NULL;
}

bool job_run(struct job *j, struct batch *b, enum verdict *v)
{
	struct dot_file f;
	struct buf text;
	bool answered = true;
	buf_init(&text, DOT_FILE_MAX);
	if (prepare(j, &text, &f, v))
		;
	else if (wants_program(&f) && !(j->d->flags & WORKER_FRESH))
		*v = job_verdict(j, DEFERRED, "fresh", "a program is to be run");
	else if (f.n == 1 && try_batch(j, &f, b, v))
		answered = b->n == 0 || b->item[b->n - 1].id != j->id;
	else {
		j->alone = f.n == 1;
		*v = run_all(j, &f, 0);
	}
	buf_free(&text);
	return answered;
}
