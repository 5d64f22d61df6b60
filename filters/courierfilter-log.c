/* What a filter writes to its standard output and error: lines of the log, of bounded length and
 * number. */
#include "config.h"

#include "filters/courierfilterd.h"

#include <errno.h>
#include <unistd.h>

static void put(struct filter *f, struct str line)
{
	struct log_ctx ctx = {"filter", f->name};
	int64_t second = clock_mono_ms() / 1000;
	if (second != f->second) {
		if (f->lines > FILTER_LINES_SECOND)
			log_warning(&ctx, "%u more lines of its output are left out",
			    f->lines - FILTER_LINES_SECOND);
		f->second = second;
		f->lines = 0;
	}
	if (f->lines++ < FILTER_LINES_SECOND && str_trim(line).n)
		log_info(&ctx, "%.*s", STR_FMT(line));
}

static void cut_lines(struct filter *f, bool end)
{
	struct str rest = buf_str(&f->line), line;
	size_t taken = 0;
	ptrdiff_t lf;
	while ((lf = str_chr(rest, '\n')) >= 0) {
		line = str_head(rest, (size_t)lf);
		put(f, line);
		taken += (size_t)lf + 1;
		rest = str_skip(rest, (size_t)lf + 1);
	}
	if (rest.n && (end || rest.n >= FILTER_LINE_MAX)) {
		put(f, rest);
		taken += rest.n;
	}
	buf_cut(&f->line, taken);
}

static void on_output(void *ctx, int fd, int what UNUSED)
{
	struct filter *f = ctx;
	char text[FILTER_LINE_MAX];
	ssize_t n = read(fd, text, sizeof text);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		filter_log_stop(f);
		return;
	}
	buf_add(&f->line, text, (size_t)n);
	cut_lines(f, false);
}

void filter_log_start(struct filter *f)
{
	buf_init(&f->line, 2 * FILTER_LINE_MAX);
	f->output_watch = watch_new(service_loop(f->keeper->service), f->output, on_output, f);
	if (f->output_watch)
		watch_set(f->output_watch, WATCH_READ);
}

/* A last breath may still stand in the pipe. */
void filter_log_stop(struct filter *f)
{
	char text[FILTER_LINE_MAX];
	ssize_t n;
	if (f->output < 0)
		return;
	for (int i = 0; i < 64 && (n = read(f->output, text, sizeof text)) > 0; i++) {
		buf_add(&f->line, text, (size_t)n);
		cut_lines(f, false);
	}
	cut_lines(f, true);
	buf_free(&f->line);
	watch_free(f->output_watch);
	f->output_watch = NULL;
	close(f->output);
	f->output = -1;
}
