/* courier show, flush, clear: questions to the scheduler. */
#include "config.h"

#include "courierd/courier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ANSWER_MAX = 256 * 1024 * 1024, WAIT_S = 60 };

static int scheduler(const struct instance *in, const char *request, struct buf *answer)
{
	buf_init(answer, ANSWER_MAX);
	if (ask(in, "queue", request, answer, WAIT_S) == 0)
		return 0;
	fprintf(stderr, "courier: the scheduler does not answer: %s\n",
	    errno == ENOENT || errno == ECONNREFUSED ? "not running" : strerror(errno));
	return -1;
}

/* "error TEXT" is a refusal; everything else is shown. */
static int print_answer(struct str answer)
{
	if (str_starts(answer, STR("error\t"))) {
		fprintf(stderr, "courier: %.*s\n", STR_FMT(str_trim(str_skip(answer, 6))));
		return EXIT_FAILURE;
	}
	fwrite(answer.p, 1, answer.n, stdout);
	return EXIT_SUCCESS;
}

static void json_cell(struct buf *out, struct str cell)
{
	struct buf plain;
	uint64_t n;
	buf_init(&plain, cell.n + 1);
	if (str_u64(cell, &n) && (cell.n == 1 || cell.p[0] != '0'))
		buf_adds(out, cell);
	else if (field_decode(cell, &plain))
		json_string(out, buf_str(&plain));
	else
		json_string(out, cell);
	buf_free(&plain);
}

/* Rows of TAB separated fields as an array of arrays. */
static void print_json(struct str rows)
{
	struct str line, cell;
	struct buf out;
	bool first = true;
	buf_init(&out, ANSWER_MAX);
	buf_addc(&out, '[');
	while (str_split(&rows, '\n', &line)) {
		if (!line.n)
			continue;
		buf_addz(&out, first ? "[" : ",\n[");
		first = false;
		for (bool lead = true; str_split(&line, '\t', &cell); lead = false) {
			if (!lead)
				buf_addc(&out, ',');
			json_cell(&out, cell);
		}
		buf_addc(&out, ']');
	}
	buf_addz(&out, "]\n");
	fputs(out.p, stdout);
	buf_free(&out);
}

static int request(const struct instance *in, const char *verb, const char *subject, bool json)
{
	struct buf answer;
	char *line = subject ? mem_printf("%s %s", verb, subject) : mem_strdup(verb);
	int r = EXIT_FAILURE;
	if (scheduler(in, line, &answer) == 0) {
		if (json && !str_starts(buf_str(&answer), STR("error\t"))) {
			print_json(buf_str(&answer));
			r = EXIT_SUCCESS;
		} else {
			r = print_answer(buf_str(&answer));
		}
	}
	buf_free(&answer);
	free(line);
	return r;
}

int cmd_show(const struct instance *in, int argc, char **argv)
{
	const char *subject = NULL;
	bool json = false;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else
			subject = argv[i];
	}
	if (subject && strcmp(subject, "all") == 0)
		return request(in, "suppressed", NULL, json);
	return request(in, subject ? "show" : "list", subject, json);
}

int cmd_flush(const struct instance *in, int argc, char **argv)
{
	return request(in, "flush", argc > 1 ? argv[1] : NULL, false);
}

int cmd_clear(const struct instance *in, int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: courier clear all | ADDRESS\n");
		return EXIT_BAD_USAGE;
	}
	return request(in, "clear", argv[1], false);
}
