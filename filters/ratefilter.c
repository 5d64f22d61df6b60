/* ratefilter: so many recipients for each of our own users in an interval, and no more. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include "filters/filter-server.h"
#include "filters/filter-settings.h"
#include "filters/ratefilter-count.h"

struct ratefilter {
	struct rate *rate;
	uint64_t max;
	uint32_t min_uid;
};

/* Whom the message counts for: a login, else the user who submitted it here.  Empty: nobody. */
static struct str key_of(
    const struct ratefilter *f, const struct filter_facts *facts, struct buf *out)
{
	bool local = str_is(facts->source, "local") || str_starts(facts->source, STR("local/"));
	if (facts->login.n)
		buf_addf(out, "login %.*s", STR_FMT(facts->login));
	else if (local && facts->uid >= f->min_uid)
		buf_addf(out, "uid %lu", (unsigned long)facts->uid);
	return buf_str(out);
}

static void judge(struct ratefilter *f, struct filter_request *r, const struct filter_facts *facts)
{
	const struct log_ctx ctx = {"id", facts->id};
	struct buf key;
	buf_init(&key, 8192);
	struct str who = key_of(f, facts, &key);
	uint64_t sum = who.n ? rate_add(f->rate, who, facts->rcpts, clock_now()) : 0;
	if (sum == UINT64_MAX) {
		log_error(&ctx, "too many senders to count, more than %d", RATE_KEYS_MAX);
		filter_answer_later(r);
	} else if (sum > f->max) {
		log_info(&ctx, "refused,from=<%.*s>: %.*s has %llu recipients",
		    STR_FMT(facts->sender), STR_FMT(who), (unsigned long long)sum);
		filter_answer(
		    r, 550, "5.7.1", STR("Number of messages exceeded administrative limit."));
	} else {
		filter_answer(r, 200, "", STR("Ok"));
	}
	buf_free(&key);
}

static void request(struct filter_request *r)
{
	struct filter_facts facts;
	if (filter_facts_read(r->arena, &r->paths, &facts) < 0)
		filter_answer_later(r);
	else
		judge(filter_data(r->server), r, &facts);
}

static int start(struct filter_server *s)
{
	struct config *c = filter_config(s);
	struct ratefilter *f = mem_new(struct ratefilter);
	filter_set_data(s, f);
	f->max = (uint64_t)config_int(c, "ratefilter", "ratefilter-maxrcpts", NULL);
	f->min_uid = (uint32_t)config_int(c, "ratefilter", "ratefilter-minuid", NULL);
	f->rate = rate_new(config_int(c, "ratefilter", "ratefilter-interval", NULL));
	if (!f->rate)
		log_error(NULL, "out of memory");
	return f->rate ? 0 : -1;
}

static void stop(struct filter_server *s)
{
	struct ratefilter *f = filter_data(s);
	rate_free(f->rate);
	free(f);
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&ratefilter_component};
	static const struct filter_desc desc = {
	    .name = "ratefilter",
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .start = start,
	    .request = request,
	    .stop = stop,
	};
	return filter_main(&desc, argc, argv);
}
