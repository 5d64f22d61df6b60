/* SPF: the first line of the input is a sender, every further one a TXT record; whatever is asked
 * gets one of them.  Also the parts alone. */
#include "fuzz.h"
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include "spf/spf-private.h"

struct zone {
	struct str lines[16];
	size_t n, questions;
	struct str rdata[16];
	char wire[16][256];
	struct dns_answer answer;
};

/* By the length of the name: some of the records, or an error. */
static const struct dns_answer *look(void *ctx, struct str name, uint16_t type)
{
	struct zone *z = ctx;
	if (++z->questions % 7 == 0)
		return NULL;
	z->answer = (struct dns_answer){.status = name.n % 5 == 4 ? DNS_TEMPFAIL : DNS_OK};
	size_t i = z->n ? name.n % z->n : 0;
	if (z->answer.status != DNS_OK || !z->n)
		return &z->answer;
	struct str s = str_head(z->lines[i], 255);
	char *w = z->wire[i];
	w[0] = (char)s.n;
	memcpy(w + 1, s.p ? s.p : "", s.n);
	z->rdata[0] = type == ns_t_txt ? str_at(w, s.n + 1) : s;
	z->answer.rdata = z->rdata;
	z->answer.n = 1;
	return &z->answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_at(data, size), line, sender = STR_NONE;
	struct zone z = {0};
	struct spf_record r;
	struct spf_verdict v;
	struct spf_question q;
	struct arena *a = arena_new(1 << 20);
	if (!a)
		return 0;
	str_split(&rest, '\n', &sender);
	while (z.n < 16 && str_split(&rest, '\n', &line)) {
		if (!spf_record_parse(line, &r)) {
			FUZZ_CHECK(spf_is_record(line));
			spf_record_free(&r);
		}
		spf_macro_valid(line, true);
		z.lines[z.n++] = line;
	}
	struct spf_facts f = {.domain = STR("a.example"),
	    .sender = sender,
	    .helo = sender,
	    .receiver = STR("r"),
	    .now = 1};
	bool six = size % 2;
	f.ip.ss_family = six ? AF_INET6 : AF_INET;
	for (int i = 0; i < 3; i++) {
		if (spf_evaluate(a, &f, look, &z, &v, &q) == SPF_DONE)
			FUZZ_CHECK(v.result < SPF_RESULTS && !str_has_ctl(v.explanation));
		arena_reset(a);
	}
	arena_free(a);
	return 0;
}
