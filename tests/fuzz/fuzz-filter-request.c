/* What a filter is asked, the letters of a message, lines about verified addresses. */
#include <stdlib.h>
#include "filters/dupfilter-hash.h"
#include "filters/filter-request.h"
#include "filters/verifyfilter-cache.h"

static void request(struct str in)
{
	struct arena *a = arena_new(4 * FILTER_REQUEST_MAX);
	struct filter_paths p;
	const char *why;
	enum filter_parse r = filter_request_parse(a, in, &p, &why);
	if (r == FILTER_BAD && !why)
		__builtin_trap();
	if (r == FILTER_READY) {
		if (!p.n || p.n > FILTER_CONTROLS_MAX || strlen(p.data) > FILTER_PATH_MAX)
			__builtin_trap();
		for (size_t i = 0; i < p.n; i++)
			if (!*p.controls[i] || strchr(p.controls[i], '\n'))
				__builtin_trap();
	}
	arena_free(a);
}

/* Every line of a reply begins with its code. */
static void reply(struct str in)
{
	struct buf out;
	struct str rest, line;
	buf_init(&out, FILTER_REPLY_MAX);
	filter_reply_put(&out, 550, STR("5.7.1"), in);
	if (!out.n || out.p[out.n - 1] != '\n')
		__builtin_trap();
	rest = str_head(buf_str(&out), out.n - 1);
	while (str_split(&rest, '\n', &line))
		if (!str_starts(line, rest.p ? STR("550-5.7.1 ") : STR("550 5.7.1 ")))
			__builtin_trap();
	buf_free(&out);
}

static void lines(struct str in)
{
	struct str line, address;
	int64_t when;
	char letter;
	struct buf key;
	buf_init(&key, 2 * VERIFY_ADDRESS_MAX);
	while (str_split(&in, '\n', &line)) {
		buf_clear(&key);
		if (verify_line(line, &when, &letter, &address) &&
		    (!verify_key(address, true, &key) || key.n > address.n))
			__builtin_trap();
	}
	buf_free(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_at(data, n);
	struct dup_letters l = {0};
	char *out = mem_alloc(n + 1);
	if (dup_letters(&l, in, out) > n)
		__builtin_trap();
	free(out);
	request(in);
	reply(in);
	lines(in);
	return 0;
}
