/* The end of a message: the smtpfilter of each recipient that has asked for it. */
#include "config.h"

#include "submit/filter-run.h"

#include "submit/filter-reply.h"

#include <stdlib.h>
#include <unistd.h>

enum { AT_A_TIME = 8, TEMPORARY = 75 };

struct call {
	struct filter_content *content; /* NULL: cancelled */
	size_t number;                  /* in the message's list */
};

struct filter_content {
	struct transaction *t;
	const struct filter_files *files;
	void (*done)(void *ctx);
	void *ctx;
	struct timer *timer;
	struct call *calls[AT_A_TIME];
	size_t next, running;
};

bool filter_content_wanted(const struct message *m)
{
	for (size_t i = 0; i < m->accepted.n; i++)
		if (m->accepted.v[i].content)
			return true;
	return false;
}

static void fault(struct accepted *a, struct str why)
{
	char *name = mem_strndup(a->name.p, a->name.n);
	struct log_ctx ctx = {"account", name};
	log_error(&ctx, "its smtpfilter can't judge mail: %.*s", STR_FMT(why));
	a->refused = true;
	a->result = reply(REPLY_MAILBOX_FILTER);
	free(name);
}

static void refused(struct filter_content *c, struct accepted *a, struct str output)
{
	struct arena *arena = c->t->message->arena;
	char *heading = arena_printf(arena, "%.*s:", STR_FMT(a->name));
	const struct filter_refusal how = {
	    .code = 450,
	    .silent_code = 450,
	    .silent = STR("Access denied."),
	    .heading = str_of(heading ? heading : ""),
	};
	a->refused = true;
	if (!filter_output_read(output, &how, arena, &a->result))
		a->result = reply(REPLY_NO_MEMORY);
}

static void answered(void *ctx, int result, unsigned status, struct str output)
{
	struct call *call = ctx;
	struct filter_content *c = call->content;
	if (c) {
		struct accepted *a = &c->t->message->accepted.v[call->number];
		if (result < 0 || status == TEMPORARY)
			fault(a, output);
		else if (status)
			refused(c, a, output);
		for (size_t i = 0; i < AT_A_TIME; i++)
			if (c->calls[i] == call)
				c->calls[i] = NULL;
		c->running--;
		timer_set(c->timer, 0);
	}
	free(call);
}

static void ask(struct filter_content *c, size_t number)
{
	struct transaction *t = c->t;
	struct accepted *a = &t->message->accepted.v[number];
	struct buf env;
	int fd = filter_files_open(c->files);
	if (!filter_environment(t, &env) || fd < 0 || !filter_call_ok(t, a->name, a->ext)) {
		fault(a, fd < 0 ? STR("its file can't be opened") : STR("a name is too long"));
	} else {
		char *name = mem_printf("smtpfilter%s%.*s", a->ext.n ? "-" : "", STR_FMT(a->ext));
		struct call *call = mem_new(struct call);
		size_t place = 0;
		*call = (struct call){c, number};
		while (c->calls[place])
			place++;
		c->calls[place] = call;
		c->running++;
		struct broker_filter f = {.name = a->name,
		    .filter = str_of(name),
		    .sender = t->message->sender,
		    .env = buf_str(&env),
		    .message = fd};
		broker_filter(t->gate->broker, &f, answered, call);
		free(name);
	}
	buf_free(&env);
	if (fd >= 0)
		close(fd);
}

static void on_turn(void *ctx)
{
	struct filter_content *c = ctx;
	struct message *m = c->t->message;
	while (c->running < AT_A_TIME && c->next < m->accepted.n) {
		size_t number = c->next++;
		if (m->accepted.v[number].content)
			ask(c, number);
	}
	if (c->running == 0 && c->next >= m->accepted.n)
		c->done(c->ctx);
}

struct filter_content *filter_content_new(
    struct transaction *t, const struct filter_files *files, void (*done)(void *ctx), void *ctx)
{
	struct filter_content *c = mem_new(struct filter_content);
	*c = (struct filter_content){.t = t, .files = files, .done = done, .ctx = ctx};
	c->timer = timer_new(service_loop(t->gate->service), on_turn, c);
	if (!c->timer) {
		free(c);
		return NULL;
	}
	timer_set(c->timer, 0);
	return c;
}

void filter_content_free(struct filter_content *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < AT_A_TIME; i++)
		if (c->calls[i])
			c->calls[i]->content = NULL;
	timer_free(c->timer);
	free(c);
}
