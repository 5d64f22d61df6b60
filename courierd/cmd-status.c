/* courier status: processes and queue counts. */
#include "config.h"

#include "courierd/courier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int not_running(bool json)
{
	if (json)
		printf("{\"running\":false}\n");
	else
		fprintf(stderr, "courier: %s\n",
		    errno == EACCES ? "only the administrator may ask" : "not running");
	return EXIT_NOT_RUNNING;
}

enum { COLUMNS = 7, PORT_COLUMNS = 3 };
static const char *const column[COLUMNS] = {
    "role", "number", "pid", "state", "restarts", "seconds", "user"};

static bool split_row(struct str line, struct str cell[COLUMNS], struct str *stats)
{
	for (int i = 0; i < COLUMNS; i++)
		if (!str_word(&line, &cell[i]))
			return false;
	*stats = str_trim(line);
	return true;
}

static void json_rows(struct str rows, struct buf *out)
{
	struct str line, cell[COLUMNS], stats;
	bool first = true;
	while (str_split(&rows, '\n', &line)) {
		if (!split_row(line, cell, &stats))
			continue;
		buf_addz(out, first ? "{" : ",{");
		first = false;
		for (int i = 0; i < COLUMNS; i++) {
			uint64_t n;
			buf_addf(out, "%s\"%s\":", i ? "," : "", column[i]);
			if (str_u64(cell[i], &n))
				buf_adds(out, cell[i]);
			else
				json_string(out, cell[i]);
		}
		buf_addz(out, ",\"stats\":");
		json_string(out, stats);
		buf_addc(out, '}');
	}
}

/* NAME TAB VALUE lines of the scheduler as members of an object. */
static void json_queue(struct str rows, struct buf *out)
{
	struct str line;
	bool first = true;
	while (str_split(&rows, '\n', &line)) {
		struct str name = STR_NONE, value = line;
		uint64_t n;
		if (!str_split(&value, '\t', &name) || !value.p)
			continue;
		buf_addz(out, first ? "" : ",");
		first = false;
		json_string(out, name);
		buf_addc(out, ':');
		if (str_u64(value, &n))
			buf_adds(out, value);
		else
			json_string(out, value);
	}
}

static bool split_port(struct str line, struct str cell[PORT_COLUMNS])
{
	struct str word;
	if (!str_word(&line, &word) || !str_is(word, "port"))
		return false;
	for (int i = 0; i < PORT_COLUMNS; i++)
		if (!str_word(&line, &cell[i]))
			return false;
	return true;
}

static void json_ports(struct str rows, struct buf *out)
{
	static const char *const name[PORT_COLUMNS] = {"service", "where", "state"};
	struct str line, cell[PORT_COLUMNS];
	bool first = true;
	while (str_split(&rows, '\n', &line)) {
		if (!split_port(line, cell))
			continue;
		buf_addz(out, first ? "{" : ",{");
		first = false;
		for (int i = 0; i < PORT_COLUMNS; i++) {
			buf_addf(out, "%s\"%s\":", i ? "," : "", name[i]);
			json_string(out, cell[i]);
		}
		buf_addc(out, '}');
	}
}

static void text_ports(struct str rows)
{
	struct str line, cell[PORT_COLUMNS];
	printf("\nports:\n");
	while (str_split(&rows, '\n', &line))
		if (split_port(line, cell))
			printf("%-12.*s %-24.*s %.*s\n", STR_FMT(cell[0]), STR_FMT(cell[1]),
			    STR_FMT(cell[2]));
}

static void text_rows(struct str rows)
{
	struct str line, cell[COLUMNS], stats;
	printf("%-12s %2s %7s %-9s %8s %8s  %s\n", "ROLE", "NO", "PID", "STATE", "RESTARTS",
	    "SECONDS", "FIGURES");
	while (str_split(&rows, '\n', &line))
		if (split_row(line, cell, &stats))
			printf("%-12.*s %2.*s %7.*s %-9.*s %8.*s %8.*s  %.*s\n", STR_FMT(cell[0]),
			    STR_FMT(cell[1]), STR_FMT(cell[2]), STR_FMT(cell[3]), STR_FMT(cell[4]),
			    STR_FMT(cell[5]), STR_FMT(stats));
}

int cmd_status(const struct instance *in, int argc, char **argv)
{
	bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
	struct buf procs, queue, out;
	buf_init(&procs, 1024 * 1024);
	buf_init(&queue, 1024 * 1024);
	buf_init(&out, 4 * 1024 * 1024);
	if (ask(in, "courierd", "status", &procs, 10) < 0)
		return not_running(json);
	int q = ask(in, "queue", "status", &queue, 10);
	if (json) {
		buf_addz(&out, "{\"running\":true,\"processes\":[");
		json_rows(buf_str(&procs), &out);
		buf_addz(&out, "],\"ports\":[");
		json_ports(buf_str(&procs), &out);
		buf_addz(&out, "],\"queue\":{");
		json_queue(buf_str(&queue), &out);
		buf_addz(&out, "}}\n");
		fputs(out.p, stdout);
	} else {
		text_rows(buf_str(&procs));
		text_ports(buf_str(&procs));
		printf("\nqueue:\n%s", q == 0 ? queue.p : "the scheduler does not answer\n");
		if (geteuid() != 0)
			printf("\nthis instance runs as one ordinary user: its parts are not "
			       "separated by rights\n");
	}
	buf_free(&procs);
	buf_free(&queue);
	buf_free(&out);
	return EXIT_SUCCESS;
}
