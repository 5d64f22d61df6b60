/* The life of libunbound's contexts. */
#include <stdlib.h>
#include "dns/dns-private.h"

static void readable(void *ctx, int fd UNUSED, int what UNUSED)
{
	struct dns_engine *e = ctx;
	ub_process(e->ub);
}

/* A thread, not a forked process: it dies with us and needs no files later. */
static bool begin(struct dns_engine *e)
{
	e->ub = ub_ctx_create();
	if (!e->ub || ub_ctx_async(e->ub, 1))
		return false;
	e->watch = watch_new(e->dns->loop, ub_fd(e->ub), readable, e);
	if (!e->watch)
		return false;
	watch_set(e->watch, WATCH_READ);
	return true;
}

static void engine_free(struct dns_engine *e)
{
	if (!e)
		return;
	watch_free(e->watch);
	if (e->ub)
		ub_ctx_delete(e->ub);
	free(e);
}

struct dns_engine *dns_engine_new(
    struct dns *d, const struct instance *in, const struct dns_options *o)
{
	struct dns_engine *e = mem_new(struct dns_engine);
	e->dns = d;
	if (!begin(e))
		log_error(NULL, "cannot start the resolver library");
	else if (!dns_resolver_setup(e->ub, in, o))
		return e;
	engine_free(e);
	return NULL;
}

/* Those that were replaced and have nothing more to say; later than their own callbacks. */
static void clean_up(void *ctx)
{
	struct dns *d = ctx;
	for (struct dns_engine **at = &d->old, *e; (e = *at);) {
		if (e->asked) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		engine_free(e);
	}
}

void dns_engine_answered(struct dns_engine *e)
{
	if (--e->asked || e == e->dns->engine)
		return;
	if (loop_defer(e->dns->loop, clean_up, e->dns) < 0)
		log_error(NULL, "out of memory, an old resolver is kept");
}

void dns_engines_free(struct dns *d)
{
	loop_defer_cancel(d->loop, clean_up, d);
	engine_free(d->engine);
	for (struct dns_engine *e; (e = d->old);) {
		d->old = e->next;
		engine_free(e);
	}
}
