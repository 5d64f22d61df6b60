#include "config.h"

#include "filter/drop-private.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOG_TEXT_MAX = 4000, SHOWN = 66 };

static void clean(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n && i < LOG_TEXT_MAX / 4; i++)
		buf_addc(out, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
}

void drop_log_delivery(struct drop *d, struct str where, bool done)
{
	struct filter_message m = filter_message_of(d->run);
	struct buf out;
	char date[CLOCK_RFC5322_SIZE];
	if (d->log < 0)
		return;
	buf_init(&out, 4 * LOG_TEXT_MAX);
	clock_mbox(clock_now(), date);
	buf_addf(&out, "Date: %s\nFrom: ", date);
	clean(&out, filter_header(d->run, "From"));
	buf_addz(&out, "\nSubj: ");
	clean(&out, filter_header(d->run, "Subject"));
	buf_addz(&out, done ? "\nFile: " : "\n!Err: ");
	size_t from = out.n;
	clean(&out, where);
	while (out.n - from < SHOWN)
		buf_addc(&out, ' ');
	buf_addf(&out, " (%zu)\n\n", m.extra.n + m.bytes.n);
	if (file_write_all(d->log, out.p, out.n) < 0)
		log_warning(NULL, "cannot write to the log file: %m");
	buf_free(&out);
}
