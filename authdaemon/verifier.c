#include "config.h"

#include "authdaemon/spawn.h"
#include "authdaemon/verifier.h"
#include "authdaemon/verifier-proto.h"
#include "ipc/ipc.h"

#include <stdlib.h>
#include <unistd.h>

enum { RESPAWN_MS = 500 };

struct child {
	struct verifier *v;
	pid_t pid;
	struct ipc *ipc; /* NULL: not running */
	struct verify_job *job;
	struct timer *respawn;
};

struct verify_job {
	struct verifier *v;
	struct verify_job *next;
	struct child *child; /* NULL: waits */
	uint16_t type;
	struct buf what, password;
	struct timer *timer;
	verified done; /* NULL: cancelled while the child was at it */
	void *ctx;
};

struct verifier {
	struct loop *loop;
	int64_t timeout_ms;
	struct child *children;
	unsigned n;
	struct verify_job *first, **last;
	size_t waiting;
};

static void dispatch(struct verifier *v);

static void job_free(struct verify_job *j)
{
	timer_free(j->timer);
	mem_wipe(j->what.p, j->what.n);
	mem_wipe(j->password.p, j->password.n);
	buf_free(&j->what);
	buf_free(&j->password);
	free(j);
}

static void unqueue(struct verifier *v, struct verify_job *j)
{
	for (struct verify_job **at = &v->first; *at; at = &(*at)->next) {
		if (*at != j)
			continue;
		*at = j->next;
		if (v->last == &j->next)
			v->last = at;
		v->waiting--;
		return;
	}
}

static void finish(struct verify_job *j, int verdict, struct str made)
{
	verified done = j->done;
	void *ctx = j->ctx;
	if (j->child)
		j->child->job = NULL;
	else
		unqueue(j->v, j);
	job_free(j);
	if (done)
		done(ctx, verdict, made);
}

static void child_down(struct child *c)
{
	struct verify_job *j = c->job;
	if (c->ipc) {
		ipc_free(c->ipc);
		c->ipc = NULL;
		spawn_end(c->pid);
	}
	timer_set(c->respawn, RESPAWN_MS);
	if (j)
		finish(j, -1, STR_NONE);
}

static void on_msg(void *ctx, struct ipc *ipc UNUSED, struct ipc_msg *m)
{
	struct child *c = ctx;
	struct verifier *v = c->v;
	struct ipc_reader r;
	ipc_read(m, &r);
	uint8_t verdict = ipc_get_u8(&r);
	struct str made = ipc_get_str(&r);
	if (!c->job || m->type != VERIFIER_VERDICT || !ipc_done(&r) || verdict > PASSWORD_UNKNOWN) {
		log_error(NULL, "a verifier process sends what nobody asked for; it is replaced");
		child_down(c);
		return;
	}
	finish(c->job, verdict, made);
	dispatch(v);
}

static void on_close(void *ctx, struct ipc *ipc UNUSED)
{
	struct child *c = ctx;
	log_warning(NULL, "verifier process %ld has ended%s", (long)c->pid,
	    c->job ? " over a password; that check failed" : "");
	child_down(c);
}

static void start_child(void *ctx)
{
	static const struct ipc_handlers handlers = {on_msg, on_close, NULL};
	struct child *c = ctx;
	int fds[2];
	if (ipc_pair(fds) < 0) {
		log_error(NULL, "cannot make a channel to a verifier: %m");
		timer_set(c->respawn, RESPAWN_MS);
		return;
	}
	c->pid = spawn_self(SPAWN_VERIFIER, fds[1]);
	c->ipc = c->pid < 0 ? NULL : ipc_new(c->v->loop, fds[0], &handlers, c);
	if (!c->ipc) {
		log_error(NULL, "cannot start a verifier: %m");
		close(fds[0]);
		timer_set(c->respawn, RESPAWN_MS);
		return;
	}
	dispatch(c->v);
}

