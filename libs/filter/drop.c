#include "config.h"

#include "filter/drop-private.h"
#include "maildir/mbox-lock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

enum { OUTPUT_ROOM = 65536 };

static int scratch(struct filter_run *r)
{
	return drop_scratch(filter_ctx(r));
}

static const struct filter_host actions = {.deliver = drop_deliver,
    .program = drop_program,
    .replace = drop_replace,
    .echo = drop_echo,
    .log = drop_log,
    .logfile = drop_logfile,
    .lock = drop_lock,
    .unlock = drop_unlock,
    .read_file = drop_read_file,
    .include = drop_include,
    .trusted = drop_trusted,
    .scratch = scratch,
    .db_open = drop_db_open,
    .db_fetch = drop_db_fetch,
    .db_store = drop_db_store,
    .db_close = drop_db_close};

bool drop_fail(struct drop *d, int code, const char *fmt, ...)
{
	va_list ap;
	buf_clear(&d->problem);
	va_start(ap, fmt);
	buf_vaddf(&d->problem, fmt, ap);
	va_end(ap);
	d->code = code;
	return false;
}

void drop_say(struct drop *d, struct str text, bool error)
{
	struct buf *sink = d->call->sink;
	if (!sink) {
		fwrite(text.p, 1, text.n, error ? stderr : stdout);
		fflush(error ? stderr : stdout);
		return;
	}
	buf_adds(sink, str_head(text, sink->max - sink->n)); /* what has no room is dropped */
}

int64_t drop_seconds_left(const struct drop *d)
{
	int64_t left = (d->deadline - clock_mono_ms()) / 1000;
	return left < 1 ? 1 : left;
}

void drop_init(struct drop *d, const struct drop_call *call)
{
	unsigned seconds = call->set.seconds;
	if (call->seconds && call->seconds < seconds)
		seconds = call->seconds;
	*d = (struct drop){.call = call, .log = -1, .trace = -1, .output_fd = -1};
	d->cache = call->cache ? call->cache : filter_cache_new();
	d->deadline = clock_mono_ms() + (int64_t)seconds * 1000;
	buf_init(&d->problem, FILTER_ERROR_MAX + 1000);
	buf_init(&d->extra, DROP_HEADERS_MAX);
	buf_adds(&d->extra, call->headers);
	buf_init(&d->small, 2 * call->set.small + 65536);
	buf_init(&d->filtered, call->set.small + OUTPUT_ROOM);
	buf_init(&d->output, call->set.small + OUTPUT_ROOM);
	lock_watch(seconds + call->grace, LOCK_REFRESH);
}

void drop_end(struct drop *d)
{
	filter_run_free(d->run);
	if (!d->call->cache)
		filter_cache_free(d->cache);
	lock_watch_end();
	if (d->log >= 0)
		close(d->log);
	if (d->map)
		munmap(d->map, d->map_size);
	buf_free(&d->extra);
	buf_free(&d->small);
	buf_free(&d->filtered);
	drop_output_begin(d);
	buf_free(&d->output);
	buf_free(&d->problem);
	free(d->place);
}

int drop_go(struct drop *d)
{
	if (d->extra.failed) {
		drop_fail(d, EX_TEMPFAIL, "too many headers");
		return d->code;
	}
	d->run = filter_run_new(&actions, d, drop_message(d));
	filter_embedded(d->run, d->call->embedded);
	filter_deadline(d->run, d->deadline);
	drop_variables(d);
	drop_trace_begin(d);
	drop_follow_all(d);
	drop_trace_end(d);
	return d->code;
}
