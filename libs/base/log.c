#include "config.h"

#include "base/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192 };

static const char *program = "courier";
static enum log_dest destination = LOG_TO_STDERR;
static int log_fd = 2;
static enum log_level lowest_level = LOG_LEVEL_INFO;

void log_open(const char *name, enum log_dest dest, int fd)
{
	log_rename(name);
	destination = dest;
	log_fd = dest == LOG_TO_FD ? fd : 2;
	if (dest == LOG_TO_SYSLOG) {
		closelog();
		openlog(program, LOG_NDELAY, LOG_MAIL);
	}
}

/* The name outlives every caller's buffer: one small copy a process, kept to its end. */
void log_rename(const char *name)
{
	static char kept[64];
	snprintf(kept, sizeof kept, "%s", name);
	program = kept;
}

void log_threshold(enum log_level lowest)
{
	lowest_level = lowest;
}

bool log_wants(enum log_level level)
{
	return level >= lowest_level;
}

static int syslog_level(enum log_level level)
{
	static const int of[] = {
	    [LOG_LEVEL_DEBUG] = LOG_DEBUG,
	    [LOG_LEVEL_INFO] = LOG_INFO,
	    [LOG_LEVEL_WARNING] = LOG_WARNING,
	    [LOG_LEVEL_ERROR] = LOG_ERR,
	    [LOG_LEVEL_FATAL] = LOG_CRIT,
	};
	return of[level];
}

static size_t stamp(char *out, size_t size)
{
	int64_t us = clock_now_us();
	time_t t = (time_t)(us / 1000000);
	struct tm tm;
	gmtime_r(&t, &tm);
	size_t n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(out + n, size - n, ".%03dZ ", (int)(us / 1000 % 1000));
}

static void write_line(const char *text)
{
	char head[160], line[LINE_MAX_BYTES + sizeof head + 2];
	size_t n = stamp(head, 64);
	snprintf(head + n, sizeof head - n, "%s[%d]: ", program, (int)getpid());
	int len = snprintf(line, sizeof line, "%s%s\n", head, text);
	if (len > 0 && write(log_fd, line, (size_t)len) < 0)
		return; /* nowhere left to complain */
}

__attribute__((format(printf, 4, 0))) static void write_msg(
    enum log_level level, const char *mark, const struct log_ctx *ctx, const char *fmt, va_list ap)
{
	int saved = errno;
	char raw[LINE_MAX_BYTES], kept[LINE_MAX_BYTES];
	if (!log_wants(level))
		return;
	int at = 0;
	if (destination != LOG_TO_SYSLOG)
		at = snprintf(raw, 64, "%s", mark);
	if (ctx && ctx->id)
		at += snprintf(raw + at, 256, "%.32s=%.128s,", ctx->kind, ctx->id);
	errno = saved;
	vsnprintf(raw + at, sizeof raw - (size_t)at, fmt, ap);
	struct buf clean = {.p = kept, .cap = sizeof kept, .max = sizeof kept - 1};
	/* "\\" stays as it is in our own text: only control bytes are escaped here */
	for (const char *p = raw; *p && clean.n + 8 < sizeof kept; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			buf_addf(&clean, "\\x%02X", (unsigned char)*p);
		else
			buf_addc(&clean, *p);
	}
	kept[clean.n] = 0;
	if (destination == LOG_TO_SYSLOG)
		syslog(syslog_level(level), "%s", kept);
	else
		write_line(kept);
	errno = saved;
}

void log_vmsg(enum log_level level, const struct log_ctx *ctx, const char *fmt, va_list ap)
{
	static const char *const mark[] = {"debug: ", "", "warning: ", "error: ", "fatal: "};
	write_msg(level, mark[level], ctx, fmt, ap);
}

void log_record(enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	write_msg(level, "", ctx, fmt, ap);
	va_end(ap);
}

void log_msg(enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	log_vmsg(level, ctx, fmt, ap);
	va_end(ap);
}

#ifdef COURIER_SANITIZED
/* The sanitizer asks for its defaults before the environment's: a daemon's end frees nothing, and
 * not every child inherits the variable. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:abort_on_error=1";
}
#endif
