/* What goes to syslog, and how: MTA-2414, facility mail; lines of rejections at the level err,
 * usual ones at info. */
#include "config.h"

#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include <cmocka.h>

static char said[8192];
static int level, facility;

/* In place of the C library's. */
void openlog(const char *ident UNUSED, int option UNUSED, int where)
{
	facility = where;
}

__attribute__((format(printf, 2, 0))) static void take(int priority, const char *fmt, va_list ap)
{
	level = priority;
	vsnprintf(said, sizeof said, fmt, ap);
}

/* with clang a fortified syslog is a macro */
#undef syslog
void syslog(int priority, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	take(priority, fmt, ap);
	va_end(ap);
}

void __syslog_chk(int priority, int flag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void __syslog_chk(int priority, int flag UNUSED, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	take(priority, fmt, ap);
	va_end(ap);
}

static void expect(int want, const char *text)
{
	assert_int_equal(level, want);
	assert_string_equal(said, text);
}

static void levels(void **state UNUSED)
{
	struct log_ctx ctx = {"id", "77"};
	log_open("courieresmtpd", LOG_TO_SYSLOG, -1);
	assert_int_equal(facility, LOG_MAIL);
	log_info(NULL, "newmsg,id=%d", 1);
	expect(LOG_INFO, "newmsg,id=1");
	log_info(&ctx, "status: deferred");
	expect(LOG_INFO, "id=77,status: deferred");
	log_warning(NULL, "odd");
	expect(LOG_WARNING, "odd");
	log_error(NULL, "bad");
	expect(LOG_ERR, "bad");
	log_record(LOG_LEVEL_ERROR, NULL, "error,relay=::1: 550 no");
	expect(LOG_ERR, "error,relay=::1: 550 no");
	log_info(NULL, "a peer's\ntext %s", "\x1b[31m");
	expect(LOG_INFO, "a peer's\\x0Atext \\x1B[31m");
}

/* In a file the level stands before the text, unless the line has a promised form. */
static void marks(void **state UNUSED)
{
	char line[1000] = "";
	FILE *f = tmpfile();
	assert_non_null(f);
	log_open("courieresmtpd", LOG_TO_FD, fileno(f));
	log_record(LOG_LEVEL_ERROR, NULL, "error,relay=::1: 550 no");
	log_error(NULL, "bad");
	rewind(f);
	assert_non_null(fgets(line, sizeof line, f));
	assert_non_null(strstr(line, "]: error,relay=::1: 550 no\n"));
	assert_non_null(fgets(line, sizeof line, f));
	assert_non_null(strstr(line, "]: error: bad\n"));
	fclose(f);
	log_open("log", LOG_TO_STDERR, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(levels), cmocka_unit_test(marks)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
