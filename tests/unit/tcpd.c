/* The pure parts of the tools for servers of an administrator's own: options (MTA-0706, MTA-2801),
 * ports (MTA-0725), places (MTA-0715), environments (MTA-0732), subjects (MTA-2809). */
#include "config.h"

#include "tcpd/couriertls.h"
#include "tcpd/tcpd.h"
#include "tcpd/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static const char *refuse(void *ctx, const char *word)
{
	*(const char **)ctx = word;
	return strcmp(word, "-other=bad") == 0 ? "bad" : NULL;
}

static int take(const char **argv, int argc, bool *flag, const char **text, uint32_t *number,
    const char **other, const char **why)
{
	const struct word_option options[] = {{"flag", WORD_FLAG, flag}, {"text", WORD_TEXT, text},
	    {"number", WORD_NUMBER, number}, {"other", WORD_OTHER, NULL}};
	const struct words w = {options, ARRAY_LEN(options), refuse, other};
	const char *bad;
	*flag = false;
	*text = *other = *why = NULL;
	*number = 0;
	return words_take(&w, argc, (char *const *)(uintptr_t)argv, &bad, why);
}

static void test_words(void **state)
{
	const char *good[] = {
	    "tool", "-flag", "-text=a=b", "-number=7", "-other/x", "--", "-program", NULL};
	const char *plain[] = {"tool", "program", "-flag", NULL};
	const char *bad[] = {"-flag=1", "-text", "-text=", "-number", "-number=x", "-number=-1",
	    "-number=9999999", "-other=bad", "-nosuch", "-", "-flagx", "-fla"};
	bool flag;
	const char *text, *other, *why;
	uint32_t number;
	(void)state;
	assert_int_equal(take(good, 7, &flag, &text, &number, &other, &why), 6);
	assert_true(flag && number == 7);
	assert_string_equal(text, "a=b");
	assert_string_equal(other, "-other/x");
	assert_int_equal(take(plain, 3, &flag, &text, &number, &other, &why), 1);
	assert_false(flag);
	assert_int_equal(take(plain, 1, &flag, &text, &number, &other, &why), 1);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *argv[] = {"tool", bad[i], NULL};
		assert_int_equal(take(argv, 2, &flag, &text, &number, &other, &why), -1);
		assert_non_null(why);
	}
}

static uint16_t service(const char *name)
{
	return strcmp(name, "smtp") == 0 ? 25 : 0;
}

static int ports(const char *list, const char *address, struct tcpd_port out[TCPD_PORTS])
{
	struct access_addr a;
	struct str bad;
	if (address)
		assert_true(access_addr_parse(str_of(address), &a));
	return tcpd_ports_parse(str_of(list), address ? &a : NULL, service, out, &bad);
}

static void test_ports(void **state)
{
	static const char *const bad[] = {"", ",", "25,", "0", "65536", "x", "25x", "1.2.3.25",
	    "1.2.3.4.", "1.2.3.4.5.25", ":::.25", "smtpx", "-1", " 25"};
	struct tcpd_port p[TCPD_PORTS];
	char many[4 * TCPD_PORTS + 8] = "";
	(void)state;
	assert_int_equal(ports("smtp,127.0.0.1.26,::1.27,0.28", NULL, p), 4);
	assert_true(p[0].any && p[0].port == 25);
	assert_true(!p[1].any && p[1].port == 26 && p[1].addr.b[12] == 127);
	assert_true(!p[2].any && p[2].port == 27 && p[2].addr.b[15] == 1);
	assert_true(p[3].any && p[3].port == 28);
	assert_int_equal(ports("25,10.0.0.1.26", "127.0.0.1", p), 2);
	assert_true(!p[0].any && p[0].addr.b[12] == 127);
	assert_true(!p[1].any && p[1].addr.b[12] == 10);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(ports(bad[i], NULL, p), -1);
	for (size_t i = 0; i <= TCPD_PORTS; i++)
		memcpy(many + 3 * i, "25,", 4);
	many[3 * TCPD_PORTS - 1] = 0;
	assert_int_equal(ports(many, NULL, p), TCPD_PORTS);
	many[3 * TCPD_PORTS - 1] = ',';
	many[3 * TCPD_PORTS + 2] = 0;
	assert_int_equal(ports(many, NULL, p), -1);
}

static struct access_addr addr(const char *text)
{
	struct access_addr a;
	assert_true(access_addr_parse(str_of(text), &a));
	return a;
}

static void test_slots(void **state)
{
	struct slot_limits l = {.all = 5, .per_net = 3, .per_ip = 2};
	struct slots *s = slots_new();
	struct access_addr a = addr("10.0.0.1"), b = addr("10.0.0.2"), c = addr("10.0.1.1"),
			   six = addr("2001:db8::1"), near = addr("2001:db8::2:1");
	(void)state;
	assert_true(slots_enter(s, &a, &l) && slots_enter(s, &a, &l));
	assert_false(slots_enter(s, &a, &l));
	assert_true(slots_within(s, &a, 2));
	assert_false(slots_within(s, &a, 1));
	assert_true(slots_enter(s, &b, &l));
	assert_false(slots_enter(s, &b, &l)); /* the class C */
	assert_true(slots_enter(s, &c, &l));
	assert_true(slots_enter(s, &six, &l));
	assert_false(slots_enter(s, &near, &l)); /* all */
	assert_int_equal(slots_count(s), 5);
	slots_leave(s, &a);
	l.per_net = 1;
	assert_false(slots_enter(s, &near, &l)); /* a /64 */
	slots_leave(s, &six);
	assert_true(slots_enter(s, &near, &l));
	slots_leave(s, &a);
	slots_leave(s, &b);
	slots_leave(s, &c);
	slots_leave(s, &near);
	assert_int_equal(slots_count(s), 0);
	slots_free(s);
}

static void test_environment(void **state)
{
	const char *ours[] = {
	    "PATH=/bin", "X=old", "TCPREMOTEHOST=left.over", "TCPREMOTEINFO=x", "Y=1", NULL};
	struct arena *a = arena_new(64 * 1024);
	char **env = tcpd_environment(
	    a, (char **)(uintptr_t)ours, STR("TCPREMOTEIP=::1\nX=new\nX=later\n\nTCPREMOTEIP=2\n"));
	(void)state;
	assert_non_null(env);
	assert_string_equal(env[0], "TCPREMOTEIP=::1");
	assert_string_equal(env[1], "X=new");
	assert_string_equal(env[2], "PATH=/bin");
	assert_string_equal(env[3], "Y=1");
	assert_null(env[4]);
	arena_free(a);
}

static void test_subject(void **state)
{
	struct buf name, text;
	(void)state;
	buf_init(&name, 256);
	buf_init(&text, 4096);
	assert_true(tls_subject_variable(STR("emailAddress"), STR("a\nPATH=/x\x7f"), &name, &text));
	assert_string_equal(name.p, "TLS_SUBJECT_EMAILADDRESS");
	assert_string_equal(text.p, "a?PATH=/x?");
	assert_false(tls_subject_variable(STR("a=b"), STR("x"), &name, &text));
	assert_false(tls_subject_variable(STR(""), STR("x"), &name, &text));
	assert_true(tls_subject_variable(STR("CN"), STR_NONE, &name, &text));
	assert_string_equal(text.p, "");
	buf_free(&name);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words),
	    cmocka_unit_test(test_ports), cmocka_unit_test(test_slots),
	    cmocka_unit_test(test_environment), cmocka_unit_test(test_subject)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
