/* A message is put into the store: a record, and for a large one a file before it. */
#include "config.h"

#include "queue/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct commit_op {
	struct disk_job job; /* first: with a data file the file comes first */
	struct store *s;
	uint64_t seq, also_seq;
	struct buf control, also;
	char file[64];
	bool keep_file;
	int error;
	queue_answer cb;
	void *ctx;
};

static void commit_free(struct commit_op *op)
{
	buf_free(&op->control);
	buf_free(&op->also);
	free(op);
}

static void commit_finish(struct commit_op *op, int error)
{
	struct stored *m = store_get(op->s, op->seq);
	if (error && m)
		store_forget(op->s, m);
	if (op->cb)
		op->cb(op->ctx, error);
	commit_free(op);
}

static void committed(void *ctx, int error, struct segment *seg, uint64_t at)
{
	struct commit_op *op = ctx;
	struct store *s = op->s;
	struct stored *m = store_get(s, op->seq);
	if (m && !error) {
		m->state = STORED_JOURNAL;
		m->segment = seg;
		m->at = at;
		s->in_journal++;
		if (m->parked)
			store_move(s, m);
	} else if (m && m->datafile)
		store_unlink(s->msgs_dir, op->seq);
	commit_finish(op, error);
	store_move_oldest(s);
}

/* The record that goes with the message, e.g. "the report was made", is one of another message. */
static int put_also(struct store *s, uint64_t seq, struct str text)
{
	struct stored *m = store_get(s, seq);
	if (!m) {
		errno = ENOENT;
		return -1;
	}
	return queue_append_joined(s, m, text);
}

static int put_commit(struct commit_op *op, struct str control, struct str body)
{
	struct store *s = op->s;
	if (op->also.n && put_also(s, op->also_seq, buf_str(&op->also)))
		return -1;
	struct journal_put p = {.type = body.p ? JOURNAL_MESSAGE : JOURNAL_REFERENCE,
	    .id = op->seq,
	    .aux = (uint32_t)control.n,
	    .a = control,
	    .b = body,
	    .alive = true,
	    .cb = committed,
	    .ctx = op};
	return journal_put(s->journal, &p);
}

static void link_run(struct disk_job *job)
{
	struct commit_op *op = (struct commit_op *)job;
	struct store *s = op->s;
	char name[STORE_NAME_SIZE];
	store_name(name, 'D', op->seq);
	int fd = openat(s->tmp_dir, op->file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = fd < 0 ? -1 : file_sync(fd);
	if (fd >= 0)
		close(fd);
	if (!r)
		r = store_folder(s->msgs_dir, op->seq);
	if (!r)
		r = op->keep_file ? file_link(s->tmp_dir, op->file, s->msgs_dir, name)
				  : file_rename(s->tmp_dir, op->file, s->msgs_dir, name);
	if (!r)
		r = store_sync_folder(s->msgs_dir, op->seq);
	op->error = r ? errno : 0;
}

static void link_done(struct disk_job *job)
{
	struct commit_op *op = (struct commit_op *)job;
	if (!op->error && put_commit(op, buf_str(&op->control), STR_NONE))
		op->error = errno;
	if (op->error) {
		store_unlink(op->s->msgs_dir, op->seq);
		if (!op->keep_file) /* nobody else names it any more */
			file_unlink(op->s->tmp_dir, op->file);
		commit_finish(op, op->error);
	}
}

static struct commit_op *commit_new(
    struct store *s, const struct queue_commit *c, queue_answer cb, void *ctx)
{
	struct commit_op *op = calloc(1, sizeof *op);
	if (!op)
		return NULL;
	op->s = s;
	op->seq = c->seq;
	op->also_seq = c->also_seq;
	buf_init(&op->control, ENVELOPE_TEXT_MAX);
	buf_init(&op->also, ENVELOPE_TEXT_MAX);
	op->keep_file = c->keep_file;
	op->cb = cb;
	op->ctx = ctx;
	if (c->file)
		snprintf(op->file, sizeof op->file, "%s", c->file);
	if (buf_adds(&op->also, c->also) && (!c->file || buf_adds(&op->control, c->control)))
		return op;
	commit_free(op);
	errno = ENOMEM;
	return NULL;
}

int store_commit(struct queue *q, const struct queue_commit *c, queue_answer cb, void *ctx)
{
	struct store *s = (struct store *)q;
	if (store_get(s, c->seq) || !c->seq) {
		errno = EEXIST;
		return -1;
	}
	struct commit_op *op = commit_new(s, c, cb, ctx);
	struct stored *m = op ? store_add(s, c->seq) : NULL;
	if (!m) {
		if (op)
			commit_free(op);
		return -1;
	}
	m->state = STORED_COMMITTING;
	m->datafile = c->file != NULL;
	m->control_n = (uint32_t)c->control.n;
	m->length = c->control.n;
	m->body_n = (uint32_t)c->body.n;
	if (c->file) {
		op->job.run = link_run;
		op->job.done = link_done;
		disk_thread_post(s->files, &op->job);
		return 0;
	}
	if (put_commit(op, c->control, str_at(c->body.p ? c->body.p : "", c->body.n)) == 0)
		return 0;
	int e = errno;
	store_forget(s, m);
	commit_free(op);
	errno = e;
	return -1;
}
