#include "config.h"

#include "local/worker.h"
#include "maildir/maildir.h"

#include <stdlib.h>

/* The text is the same for everybody; it comes with deliveries to accounts that have a quota. */
static struct {
	char *text;
	size_t n;
	int percent;
} warning;

void warning_take(const struct worker_delivery *d)
{
	struct str have = str_at(warning.text ? warning.text : "", warning.n);
	if (!d->warning.n || !d->warn_percent)
		return;
	warning.percent = d->warn_percent;
	if (str_eq(have, d->warning))
		return;
	free(warning.text);
	warning.text = mem_strndup(d->warning.p, d->warning.n);
	warning.n = d->warning.n;
}

void warning_send(const char *dir)
{
	if (warning.n)
		maildir_quota_warn(dir, warning.percent, str_at(warning.text, warning.n));
}
