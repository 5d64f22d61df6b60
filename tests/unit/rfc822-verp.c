/* Variable envelope return paths: MTA-1001 MTA-1002. */
#include "rfc822-tests.h"

static const struct {
	const char *sender, *recipient, *address;
} rows[] = {
    {"list-out@d.test", "alex@example.com", "list-out-alex=example.com@d.test"},
    {"l@d.test", "node42!ann@old.example.com", "l-node42+21ann=old.example.com@d.test"},
    {"l@d.test", "dave+priority@new-x.test", "l-dave+2Bpriority=new+2Dx.test@d.test"},
    {"l@d.test", "a@b:c%d!e-f[g]h+i@r.test", "l-a+40b+3Ac+25d+21e+2Df+5Bg+5Dh+2Bi=r.test@d.test"},
    {"l@d.test", "x=y@[192.0.2.1]", "l-x=y=+5B192.0.2.1+5D@d.test"},
    {"a@b@d.test", "x@y", "a@b-x=y@d.test"},
};

static void both_ways(void **state UNUSED)
{
	struct buf out, sender, recipient;
	buf_init(&out, 1024);
	buf_init(&sender, 1024);
	buf_init(&recipient, 1024);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out);
		buf_clear(&sender);
		buf_clear(&recipient);
		assert_true(verp_encode(str_of(rows[i].sender), str_of(rows[i].recipient), &out));
		assert_string_equal(out.p, rows[i].address);
		assert_true(verp_decode(buf_str(&out), &sender, &recipient));
		assert_string_equal(sender.p, rows[i].sender);
		assert_string_equal(recipient.p, rows[i].recipient);
	}
	buf_clear(&recipient);
	assert_true(verp_decode(STR("l-a+2db+40c+zz+4=r@d"), &sender, &recipient));
	assert_string_equal(recipient.p, "a-b@c+zz+4@r");
	buf_free(&out);
	buf_free(&sender);
	buf_free(&recipient);
}

static void not_for_all(void **state UNUSED)
{
	static const char *const none[] = {"", "@", "a@b", "l-a@b", "-a=b@c", "l-=b@c", "l-a=@c",
	    "l-a=b", "l-a+0Ab=c@d", "l-a+00=c@d"};
	struct buf out, sender, recipient;
	buf_init(&out, 1024);
	buf_init(&sender, 1024);
	buf_init(&recipient, 1024);
	assert_true(verp_encode(STR(""), STR("a@b"), &out));
	assert_int_equal(out.n, 0);
	assert_true(verp_encode(STR("a@b"), STR("local"), &out));
	assert_string_equal(out.p, "a@b");
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (verp_decode(str_of(none[i]), &sender, &recipient))
			fail_msg("'%s' was decoded", none[i]);
	buf_free(&out);
	buf_free(&sender);
	buf_free(&recipient);
}

int rfc822_verp_tests(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_ways),
	    cmocka_unit_test(not_for_all),
	};
	return cmocka_run_group_tests_name("rfc822-verp", tests, NULL, NULL);
}
