/* filterctl: installs a global mail filter, or takes it away. */
#include "config.h"

#include "filters/courierfilter-ask.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOKS = 40 * 20 };

static const char program[] = "filterctl";

static int usage(void)
{
	fputs("usage: filterctl [-C dir] start | stop filter\n", stderr);
	return EXIT_FAILURE;
}

static int fail(const char *name, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program, name, why);
	return EXIT_FAILURE;
}

/* The running part follows; without one the next start does. */
static int apply(const struct instance *in, const char *name, bool on)
{
	struct buf line;
	bool done = false;
	int r = filters_request(in, program, "reload filter");
	if (r)
		return r == -1 ? EXIT_SUCCESS : EXIT_FAILURE;
	buf_init(&line, 8192);
	for (int i = 0; !done && i < LOOKS; i++) {
		if (filters_status(in, &line) != 1)
			break; /* courierfilter stop */
		struct str state = filters_state(buf_str(&line), name);
		done = on ? str_is(state, "ready") : state.n == 0;
		if (!done)
			filters_pause();
	}
	r = EXIT_SUCCESS;
	if (!done && line.n)
		r = fail(name, on ? "is not ready; mail that it should see is refused for the time "
				    "being; the log tells why"
				  : "has not ended");
	buf_free(&line);
	return r;
}

static int install(const struct instance *in, const char *name, const char *link)
{
	char *target = mem_printf("%s/filters/%s", LIBEXECDIR, name);
	char *folder = instance_path(in->etc, "filters/active");
	int r = EXIT_SUCCESS;
	if (access(target, X_OK) < 0) {
		fprintf(stderr, "%s: %s: there is no such filter (%s)\n", program, name, target);
		r = EXIT_FAILURE;
	} else if (file_mkdirs(-1, folder, 0755) < 0 ||
		   (symlink(target, link) < 0 && errno != EEXIST))
		r = fail(link, strerror(errno));
	free(target);
	free(folder);
	return r;
}

static int take_away(const char *name, const char *link)
{
	if (unlink(link) == 0)
		return EXIT_SUCCESS;
	return fail(name, errno == ENOENT ? "it is not installed" : strerror(errno));
}

static int run(const struct instance *in, const char *verb, const char *name)
{
	bool on = strcmp(verb, "start") == 0;
	if (!on && strcmp(verb, "stop") != 0)
		return usage();
	if (name[0] == '.' || strchr(name, '/') || !*name)
		return fail(name, "that is no name of a filter");
	char *link = mem_printf("%s/filters/active/%s", in->etc, name);
	int r = on ? install(in, name, link) : take_away(name, link);
	free(link);
	return r == EXIT_SUCCESS ? apply(in, name, on) : r;
}

int main(int argc, char **argv)
{
	struct instance in = {0};
	int r = filters_options(argc, argv, program, 2, &in);
	if (r < 0)
		return r == -1 ? usage() : EXIT_FAILURE;
	r = run(&in, argv[optind], argv[optind + 1]);
	instance_free(&in);
	return r;
}
