/* The file bofh, the settings of a client and the decisions about senders: MTA-0301, MTA-0327. */
#include "config.h"

#include "dns/rdata.h"
#include "access/access.h"
#include "submit/bofh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static unsigned faults, last_line;

static void bad(void *ctx, unsigned line, const char *why)
{
	(void)ctx;
	assert_non_null(why);
	faults++;
	last_line = line;
}

static struct bofh *read_text(const char *text)
{
	static struct names n;
	n = (struct names){.me = STR("mx.test"), .defaultdomain = STR("mx.test")};
	n.locals = domains_new(STR("mx.test\nlocalhost\n"), n.me);
	n.hosted = domains_new(STR("hosted.test\n"), n.me);
	faults = last_line = 0;
	struct bofh *b = bofh_new(str_of(text), &n, bad, NULL);
	assert_non_null(b);
	domains_free(n.locals);
	domains_free(n.hosted);
	return b;
}

static void test_badfrom(void **state)
{
	static const struct {
		const char *local, *domain;
		bool bad;
	} cases[] = {{"one", "a.test", true}, {"ONE", "a.test", true}, {"two", "a.test", false},
	    {"one", "x.a.test", false}, {"any", "b.test", true}, {"any", "x.b.test", false},
	    {"any", "c.test", false}, {"any", "x.c.test", true}, {"any", "y.x.c.test", true},
	    {"any", "xc.test", false}, {"sub", "d.test", false}, {"sub", "x.d.test", true},
	    {"sub", "y.x.d.test", true}, {"other", "x.d.test", false},
	    {"u",
		"b\xc3\xbc"
		"cher.test",
		true},
	    {"", "", false}};
	struct bofh *b = read_text("# comment\n\n  badfrom one@A.test\nbadfrom @b.test\n"
				   "BADFROM @.c.test\nbadfrom\tsub@.d.test\r\n"
				   "badfrom @xn--bcher-kva.test\n");
	(void)state;
	assert_int_equal(faults, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (bofh_badfrom(b, str_of(cases[i].local), str_of(cases[i].domain)) !=
		    cases[i].bad)
			fail_msg("%s@%s", cases[i].local, cases[i].domain);
	bofh_free(b);
}

static void test_others(void **state)
{
	struct sockaddr_storage ss;
	uint32_t n;
	bool hard;
	struct bofh *b =
	    read_text("freemail big.test Other.test\nfreemail alone.test\n"
		      "badmx 192.0.2.1\nbadmx 2001:db8::1\nspamtrap trap@mx.test\n"
		      "spamtrap Trap@hosted.test\nspamtrap x@far.test\nmaxrcpts 7 hard\n");
	(void)state;
	assert_int_equal(faults, 0);
	assert_int_equal(bofh_freemail(b, STR("big.test"), STR("mx1.big.test")), BOFH_HOST_GOOD);
	assert_int_equal(bofh_freemail(b, STR("big.test"), STR("BIG.test")), BOFH_HOST_GOOD);
	assert_int_equal(bofh_freemail(b, STR("big.test"), STR("a.other.test")), BOFH_HOST_GOOD);
	assert_int_equal(bofh_freemail(b, STR("big.test"), STR("notbig.test")), BOFH_HOST_BAD);
	assert_int_equal(bofh_freemail(b, STR("big.test"), STR("")), BOFH_HOST_BAD);
	assert_int_equal(bofh_freemail(b, STR("big.test"), STR("softdnserr")), BOFH_HOST_UNSURE);
	assert_int_equal(bofh_freemail(b, STR("alone.test"), STR("other.test")), BOFH_HOST_BAD);
	assert_int_equal(bofh_freemail(b, STR("other.test"), STR("")), BOFH_HOST_GOOD);
	assert_true(dns_literal(STR("192.0.2.1"), &ss) && bofh_badmx(b, &ss));
	assert_true(dns_literal(STR("2001:db8::1"), &ss) && bofh_badmx(b, &ss));
	assert_true(dns_literal(STR("192.0.2.2"), &ss) && !bofh_badmx(b, &ss));
	assert_true(bofh_spamtrap(b, STR("x@far.test")));
	assert_false(bofh_spamtrap(b, STR("y@far.test")));
	assert_true(bofh_maxrcpts(b, &n, &hard) && n == 7 && hard);
	bofh_free(b);
	b = read_text("maxrcpts 3\n");
	assert_true(bofh_maxrcpts(b, &n, &hard) && n == 3 && !hard);
	bofh_free(b);
	b = read_text("");
	assert_false(bofh_maxrcpts(b, &n, &hard));
	bofh_free(b);
}

static void test_faulty_lines(void **state)
{
	static const char *const lines[] = {"badfrom", "badfrom x", "badfrom x@", "badfrom a@b c@d",
	    "badmx", "badmx host.test", "badmx 1.2.3.4 5.6.7.8", "freemail", "spamtrap",
	    "spamtrap x", "maxrcpts", "maxrcpts 0", "maxrcpts x", "maxrcpts 5 soft",
	    "maxrcpts 5 hard x", "maxrcpts 99999999999", "opt", "opt X", "opt =1",
	    "opt RELAYCLIENT=", "opt BOFH X=1", "opt BOFHSPFHELO=pass,maybe",
	    "opt BOFHHEADERLIMIT=many", "nonsense here"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char text[200];
		snprintf(text, sizeof text, "# one\nbadfrom @ok.test\n%s\n", lines[i]);
		struct bofh *b = read_text(text);
		if (faults != 1 || last_line != 3)
			fail_msg("'%s': %u faults, line %u", lines[i], faults, last_line);
		assert_true(bofh_badfrom(b, STR("x"), STR("ok.test")));
		bofh_free(b);
	}
}

/* What the access file says of a client stands above the file; names that nobody knows are no
 * fault (MTA-0327). */
static void test_defaults(void **state)
{
	struct buf env;
	struct str v;
	struct bofh *b = read_text("opt BOFHCHECKHELO=1\nopt BOFHBADMIME=wrap\n"
				   "opt BOFHSPFHELO=pass\nopt BOFHSPFHELO=all\n");
	(void)state;
	assert_int_equal(faults, 0);
	buf_init(&env, 1000);
	buf_addz(&env, "BOFHCHECKHELO=0\nX=1\n");
	bofh_defaults(b, &env);
	assert_true(access_env(buf_str(&env), "BOFHCHECKHELO", &v) && str_is(v, "0"));
	assert_true(access_env(buf_str(&env), "BOFHSPFHELO", &v) && str_is(v, "all"));
	assert_true(access_env(buf_str(&env), "BOFHBADMIME", &v));
	buf_free(&env);
	bofh_free(b);
}

static void test_spf_words(void **state)
{
	static const struct {
		const char *list;
		unsigned set;
		bool good;
	} cases[] = {{"", 0, true}, {"off", 0, true}, {"pass,off", 0, true},
	    {"pass,none", 1 << SPF_PASS | 1 << SPF_NONE, true},
	    {" PASS , softfail,", 1 << SPF_PASS | 1 << SPF_SOFTFAIL, true},
	    {"error,unknown", 1 << SPF_TEMPERROR | 1 << SPF_PERMERROR, true},
	    {"neutral,fail", 1 << SPF_NEUTRAL | 1 << SPF_FAIL, true}, {"all", BOFH_SPF_ALL, true},
	    {"pass,allowok,mailfromok", 1 << SPF_PASS | BOFH_SPF_ALLOWOK | BOFH_SPF_MAILFROMOK,
		true},
	    {"pass,maybe", 1 << SPF_PASS, false}};
	unsigned set;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (bofh_spf_words(str_of(cases[i].list), &set) != cases[i].good ||
		    set != cases[i].set)
			fail_msg("'%s': %x", cases[i].list, set);
}

static void test_options(void **state)
{
	struct bofh_options o;
	(void)state;
	bofh_options(STR(""), false, true, &o);
	assert_true(o.check_dns && !o.check_helo && !o.header_limit && !o.white);
	assert_int_equal(o.hard, 1 << SPF_FAIL | 1 << SPF_SOFTFAIL);
	assert_int_equal(o.spf[BOFH_HELO], BOFH_SPF_OFF);
	bofh_options(
	    STR("BOFHCHECKDNS=0\nBOFHCHECKHELO=2\nBOFHHEADERLIMIT=5\nBOFHNOBASE64TEXT=1\n"
		"BOFHSPFNOVERBOSE=1\nBOFHSPFFROM=pass,mailfromok\nBOFHSPFHARDERROR=none\n"),
	    false, true, &o);
	assert_false(o.check_bounces);
	assert_true(!o.check_dns && o.check_helo == 2 && o.no_base64 && o.no_verbose);
	assert_int_equal(o.header_limit, 1000);
	assert_int_equal(o.spf[BOFH_FROM], 1 << SPF_PASS | BOFH_SPF_MAILFROMOK);
	assert_int_equal(o.hard, 1 << SPF_NONE);
	bofh_options(STR("BOFHCHECKBOUNCES=1\n"), false, true, &o);
	assert_true(o.check_bounces);
	/* clients that may relay */
	bofh_options(STR("BOFHCHECKBOUNCES=1\n"), true, true, &o);
	assert_false(o.check_bounces);
	bofh_options(STR("BOFHCHECKHELO=1\nBOFHSPFHELO=pass\n"), true, true, &o);
	assert_true(o.check_helo == 0 && o.spf[BOFH_HELO] != BOFH_SPF_OFF);
	bofh_options(STR("BOFHSPFHELO=pass\nBOFHSPFTRUSTME=1\n"), true, true, &o);
	assert_int_equal(o.spf[BOFH_HELO], BOFH_SPF_OFF);
	bofh_options(STR("BOFHSPFHELO=pass\nBOFHSPFTRUSTME=1\n"), false, true, &o);
	assert_int_equal(o.spf[BOFH_HELO], 1 << SPF_PASS);
	/* clients of an allowing list */
	bofh_options(
	    STR("BLOCK=\nBOFHSPFHELO=pass,allowok\nBOFHSPFMAILFROM=pass\n"), false, true, &o);
	assert_true(o.white && o.spf[BOFH_HELO] == BOFH_SPF_OFF);
	assert_int_equal(o.spf[BOFH_MAILFROM], 1 << SPF_PASS);
	bofh_options(STR("BLOCK=550 no\nBOFHSPFHELO=pass,allowok\n"), false, true, &o);
	assert_true(!o.white && o.spf[BOFH_HELO] != BOFH_SPF_OFF);
}

/* A resolver that is down never accepts, and never refuses for good. */
static void test_decisions(void **state)
{
	static const struct {
		struct domain_facts f;
		enum reply_id id;
	} domains[] = {{{.status = DNS_OK}, REPLY_OK},
	    {{.status = DNS_NXDOMAIN}, REPLY_NO_SUCH_DOMAIN},
	    {{.status = DNS_BADNAME}, REPLY_NO_SUCH_DOMAIN},
	    {{.status = DNS_NODATA}, REPLY_NO_MAIL_HOST},
	    {{.status = DNS_TEMPFAIL}, REPLY_DNS_DOWN},
	    {{.status = DNS_TEMPFAIL, .loop = true}, REPLY_DOMAIN_LOOP},
	    {{.status = DNS_OK, .null_mx = true}, REPLY_NULL_MX},
	    {{.status = DNS_BADNAME, .bad_mx = true}, REPLY_DOMAIN_LITERAL},
	    {{.status = DNS_OK, .badmx = "192.0.2.1"}, REPLY_BADMX}};
	static const struct {
		struct helo_facts f;
		enum helo_verdict v;
	} helos[] = {{{.matches = true}, HELO_GOOD}, {{.matches = true, .unsure = true}, HELO_GOOD},
	    {{.literal = true}, HELO_FOREIGN}, {{.literal = true, .matches = true}, HELO_GOOD},
	    {{0}, HELO_GONE}, {{.exists = true}, HELO_FOREIGN}, {{.unsure = true}, HELO_UNKNOWN},
	    {{.exists = true, .unsure = true}, HELO_UNKNOWN},
	    {{.exists = true, .null_mx = true}, HELO_GOOD}};
	unsigned hard = 1 << SPF_FAIL;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(domains); i++)
		assert_int_equal(decide_sender_domain(&domains[i].f), domains[i].id);
	for (size_t i = 0; i < ARRAY_LEN(helos); i++)
		assert_int_equal(decide_helo(&helos[i].f), helos[i].v);
	assert_int_equal(decide_spf(BOFH_SPF_OFF, hard, SPF_FAIL), REPLY_OK);
	assert_int_equal(decide_spf(1 << SPF_PASS, hard, SPF_PASS), REPLY_OK);
	assert_int_equal(decide_spf(1 << SPF_PASS, hard, SPF_FAIL), REPLY_SPF);
	assert_int_equal(decide_spf(1 << SPF_PASS, hard, SPF_SOFTFAIL), REPLY_SPF_LATER);
	for (unsigned r = 0; r < SPF_RESULTS; r++)
		assert_int_equal(decide_spf(BOFH_SPF_ALL, hard, (enum spf_result)r), REPLY_OK);
}

static void test_field(void **state)
{
	struct spf_field f = {.identity = BOFH_MAILFROM,
	    .result = SPF_PERMERROR,
	    .sender = STR("a@b.test"),
	    .remote_ip = STR("192.0.2.1"),
	    .helo = STR("x;\nEvil: y\r"),
	    .receiver = STR("mx.test")};
	struct buf b;
	(void)state;
	buf_init(&b, 4000);
	bofh_spf_field(&f, &b);
	assert_string_equal(b.p,
	    "Received-SPF: unknown (Address does not pass the Sender Policy Framework)\n"
	    "  SPF=MAILFROM;\n  sender=a@b.test;\n  remoteip=192.0.2.1;\n  remotehost=;\n"
	    "  helo=x??Evil:?y?;\n  receiver=mx.test;\n");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_badfrom),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_faulty_lines),
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_spf_words),
	    cmocka_unit_test(test_options),
	    cmocka_unit_test(test_decisions),
	    cmocka_unit_test(test_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
