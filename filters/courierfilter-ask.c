#include "config.h"

#include "filters/courierfilter-ask.h"

#include "courierd/courier.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STATUS_MAX = 256 * 1024, ASK_SECONDS = 30 };

int filters_status(const struct instance *in, struct buf *out)
{
	struct buf all;
	struct str rest, line;
	int found = 0;
	buf_init(&all, STATUS_MAX);
	buf_clear(out);
	if (ask(in, "courierd", "status", &all, ASK_SECONDS) < 0)
		found = -1;
	rest = buf_str(&all);
	while (found == 0 && str_split(&rest, '\n', &line))
		if (str_starts(line, STR("filter ")) && buf_adds(out, line))
			found = 1;
	buf_free(&all);
	return found;
}

int filters_request(const struct instance *in, const char *program, const char *request)
{
	struct buf answer;
	int r = 0;
	buf_init(&answer, 4096);
	if (ask(in, "courierd", request, &answer, ASK_SECONDS) < 0) {
		r = errno == ENOENT || errno == ECONNREFUSED ? -1 : -2;
		if (r == -2)
			fprintf(stderr, "%s: cannot ask the supervisor: %s\n", program,
			    strerror(errno));
	} else if (!str_starts(buf_str(&answer), STR("ok"))) {
		fprintf(stderr, "%s: %s\n", program, answer.n ? answer.p : "no answer");
		r = -2;
	}
	buf_free(&answer);
	return r;
}

struct str filters_state(struct str line, const char *name)
{
	struct str word, value;
	while (str_word(&line, &word)) {
		value = word;
		struct str key;
		if (str_split(&value, '=', &key) && str_is(key, name))
			return value;
	}
	return STR("");
}

/* ROLE NUMBER PID STATE ... */
struct str filters_role_state(struct str line)
{
	struct str word = STR("");
	for (int i = 0; i < 4; i++)
		if (!str_word(&line, &word))
			return STR("");
	return word;
}

void filters_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
}

int filters_options(int argc, char **argv, const char *program, int words, struct instance *in)
{
	const char *dir = NULL;
	char *why = NULL;
	int c;
	log_open(program, LOG_TO_STDERR, 2);
	while ((c = getopt(argc, argv, "+C:")) != -1) {
		if (c != 'C')
			return -1;
		dir = optarg;
	}
	if (optind + words != argc)
		return -1;
	if (instance_find(in, dir, &why) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", program, why);
	free(why);
	return -2;
}
