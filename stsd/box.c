/* The hosts whose TLS is broken, kept over restarts for the esmtp module, which can't write. */
#include <errno.h>
#include <stdlib.h>
#include "sts/no-tls.h"
#include "stsd/keeper.h"

enum { FILE_MAX = NO_TLS_HOSTS_MAX * (NO_TLS_HOST_MAX + 32), WRITE_MS = 1000 };
static const char file[] = ".no-tls";

struct box {
	struct no_tls *hosts;
	int dir;
	struct timer *timer;
	int64_t written_ms;
	bool changed;
};

static void write_file(struct box *b)
{
	struct buf out;
	size_t at = 0;
	buf_init(&out, FILE_MAX);
	(void)no_tls_print(b->hosts, &at, clock_now(), &out);
	if (file_replace(b->dir, file, out.p, out.n, STS_MODE) < 0)
		log_error(NULL, "cannot write the list of hosts without TLS: %m");
	buf_free(&out);
	b->changed = false;
	b->written_ms = clock_mono_ms();
}

static void time_to_write(void *ctx)
{
	box_write(ctx);
}

void box_write(struct box *b)
{
	if (b->changed)
		write_file(b);
}

/* At once, but not more than once a second. */
void box_add(struct box *b, struct str host, int64_t until)
{
	if (!no_tls_add(b->hosts, host, until))
		return;
	b->changed = true;
	int64_t age = clock_mono_ms() - b->written_ms;
	if (!b->written_ms || age >= WRITE_MS)
		write_file(b);
	else if (!timer_armed(b->timer))
		timer_set(b->timer, WRITE_MS - age);
}

bool box_list(struct box *b, size_t *at, struct buf *out)
{
	return no_tls_print(b->hosts, at, clock_now(), out);
}

static void read_file(struct box *b)
{
	struct buf in;
	buf_init(&in, FILE_MAX);
	if (file_read(b->dir, file, &in) == 0)
		no_tls_read(b->hosts, buf_str(&in));
	else if (errno != ENOENT)
		log_error(NULL, "cannot read the list of hosts without TLS: %m");
	buf_free(&in);
}

struct box *box_new(struct loop *l, int dir)
{
	struct box *b = mem_new(struct box);
	b->dir = dir;
	b->hosts = no_tls_new();
	b->timer = timer_new(l, time_to_write, b);
	if (b->hosts && b->timer) {
		read_file(b);
		return b;
	}
	no_tls_free(b->hosts);
	timer_free(b->timer);
	free(b);
	return NULL;
}
