/*
 * The log.  Five levels: debug (off by default), info, warning (something odd, nothing to do),
 * error (counted, the work at hand failed), fatal (this process cannot go on).
 *
 * A call names its context first: `struct log_ctx` says which message or session the line belongs
 * to, or NULL.  A line is one write: "PROGRAM: [KIND=ID,]text".  It goes to the descriptor given at
 * start (standard error or a file opened for appending; with a time stamp) or to syslog (facility
 * mail), whose socket is opened before any chroot.  errno is preserved and "%m" works.  Bytes that
 * are not printable are escaped: a peer's text can't forge a line.  Lines are cut at 8 KiB.
 *
 * Form of an error: what failed, the quoted subject, the reason, what to do.  Lower case, no full
 * stop: "cannot open '/x/y': Permission denied; the folder must belong to courier".
 */
#ifndef COURIER_BASE_LOG_H
#define COURIER_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_FATAL,
};

struct log_ctx {
	const char *kind; /* "id" for queue ids, "session" for sessions, ... */
	const char *id;
};

enum log_dest { LOG_TO_STDERR, LOG_TO_FD, LOG_TO_SYSLOG };

void log_open(const char *program, enum log_dest dest, int fd); /* fd: for LOG_TO_FD */
void log_rename(const char *program);
void log_threshold(enum log_level lowest); /* info unless told */
bool log_wants(enum log_level level);

void log_msg(enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_vmsg(enum log_level level, const struct log_ctx *ctx, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/*
 * For lines whose form is promised to programs that read the log ("courierd: newmsg,id=..."): no
 * word of the level stands before it.
 */
void log_record(enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(ctx, ...) \
	(log_wants(LOG_LEVEL_DEBUG) ? log_msg(LOG_LEVEL_DEBUG, ctx, __VA_ARGS__) : (void)0)
#define log_info(ctx, ...)    log_msg(LOG_LEVEL_INFO, ctx, __VA_ARGS__)
#define log_warning(ctx, ...) log_msg(LOG_LEVEL_WARNING, ctx, __VA_ARGS__)
#define log_error(ctx, ...)   log_msg(LOG_LEVEL_ERROR, ctx, __VA_ARGS__)

#endif
