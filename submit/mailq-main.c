/* mailq: what waits in the queue, as the scheduler tells whoever asks. */
#include "config.h"

#include "config/config.h"
#include "courierd/courier.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ANSWER_MAX = 512 * 1024 * 1024, WAIT_S = 120, FIXED = 6 };

struct message {
	struct str line;         /* as it came */
	struct str field[FIXED]; /* id, size, arrival, uid, sender, next */
	struct str rcpts;        /* the rest of the line */
	int64_t arrival;
};
typedef VEC(struct message) messages;

static bool parse(struct str line, struct message *m)
{
	*m = (struct message){.line = line};
	for (size_t i = 0; i < FIXED; i++)
		if (!str_split(&line, '\t', &m->field[i]))
			return false;
	m->rcpts = line;
	return str_i64(m->field[2], &m->arrival);
}

/* Of one second: by the microseconds in their ids, SEQUENCE.MICROSECONDS.SLOT. */
static int by_arrival(const void *a, const void *b)
{
	const struct message *x = a, *y = b;
	if (x->arrival != y->arrival)
		return x->arrival < y->arrival ? -1 : 1;
	return str_cmp(str_skip(x->field[0], 17), str_skip(y->field[0], 17));
}

/* Addresses come from outside: nothing that a terminal would obey is shown. */
static void show(struct str field)
{
	struct buf plain, out;
	buf_init(&plain, field.n + 1);
	buf_init(&out, 4 * field.n + 32);
	if (field_decode(field, &plain))
		printable(buf_str(&plain), 4 * field.n + 8, &out);
	fwrite(out.p, 1, out.n, stdout);
	buf_free(&plain);
	buf_free(&out);
}

static void show_date(int64_t t)
{
	char text[64] = "";
	time_t when = (time_t)t;
	struct tm tm;
	if (localtime_r(&when, &tm))
		strftime(text, sizeof(text), "%b %d %H:%M", &tm);
	fputs(text, stdout);
}

static void show_user(struct str field, int width)
{
	uint64_t uid;
	const struct passwd *pw = str_u64(field, &uid) ? getpwuid((uid_t)uid) : NULL;
	if (pw)
		printf("%-*s", width, pw->pw_name);
	else
		printf("%-*.*s", width, STR_FMT(field));
}

/* Only ends are worth a word. */
static const char *status_word(struct str state)
{
	return str_is(state, "done") ? "done" : str_is(state, "fail") ? "fail" : "";
}

/* Bytes, then K and M with one decimal. */
static const char *size_text(struct str field, char out[32])
{
	uint64_t n = 0;
	(void)str_u64(field, &n);
	if (n < 1024)
		snprintf(out, 32, "%llu", (unsigned long long)n);
	else if (n < 1024 * 1024)
		snprintf(out, 32, "%.1fK", (double)n / 1024);
	else
		snprintf(out, 32, "%.1fM", (double)n / (1024 * 1024));
	return out;
}

static void print_batch(const struct message *m)
{
	struct str rest = m->rcpts, state, address;
	char size[32];
	printf("%-16s;", size_text(m->field[1], size));
	show(m->field[0]);
	putchar(';');
	show_date(m->arrival);
	putchar(';');
	show_user(m->field[3], 0);
	putchar(';');
	show(m->field[4]);
	putchar(';');
	while (str_split(&rest, '\t', &state) && str_split(&rest, '\t', &address)) {
		printf("%s;", status_word(state));
		show(address);
		putchar(';');
	}
	putchar('\n');
}

static void print_table(const struct message *m)
{
	struct str rest = m->rcpts, state, address;
	char size[32];
	printf("%-16s %-59.*s ", size_text(m->field[1], size), STR_FMT(m->field[0]));
	show_date(m->arrival);
	putchar('\n');
	show_user(m->field[3], 16);
	putchar(' ');
	show(m->field[4]);
	putchar('\n');
	while (str_split(&rest, '\t', &state) && str_split(&rest, '\t', &address)) {
		printf("%-16s ", str_is(state, "held") ? "held" : status_word(state));
		show(address);
		putchar('\n');
	}
	putchar('\n');
}

static const char rule[] = "---------------------------------------------------------";

static int print_all(struct str answer, bool sorted, bool batch)
{
	struct str line;
	struct message m;
	messages all = {0};
	int r = EXIT_SUCCESS;
	while (answer.n && str_split(&answer, '\n', &line)) {
		if (line.n && parse(line, &m))
			vec_push(&all, m);
		else if (line.n) {
			fprintf(stderr, "mailq: %.*s\n", STR_FMT(line));
			r = EXIT_FAILURE;
		}
	}
	if (sorted && all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_arrival);
	if (!batch)
		printf("%-16s %-59s %s\n%-16s %s\n%-16s %s\n%.16s %.57s\n", "Size", "Queue ID",
		    "Date", "User", "From", "Status", "Recipient", rule, rule);
	for (size_t i = 0; i < all.n; i++)
		(batch ? print_batch : print_table)(&all.v[i]);
	if (r == EXIT_SUCCESS)
		printf(batch ? "messages: %zu\n" : "%4zu messages.\n", all.n);
	vec_free(&all);
	return r;
}

int main(int argc, char **argv)
{
	bool sorted = false, batch = false;
	struct instance in;
	struct buf answer;
	char *why;
	int i = 1;
	const char *dir = NULL;
	for (; i < argc; i++) {
		if (strcmp(argv[i], "-sort") == 0 || strcmp(argv[i], "-s") == 0)
			sorted = true;
		else if (strcmp(argv[i], "-batch") == 0)
			batch = true;
		else if (strcmp(argv[i], "-C") == 0 && i + 1 < argc)
			dir = argv[++i];
		else {
			fprintf(stderr,
			    "mailq: Invalid argument: %s\nusage: mailq [-C DIR] [-sort] [-batch]\n",
			    argv[i]);
			return EXIT_FAILURE;
		}
	}
	log_open("mailq", LOG_TO_STDERR, -1);
	if (instance_find(&in, dir, &why) < 0) {
		fprintf(stderr, "mailq: %s\n", why);
		return EXIT_FAILURE;
	}
	buf_init(&answer, ANSWER_MAX);
	int r = EXIT_FAILURE;
	if (ask(&in, "queue", "list", &answer, WAIT_S) < 0)
		fprintf(stderr, "mailq: the scheduler does not answer: %s\n", strerror(errno));
	else
		r = print_all(buf_str(&answer), sorted, batch);
	buf_free(&answer);
	instance_free(&in);
	return r;
}
