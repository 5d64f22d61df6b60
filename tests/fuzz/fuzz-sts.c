/* MTA-STS: policies, TXT records and cached files; the first byte says which. */
#include "fuzz.h"
#include "sts/sts.h"

static void policy(struct str text)
{
	struct sts_policy p;
	if (sts_policy_parse(text, &p))
		return;
	FUZZ_CHECK(p.n_mx <= STS_MX_MAX && p.max_age <= STS_AGE_MAX && p.mode < STS_MODES);
	FUZZ_CHECK(p.n_mx || p.mode == STS_NONE);
	for (size_t i = 0; i < p.n_mx; i++)
		FUZZ_CHECK(p.mx[i].p[0] == '*' || sts_policy_allows(&p, p.mx[i]));
}

static void record(struct str text)
{
	struct sts_record r = {0};
	struct str line;
	while (str_split(&text, '\n', &line))
		sts_record_add(&r, line);
	FUZZ_CHECK(strlen(r.id) <= STS_ID_MAX && (!sts_record_valid(&r) || r.id[0]));
}

/* What was read comes out again as something that reads the same. */
static void entry(struct str text)
{
	struct sts_entry e, again;
	struct buf b;
	if (!sts_entry_parse(text, &e))
		return;
	buf_init(&b, STS_ENTRY_MAX);
	FUZZ_CHECK(sts_entry_print(&e, &b) && sts_entry_parse(buf_str(&b), &again));
	FUZZ_CHECK(str_eq(e.text, again.text) && str_eq(e.id, again.id) &&
		   e.fetched == again.fetched && sts_entry_mode(&e) == sts_entry_mode(&again));
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct str rest = str_at(data + 1, size - 1);
	if (data[0] % 4 == 0)
		policy(rest);
	else if (data[0] % 4 == 1)
		record(rest);
	else if (data[0] % 4 == 2)
		entry(rest);
	else
		(void)sts_is_text_plain(rest);
	return 0;
}
