/* authpipe: what is said to a program and what its answers mean (AUTH-0186). */
#include "config.h"

#include "authdb/pipe-text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void test_requests(void **state)
{
	static const struct {
		enum authdb_frame kind;
		const char *service, *name, *password, *fresh, *want; /* NULL: it can't be asked */
	} cases[] = {
	    {AUTHDB_LOOKUP, "imap", "a b@c", "", "", "PRE . imap a b@c\n"},
	    {AUTHDB_CHECK, "imap", "tim", "pen cil", "", "AUTH 23\nimap\nlogin\ntim\npen cil\n"},
	    {AUTHDB_CHANGE, "imap", "tim", "old", "new", "PASSWD imap\ttim\told\tnew\n"},
	    {AUTHDB_EACH, "", "", "", "", "ENUMERATE\n"},
	    {AUTHDB_LOOKUP, "imap", "tim\nPRE . x y", "", "", NULL},
	    {AUTHDB_LOOKUP, "im ap", "tim", "", "", NULL},
	    {AUTHDB_LOOKUP, "imap", "", "", "", NULL},
	    {AUTHDB_CHECK, "imap", "tim", "a\nb", "", NULL},
	    {AUTHDB_CHECK, "imap", "tim", "", "", NULL},
	    {AUTHDB_CHANGE, "imap", "tim", "old", "a\tb", NULL},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct authdb_job j = {.kind = cases[i].kind,
		    .service = str_of(cases[i].service),
		    .name = str_of(cases[i].name),
		    .password = str_of(cases[i].password),
		    .fresh = str_of(cases[i].fresh)};
		struct buf out;
		buf_init(&out, 1000);
		assert_int_equal(pipe_request(&j, &out), cases[i].want != NULL);
		if (cases[i].want)
			assert_string_equal(out.p, cases[i].want);
		buf_free(&out);
	}
}

static void test_answers(void **state)
{
	static const struct {
		enum authdb_frame kind;
		const char *text;
		enum pipe_answer want;
	} cases[] = {
	    {AUTHDB_LOOKUP, "", PIPE_MORE},
	    {AUTHDB_LOOKUP, "UID=1\n", PIPE_MORE},
	    {AUTHDB_LOOKUP, "UID=1\n.", PIPE_MORE},
	    {AUTHDB_LOOKUP, "UID=1\n.\n", PIPE_YES},
	    {AUTHDB_LOOKUP, "FAIL\n", PIPE_NO},
	    {AUTHDB_LOOKUP, "FAIL", PIPE_MORE},
	    {AUTHDB_LOOKUP, "FAIL\nx", PIPE_BROKEN},
	    {AUTHDB_LOOKUP, "UID=1\nFAIL\n", PIPE_BROKEN},
	    {AUTHDB_LOOKUP, "UID=1\n.\n.\n", PIPE_BROKEN},
	    {AUTHDB_LOOKUP, "OK\n", PIPE_BROKEN},
	    {AUTHDB_LOOKUP, "=1\n", PIPE_BROKEN},
	    {AUTHDB_LOOKUP, "\n", PIPE_BROKEN},
	    {AUTHDB_CHECK, "HOME=/\n.\n", PIPE_YES},
	    {AUTHDB_CHANGE, "OK\n", PIPE_YES},
	    {AUTHDB_CHANGE, "FAIL\n", PIPE_NO},
	    {AUTHDB_CHANGE, "UID=1\n", PIPE_BROKEN},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(pipe_answer(cases[i].kind, str_of(cases[i].text)), cases[i].want);
}

static const char *fault(const char *text, struct authdb_job *j)
{
	arena_free(j->arena);
	*j = (struct authdb_job){.kind = AUTHDB_LOOKUP, .arena = arena_new(AUTHDB_JOB_MAX)};
	return pipe_account(str_of(text), j);
}

static void test_accounts(void **state)
{
	struct authdb_job j = {0};
	assert_null(fault("USERNAME=tim\nGID=2\nHOME=/h\nADDRESS=t@x\nNAME=T\nMAILDIR=./M\n"
			  "QUOTA=1S\nPASSWD=$1$x\nPASSWD2=p\nOPTIONS=a=1\nOTHER=x\n.\n",
	    &j));
	assert_true(str_is(j.a.name, "t@x") && str_is(j.a.home, "/h") && j.a.gid == 2 &&
		    j.a.uid == UINT32_MAX && str_is(j.a.sysuser, "tim") &&
		    str_is(j.a.options, "a=1") && str_is(j.clear, "p") &&
		    str_is(j.stored, "$1$x") && j.binds);
	assert_null(fault("UID=7\nGID=2\nHOME=/h\nADDRESS=t\n.\n", &j));
	assert_int_equal(j.a.uid, 7);
	assert_non_null(fault("GID=2\nHOME=/h\nADDRESS=t\n.\n", &j));
	assert_non_null(fault("UID=7\nHOME=/h\nADDRESS=t\n.\n", &j));
	assert_non_null(fault("UID=7\nGID=2\nADDRESS=t\n.\n", &j));
	assert_non_null(fault("UID=7\nGID=2\nHOME=/h\n.\n", &j));
	assert_non_null(fault("UID=x\nGID=2\nHOME=/h\nADDRESS=t\n.\n", &j));
	assert_non_null(fault("UID=4294967295\nGID=2\nHOME=/h\nADDRESS=t\n.\n", &j));
	arena_free(j.arena);
}

static void test_lists(void **state)
{
	struct auth_account a;
	assert_int_equal(pipe_listed(STR("tim\t1\t2\t/h\tM\tx=1"), &a), PIPE_ACCOUNT);
	assert_true(str_is(a.name, "tim") && a.uid == 1 && str_is(a.options, "x=1"));
	assert_int_equal(pipe_listed(STR("tim\t1\t2\t/h"), &a), PIPE_ACCOUNT);
	assert_int_equal(pipe_listed(STR("# module"), &a), PIPE_NOTHING);
	assert_int_equal(pipe_listed(STR(""), &a), PIPE_NOTHING);
	assert_int_equal(pipe_listed(STR("."), &a), PIPE_END);
	assert_int_equal(pipe_listed(STR("tim\tx\t2\t/h"), &a), PIPE_ODD);
	assert_int_equal(pipe_listed(STR("tim"), &a), PIPE_ODD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_requests),
	    cmocka_unit_test(test_answers), cmocka_unit_test(test_accounts),
	    cmocka_unit_test(test_lists)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
