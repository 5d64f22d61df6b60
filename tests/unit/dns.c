/* libs/dns without a network: record data, names, order, the resolver file. */
#include <stdarg.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include "dns/dns-private.h"
#include "dns/rdata.h"

static void wire_names(void **state UNUSED)
{
	char name[DNS_NAME_SIZE];
	assert_int_equal(dns_rdata_name(STR("\2MX\7example\3org\0"), name), 0);
	assert_string_equal(name, "mx.example.org");
	assert_int_equal(dns_rdata_name(STR("\0"), name), 0);
	assert_string_equal(name, "");
	static const struct str bad[] = {
	    STR_INIT(""),             /* no end */
	    STR_INIT("\2mx"),         /* no root */
	    STR_INIT("\5mx\0"),       /* label past the end */
	    STR_INIT("\2mx\0\0"),     /* bytes behind it */
	    STR_INIT("\300\14"),      /* compression */
	    STR_INIT("\3a b\0"),      /* a blank */
	    STR_INIT("\4a\r\nb\0"),   /* a line end */
	    STR_INIT("\3a.b\0"),      /* a dot in a label */
	    STR_INIT("\2\303\244\0"), /* 8-bit */
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(dns_rdata_name(bad[i], name), -1);
}

static void wire_name_limit(void **state UNUSED)
{
	char name[DNS_NAME_SIZE], wire[400];
	for (size_t labels = 120; labels <= 130; labels++) {
		for (size_t i = 0; i < labels; i++)
			memcpy(wire + 2 * i, "\1a", 2);
		wire[2 * labels] = 0;
		int want = 2 * labels - 1 <= 255 ? 0 : -1;
		assert_int_equal(dns_rdata_name(str_at(wire, 2 * labels + 1), name), want);
	}
}

static void wire_records(void **state UNUSED)
{
	char host[DNS_NAME_SIZE];
	uint16_t pref;
	struct sockaddr_storage ss, other;
	assert_int_equal(dns_rdata_mx(STR("\1\2\1a\0"), &pref, host), 0);
	assert_int_equal(pref, 258);
	assert_string_equal(host, "a");
	assert_int_equal(dns_rdata_mx(STR("\1\2"), &pref, host), -1);
	assert_int_equal(dns_rdata_a(STR("\300\0\2\1"), &ss), 0);
	assert_int_equal(dns_rdata_a(STR("\300\0\2"), &ss), -1);
	assert_int_equal(dns_rdata_aaaa(STR("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"), &other), 0);
	assert_true(dns_same_address(&ss, &other));
	struct buf out;
	buf_init(&out, 100);
	assert_int_equal(dns_rdata_txt(STR("\3v=s\2pf"), &out), 0);
	assert_string_equal(out.p, "v=spf");
	assert_int_equal(dns_rdata_txt(STR("\5abc"), &out), -1);
	buf_free(&out);
}

static void names(void **state UNUSED)
{
	char name[DNS_NAME_SIZE];
	assert_true(dns_name_ascii(STR("Example.ORG."), name));
	assert_string_equal(name, "example.org");
	assert_true(dns_name_ascii(STR("b\303\274cher.example"), name));
	assert_string_equal(name, "xn--bcher-kva.example");
	assert_false(dns_name_ascii(STR(""), name));
	assert_false(dns_name_ascii(STR("."), name));
	assert_false(dns_name_ascii(STR("a..b"), name));
	assert_false(dns_name_ascii(STR("a b"), name));
	assert_false(dns_name_ascii(STR("\377\376.example"), name));
}

static void literals(void **state UNUSED)
{
	struct sockaddr_storage ss;
	char name[DNS_NAME_SIZE];
	assert_true(dns_literal(STR("[192.0.2.1]"), &ss));
	assert_true(dns_reverse_name((struct sockaddr *)&ss, name));
	assert_string_equal(name, "1.2.0.192.in-addr.arpa");
	assert_true(dns_literal(STR("[IPv6:2001:db8::1]"), &ss));
	assert_true(dns_reverse_name((struct sockaddr *)&ss, name));
	assert_string_equal(
	    name, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	assert_true(dns_literal(STR("::1"), &ss));
	assert_false(dns_literal(STR("[192.0.2.1"), &ss));
	assert_false(dns_literal(STR("[]"), &ss));
	assert_false(dns_literal(STR("192.0.2.1.example"), &ss));
	assert_false(dns_literal(STR("192.0.2.1\0x"), &ss));
}

static void order(void **state UNUSED)
{
	/* The best first; among equals each comes first sooner or later. */
	unsigned first[2] = {0};
	for (unsigned round = 0; round < 200; round++) {
		struct dns_exchange x[4] = {{20, "c"}, {10, "a"}, {10, "b"}, {5, "top"}};
		dns_exchange_sort(x, 4);
		assert_string_equal(x[0].host, "top");
		assert_string_equal(x[3].host, "c");
		assert_true(x[1].host[0] == 'a' || x[1].host[0] == 'b');
		first[x[1].host[0] - 'a']++;
	}
	assert_true(first[0] > 20 && first[1] > 20);
	dns_exchange_sort(NULL, 0);
}

static void collect(void *ctx, const char *server)
{
	struct buf *out = ctx;
	buf_addf(out, "%s;", server);
}

static void resolver_file(void **state UNUSED)
{
	struct buf out;
	buf_init(&out, 1000);
	assert_int_equal(
	    dns_resolver_parse(STR("# ours\n\n127.0.0.1@5353 # local\n::1\n"), collect, &out), 0);
	assert_string_equal(out.p, "127.0.0.1@5353;::1@53;");
	buf_clear(&out);
	assert_int_equal(dns_resolver_parse(STR("127.0.0.1@0\n"), collect, &out), 1);
	assert_int_equal(dns_resolver_parse(STR("\nexample.org\n"), collect, &out), 2);
	assert_int_equal(dns_resolver_parse(STR("127.0.0.1@65536"), collect, &out), 1);
	assert_string_equal(out.p, "");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wire_names),
	    cmocka_unit_test(wire_name_limit),
	    cmocka_unit_test(wire_records),
	    cmocka_unit_test(names),
	    cmocka_unit_test(literals),
	    cmocka_unit_test(order),
	    cmocka_unit_test(resolver_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
