#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "dsn/templates.h"

enum { TEMPLATE_MAX = 64 * 1024 };

struct source {
	const char *file;
	const char *plain; /* when there is no such file */
	size_t at;
};

#define AT(member) offsetof(struct dsn_templates, member)
static const struct source sources[] = {
    {"dsnheader.txt",
	"Content-Type: text/plain; charset=utf-8\n\n"
	"This is a delivery report from [#ME#] about your mail of [#FROMTIME#].\n",
	AT(header)},
    {"dsnfailed.txt", "Your mail could not be delivered to:\n", AT(failed)},
    {"dsndelayed.txt", "Your mail has not been delivered yet, and is tried again, to:\n",
	AT(delayed)},
    {"dsnrelayed.txt", "Your mail was handed to another host, which sends no reports, for:\n",
	AT(relayed)},
    {"dsndelivered.txt", "Your mail was delivered to:\n", AT(delivered)},
    {"dsnfooter.txt", "", AT(footer)},
    {"dsnsubjectnotice.txt", "NOTICE: mail delivery status", AT(subject_notice)},
    {"dsnsubjectwarn.txt", "WARNING: mail is delayed", AT(subject_warn)},
};

/* 0 with the text in the arena. */
static int read_one(
    const struct instance *in, struct arena *a, const struct source *s, struct str *out)
{
	struct buf text;
	char *path = instance_path(in->etc, s->file);
	int result = 0;
	buf_init(&text, TEMPLATE_MAX);
	if (!file_read(AT_FDCWD, path, &text)) {
		*out = arena_str(a, buf_str(&text));
		result = out->p ? 0 : -1;
	} else if (errno == ENOENT) {
		*out = str_of(s->plain);
	} else {
		log_error(NULL, "cannot read '%s': %m", path);
		result = -1;
	}
	free(path);
	buf_free(&text);
	return result;
}

int templates_read(const struct instance *in, struct arena *a, struct dsn_templates *out)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		struct str *at = (struct str *)((char *)out + sources[i].at);
		if (read_one(in, a, &sources[i], at))
			return -1;
	}
	return 0;
}
