/* cancelmsg: takes a message back; its sender gets a report with the reason. */
#include "config.h"

#include "config/config.h"
#include "courierd/courier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 64 * 1024, WAIT_S = 60, REASON_MAX = 1000 };

/* The request is one line: whatever could end it becomes a blank. */
static void add_reason(struct buf *out, const char *reason)
{
	for (; *reason && out->n < REASON_MAX; reason++)
		buf_addc(out, (unsigned char)*reason < ' ' || *reason == 0x7f ? ' ' : *reason);
}

static int cancel(const struct instance *in, const char *id, int argc, char **argv)
{
	struct buf request, answer;
	int r = EXIT_FAILURE;
	buf_init(&request, REASON_MAX + 256);
	buf_init(&answer, ANSWER_MAX);
	buf_addf(&request, "cancel %s ", id);
	for (int i = 0; i < argc; i++) {
		if (i)
			buf_addc(&request, ' ');
		add_reason(&request, argv[i]);
	}
	if (argc == 0)
		buf_addz(&request, "Message cancelled.");
	if (ask(in, "queue", request.p, &answer, WAIT_S) < 0)
		fprintf(stderr, "cancelmsg: the scheduler does not answer: %s\n", strerror(errno));
	else if (str_is(str_trim(buf_str(&answer)), "ok"))
		r = puts("Message scheduled for cancellation.") < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	else if (str_is(str_trim(buf_str(&answer)), "error\tNo such message."))
		fputs("Message not found.\n", stderr);
	else
		fprintf(stderr, "cancelmsg: %.*s\n", STR_FMT(str_trim(buf_str(&answer))));
	buf_free(&request);
	buf_free(&answer);
	return r;
}

int main(int argc, char **argv)
{
	struct instance in;
	char *why;
	const char *dir = NULL;
	log_open("cancelmsg", LOG_TO_STDERR, -1);
	if (argc > 2 && strcmp(argv[1], "-C") == 0) {
		dir = argv[2];
		argc -= 2;
		argv += 2;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: cancelmsg [-C DIR] QUEUE-ID [REASON...]\n");
		return EXIT_FAILURE;
	}
	for (const char *p = argv[1]; *p; p++) {
		if (hex_digit((unsigned char)*p) < 0 && *p != '.') {
			fprintf(
			    stderr, "cancelmsg: '%s' is no queue id; mailq shows them\n", argv[1]);
			return EXIT_FAILURE;
		}
	}
	if (instance_find(&in, dir, &why) < 0) {
		fprintf(stderr, "cancelmsg: %s\n", why);
		return EXIT_FAILURE;
	}
	int r = cancel(&in, argv[1], argc - 2, argv + 2);
	instance_free(&in);
	return r;
}
