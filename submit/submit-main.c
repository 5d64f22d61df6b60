/* submit: hands a message to the gate, for programs that speak its line protocol. */
#include "config.h"

#include "submit/submit.h"
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct submit_options o;
	struct instance in;
	const char *wrong;
	char *reason;
	log_open("submit", LOG_TO_STDERR, -1);
	if (submit_parse_options(argc, (const char *const *)argv, &o, &wrong) < 0) {
		if (wrong)
			fprintf(stderr, "submit: ERR: Invalid argument: %s\n", wrong);
		else
			fprintf(stderr, "usage: submit [options] module \"type; hostid\"\n");
		return 1;
	}
	if (instance_find(&in, NULL, &reason) < 0) {
		fprintf(stderr, "submit: %s\n", reason);
		free(reason);
		return 1;
	}
	int r = submit_run(&in, &o);
	instance_free(&in);
	return r;
}
