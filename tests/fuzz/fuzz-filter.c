/* A filter and, behind a NUL, a message: parsing and running with simulated actions ends, in time.
 */
#include "config.h"

#include "filter/filter.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

enum { STATEMENTS = 2000, VALUES = 1024 };

static unsigned acted;

static int act(struct filter_run *r)
{
	return ++acted > STATEMENTS ? filter_fail(r, "enough") : 0;
}

static int deliver(struct filter_run *r, struct str where, int *code)
{
	*code = where.n && where.p[0] == '|' ? (int)(where.n & 1) : -1;
	return act(r);
}

static int program(struct filter_run *r, enum filter_program kind UNUSED, struct str command,
    struct buf *output, int *status)
{
	*status = (int)(command.n & 1);
	if (output)
		buf_adds(output, command);
	return act(r);
}

static int replace(struct filter_run *r)
{
	filter_message_set(r, filter_message_of(r));
	return act(r);
}

static int text_action(struct filter_run *r, struct str text UNUSED)
{
	return act(r);
}

static int lock(struct filter_run *r, bool dot UNUSED, struct str path UNUSED, void **out)
{
	*out = &acted;
	return act(r);
}

static void unlock(struct filter_run *r UNUSED, void *held)
{
	FUZZ_CHECK(held == &acted);
}

static int read_file(struct filter_run *r, struct str path, struct buf *out)
{
	buf_adds(out, path);
	return act(r);
}

/* One table with one entry. */
static char stored[VALUES];
static size_t stored_n;

static void *db_open(struct filter_run *r UNUSED, struct str path, char mode UNUSED)
{
	return path.n & 1 ? stored : NULL;
}

static int db_fetch(struct filter_run *r, void *db, struct str key, struct buf *out)
{
	FUZZ_CHECK(db == stored);
	buf_add(out, stored, stored_n);
	return act(r) < 0 ? -1 : (int)(key.n & 1);
}

static int db_store(struct filter_run *r, void *db, struct str key UNUSED, struct str value)
{
	FUZZ_CHECK(db == stored);
	stored_n = value.n < VALUES ? value.n : VALUES;
	if (stored_n)
		memcpy(stored, value.p, stored_n);
	return act(r);
}

static int db_close(struct filter_run *r UNUSED, void *db)
{
	FUZZ_CHECK(db == stored);
	return 0;
}

static bool trusted(struct filter_run *r UNUSED, struct str path)
{
	return path.n && path.p[0] == '/';
}

static void trace(
    void *ctx UNUSED, int level, const char *file, unsigned line UNUSED, struct str text)
{
	FUZZ_CHECK(level > 0 && file && (text.p || !text.n));
}

static const struct filter_host host = {.deliver = deliver,
    .program = program,
    .replace = replace,
    .log = text_action,
    .logfile = text_action,
    .lock = lock,
    .unlock = unlock,
    .read_file = read_file,
    .trusted = trusted,
    .db_open = db_open,
    .db_fetch = db_fetch,
    .db_store = db_store,
    .db_close = db_close};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_at(data, size), text = in;
	struct filter_message m = {.bytes = STR("From: a@b\nSubject: x\n\nbody\n")};
	struct buf error;
	/* Loops are bounded by a million of statements; here they only cost time. */
	if (size > 65536 || str_find(in, STR("while")) >= 0)
		return 0;
	ptrdiff_t nul = str_chr(in, 0);
	if (nul >= 0) {
		text = str_head(in, (size_t)nul);
		m.bytes = str_skip(in, (size_t)nul + 1);
	}
	buf_init(&error, FILTER_ERROR_MAX);
	acted = 0;
	stored_n = 0;
	struct filter *f = filter_parse("fuzz", text, &error);
	FUZZ_CHECK(f || error.n);
	if (f) {
		struct filter_run *r = filter_run_new(&host, NULL, m);
		filter_embedded(r, size & 1);
		filter_trace(r, trace, NULL);
		enum filter_end end = filter_execute(r, f);
		FUZZ_CHECK(end != FILTER_ERROR || filter_error_text(r).n > 0);
		filter_run_free(r);
	}
	filter_free(f);
	buf_free(&error);
	return 0;
}
