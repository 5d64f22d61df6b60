/* courierlocal-worker: puts mail into the mailboxes of one user.  Started by the broker. */
#include "config.h"

#include "base/child.h"
#include "base/sandbox.h"
#include "local/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EDGE = 3 };

struct worker {
	struct ipc *c;
	struct batch batch;
	struct arena *a;
};

static void broken(const char *what)
{
	log_error(NULL, "%s; this worker ends", what);
	exit(70);
}

static void answer(struct worker *w, uint32_t id, const struct worker_result *r)
{
	if (worker_send_result(w->c, id, r) < 0)
		exit(75); /* nobody listens any more */
}

static void answer_job(struct worker *w, struct job *j, enum verdict v)
{
	struct worker_result r = {.status = str_of(j->status), .text = str_trim(buf_str(&j->text))};
	struct buf head;
	buf_init(&head, WORKER_PATH_MAX + 64);
	buf_addf(&head, "Delivered-To: %.*s\n", STR_FMT(j->d->address));
	r.kept = j->kept;
	if (v != DEFERRED) { /* what stood before a failure is done */
		r.forwards = buf_str(&j->forwards);
		r.delivered_to = buf_str(&head);
	}
	switch (v) {
	case GO_ON:
	case STOP:
		r.outcome = WORKER_OK;
		r.status = STR_NONE;
		r.place = j->place ? str_of(j->place) : STR_NONE;
		r.device = j->device;
		break;
	case DEFERRED:
		r.outcome = job_needs_fresh(j) ? WORKER_NEED_FRESH
			    : job_no_home(j)   ? WORKER_NO_HOME
					       : WORKER_DEFER;
		break;
	case FAILED:
	case BOUNCED:
		r.outcome = v == FAILED ? WORKER_FAIL : WORKER_BOUNCE;
		break;
	}
	answer(w, j->id, &r);
	buf_free(&head);
}

static void committed(void *ctx, const struct started *s)
{
	struct worker *w = ctx;
	struct worker_result r = {.outcome = s->error ? WORKER_DEFER : WORKER_OK,
	    .place = s->place ? str_of(s->place) : STR_NONE,
	    .device = s->device};
	char text[600];
	if (s->error == EDQUOT) {
		r.outcome = s->quota_fails ? WORKER_FAIL : WORKER_DEFER;
		r.status = s->quota_fails ? STR("5.2.2") : STR("4.2.2");
		r.text = STR("the mailbox is over its quota");
	} else if (s->error) {
		bool full = s->error == ENOSPC;
		snprintf(text, sizeof text, "cannot deliver to '%.400s': %s", s->dir,
		    strerror(s->error));
		r.status = full ? STR("4.3.1") : STR("4.3.0");
		r.text = str_of(text);
	}
	answer(w, s->id, &r);
	if (!s->error)
		warning_send(s->dir);
}

static enum verdict sync_file_systems(struct job *j)
{
	const char *dir = arena_strz(j->a, j->d->maildir);
	errno = ENOMEM;
	return dir && place_sync_all(dir) == 0 ? GO_ON
					       : job_errno(j, "cannot sync", dir ? dir : "");
}

static void deliver(struct worker *w, struct ipc_msg *m)
{
	struct worker_delivery d;
	struct job j = {.d = &d, .id = m->id, .a = w->a};
	enum verdict v;
	if (!worker_read_delivery(m, &d))
		broken("a delivery that can't be understood");
	buf_init(&j.text, WORKER_TEXT_MAX);
	buf_init(&j.forwards, WORKER_FORWARDS_MAX);
	message_init(&j.msg, &d, m->fd);
	warning_take(&d);
	if (d.uid != geteuid()) {
		v = job_verdict(&j, DEFERRED, "4.3.5",
		    "the account belongs to uid %u, the worker is %u", d.uid, (unsigned)geteuid());
		answer_job(w, &j, v);
	} else if (d.flags & WORKER_SYNC) {
		answer_job(w, &j, sync_file_systems(&j));
	} else if ((d.place.n && place_secure(&j, &v)) || job_run(&j, &w->batch, &v)) {
		answer_job(w, &j, v);
	}
	message_release(&j.msg);
	free(j.place);
	buf_free(&j.text);
	buf_free(&j.forwards);
	arena_reset(w->a);
}

static void look(struct worker *w, const struct ipc_msg *m)
{
	struct worker_rules rules;
	struct ipc_reader r;
	ipc_read(m, &r);
	bool ok = worker_get_rules(&r, &rules);
	char *home = arena_strz(w->a, ipc_get_str(&r));
	struct str ext = ipc_get_str(&r);
	if (!ok || !ipc_done(&r) || !home || home[0] != '/')
		broken("a question that can't be understood");
	ipc_compose(w->c, WORKER_LOOKED, m->id);
	ipc_put_u8(w->c, (uint8_t)worker_look(&rules, home, ext));
	if (ipc_send(w->c, -1) < 0)
		exit(75);
	arena_reset(w->a);
}

static void filter(struct worker *w, const struct ipc_msg *m)
{
	struct worker_filter f;
	struct worker_filtered r = {0};
	if (!worker_read_filter(m, &f))
		broken("a filter's call that can't be understood");
	worker_filter_run(&f, m->fd, w->a, &r);
	if (worker_send_filtered(w->c, m->id, &r) < 0)
		exit(75);
	arena_reset(w->a);
}

static void handle(struct worker *w, struct ipc_msg *m)
{
	int fd = ipc_take_fd(m);
	m->fd = fd;
	if (m->type == WORKER_DELIVER)
		deliver(w, m);
	else if (m->type == WORKER_LOOK)
		look(w, m);
	else if (m->type == WORKER_FILTER)
		filter(w, m);
	else
		broken("a request that is not known");
	if (fd >= 0)
		close(fd);
	m->fd = -1;
}

/* Takes what waits, and commits when nothing more does: a busy worker's batches grow by themselves.
 */
static int serve(struct worker *w)
{
	struct ipc_msg m;
	int r;
	for (;;) {
		r = ipc_recv(w->c, &m, w->batch.n ? 0 : -1);
		int error = errno;
		if (r == 1)
			handle(w, &m);
		if (r != 1 || w->batch.n == WORKER_BATCH)
			maildir_commit(&w->batch);
		if (r == 0)
			return 0;
		if (r < 0 && error != ETIMEDOUT && error != EINTR && error != EAGAIN)
			return 75;
	}
}

int main(void)
{
	static struct worker w;
	struct stat st;
	log_open("courierlocal", LOG_TO_STDERR, 2);
	if (fstat(EDGE, &st) < 0 || !S_ISSOCK(st.st_mode)) {
		log_error(
		    NULL, "this program is started by the broker, with its edge on descriptor 3");
		return 64;
	}
	process_shut();
	umask(077);
	/* Does nothing in a fresh worker, whose instructions run programs. */
	if (sandbox_no_programs() < 0)
		log_warning(NULL, "cannot give up the right to run programs: %m");
	w.c = ipc_new(NULL, EDGE, NULL, NULL);
	w.a = arena_new(WORKER_ARENA_MAX);
	w.batch.done = committed;
	w.batch.ctx = &w;
	return w.c && w.a ? serve(&w) : 75;
}
