/* A session at the gate: its beginning, the end of what is under way, its end. */
#include "submit/client-lists.h"
#include "submit/filter-run.h"
#include "submit/sender-own.h"
#include "submit/transaction-parts.h"
#include <stdlib.h>

enum { SESSION_ARENA_MAX = 128 * 1024 };

void transaction_say(struct transaction *t, enum reply_id id)
{
	struct gate_reply r = reply(id);
	t->answer(t->ctx, &r);
}

void transaction_reset(struct transaction *t)
{
	sender_own_cancel(t);
	sender_check_free(t->sender_check);
	t->sender_check = NULL;
	from_check_free(t->from_check);
	t->from_check = NULL;
	resolve_cancel(t->resolve);
	t->resolve = NULL;
	alias_find_cancel(t->alias);
	t->alias = NULL;
	verify_free(t->verify);
	t->verify = NULL;
	rcpt_filter_cancel(t->rcpt_filter);
	t->rcpt_filter = NULL;
	filtering_free(t->filtering);
	t->filtering = NULL;
	commit_cancel(t->commit);
	t->commit = NULL;
	t->ending = false;
	message_free(t->message);
	t->message = NULL;
}

struct transaction *transaction_new(struct gate_process *g, const struct gate_open_frame *o,
    enum source_kind kind, uint32_t uid, void (*answer)(void *ctx, const struct gate_reply *r),
    void *ctx)
{
	struct transaction *t = mem_new(struct transaction);
	bool deny;
	t->arena = arena_new(SESSION_ARENA_MAX);
	if (!t->arena) {
		free(t);
		return NULL;
	}
	t->gate = g;
	t->proxy = kind == SOURCE_PROXY;
	t->from_network = kind == SOURCE_NETWORK || t->proxy;
	t->from_program = kind == SOURCE_PROGRAM;
	t->dsn = kind == SOURCE_REPORT;
	t->uid = uid;
	t->trusted = uid == 0 || uid == g->uid;
	t->answer = answer;
	t->ctx = ctx;
	buf_init(&t->env, TRANSACTION_ENV_MAX);
	transaction_copy_origin(t, o);
	t->vhost = t->from_network && !t->proxy ? STR_NONE : arena_str(t->arena, o->vhost);
	transaction_choose_policy(t, STR_NONE);
	transaction_read_environment(t, &deny);
	transaction_start_lists(t);
	g->transactions++;
	return t;
}

void transaction_free(struct transaction *t)
{
	if (!t)
		return;
	transaction_reset(t);
	transaction_forget_login(t);
	t->gate->transactions--;
	client_lists_free(t->lists);
	policy_drop(t->lists_policy);
	policy_drop(t->policy);
	buf_free(&t->env);
	arena_free(t->arena);
	free(t);
}
