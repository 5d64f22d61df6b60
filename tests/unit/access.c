/* What a client's address decides, where it is pure: options (MTA-0626, MTA-0634, MTA-0710..0719),
 * lists of the DNS (MTA-0736, MTA-0741, MTA-0742), PROXY headers (MTA-0719), local ports. */
#include "config.h"

#include "access/dnslist.h"
#include "access/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct arena *arena;
static struct tcpd_options o;

static const char *parse(const char *text)
{
	struct str word;
	arena_reset(arena);
	o = (struct tcpd_options){0};
	return tcpd_options_parse(arena, str_of(text), &o, &word);
}

static void test_options(void **state)
{
	assert_null(parse("-nodnslookup -noidentlookup -stderrlogger=/usr/sbin/courierlogger\n"
			  "-accesslocal -maxperip=7 -maxperc=8 -maxprocs=9 -warn=5 "
			  "\"-denymsg=go away\" -drop"));
	assert_true(o.no_names && o.access_local && o.max_ip == 7 && o.max_net == 8);
	assert_true(o.max_procs == 9 && o.warn == 5 && str_is(o.deny_text, "go away"));
	assert_true(str_is(o.drop, "BLOCK") && o.n_lists == 0 && !o.proxy);
	assert_null(parse("-drop=BLOCK2"));
	assert_true(str_is(o.drop, "BLOCK2"));
	assert_null(parse(""));
	static const char *const faulty[] = {"-nonsense", "word", "-maxperip=0", "-maxperip=x",
	    "-drop=a-b", "-block=", "-block=a..b", "-block=x.example,9",
	    "-block=x.example,B/300.1.1.1", "-block=x.example,B/127.0.0.2,*", "-block=x=,B",
	    "-block=x=a\1b", "\"-denymsg=open", "-user=mail", "-pid=/x", "-address=127.0.0.1",
	    "-access=/x", "-haproxy=0", "-haproxyx", "-haproxy/port=x", "-haproxy/port=1.2.25",
	    "-block"};
	for (size_t i = 0; i < ARRAY_LEN(faulty); i++)
		if (!parse(faulty[i]))
			fail_msg("'%s' is taken", faulty[i]);
	assert_true(strstr(parse("-address=::"), "ADDRESS") != NULL);
	struct buf why;
	buf_init(&why, 1000);
	assert_true(tcpd_options_explain(STR("-block=x.example"), &why) && why.n == 0);
	assert_false(tcpd_options_explain(STR("-drop -nonsense"), &why));
	assert_true(str_is(buf_str(&why), "'-nonsense': nobody knows this option"));
	buf_free(&why);
}

static void test_list_options(void **state)
{
	assert_null(
	    parse("-allow=WL.example.=Friends,BLOCK, -block=bl.example "
		  "-block=v.example/127.0.0.2 -block=c.example,BLOCK2/127.0.0.3,\"Go, away\" "
		  "-block=t.example,B3,* -allow=w2.example"));
	assert_int_equal(o.n_lists, 6);
	const struct dns_list *l = o.lists;
	assert_true(
	    l[0].allow && str_is(l[0].zone, "wl.example") && str_is(l[0].display, "Friends"));
	assert_true(l[0].ask_a && l[0].ask_txt); /* the comma behind the variable */
	assert_true(!l[1].allow && str_is(l[1].var, "BLOCK") && l[1].ask_a && l[1].ask_txt);
	assert_true(l[2].exact && memcmp(l[2].value, "\x7f\0\0\2", 4) == 0);
	assert_true(str_is(l[3].text, "Go, away") && l[3].exact && str_is(l[3].var, "BLOCK2"));
	assert_true(l[3].ask_a && !l[3].ask_txt);
	assert_true(!l[4].ask_a && l[4].ask_txt && !l[4].text.n);
	assert_true(l[5].allow && l[5].ask_a && !l[5].ask_txt);
}

