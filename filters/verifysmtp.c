/* verifysmtp: asks the mail host of each address whether it takes mail for it. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "filters/filter-request.h"
#include "filters/filter-settings.h"
#include "filters/verifyfilter-check.h"

enum { AT_A_TIME = 10, TEXT_MAX = 4 * CALLOUT_TEXT_MAX };

struct options {
	const char *instance, *dir;
	bool quiet, full;
};

struct asked;

struct run {
	struct loop *loop;
	struct verifier *verifier;
	struct asked *asked; /* n of them, told in this order whoever answers first */
	size_t n, told;
	bool failed, waiting;
};

struct asked {
	struct run *run;
	const char *address;
	bool reply; /* as an SMTP reply, for filters */
	bool done;
	struct buf text;
};

static void put_reply(struct asked *a, const struct callout_result *r)
{
	struct buf text;
	bool bad = r->verdict == VERIFY_BAD;
	buf_init(&text, TEXT_MAX);
	verify_explain(&text, str_of(a->address), r);
	filter_reply_put(
	    &a->text, bad ? 550 : 450, bad ? STR("5.1.8") : STR("4.1.8"), buf_str(&text));
	buf_free(&text);
}

/* The answer as it was given, each line with its code. */
static void put_answer(struct asked *a, const char *indent, const struct callout_result *r)
{
	struct str text = r->text, line;
	while (str_split(&text, '\n', &line)) {
		buf_addz(&a->text, indent);
		if (r->code)
			buf_addf(&a->text, "%u%c", r->code, text.p ? '-' : ' ');
		buf_addf(&a->text, "%.*s\n", STR_FMT(line));
	}
}

static void put(struct asked *a, const struct callout_result *r)
{
	bool good = r->verdict == VERIFY_GOOD;
	buf_init(&a->text, TEXT_MAX);
	if (a->reply && !good) {
		put_reply(a, r);
	} else if (!a->reply) {
		buf_addf(&a->text, "<%s>: %s", a->address, good ? "" : "verification failed\n");
		if (!good && r->remote.n)
			buf_addf(&a->text, "    >>> %.*s:\n", STR_FMT(r->remote));
		if (!good && r->command.n)
			buf_addf(&a->text, "    >>> %.*s\n", STR_FMT(r->command));
		put_answer(a, good ? "" : "    ", r);
	}
}

static void decided(void *ctx, const struct callout_result *r)
{
	struct asked *a = ctx;
	struct run *run = a->run;
	put(a, r);
	a->done = true;
	run->failed |= r->verdict != VERIFY_GOOD;
	for (; run->told < run->n && run->asked[run->told].done; run->told++) {
		fputs(run->asked[run->told].text.p, stdout);
		buf_free(&run->asked[run->told].text);
	}
	if (run->told == run->n && run->waiting)
		loop_stop(run->loop);
}

static void ask(struct run *run, struct asked *a, const char *address)
{
	a->run = run;
	a->reply = strcmp(address, ".") == 0;
	a->address = a->reply ? getenv("SENDER") : address;
	verifier_check(run->verifier, str_of(a->address), decided, a);
}

static int usage(void)
{
	fputs("usage: verifysmtp [-n] [-C DIR] [-t DIR] [-m full|base] ADDRESS...\n"
	      "       ADDRESS \".\" stands for the variable SENDER\n",
	    stderr);
	return EX_USAGE;
}

static int options(int argc, char **argv, struct options *o)
{
	for (int c; (c = getopt(argc, argv, "C:nt:m:")) != -1;) {
		if (c == 'C')
			o->instance = optarg;
		else if (c == 'n')
			o->quiet = true;
		else if (c == 't')
			o->dir = optarg;
		else if (c == 'm' && (strcmp(optarg, "full") == 0 || strcmp(optarg, "base") == 0))
			o->full = strcmp(optarg, "full") == 0;
		else
			return usage();
	}
	for (int i = optind; i < argc; i++)
		if (strcmp(argv[i], ".") == 0 && !getenv("SENDER")) {
			fputs("verifysmtp: '.' needs the variable SENDER\n", stderr);
			return EX_USAGE;
		}
	return optind < argc ? 0 : usage();
}

static int run_all(struct run *run, char **addresses, size_t n)
{
	run->n = n;
	run->asked = mem_zero(n * sizeof *run->asked);
	for (size_t i = 0; i < n; i++)
		ask(run, &run->asked[i], addresses[i]);
	run->waiting = true;
	int r = run->told < n ? loop_run(run->loop) : 0;
	free(run->asked);
	return r ? EX_TEMPFAIL : run->failed ? 1 : 0;
}

static int run_with(const struct options *o, const struct instance *in, char **addresses, size_t n)
{
	static const struct config_component *const components[] = {
	    &config_identity, &verify_component};
	struct run run = {0};
	struct config *c = config_load(in, components, ARRAY_LEN(components), NULL);
	if (!c)
		return EX_CONFIG;
	int status = EX_TEMPFAIL;
	run.loop = loop_new();
	struct verify_cache *cache =
	    run.loop ? verify_cache_new(o->dir, !o->full, clock_now()) : NULL;
	if (cache)
		run.verifier = verifier_new(run.loop, in, c, cache, AT_A_TIME);
	if (run.verifier)
		status = run_all(&run, addresses, n);
	verifier_free(run.verifier);
	if (run.loop)
		loop_free(run.loop);
	config_drop(c);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct instance in;
	char *why;
	int status = options(argc, argv, &o);
	if (status)
		return status;
	log_open("verifysmtp", LOG_TO_STDERR, -1);
	if (o.quiet)
		log_threshold(LOG_LEVEL_FATAL);
	if (instance_find(&in, o.instance, &why) < 0) {
		log_error(NULL, "%s", why);
		free(why);
		return EX_CONFIG;
	}
	status = run_with(&o, &in, argv + optind, (size_t)(argc - optind));
	instance_free(&in);
	if (fflush(stdout))
		return EX_IOERR;
	return status;
}
