/* What the account tools share: command line, instance, passwords from terminal or pipe. */
#ifndef COURIER_AUTHDAEMON_TOOL_H
#define COURIER_AUTHDAEMON_TOOL_H

#include "config/instance.h"

enum { TOOL_LINE_MAX = 1024 };

/* Says why on standard error and exits with 1. */
_Noreturn void tool_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void tool_usage(const char *text); /* exits with 64 */

/* When argv[*i] is option `name` (-x or --x, one word or two), moves on and gives its value. */
bool tool_option(char **argv, int *i, const char *name, const char **value);
bool tool_flag(char **argv, int *i, const char *name);

/* The folder of the configuration of the instance at dir (NULL: as instance.h says); to be freed.
 */
char *tool_etc(const char *dir);
void tool_instance(struct instance *in, const char *dir); /* or exits */

/*
 * A line of standard input without its end, not echoed and prompted for (on standard error) when it
 * is a terminal; asked twice and compared with `twice`.  Exits when there is none, or it is longer
 * than TOOL_LINE_MAX.  The result is freed by the caller.
 */
char *tool_secret(const char *prompt, bool twice);

#endif
