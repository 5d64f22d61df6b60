/* Lists of domains, and the accounts an address is looked for under. */
#include "config.h"

#include "submit/address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_accounts(const struct names *n, struct arena *a, struct str text)
{
	struct address addr;
	struct address_try t;
	struct str inner;
	unsigned at = 0, tries = 0;
	if (address_canonical(n, a, text, STR_NONE, ADDRESS_BARE | ADDRESS_UTF8, &addr) !=
	    ADDRESS_OK)
		return;
	while (address_next_try(n, a, &addr, &at, &t))
		if (t.account.n == 0 || ++tries > 100)
			abort();
	address_percent(n, a, &addr, &inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_at(data, size), line;
	struct names n = {.me = STR("me.example"), .defaultdomain = STR("me.example")};
	struct domain_match m;
	struct str key, value;
	size_t at = 0;
	if (size > 20000)
		return 0;
	n.locals = domains_new(STR("me.example\n"), n.me);
	n.hosted = n.percent = domains_new(text, STR("host"));
	n.separators[0] = '+';
	while (domains_next(n.hosted, &at, &key, &value))
		if (key.n == 0 || (domains_match(n.hosted, key, &m) == 1) == str_is(value, "!"))
			abort(); /* what is an entry matches itself, unless it takes itself out */
	for (struct str rest = text; str_split(&rest, '\n', &line);) {
		struct arena *a = arena_new(64 * 1024);
		try_accounts(&n, a, line);
		arena_free(a);
	}
	domains_free(n.locals);
	domains_free(n.hosted);
	return 0;
}
