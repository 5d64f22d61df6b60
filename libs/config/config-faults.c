#include <config.h>

#include "config/config-private.h"

void config_faults_init(struct config_faults *f)
{
	*f = (struct config_faults){0};
	buf_init(&f->text, 1024 * 1024);
}

void config_faults_free(struct config_faults *f)
{
	buf_free(&f->text);
}

__attribute__((format(printf, 5, 0))) static void note(struct config_faults *f, const char *kind,
    const char *file, unsigned line, const char *fmt, va_list ap)
{
	if (!f)
		return;
	buf_addz(&f->text, file);
	if (line)
		buf_addf(&f->text, ":%u", line);
	buf_addf(&f->text, ": %s", kind);
	buf_vaddf(&f->text, fmt, ap);
	buf_addc(&f->text, '\n');
}

void config_fault(struct config_faults *f, const char *file, unsigned line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	note(f, "", file, line, fmt, ap);
	va_end(ap);
	if (f)
		f->errors++;
}

void config_warn(struct config_faults *f, const char *file, unsigned line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	note(f, "warning: ", file, line, fmt, ap);
	va_end(ap);
	if (f)
		f->warnings++;
}
