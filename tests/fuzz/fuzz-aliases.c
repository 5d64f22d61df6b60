/* The text of aliases, read and followed to the end. */
#include "config.h"

#include "submit/alias-table.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int include(void *ctx, struct str path, struct buf *out)
{
	struct str *text = ctx;
	(void)path;
	return buf_adds(out, str_head(*text, 200)) ? 0 : -1;
}

static int instruction(void *ctx, struct str name, struct str line)
{
	(void)ctx;
	if (str_chr(str_skip(name, 7), '/') >= 0 || str_chr(line, '\n') >= 0)
		abort(); /* it becomes a file's name, and a line */
	return 0;
}

static void bad(void *ctx, const char *file, unsigned line, const char *why)
{
	(void)ctx;
	(void)file;
	(void)line;
	(void)why;
}

static int each(void *ctx, struct str key, struct str members)
{
	struct buf *dump = ctx;
	if (dump)
		alias_print(key, members, dump);
	if (key.n == 0 || members.n == 0 || members.p[members.n - 1] != '\n')
		abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_at(data, size);
	struct names n = {.me = STR("me.example"), .defaultdomain = STR("me.example")};
	struct alias_hooks hooks = {include, instruction, bad, &text};
	if (size > 20000)
		return 0;
	n.locals = domains_new(text, n.me);
	n.hosted = domains_new(STR("hosted.example"), n.me);
	struct buf dump;
	buf_init(&dump, 64 * 1024 * 1024);
	struct alias_set *s = alias_set_new(&n, NULL, &hooks);
	if (s && alias_set_add(s, text, "F") == 0)
		alias_set_each(s, each, &dump);
	unsigned faults = alias_set_faults(s);
	alias_set_free(s);
	/* what -dump prints can be read again */
	s = alias_set_new(&n, NULL, &hooks);
	if (faults == 0 && (alias_set_add(s, buf_str(&dump), "D") != 0 || alias_set_faults(s) ||
			       alias_set_each(s, each, NULL) != 0))
		abort();
	alias_set_free(s);
	buf_free(&dump);
	domains_free(n.locals);
	domains_free(n.hosted);
	return 0;
}
