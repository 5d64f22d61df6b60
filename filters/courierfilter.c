/* courierfilter: starts and stops all global mail filters of a running instance. */
#include "config.h"

#include "filters/courierfilter-ask.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_BAD_USAGE = 64, LOOKS = 60 * 20 };

static const char program[] = "courierfilter";

static int usage(void)
{
	fputs("usage: courierfilter [-C dir] start | stop | restart\n", stderr);
	return EXIT_BAD_USAGE;
}

static int fail(const char *why)
{
	fprintf(stderr, "%s: %s\n", program, why);
	return EXIT_FAILURE;
}

static int request(const struct instance *in, const char *text)
{
	int r = filters_request(in, program, text);
	if (r == -1)
		return fail("nothing is running; courier start starts everything, filters too");
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Words after the seventh are NAME=STATE. */
static int all_ready(struct str line)
{
	struct str word, state;
	int r = EXIT_SUCCESS;
	while (str_word(&line, &word)) {
		state = word;
		struct str name;
		ptrdiff_t eq = str_chr(word, '=');
		if (eq <= 0 || !str_split(&state, '=', &name) || str_is(state, "ready"))
			continue;
		fprintf(stderr, "%s: %.*s is %.*s; the log tells why\n", program, STR_FMT(name),
		    STR_FMT(state));
		r = EXIT_FAILURE;
	}
	return r;
}

static int start(const struct instance *in)
{
	struct buf line;
	int r = request(in, "start filter");
	bool ready = false;
	buf_init(&line, 8192);
	for (int i = 0; r == EXIT_SUCCESS && !ready && i < LOOKS; i++) {
		ready = filters_status(in, &line) == 1 &&
			str_is(filters_role_state(buf_str(&line)), "ready");
		if (!ready)
			filters_pause();
	}
	/* the states of the filters may be a moment older than that of their keeper */
	if (ready)
		(void)filters_status(in, &line);
	if (r == EXIT_SUCCESS)
		r = ready ? all_ready(buf_str(&line)) : fail("the filters are not ready in time");
	buf_free(&line);
	return r;
}

static int stop(const struct instance *in)
{
	struct buf line;
	int r = request(in, "stop filter");
	bool gone = false;
	buf_init(&line, 8192);
	for (int i = 0; r == EXIT_SUCCESS && !gone && i < LOOKS; i++) {
		gone = filters_status(in, &line) != 1;
		if (!gone)
			filters_pause();
	}
	buf_free(&line);
	if (r == EXIT_SUCCESS && !gone)
		r = fail("the filters have not ended in time");
	return r;
}

static int run(const struct instance *in, const char *verb)
{
	if (strcmp(verb, "start") == 0)
		return start(in);
	if (strcmp(verb, "stop") == 0)
		return stop(in);
	return strcmp(verb, "restart") == 0 ? request(in, "reload filter") : usage();
}

int main(int argc, char **argv)
{
	struct instance in = {0};
	int r = filters_options(argc, argv, program, 1, &in);
	if (r < 0)
		return r == -1 ? usage() : EXIT_FAILURE;
	r = run(&in, argv[optind]);
	instance_free(&in);
	return r;
}
