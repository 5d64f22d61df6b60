/* The file bofh; its first line also serves as an address, a host name and an environment. */
#include "fuzz.h"
#include "submit/bofh.h"

static void bad(void *ctx, unsigned line, const char *why)
{
	(void)ctx;
	FUZZ_CHECK(line && why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct names n = {.me = STR_INIT("m.test"), .defaultdomain = STR_INIT("m.test")};
	struct str text = str_at(data, size), rest = text, first = STR_NONE;
	struct bofh_options o;
	struct buf env;
	if (!n.locals) {
		n.locals = domains_new(STR("m.test\n"), n.me);
		n.hosted = domains_new(STR(""), n.me);
	}
	struct bofh *b = bofh_new(text, &n, bad, NULL);
	if (!b)
		return 0;
	str_split(&rest, '\n', &first);
	bofh_badfrom(b, first, first);
	bofh_freemail(b, first, first);
	bofh_spamtrap(b, first);
	buf_init(&env, 4096);
	bofh_defaults(b, &env);
	bofh_options(buf_str(&env), false, true, &o);
	FUZZ_CHECK(o.header_limit == 0 || o.header_limit >= 1000);
	buf_free(&env);
	bofh_free(b);
	return 0;
}
