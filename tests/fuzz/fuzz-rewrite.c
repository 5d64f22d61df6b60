/* Header rewriting: done once it is done; other fields stay; facts and recipients of anything. */
#include "config.h"

#include "rewrite/rewrite.h"
#include "tests/fuzz/fuzz.h"

static struct rewrite_canonical canonical = {
    .default_domain = STR_INIT("example.com"), .me = STR_INIT("example.net")};

/* Without a name, brackets go; every mailbox stays the same one, and a second time nothing is left.
 */
static void angles(struct arena *a, struct str in)
{
	struct rewrite rw = {
	    .map = rewrite_canonical, .ctx = &canonical, .max_addresses = 100, .drop_angles = true};
	struct str out, again;
	FUZZ_CHECK(rewrite_header(a, in, &rw, &out) == 0);
	FUZZ_CHECK(rewrite_header(a, out, &rw, &again) == 0);
	FUZZ_CHECK(str_eq(out, again));
	struct header_field f, g;
	struct str x = in, y = out;
	while (header_next(&x, &f) && header_next(&y, &g)) {
		struct mailaddr_list l, m;
		FUZZ_CHECK(str_eq(f.name, g.name));
		FUZZ_CHECK(mailaddr_parse(a, f.body, 100, &l) == 0 &&
			   mailaddr_parse(a, g.body, 100, &m) == 0);
		FUZZ_CHECK(l.mailboxes == m.mailboxes);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(64 << 20);
	struct rewrite rw = {.map = rewrite_canonical, .ctx = &canonical, .max_addresses = 100};
	struct str in = str_at(data, size), out, again;
	in.n = header_length(in, NULL);
	FUZZ_CHECK(rewrite_header(a, in, &rw, &out) == 0);
	FUZZ_CHECK(rewrite_header(a, out, &rw, &again) == 0);
	FUZZ_CHECK(str_eq(out, again));
	struct header_field f, g;
	struct str x = in, y = out;
	while (header_next(&x, &f)) {
		FUZZ_CHECK(header_next(&y, &g) && str_eq(f.name, g.name));
		if (f.name.n == 0 || str_istarts(f.name, STR("X")))
			FUZZ_CHECK(str_eq(f.raw, g.raw));
	}
	FUZZ_CHECK(!header_next(&y, &g));
	static const struct rewrite_field rules[] = {{"bcc", NULL}, {"to", "Old-To"}};
	FUZZ_CHECK(rewrite_fields(a, in, rules, 2, &out) == 0);
	FUZZ_CHECK(!header_find(out, "Bcc", &f) && !header_find(out, "To", &f));
	angles(a, in);
	struct header_facts facts;
	FUZZ_CHECK(header_facts_read(a, in, &facts) == 0);
	header_facts_delivered_to(a, &facts, STR("a@b"));
	struct mailaddr_list l;
	FUZZ_CHECK(header_recipients(a, in, 50, &l) == 0 && l.mailboxes <= 50);
	arena_free(a);
	return 0;
}
