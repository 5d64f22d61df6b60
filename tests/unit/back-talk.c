/* IMAP-0198 IMAP-0199 IMAP-0200: where a mailbox is, and the talk with the server that has it. */
#include "config.h"

#include "login/back-talk.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

enum { STEPS = 16 };

/* A line of the server (NULL: TLS is up), what is sent then, what is to be done. */
struct step {
	const char *line, *say;
	enum back_do what;
};

struct dialogue {
	bool imap, foreign, utf8;
	enum back_tls tls;
	const char *user, *password;
	struct step steps[STEPS];
	const char *capability, *why;
};

static const struct dialogue dialogues[] = {
    {.imap = true,
	.tls = BACK_TLS_OFFERED,
	.user = "a@b",
	.password = "x\"\\y",
	.steps = {{"* OK [CAPABILITY IMAP4rev1] hello", "C CAPABILITY\r\n", BACK_WAIT},
	    {"* CAPABILITY IMAP4rev1 starttls LOGINDISABLED", "", BACK_WAIT},
	    {"C OK done", "S STARTTLS\r\n", BACK_WAIT}, {"S OK go", "", BACK_TLS},
	    {NULL, "C CAPABILITY\r\n", BACK_WAIT}, {"* CAPABILITY IMAP4rev1", "", BACK_WAIT},
	    {"C OK done", "L LOGIN \"a@b\" \"x\\\"\\\\y\"\r\n", BACK_WAIT},
	    {"* 1 news", "", BACK_WAIT}, {"L OK [CAPABILITY IMAP4rev1 IDLE] welcome", "", BACK_IN}},
	.capability = "IMAP4rev1 IDLE"},
    /* what cannot be quoted, and another kind of server */
    {.imap = true,
	.foreign = true,
	.user = "j\xc3\xbcrg",
	.password = "p w",
	.steps = {{"* OK hello", "C CAPABILITY\r\n", BACK_WAIT},
	    {"* CAPABILITY IMAP4rev1 STARTTLS", "", BACK_WAIT},
	    {"C OK done", "L LOGIN {5}\r\n", BACK_WAIT},
	    {"+ go on", "j\xc3\xbcrg {3}\r\n", BACK_WAIT}, {"+", "p w\r\n", BACK_WAIT},
	    {"L OK in", "C CAPABILITY\r\n", BACK_WAIT},
	    {"* CAPABILITY IMAP4rev1 X-FOREIGN", "", BACK_WAIT}, {"C OK", "", BACK_IN}},
	.capability = "IMAP4rev1 X-FOREIGN"},
    {.imap = true,
	.tls = BACK_TLS_REQUIRED,
	.user = "a",
	.password = "b",
	.steps = {{"* OK hello", "C CAPABILITY\r\n", BACK_WAIT},
	    {"* CAPABILITY IMAP4rev1", "", BACK_WAIT}, {"C OK", "", BACK_FAULT}},
	.why = "it does not offer TLS, which is required"},
    {.imap = true,
	.user = "a",
	.password = "b",
	.steps = {{"* OK hello", "C CAPABILITY\r\n", BACK_WAIT},
	    {"* CAPABILITY LOGINDISABLED STARTTLS", "", BACK_WAIT}, {"C OK", "", BACK_FAULT}},
	.why = "it takes no passwords in clear"},
    {.imap = true,
	.tls = BACK_TLS_OFFERED,
	.user = "a",
	.password = "b",
	.steps = {{"* OK hello", "C CAPABILITY\r\n", BACK_WAIT},
	    {"* CAPABILITY STARTTLS", "", BACK_WAIT}, {"C OK", "S STARTTLS\r\n", BACK_WAIT},
	    {"S NO today", "", BACK_FAULT}},
	.why = "it does not start TLS"},
    {.imap = true,
	.user = "a",
	.password = "b",
	.steps = {{"* OK", "C CAPABILITY\r\n", BACK_WAIT},
	    {"C OK", "L LOGIN \"a\" \"b\"\r\n", BACK_WAIT},
	    {"L NO [AUTHENTICATIONFAILED] no", "", BACK_NO}}},
    {.imap = true,
	.user = "a",
	.password = "b",
	.steps = {{"* OK", "C CAPABILITY\r\n", BACK_WAIT},
	    {"C OK", "L LOGIN \"a\" \"b\"\r\n", BACK_WAIT},
	    {"L NO [UNAVAILABLE] later", "", BACK_FAULT}},
	.why = "it has no session now"},
    {.imap = true,
	.user = "a",
	.password = "b",
	.steps = {{"* OK", "C CAPABILITY\r\n", BACK_WAIT}, {"L OK in", "", BACK_FAULT}},
	.why = "it does not speak IMAP"},
    {.imap = true,
	.user = "a",
	.password = "b",
	.steps = {{"220 smtp", "", BACK_FAULT}},
	.why = "it does not greet"},
    {.imap = true,
	.user = "a",
	.password = "b\r\nL LOGOUT",
	.steps = {{"* OK", "C CAPABILITY\r\n", BACK_WAIT}, {"C OK", "", BACK_FAULT}},
	.why = "name or password cannot be said there"},
    {.imap = true,
	.user = "a",
	.password = "b",
	.steps = {{"* OK", "C CAPABILITY\r\n", BACK_WAIT}, {"+ what", "", BACK_FAULT}},
	.why = "it asks for more where nothing comes"},
    {.tls = BACK_TLS_REQUIRED,
	.user = "a",
	.password = " b c",
	.steps = {{"+OK hello", "CAPA\r\n", BACK_WAIT}, {"+OK", "", BACK_WAIT},
	    {"STLS", "", BACK_WAIT}, {".", "STLS\r\n", BACK_WAIT}, {"+OK", "", BACK_TLS},
	    {NULL, "CAPA\r\n", BACK_WAIT}, {"+OK", "", BACK_WAIT}, {".", "USER a\r\n", BACK_WAIT},
	    {"+OK", "PASS  b c\r\n", BACK_WAIT}, {"+OK", "", BACK_IN}}},
    {.tls = BACK_TLS_OFFERED,
	.user = "a",
	.password = "b",
	.steps = {{"+OK", "CAPA\r\n", BACK_WAIT}, {"-ERR", "USER a\r\n", BACK_WAIT},
	    {"-ERR no", "", BACK_NO}}},
    {.user = "a",
	.password = "b",
	.steps = {{"+OK", "CAPA\r\n", BACK_WAIT}, {"-ERR", "USER a\r\n", BACK_WAIT},
	    {"+OK", "PASS b\r\n", BACK_WAIT}, {"-ERR [SYS/TEMP] no", "", BACK_FAULT}},
	.why = "it has no session now"},
    {.user = "a",
	.password = "b",
	.steps = {{"-ERR go", "", BACK_FAULT}},
	.why = "it does not greet"},
    /* POP-0064: UTF8 of the client goes along, where it is known */
    {.user = "a",
	.password = "b",
	.utf8 = true,
	.steps = {{"+OK hello", "CAPA\r\n", BACK_WAIT}, {"+OK", "", BACK_WAIT},
	    {"UTF8 USER", "", BACK_WAIT}, {".", "UTF8\r\n", BACK_WAIT},
	    {"+OK", "USER a\r\n", BACK_WAIT}, {"+OK", "PASS b\r\n", BACK_WAIT},
	    {"+OK", "", BACK_IN}}},
    {.user = "a",
	.password = "b",
	.utf8 = true,
	.steps = {{"+OK hello", "CAPA\r\n", BACK_WAIT}, {"-ERR what", "USER a\r\n", BACK_WAIT}}},
    {.user = "a",
	.password = "b",
	.utf8 = true,
	.steps = {{"+OK hello", "CAPA\r\n", BACK_WAIT}, {"+OK", "", BACK_WAIT},
	    {"UTF8", "", BACK_WAIT}, {".", "UTF8\r\n", BACK_WAIT},
	    {"-ERR no", "USER a\r\n", BACK_WAIT}}},
    {.user = "a",
	.password = "b",
	.steps = {{"* OK", "", BACK_FAULT}},
	.why = "it does not speak POP3"},
};