struct verifier *verifier_new(struct loop *l, unsigned processes, int64_t timeout_ms)
{
	struct verifier *v = mem_new(struct verifier);
	v->loop = l;
	v->timeout_ms = timeout_ms;
	v->last = &v->first;
	v->n = processes;
	v->children = mem_zero(processes * sizeof *v->children);
	for (unsigned i = 0; i < processes; i++) {
		struct child *c = &v->children[i];
		c->v = v;
		c->respawn = timer_new(l, start_child, c);
	}
	start_child(&v->children[0]); /* the others when they are needed: each has its own memory */
	return v;
}

void verifier_free(struct verifier *v)
{
	if (!v)
		return;
	while (v->first) {
		struct verify_job *j = v->first;
		unqueue(v, j);
		job_free(j);
	}
	for (unsigned i = 0; i < v->n; i++) {
		struct child *c = &v->children[i];
		if (c->job)
			job_free(c->job);
		timer_free(c->respawn);
		if (c->ipc) {
			ipc_free(c->ipc);
			spawn_end(c->pid);
		}
	}
	free(v->children);
	free(v);
}

static bool give(struct child *c, struct verify_job *j)
{
	ipc_compose(c->ipc, j->type, 0);
	ipc_put_str(c->ipc, buf_str(&j->what));
	ipc_put_str(c->ipc, buf_str(&j->password));
	if (ipc_send(c->ipc, -1) < 0)
		return false;
	unqueue(c->v, j);
	j->child = c;
	c->job = j;
	return true;
}

static void start_one_more(struct verifier *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		struct child *c = &v->children[i];
		if (!c->ipc && !timer_armed(c->respawn)) {
			timer_set(c->respawn, 0);
			return;
		}
	}
}

static void dispatch(struct verifier *v)
{
	for (unsigned i = 0; i < v->n && v->first; i++) {
		struct child *c = &v->children[i];
		if (c->ipc && !c->job && !give(c, v->first))
			child_down(c);
	}
	if (v->first)
		start_one_more(v);
}

static void out_of_time(void *ctx)
{
	struct verify_job *j = ctx;
	struct child *c = j->child;
	if (j->v->waiting > VERIFIER_QUEUE_MAX)
		log_warning(
		    NULL, "more than %d passwords wait for their check", VERIFIER_QUEUE_MAX);
	else
		log_warning(NULL, "the check of a password took too long and was given up");
	if (c)
		child_down(c); /* finishes the job */
	else
		finish(j, -1, STR_NONE);
}

static struct verify_job *ask(struct verifier *v, uint16_t type, struct str what,
    struct str password, verified done, void *ctx)
{
	struct verify_job *j = mem_new(struct verify_job);
	*j = (struct verify_job){.v = v, .type = type, .done = done, .ctx = ctx};
	buf_init(&j->what, PASSWORD_STORED_MAX);
	buf_init(&j->password, PASSWORD_STORED_MAX);
	buf_adds(&j->what, what);
	buf_adds(&j->password, password);
	j->timer = timer_new(v->loop, out_of_time, j);
	*v->last = j;
	v->last = &j->next;
	v->waiting++;
	if (j->what.failed || j->password.failed || v->waiting > VERIFIER_QUEUE_MAX) {
		timer_set(j->timer, 0);
		return j;
	}
	timer_set(j->timer, v->timeout_ms);
	dispatch(v);
	return j;
}

struct verify_job *verifier_check(
    struct verifier *v, struct str stored, struct str password, verified done, void *ctx)
{
	return ask(v, VERIFIER_CHECK, stored, password, done, ctx);
}

struct verify_job *verifier_make(
    struct verifier *v, const char *scheme, struct str password, verified done, void *ctx)
{
	return ask(v, VERIFIER_MAKE, str_of(scheme), password, done, ctx);
}

void verifier_cancel(struct verify_job *j)
{
	if (j->child) {
		j->done = NULL;
		return;
	}
	unqueue(j->v, j);
	job_free(j);
}

size_t verifier_waiting(const struct verifier *v)
{
	return v->waiting;
}