static void test_proxy_ports(void **state)
{
	struct access_addr a, b;
	access_addr_parse(STR("10.0.0.1"), &a);
	access_addr_parse(STR("10.0.0.2"), &b);
	assert_null(parse("-haproxy"));
	assert_true(o.proxy && o.proxy_seconds == 15 && tcpd_proxy_port(&o, &a, 25));
	assert_null(parse("-haproxy=3/port=25,/port=10.0.0.1.587,465"));
	assert_int_equal(o.proxy_seconds, 3);
	assert_true(tcpd_proxy_port(&o, &b, 25) && tcpd_proxy_port(&o, &b, 465));
	assert_true(tcpd_proxy_port(&o, &a, 587));
	assert_false(tcpd_proxy_port(&o, &b, 587));
	assert_false(tcpd_proxy_port(&o, &a, 26));
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void test_names(void **state)
{
	struct access_addr a;
	char name[DNS_LIST_NAME_SIZE];
	access_addr_parse(STR("192.0.2.99"), &a);
	assert_true(dns_list_name(&a, STR("bl.example"), name));
	assert_string_equal(name, "99.2.0.192.bl.example");
	assert_true(dns_list_probe(&a, STR("bl.example"), name));
	assert_string_equal(name, "1.0.0.127.bl.example");
	access_addr_parse(STR("2001:db8:1:2:3:4:567:89ab"), &a); /* RFC 5782, 2.4 */
	assert_true(dns_list_name(&a, STR("ugly.example"), name));
	assert_string_equal(name, "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2."
				  "ugly.example");
	assert_true(dns_list_probe(&a, STR("x"), name));
	assert_string_equal(
	    name, "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.x");
}

static struct dns_list_answer listed(
    unsigned a, unsigned b, unsigned c, unsigned d, const char *txt)
{
	struct dns_list_answer r = {.n = 1,
	    .a = {{(unsigned char)a, (unsigned char)b, (unsigned char)c, (unsigned char)d}}};
	dns_list_text(str_of(txt), r.txt);
	return r;
}

static char *judge(const char *options, const char *before, const struct dns_list_answer *r)
{
	static struct buf env;
	uint32_t hit;
	assert_null(parse(options));
	buf_free(&env);
	buf_init(&env, 4096);
	buf_addz(&env, before);
	dns_lists_judge(o.lists, o.n_lists, r, STR("192.0.2.1"), &env, &hit);
	static char out[4096];
	snprintf(out, sizeof out, "%.*s", STR_FMT(str_skip(buf_str(&env), strlen(before))));
	return out;
}

static void test_judge(void **state)
{
	struct dns_list_answer hit = listed(127, 0, 0, 2, ""),
			       text = listed(127, 0, 0, 2, "bad\nhost");
	assert_string_equal(judge("-block=b.example", "", &hit),
	    "BLOCK=Access denied: 192.0.2.1 is listed by b.example\nBLOCK_IP=127.0.0.2\n"
	    "BLOCK_ZONE=b.example\n");
	assert_string_equal(judge("-block=b.example=B", "", &text),
	    "BLOCK=bad?host\nBLOCK_IP=127.0.0.2\nBLOCK_TXT=bad?host\nBLOCK_ZONE=B\n");
	assert_string_equal(judge("-block=b.example,X/127.0.0.2,no", "", &hit),
	    "X=no\nX_IP=127.0.0.2\nX_ZONE=b.example\n");
	assert_string_equal(judge("-block=b.example,X/127.0.0.3,no", "", &hit), "");
	assert_string_equal(judge("-allow=b.example", "", &hit),
	    "BLOCK=\nBLOCK_IP=127.0.0.2\nBLOCK_ZONE=b.example\n");
	assert_string_equal(judge("-block=b.example", "BLOCK=\n", &hit), ""); /* set already */
	struct dns_list_answer only_text = {.txt = "listed"};
	assert_string_equal(judge("-block=b.example,BLOCK,*", "", &only_text),
	    "BLOCK=listed\nBLOCK_TXT=listed\nBLOCK_ZONE=b.example\n");
	assert_string_equal(judge("-block=b.example,B/127.0.0.2", "", &only_text), "");
	struct dns_list_answer two[] = {hit, text};
	assert_string_equal(judge("-allow=a.example -block=b.example", "", two),
	    "BLOCK=\nBLOCK_IP=127.0.0.2\nBLOCK_ZONE=a.example\n");
	assert_string_equal(judge("-block=a.example,B1,x -block=b.example,B2,y", "", two),
	    "B1=x\nB1_IP=127.0.0.2\nB1_ZONE=a.example\nB2=y\nB2_IP=127.0.0.2\n"
	    "B2_TXT=bad?host\nB2_ZONE=b.example\n");
}

static void test_bad_lists(void **state)
{
	int which;
	assert_null(parse("-block=b.example -block=c.example,BLOCK/127.255.255.254"));
	struct dns_list_answer r = listed(127, 255, 255, 254, "query refused");
	assert_int_equal(dns_list_read(&o.lists[0], &r, &which), DNS_LIST_DOWN);
	assert_int_equal(dns_list_read(&o.lists[1], &r, &which), DNS_LIST_HIT); /* wanted */
	r = listed(192, 0, 2, 80, ""); /* a parked domain */
	assert_int_equal(dns_list_read(&o.lists[0], &r, &which), DNS_LIST_DOWN);
	r = listed(127, 0, 0, 2, "");
	r.ignored = true;
	assert_int_equal(dns_list_read(&o.lists[0], &r, &which), DNS_LIST_MISS);
	r = (struct dns_list_answer){.failed = true};
	assert_int_equal(dns_list_read(&o.lists[0], &r, &which), DNS_LIST_DOWN);
	r = listed(127, 0, 0, 2, "");
	r.failed = true; /* its text did not come */
	assert_int_equal(dns_list_read(&o.lists[0], &r, &which), DNS_LIST_HIT);
}

static void test_results(void **state)
{
	struct dns_list_answer r[] = {listed(127, 0, 5, 3, "say \"x\""), listed(127, 0, 0, 2, "")};
	struct buf out;
	uint32_t hit;
	struct buf env;
	assert_null(parse("\"-allow=w.example=My List,BLOCK,\" -allow=v.example,OTHER"));
	buf_init(&out, 1000);
	buf_init(&env, 1000);
	dns_lists_judge(o.lists, 2, r, STR("192.0.2.1"), &env, &hit);
	assert_int_equal(hit, 3);
	dns_lists_results(o.lists, 2, r, hit, STR("mx.test"), &out);
	buf_addc(&out, 0);
	assert_string_equal(out.p,
	    "mx.test;\n  dnswl=pass dns.zone=\"My List\"\n  policy.ip=127.0.5.3"
	    "\n  policy.txt=\"say \\\"x\\\"\";\n  dnswl=pass dns.zone=v.example"
	    "\n  policy.ip=127.0.0.2");
	buf_free(&out);
	buf_free(&env);
}

/* ---- PROXY ----------------------------------------------------------------------------------- */

static enum proxy_verdict header(const char *bytes, size_t n, struct proxy_header *h)
{
	return proxy_header_parse(str_at(bytes, n), h);
}

static void test_proxy_v1(void **state)
{
	struct proxy_header h;
	char text[46];
	static const char good[] = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\nEHLO";
	assert_int_equal(header(good, sizeof good - 1, &h), PROXY_KNOWN);
	access_addr_text(&h.from, text);
	assert_string_equal(text, "192.0.2.1");
	access_addr_text(&h.to, text);
	assert_string_equal(text, "198.51.100.2");
	assert_true(h.from_port == 56324 && h.to_port == 25 && h.used == sizeof good - 5);
	for (size_t n = 0; n < h.used; n++) {
		struct proxy_header part;
		assert_int_equal(header(good, n, &part), PROXY_MORE);
	}
	static const char six[] = "PROXY TCP6 2001:db8::1 ::1 1 2\r\n";
	assert_int_equal(header(six, sizeof six - 1, &h), PROXY_KNOWN);
	static const char *const local[] = {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ff::1 ::1 1 2\r\n"};
	for (size_t i = 0; i < ARRAY_LEN(local); i++)
		assert_int_equal(header(local[i], strlen(local[i]), &h), PROXY_LOCAL);
	static const char *const bad[] = {"EHLO x\r\n", "PROXY\r\n", "PROXY \r\n",
	    "PROXY TCP4 \r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\n",
	    "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n",
	    "PROXY TCP4 192.0.2.1 198.51.100.2 1 02\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n",
	    "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", "PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n",
	    "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
	    "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
	    "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
	    "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (header(bad[i], strlen(bad[i]), &h) != PROXY_BAD)
			fail_msg("'%s' is taken", bad[i]);
	char endless[200];
	memset(endless, 'x', sizeof endless);
	memcpy(endless, "PROXY ", 6);
	assert_int_equal(header(endless, 106, &h), PROXY_MORE);
	assert_int_equal(header(endless, 107, &h), PROXY_BAD);
}

static void test_proxy_v2(void **state)
{
	static const char v4[] =
	    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\2\1\xc6\x33\x64\2\x04\1\0\x19\4\0\0X";
	struct proxy_header h, part;
	char text[46];
	assert_int_equal(
	    header(v4, sizeof v4 - 1, &h), PROXY_KNOWN); /* with a TLV of three bytes */
	assert_int_equal(h.used, 31);
	access_addr_text(&h.from, text);
	assert_string_equal(text, "192.0.2.1");
	assert_true(h.from_port == 1025 && h.to_port == 25);
	for (size_t n = 0; n < h.used; n++)
		assert_int_equal(header(v4, n, &part), PROXY_MORE);
	static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
	assert_int_equal(header(local, 16, &h), PROXY_LOCAL);
	static const char unix_[] = "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\0";
	assert_int_equal(header(unix_, 16, &h), PROXY_LOCAL);
	static const char *const bad[] = {"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
	    "\r\n\r\n\0\r\nQUIT\n\x22\x11\0\0", "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
	    "\r\n\r\n\0\r\nQUIT\n\x21\x41\0\0", "\r\n\r\n\0\r\nQUIX\n\x21\x11\0\0",
	    "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\0"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (header(bad[i], 16, &h) != PROXY_BAD)
			fail_msg("v2 header %zu is taken", i);
	static const char cut[] =
	    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\2\x04\1\0";
	assert_int_equal(header(cut, 27, &h), PROXY_BAD);
}

/* ---- local ports (MTA-0708) ------------------------------------------------------------------ */

static void test_local(void **state)
{
	static const char text[] = "192.0.2.1.25\tallow,A\n*.25\tallow,B\n192.0.2.1\tallow,C\n"
				   "2001:db8::1.587\tallow,D\n0.0.0.0/0\tallow,E\n";
	static const struct {
		const char *ip;
		uint16_t port;
		const char *action;
	} cases[] = {
	    {"192.0.2.1", 25, "allow,A"},
	    {"192.0.2.1", 26, "allow,C"},
	    {"192.0.2.2", 25, "allow,B"},
	    {"192.0.2.2", 26, NULL},
	    {"2001:db8::1", 587, "allow,D"},
	    {"2001:db8::1", 25, "allow,B"},
	};
	struct access *a = access_new(str_of(text), NULL);
	struct access_addr addr;
	struct str action;
	bool plain;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_true(access_addr_parse(str_of(cases[i].ip), &addr));
		int r =
		    access_lookup_local_kind(&addr, cases[i].port, access_get, a, &action, &plain);
		assert_int_equal(plain, r > 0 && str_is(action, "allow,C"));
		assert_int_equal(r, cases[i].action != NULL);
		assert_true(!r || str_is(action, cases[i].action));
	}
	assert_true(access_addr_parse(STR("192.0.2.1"), &addr));
	assert_int_equal(access_lookup(&addr, access_get, a, &action), 1);
	assert_true(str_is(action, "allow,C"));
	access_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_list_options),
	    cmocka_unit_test(test_proxy_ports),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_judge),
	    cmocka_unit_test(test_bad_lists),
	    cmocka_unit_test(test_results),
	    cmocka_unit_test(test_proxy_v1),
	    cmocka_unit_test(test_proxy_v2),
	    cmocka_unit_test(test_local),
	};
	arena = arena_new(1024 * 1024);
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return r;
}
