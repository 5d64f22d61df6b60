/* libs/sasl: stored passwords of every kind. */
#include "config.h"

#include "sasl/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const char *const of_secret[] = {
    /* crypt(3), made by another program */
    "$1$KDpJr8Gg$emDUQAhyyEJGmSlFbpx5X1",
    "abNANd1rDfiNc",
    "$6$saltstring$AIsRs/Ee56G/tC8MEHhvReZTfx8u3rXXMl6eYrjCG9ibix19DxoMBLogdTET5Ukw9Sf7eZTITsuk0Ry5"
    "qulYz.",
    "$2b$05$CCCCCCCCCCCCCCCCCCCCC.pIKrLVkBX9/OvQMSygY1pWEVn72t6na",
    "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$GmcwIgvdUC9qLWcKCi6gklUa1dM3ziD43YxYNURLKy0",
    "{CRYPT}abNANd1rDfiNc",
    "{crypt}$1$KDpJr8Gg$emDUQAhyyEJGmSlFbpx5X1",
    "{MD5-CRYPT}$1$KDpJr8Gg$emDUQAhyyEJGmSlFbpx5X1",
    "{BLF-CRYPT}$2b$05$CCCCCCCCCCCCCCCCCCCCC.pIKrLVkBX9/OvQMSygY1pWEVn72t6na",
    /* the formats page's samples */
    "{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
    "{MD5RAW}5ebe2294ecd0e0f08eab7690d2a6ee69",
    "{md5raw}5EBE2294ECD0E0F08EAB7690D2A6EE69",
    "{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",
    "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
    "{SHA512}vSsar3708Jvp9Szi2NWZZ02Bqp1qRCFpbcTZPdBhnWgs5WtNZKnvCXdhztmeD2cmW192CF5bDufKRpayrW/"
    "isg==",
    "{PLAIN}secret",
    "{CLEARTEXT}secret",
};

static void test_known_records(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(of_secret); i++) {
		struct str stored = str_of(of_secret[i]);
		if (password_verify(stored, STR("secret")) != PASSWORD_RIGHT)
			fail_msg("not right: %s", of_secret[i]);
		if (password_verify(stored, STR("Secret")) != PASSWORD_WRONG)
			fail_msg("not wrong: %s", of_secret[i]);
	}
}

static void test_argon2(void **state)
{
	/* echo -n password | argon2 somesalt -t 2 -m 16 -p 4 -l 24: the reference's own sample */
	struct str i =
	    STR("$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG");
	assert_int_equal(password_verify(i, STR("password")), PASSWORD_RIGHT);
	assert_int_equal(password_verify(i, STR("passwore")), PASSWORD_WRONG);
	assert_int_equal(password_verify(STR("$argon2id$v=19$m=9"), STR("x")), PASSWORD_UNKNOWN);
}

static void test_make_and_verify(void **state)
{
	struct buf b;
	buf_init(&b, PASSWORD_STORED_MAX);
	for (const char *const *s = password_schemes(); *s; s++) {
		buf_clear(&b);
		if (!password_make(*s, STR("p\xc3\xa4ss w|rd"), &b))
			fail_msg("can't make %s", *s);
		if (password_verify(buf_str(&b), STR("p\xc3\xa4ss w|rd")) != PASSWORD_RIGHT)
			fail_msg("%s: made '%s', and it is not right", *s, b.p);
		if (password_verify(buf_str(&b), STR("p\xc3\xa4ss w|re")) != PASSWORD_WRONG)
			fail_msg("%s: made '%s', and another password is not wrong", *s, b.p);
		if (strcmp(*s, "crypt") != 0)
			assert_string_equal(password_scheme_of(buf_str(&b)), *s);
	}
	assert_false(password_make("rot13", STR("x"), &b));
	assert_false(password_make("crypt", STR(""), &b));
	assert_false(password_make("crypt", STR("a\0b"), &b));
	buf_free(&b);
}

static void test_never_right(void **state)
{
	assert_int_equal(password_verify(STR(""), STR("")), PASSWORD_WRONG);
	assert_int_equal(password_verify(STR("x"), STR("x")), PASSWORD_WRONG);
	assert_int_equal(password_verify(STR("*"), STR("*")), PASSWORD_WRONG);
	assert_int_equal(password_verify(STR("!abNANd1rDfiNc"), STR("secret")), PASSWORD_WRONG);
	assert_int_equal(password_verify(STR("{MD5}Xr4ilOzQ4PC"), STR("secret")), PASSWORD_UNKNOWN);
	assert_int_equal(
	    password_verify(STR("{SSHA}Xr4ilOzQ4PCOq3aQ0qbuaQ=="), STR("s")), PASSWORD_UNKNOWN);
	assert_int_equal(password_verify(STR("{NEW}abc"), STR("abc")), PASSWORD_UNKNOWN);
	assert_int_equal(password_verify(STR("{SCRAM-SHA-1}1,2"), STR("abc")), PASSWORD_UNKNOWN);
	/* what ends early in C must not be taken for the whole */
	assert_int_equal(password_verify(STR("abNANd1rDfiNc"), STR("secret\0x")), PASSWORD_WRONG);
	assert_int_equal(password_verify(STR("secret"), STR("secret")), PASSWORD_WRONG);
}

static void test_dummy(void **state)
{
	assert_int_equal(password_verify(password_dummy(), STR("secret")), PASSWORD_WRONG);
	assert_string_equal(password_scheme_of(password_dummy()), "yescrypt");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_records),
	    cmocka_unit_test(test_argon2),
	    cmocka_unit_test(test_make_and_verify),
	    cmocka_unit_test(test_never_right),
	    cmocka_unit_test(test_dummy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