static void play(const struct dialogue *d)
{
	struct back_talk t;
	back_talk_init(&t, d->imap, str_of(d->user), str_of(d->password));
	t.tls = d->tls;
	t.foreign = d->foreign;
	t.utf8 = d->utf8;
	for (size_t i = 0; i < STEPS && d->steps[i].say; i++) {
		const struct step *s = &d->steps[i];
		enum back_do what =
		    s->line ? back_talk_line(&t, str_of(s->line)) : back_talk_secure(&t);
		assert_int_equal(what, s->what);
		assert_string_equal(t.say.n ? t.say.p : "", s->say);
		buf_clear(&t.say);
	}
	if (d->capability)
		assert_string_equal(t.capability.p, d->capability);
	if (d->why)
		assert_string_equal(t.why, d->why);
	back_talk_free(&t);
}

static void test_dialogues(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(dialogues); i++)
		play(&dialogues[i]);
}

static void test_endless(void **state)
{
	struct back_talk t;
	unsigned n = 0;
	back_talk_init(&t, true, STR("a"), STR("b"));
	assert_int_equal(back_talk_line(&t, STR("* OK")), BACK_WAIT);
	while (back_talk_line(&t, STR("* CAPABILITY X")) == BACK_WAIT && n < 2 * BACK_LINES_MAX)
		n++;
	assert_int_equal(n, BACK_LINES_MAX - 1);
	assert_int_equal(back_talk_line(&t, STR("C OK")), BACK_FAULT);
	back_talk_free(&t);
}

