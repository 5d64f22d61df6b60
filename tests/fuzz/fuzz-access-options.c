/* Options of lists and of the TCP server, and the verdict over answers made of the same bytes. */
#include "config.h"

#include "access/dnslist.h"
#include "fuzz/fuzz.h"

static void judge(const struct tcpd_options *o, struct str bytes)
{
	struct dns_list_answer r[DNS_LISTS_MAX] = {0};
	struct buf env, header;
	struct str line;
	uint32_t hit;
	for (size_t i = 0; i < o->n_lists && bytes.n > 8; i++) {
		r[i].n = 1;
		memcpy(r[i].a[0], bytes.p, 4);
		r[i].failed = bytes.p[4] & 1;
		dns_list_text(str_head(bytes, 64), r[i].txt);
		bytes = str_skip(bytes, 8);
	}
	buf_init(&env, 64 * 1024);
	buf_init(&header, 64 * 1024);
	dns_lists_judge(o->lists, o->n_lists, r, STR("192.0.2.1"), &env, &hit);
	dns_lists_results(o->lists, o->n_lists, r, hit, STR("me"), &header);
	for (struct str rest = buf_str(&env); str_split(&rest, '\n', &line);)
		FUZZ_CHECK(!str_has_ctl(line));
	FUZZ_CHECK(!hit == (env.n == 0));
	buf_free(&env);
	buf_free(&header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(256 * 1024);
	struct tcpd_options o = {0};
	struct str word, text = str_at(data, size);
	struct access_addr addr = {{0}};
	char name[DNS_LIST_NAME_SIZE];
	const char *wrong = a ? tcpd_options_parse(a, text, &o, &word) : NULL;
	FUZZ_CHECK(o.n_lists <= DNS_LISTS_MAX && o.n_proxy_ports <= TCPD_PORTS_MAX);
	if (!wrong) {
		judge(&o, text);
		for (size_t i = 0; i < o.n_lists; i++)
			FUZZ_CHECK(dns_list_name(&addr, o.lists[i].zone, name) &&
				   strlen(name) < sizeof name);
	}
	arena_free(a);
	return 0;
}
