#include "config.h"

#include "maildrop/drop-options.h"
#include "filter/drop.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

static const char usage[] =
    "usage: maildrop [-a] [-A \"Header: value\"] [-f sender] [-w percent] [-W file] [--why]\n"
    "                [-d user | -D uid/gid] [argument ...]\n"
    "       maildrop [options] [-V level] [-m] file [argument ...]\n"
    "       maildrop [options] -M filter [argument ...]\n"
    "       maildrop -v | -h\n";

static void version(void)
{
	puts(PACKAGE_STRING " maildrop");
	puts("Databases: tables of Berkeley DB (makedat).");
	puts("Accounts: the system's, and authdaemond's.");
	puts("Maildir quotas are always on.");
	exit(0);
}

static const char *number(const char *text, uint64_t most, int *out)
{
	uint64_t n = 0;
	if (!str_u64(str_of(text), &n) || n > most)
		return "-V wants a number from 0 to 9, -w one from 0 to 100";
	*out = (int)n;
	return NULL;
}

static const char *one_option(struct drop_options *o, int c, const char *arg)
{
	switch (c) {
	case 'a':
		o->must_auth = true;
		break;
	case 'A':
		buf_addf(&o->headers, "%s\n", arg);
		break;
	case 'd':
		o->user = arg;
		break;
	case 'D':
		o->ids = arg;
		break;
	case 'f':
		o->from = arg;
		break;
	case 'm':
		o->embedded = true;
		break;
	case 'M':
		o->filter = arg;
		break;
	case 'V':
		return number(arg, 9, &o->verbose);
	case 'v':
		version();
		break;
	case 'w':
		return number(arg, 100, &o->warn_percent);
	case 'W':
		o->warn_file = arg;
		break;
	case 'Y':
		o->why = true;
		break;
	default:
		fputs(usage, stderr);
		exit(EX_TEMPFAIL);
	}
	return NULL;
}

const char *drop_options_read(int argc, char **argv, struct drop_options *o)
{
	static const struct option long_options[] = {{"why", no_argument, NULL, 'Y'}, {0}};
	const char *wrong = NULL;
	int c;
	*o = (struct drop_options){.warn_percent = -1};
	buf_init(&o->headers, DROP_HEADERS_MAX);
	while (!wrong &&
	       (c = getopt_long(argc, argv, "+aA:d:D:f:hmM:vV:w:W:", long_options, NULL)) != -1)
		wrong = one_option(o, c, optarg);
	argv += optind;
	if (o->filter)
		o->embedded = true;
	else if (!o->user && !o->ids && *argv)
		o->file = *argv++;
	o->arguments = argv;
	if (!wrong && o->headers.failed)
		wrong = "too many headers";
	if (!wrong && o->embedded && !o->filter && !o->file)
		wrong = "-m wants a file";
	return wrong;
}
