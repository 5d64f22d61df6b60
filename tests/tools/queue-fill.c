/*
 * queue-fill DIR COUNT SECONDS HOST=PERCENT...: puts COUNT messages into the queue in DIR without
 * any system running.  Their times lie within the next SECONDS (0: all are due).  PERCENT of them
 * go to user@HOST (or to HOST, when that is an address); '#' in it becomes a number from 0 to 199.
 */
#include "config.h"

#include "queue/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SPECS_MAX = 16, NUMBERS = 200, BODY = 1000 };

struct spec {
	struct str host;
	uint64_t percent;
};

static int parse(const char *text, struct spec *s)
{
	struct str whole = str_of(text);
	ptrdiff_t sign = str_rchr(whole, '=');
	s->host = sign > 0 ? str_head(whole, (size_t)sign) : STR_NONE;
	return sign > 0 && str_u64(str_skip(whole, (size_t)sign + 1), &s->percent) ? 0 : -1;
}

/* The address of message i: by hundreds, so that all kinds lie side by side. */
static void address(const struct spec *specs, uint64_t i, struct buf *out)
{
	uint64_t k = i % 100;
	buf_clear(out);
	while (k >= specs->percent)
		k -= specs++->percent;
	buf_addz(out, str_chr(specs->host, '@') < 0 ? "user@" : "");
	for (size_t n = 0; n < specs->host.n; n++)
		if (specs->host.p[n] == '#')
			buf_addf(out, "%u", (unsigned)(i / 100 % NUMBERS));
		else
			buf_addc(out, specs->host.p[n]);
}

static int put(int msgs, uint64_t seq, struct str to, int64_t now, int64_t next)
{
	static char body[BODY];
	struct envelope_rcpt rcpt = {.address = to};
	struct envelope e;
	struct buf text;
	int n = snprintf(body, sizeof body, "Subject: %llu\n\n", (unsigned long long)seq);
	memset(body + n, 'x', sizeof body - (size_t)n);
	body[sizeof body - 1] = '\n';
	envelope_init(&e);
	e.id = (struct queue_id){.seq = seq, .us = (uint64_t)now * 1000000};
	e.sender = STR("alice@example.test");
	e.source = STR("local");
	e.size = sizeof body;
	e.arrival = now;
	e.expiry = now + 604800;
	e.warn = -1;
	e.rcpts = &rcpt;
	e.n_rcpts = 1;
	buf_init(&text, 65536);
	envelope_encode(&e, &text);
	envelope_add_next(&text, next);
	int r = store_write(msgs, 'D', seq, str_at(body, sizeof body), 0, false) ||
			store_write(msgs, 'C', seq, buf_str(&text), next, false)
		    ? -1
		    : 0;
	buf_free(&text);
	return r;
}

static int fill(
    const char *dir, uint64_t first, uint64_t count, uint64_t seconds, const struct spec *specs)
{
	int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	    msgs = openat(top, "msgs", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = msgs < 0 ? -1 : 0;
	int64_t now = clock_now();
	struct buf to;
	buf_init(&to, 1000);
	for (uint64_t i = 0; !r && i < count; i++) {
		address(specs, i, &to);
		r = put(msgs, first + i, buf_str(&to), now,
		    now + (int64_t)(seconds ? i * seconds / count : 0));
	}
	buf_free(&to);
	close(msgs);
	close(top);
	return r;
}

int main(int argc, char **argv)
{
	struct spec specs[SPECS_MAX];
	uint64_t count, seconds, first, sum = 0;
	for (int i = 4; i < argc && i - 4 < SPECS_MAX; i++) {
		if (parse(argv[i], &specs[i - 4]))
			return EXIT_FAILURE;
		sum += specs[i - 4].percent;
	}
	if (argc < 5 || sum != 100 || !str_u64(str_of(argv[2]), &count) ||
	    !str_u64(str_of(argv[3]), &seconds)) {
		fprintf(
		    stderr, "usage: queue-fill DIR COUNT SECONDS HOST=PERCENT... (100 in all)\n");
		return EXIT_FAILURE;
	}
	struct queue_disk_config c = {.dir = argv[1]};
	struct queue_report report;
	struct loop *l = loop_new();
	buf_init(&report.text, 65536);
	struct queue *q = queue_open_disk(l, &c, &report);
	if (!q || queue_reserve(q, (uint32_t)count, &first) ||
	    fill(argv[1], first, count, seconds, specs)) {
		fprintf(stderr, "queue-fill: %.*s%m\n", STR_FMT(buf_str(&report.text)));
		return EXIT_FAILURE;
	}
	queue_close(q);
	loop_free(l);
	buf_free(&report.text);
	return EXIT_SUCCESS;
}
