/* verifysmtp: asks the mail host of each address whether it takes mail for it. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>
#include "filters/filter-request.h"
#include "filters/filter-settings.h"
#include "filters/verifyfilter-check.h"

enum { AT_A_TIME = 10 };

struct options {
	const char *instance, *dir;
	bool quiet, full;
};

struct run {
	struct loop *loop;
	struct verifier *verifier;
	size_t left;
	bool failed, waiting;
};

struct asked {
	struct run *run;
	const char *address;
	bool reply; /* as an SMTP reply, for filters */
};

static void tell_reply(const struct asked *a, const struct callout_result *r)
{
	struct buf text, out;
	bool bad = r->verdict == VERIFY_BAD;
	buf_init(&text, CALLOUT_TEXT_MAX * 3);
	buf_init(&out, FILTER_REPLY_MAX);
	verify_explain(&text, str_of(a->address), r);
	filter_reply_put(&out, bad ? 550 : 450, bad ? STR("5.1.8") : STR("4.1.8"), buf_str(&text));
	fputs(out.p, stdout);
	buf_free(&text);
	buf_free(&out);
}

/* The answer as it was given, each line with its code. */
static void tell_text(const char *indent, const struct callout_result *r)
{
	struct str text = r->text, line;
	while (str_split(&text, '\n', &line)) {
		if (r->code)
			printf("%s%u%c", indent, r->code, text.p ? '-' : ' ');
		else
			fputs(indent, stdout);
		printf("%.*s\n", STR_FMT(line));
	}
}

static void tell(const struct asked *a, const struct callout_result *r)
{
	bool good = r->verdict == VERIFY_GOOD;
	if (a->reply && !good) {
		tell_reply(a, r);
	} else if (!a->reply) {
		printf("<%s>: %s", a->address, good ? "" : "verification failed\n");
		if (!good && r->remote.n)
			printf("    >>> %.*s:\n", STR_FMT(r->remote));
		if (!good && r->command.n)
			printf("    >>> %.*s\n", STR_FMT(r->command));
		tell_text(good ? "" : "    ", r);
	}
}

static void decided(void *ctx, const struct callout_result *r)
{
	struct asked *a = ctx;
	struct run *run = a->run;
	tell(a, r);
	run->failed |= r->verdict != VERIFY_GOOD;
	free(a);
	if (!--run->left && run->waiting)
		loop_stop(run->loop);
}

static void ask(struct run *run, const char *address)
{
	struct asked *a = mem_new(struct asked);
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

static int run_all(struct run *run, char **addresses, int n)
{
	run->left = (size_t)n;
	for (int i = 0; i < n; i++)
		ask(run, addresses[i]);
	run->waiting = true;
	if (run->left && loop_run(run->loop))
		return EX_TEMPFAIL;
	return run->failed ? 1 : 0;
}

static int run_with(const struct options *o, const struct instance *in, char **addresses, int n)
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
	status = run_with(&o, &in, argv + optind, argc - optind);
	instance_free(&in);
	if (fflush(stdout))
		return EX_IOERR;
	return status;
}
