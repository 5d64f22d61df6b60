/* verifyfilter: takes no mail whose sender could not be told that it failed. */
#include "config.h"

#include <stdlib.h>
#include "filters/filter-server.h"
#include "filters/filter-settings.h"
#include "filters/verifyfilter-check.h"

static void decided(void *ctx, const struct callout_result *v)
{
	struct filter_request *r = ctx;
	const struct filter_facts *facts = r->data;
	const struct log_ctx lc = {"id", facts->id};
	struct buf text;
	if (v->verdict == VERIFY_GOOD) {
		filter_answer(r, 200, "", STR("Ok"));
		return;
	}
	bool bad = v->verdict == VERIFY_BAD;
	log_info(&lc, "%s,from=<%.*s>: %.*s", bad ? "refused" : "deferred", STR_FMT(facts->sender),
	    STR_FMT(v->text));
	buf_init(&text, CALLOUT_TEXT_MAX * 3);
	verify_explain(&text, facts->sender, v);
	filter_answer(r, bad ? 550 : 450, bad ? "5.1.8" : "4.1.8", buf_str(&text));
	buf_free(&text);
}

static void request(struct filter_request *r)
{
	struct filter_facts *facts = arena_new_of(r->arena, struct filter_facts);
	r->data = facts;
	if (!facts || filter_facts_read(r->arena, &r->paths, facts) < 0)
		filter_answer_later(r);
	else if (facts->login.n)
		filter_answer(r, 200, "", STR("Ok"));
	else
		verifier_check(filter_data(r->server), facts->sender, decided, r);
}

static int start(struct filter_server *s)
{
	struct config *c = filter_config(s);
	/* a folder of ours in one that we may write anyway; no socket has a name like that */
	char *dir = instance_path(filter_instance(s)->var, "filters/.verified");
	bool base = str_is(config_str(c, "verifyfilter", "verifyfilter-logmode", NULL), "base");
	size_t n = (size_t)config_int(c, "verifyfilter", "verifyfilter-nthreads", NULL);
	struct verify_cache *cache = verify_cache_new(dir, base, clock_now());
	free(dir);
	if (!cache) {
		log_error(NULL, "out of memory");
		return -1;
	}
	filter_set_data(s, verifier_new(filter_loop(s), filter_instance(s), c, cache, n));
	return filter_data(s) ? 0 : -1;
}

static void stop(struct filter_server *s)
{
	verifier_free(filter_data(s));
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {
	    &config_identity, &verify_component, &verifyfilter_component};
	static const struct filter_desc desc = {
	    .name = "verifyfilter",
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .start = start,
	    .request = request,
	    .stop = stop,
	};
	return filter_main(&desc, argc, argv);
}