static void test_mailhost(void **state)
{
	static const struct {
		bool proxy;
		const char *options, *own;
		bool password;
		enum mailhost where;
		const char *host;
	} cases[] = {
	    {true, "mailhost=far.test", "near.test", true, MAILHOST_THERE, "far.test"},
	    {true, "a=1, mailhost = far.test ,b=2", "near.test", true, MAILHOST_THERE, "far.test"},
	    {true, "mailhost=far.test", "near.test", false, MAILHOST_NO_PASSWORD, "far.test"},
	    {false, "mailhost=far.test", "near.test", true, MAILHOST_HERE, "far.test"},
	    {true, "mailhost=FAR.test.", "far.Test", true, MAILHOST_HERE, "FAR.test."},
	    {true, "mailhost=FAR.test", "far.test", false, MAILHOST_HERE, "FAR.test"},
	    {true, "", "near.test", true, MAILHOST_HERE, ""},
	    {true, "mailhost=", "near.test", true, MAILHOST_HERE, ""},
	    {true, "mailhost", "near.test", true, MAILHOST_HERE, ""},
	    {true, "xmailhost=far.test", "near.test", true, MAILHOST_HERE, ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct mailhost_facts f = {cases[i].proxy, str_of(cases[i].options),
		    str_of(cases[i].own), cases[i].password};
		struct str host;
		assert_int_equal(mailhost_decide(&f, &host), cases[i].where);
		assert_true(str_is(host, cases[i].host));
	}
}

static void test_tls_words(void **state)
{
	enum back_tls tls = BACK_TLS_NO;
	assert_true(back_tls_parse(STR("Verify"), &tls));
	assert_int_equal(tls, BACK_TLS_VERIFY);
	assert_false(back_tls_parse(STR("perhaps"), &tls));
	assert_false(back_tls_parse(STR(""), &tls));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dialogues),
	    cmocka_unit_test(test_endless),
	    cmocka_unit_test(test_mailhost),
	    cmocka_unit_test(test_tls_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
