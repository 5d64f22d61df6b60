#include "config.h"

#include "ldapaliasd/pool.h"

#include <stdio.h>

static void *open_directory(void *rc)
{
	return directory_new(rc);
}

static void run(void *state, struct work_job *work)
{
	struct pool_job *j = (struct pool_job *)work;
	j->result = directory_ask(state, &j->question, &j->answer);
	work->down = j->result == LDAPALIAS_DOWN;
	if (work->down)
		snprintf(work->why, sizeof(work->why), "%.*s", STR_FMT(buf_str(&j->answer)));
}

struct work *pool_new(struct loop *l, const struct ldapaliasrc *rc)
{
	static struct work_desc desc = {
	    .what = "the directory of aliases", .open = open_directory, .run = run};
	desc.threads = rc->connections;
	desc.ctx = (void *)(uintptr_t)rc;
	return work_new(l, &desc);
}

void pool_post(struct work *w, struct pool_job *j, void (*done)(struct work_job *job))
{
	j->work.done = done;
	buf_init(&j->answer, DIRECTORY_ANSWER_MAX);
	work_post(w, &j->work);
}
