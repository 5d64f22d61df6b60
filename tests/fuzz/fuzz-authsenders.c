/* The file authsenders; the same bytes also serve as a header. */
#include "fuzz.h"
#include "submit/authsenders.h"

enum { SENDERS = 5 };

static void bad(void *ctx, unsigned line, const char *why)
{
	(void)ctx;
	FUZZ_CHECK(line && why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct names n = {.me = STR_INIT("m.test"), .defaultdomain = STR_INIT("m.test")};
	struct str text = str_at(data, size), found[SENDERS];
	struct address a = {.key = STR_INIT("a@b.c.test"), .domain = STR_INIT("b.c.test")};
	if (!n.locals) {
		n.locals = domains_new(STR("m.test\n"), n.me);
		n.hosted = domains_new(STR(""), n.me);
	}
	struct authsenders *s = authsenders_new(text, &n, bad, NULL);
	struct arena *arena = arena_new(1024 * 1024);
	if (s && arena) {
		authsenders_allow(s, STR("ann"), &a);
		int k = header_senders(arena, text, found, SENDERS);
		FUZZ_CHECK(k == -1 || (k > 0 && k <= SENDERS));
		for (int i = 0; i < k; i++)
			FUZZ_CHECK(found[i].n > 0);
	}
	authsenders_free(s);
	arena_free(arena);
	return 0;
}
