/* The ESMTP protocol machine with a gate and an authdaemond of its own. */
#include "config.h"

#include <arpa/inet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "unit/esmtpd-fake.h"

/* What the server says, as the codes at the beginning of its lines ("250-" only in EHLO's). */
static void codes(const struct buf *out, struct buf *list)
{
	struct str rest = buf_str(out), line;

	while (str_split(&rest, '\n', &line))
		if (line.n > 3 && line.p[3] == ' ')
			buf_addf(list, "%s%.*s", list->n ? " " : "", 3, line.p);
}

struct expect {
	const char *name;
	const char *say;
	const char *codes; /* the last lines' codes */
	const char *gate;  /* what the gate was told */
};

static void check(struct fake *f, const struct expect *x, size_t piece)
{
	struct buf out, list;

	buf_init(&out, 1000000);
	buf_init(&list, 100000);
	buf_clear(&f->log);
	fake_talk(f, str_of(x->say), piece, &out);
	codes(&out, &list);
	if (f->timed_out || strcmp(list.p, x->codes) != 0 || strcmp(f->log.p, x->gate) != 0)
		fail_msg("%s (pieces of %zu): got %s | %s\nwant %s | %s\n%s", x->name, piece,
		    list.p, f->log.p, x->codes, x->gate, out.p);
	buf_free(&out);
	buf_free(&list);
}

static const struct expect dialogs[] = {
    {"quit", "QUIT\r\n", "220 221", ""},
    {"nothing", "", "220", ""},
    {"helo", "HELO a\r\nQUIT\r\n", "220 250 221", ""},
    {"ehlo twice", "EHLO a\r\nehlo b\r\nQUIT\r\n", "220 250 250 221", ""},
    {"no name", "EHLO\r\nHELO  \r\nHELO a b\r\nEHLO a(b\r\n", "220 501 501 501 501", ""},
    {"mail first", "MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n", "220 503 503 503", ""},
    {"message", "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhi\r\n..x\r\n.\r\nQUIT\r\n",
	"220 250 250 250 354 250 221", "M<a@b> R<c@d> D[hi\n.x\n] E "},
    {"null sender", "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nDATA\r\n.\r\n",
	"220 250 250 250 354 250", "M<> R<Postmaster> D[] E "},
    {"two messages",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n1\r\n.\r\nMAIL FROM:<e@f>\r\n"
	"RCPT TO:<g@h>\r\nDATA\r\n2\r\n.\r\nQUIT\r\n",
	"220 250 250 250 354 250 250 250 354 250 221",
	"M<a@b> R<c@d> D[1\n] E M<e@f> R<g@h> D[2\n] E "},
    {"reset", "EHLO a\r\nMAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<c@d>\r\nRSET\r\nRSET x\r\n",
	"220 250 250 250 503 250 501", "M<a@b> X "},
    {"helo resets", "EHLO a\r\nMAIL FROM:<a@b>\r\nEHLO a\r\nRCPT TO:<c@d>\r\n",
	"220 250 250 250 503", "M<a@b> X "},
    {"nested", "EHLO a\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nQUIT\r\n", "220 250 250 503 221",
	"M<a@b> X "},
    {"sender refused", "EHLO a\r\nMAIL FROM:<no@b>\r\nRCPT TO:<c@d>\r\nQUIT\r\n",
	"220 250 550 503 221", "M<no@b> "},
    {"one of three",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<no@d>\r\nRCPT TO:<later@d>\r\n"
	"RCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n",
	"220 250 250 550 450 250 354 250", "M<a@b> R<no@d> R<later@d> R<c@d> D[x\n] E "},
    {"none of two", "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<no@d>\r\nRCPT TO:<no@d>\r\nDATA\r\n",
	"220 250 250 550 550 554", "M<a@b> R<no@d> R<no@d> "},
    {"no recipient", "EHLO a\r\nMAIL FROM:<a@b>\r\nDATA\r\n", "220 250 250 503", "M<a@b> "},
    {"text refused",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nno\r\n.\r\nRCPT TO:<c@d>\r\n",
	"220 250 250 250 354 550 503", "M<a@b> R<c@d> D[no\n] E "},
    {"gate lost", "EHLO a\r\nMAIL FROM:<gone@b>\r\nNOOP\r\n", "220 250 421", "M<gone@b> "},
    {"left in the middle", "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhalf a line",
	"220 250 250 250 354", "M<a@b> R<c@d> "},
    {"left before the dot's end", "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r",
	"220 250 250 250 354", "M<a@b> R<c@d> "},
    {"parameters of nobody",
	"EHLO a\r\nMAIL FROM:<a@b> FOO=1\r\nMAIL FROM:<a@b> SIZE=x\r\n"
	"MAIL FROM:<a@b> SIZE=1 SIZE=2\r\nMAIL FROM:<a@b> BODY=9BITMIME\r\n",
	"220 250 555 501 501 501", ""},
    {"no extensions after HELO", "HELO a\r\nMAIL FROM:<a@b> SIZE=1\r\n", "220 250 555", ""},
    {"bad paths",
	"EHLO a\r\nMAIL FROM:a@b\r\nMAIL TO:<a@b>\r\nMAIL FROM:<a@b\r\nMAIL FROM:<a b@c>\r\n"
	"MAIL FROM:<a@b>x\r\nMAIL\r\n",
	"220 250 501 501 501 501 501 501", ""},
    {"bad recipients",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<>\r\nRCPT TO:a@b\r\nRCPT FROM:<a@b>\r\n"
	"RCPT TO:<a@b> NOTIFY=NEVER,DELAY\r\n",
	"220 250 250 501 501 501 501", "M<a@b> "},
    {"utf8 without saying so", "EHLO a\r\nMAIL FROM:<\xc3\xbc@b>\r\n", "220 250 553", ""},
    {"vrfy", "EHLO a\r\nVRFY <c@d>\r\nEXPN list\r\nVRFY no\r\nVRFY\r\n", "220 250 250 250 550 501",
	"v<c@d> x<list> v<no> "},
    {"vrfy early", "VRFY a\r\n", "220 503", ""},
    {"unknown", "XYZ\r\n\r\nHELP\r\nETRN a\r\nBDAT 5\r\n12345NOOP\r\n",
	"220 500 500 214 500 503 250", ""},
    {"control bytes", "EHLO a\r\nNOOP \x01\r\nMAIL FROM:<a\x02@b>\r\n", "220 250 500 500", ""},
    {"text behind DATA", "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA x\r\n",
	"220 250 250 250 501", "M<a@b> R<c@d> "},
    {"no tls here", "EHLO a\r\nSTARTTLS\r\nSTARTTLS x\r\n", "220 250 502 501", ""},
    /* smuggling: every end but the right one */
    {"bare LF dot",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\n.\nMAIL FROM:<s@s>\r\n"
	".\r\nNOOP\r\n",
	"220 250 250 250 354 554 250", "M<a@b> R<c@d> X "},
    {"LF dot CRLF",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\n.\r\nMAIL FROM:<s@s>\r\n"
	".\r\nNOOP\r\n",
	"220 250 250 250 354 554 250", "M<a@b> R<c@d> X "},
    {"CRLF dot LF",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\nMAIL FROM:<s@s>\r\n"
	".\r\nNOOP\r\n",
	"220 250 250 250 354 554 250", "M<a@b> R<c@d> X "},
    {"CR dot CR",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r.\rMAIL FROM:<s@s>\r\n"
	".\r\nNOOP\r\n",
	"220 250 250 250 354 554 250", "M<a@b> R<c@d> X "},
    {"CRLF dot CR CR LF",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\r\n"
	"MAIL FROM:<s@s>\r\n.\r\nNOOP\r\n",
	"220 250 250 250 354 554 250", "M<a@b> R<c@d> X "},
    {"bare LF in a command", "EHLO a\nMAIL FROM:<a@b>\r\nNOOP\r\n", "220 500", ""},
    {"bare CR in a command", "EHLO a\rMAIL FROM:<a@b>\r\nNOOP\r\n", "220 500", ""},
    /* authentication */
    {"plain", "EHLO a\r\nAUTH PLAIN AHUAc2VjcmV0\r\nMAIL FROM:<a@b>\r\n", "220 250 235 250",
	"A<ticket:PLAIN> M<a@b> "},
    {"plain, two steps", "EHLO a\r\nauth plain\r\nAHUAc2VjcmV0\r\nNOOP\r\n", "220 250 334 235 250",
	"A<ticket:PLAIN> "},
    {"plain, wrong", "EHLO a\r\nAUTH PLAIN AHUAc2VjcmV\r\nAUTH PLAIN AHUAd3Jvbmc=\r\nNOOP\r\n",
	"220 250 501 535 250", ""},
    {"login", "EHLO a\r\nAUTH LOGIN\r\ndQ==\r\nc2VjcmV0\r\nAUTH LOGIN\r\n",
	"220 250 334 334 235 503", "A<ticket:LOGIN> "},
    {"cancelled", "EHLO a\r\nAUTH LOGIN\r\n*\r\nNOOP\r\n", "220 250 334 501 250", ""},
    {"not base64", "EHLO a\r\nAUTH LOGIN\r\n!!!\r\nNOOP\r\n", "220 250 334 501 250", ""},
    {"last word", "EHLO a\r\nAUTH SCRAM-SHA-256 eA==\r\nc2VjcmV0\r\n\r\nMAIL FROM:<a@b>\r\n",
	"220 250 334 334 235 250", "A<ticket:SCRAM-SHA-256> M<a@b> "},
    {"last word answered with something",
	"EHLO a\r\nAUTH SCRAM-SHA-256 eA==\r\nc2VjcmV0\r\neA==\r\nNOOP\r\n",
	"220 250 334 334 535 250", ""},
    /* V6: given up in every state, and on with something else */
    {"cancelled at once", "EHLO a\r\nAUTH PLAIN\r\n*\r\nMAIL FROM:<a@b>\r\n", "220 250 334 501 250",
	"M<a@b> "},
    {"cancelled at the second question",
	"EHLO a\r\nAUTH LOGIN\r\ndQ==\r\n*\r\nAUTH PLAIN AHUAc2VjcmV0\r\n",
	"220 250 334 334 501 235", "A<ticket:PLAIN> "},
    {"cancelled in SCRAM", "EHLO a\r\nAUTH SCRAM-SHA-256 eA==\r\n*\r\nNOOP\r\n",
	"220 250 334 501 250", ""},
    {"a star is no initial response", "EHLO a\r\nAUTH PLAIN *\r\nNOOP\r\n", "220 250 501 250", ""},
    {"commands inside are no commands", "EHLO a\r\nAUTH LOGIN\r\nQUIT\r\nNOOP\r\n",
	"220 250 334 334 535", ""},
    {"an empty initial response", "EHLO a\r\nAUTH PLAIN =\r\nAUTH LOGIN =\r\n*\r\n",
	"220 250 535 334 501", ""},
    {"broken base64",
	"EHLO a\r\nAUTH PLAIN AHUAc2VjcmV0=\r\nAUTH PLAIN AHUA c2VjcmV0\r\nAUTH PLAIN A\r\nAUTH "
	"PLAIN ====\r\n",
	"220 250 501 501 501 501", ""},
    {"last word not taken", "EHLO a\r\nAUTH SCRAM-SHA-256 eA==\r\nc2VjcmV0\r\n*\r\nNOOP\r\n",
	"220 250 334 334 501 250", ""},
    {"back end down", "EHLO a\r\nAUTH SCRAM-SHA-256 eA==\r\neA==\r\nNOOP\r\n",
	"220 250 334 454 250", ""},
    {"no such mechanism", "EHLO a\r\nAUTH X-FOO\r\nAUTH\r\n", "220 250 504 501", ""},
    {"auth needs EHLO", "HELO a\r\nAUTH PLAIN AHUAc2VjcmV0\r\n", "220 250 503", ""},
    {"auth before EHLO", "AUTH PLAIN AHUAc2VjcmV0\r\n", "220 503", ""},
    {"auth in a message", "EHLO a\r\nMAIL FROM:<a@b>\r\nAUTH PLAIN AHUAc2VjcmV0\r\n",
	"220 250 250 503", "M<a@b> "},
#define TO_C "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"
    /* BDAT (RFC 3030) */
    {"one chunk", TO_C "BDAT 4 LAST\r\nhi\r\nQUIT\r\n", "220 250 250 250 250 221",
	"M<a@b> R<c@d> D[hi\n] E "},
    {"chunks, a CRLF over two, dots",
	TO_C "BDAT 2\r\nx\rBDAT 4\r\n\n.\r\nBDAT 0\r\nBDAT 0 LAST\r\nNOOP\r\n",
	"220 250 250 250 250 250 250 250 250", "M<a@b> R<c@d> D[x\n.\n] E "},
    {"an empty message", TO_C "bdat 0 last\r\n", "220 250 250 250 250", "M<a@b> R<c@d> D[] E "},
    {"bare LF in a chunk", TO_C "BDAT 3\r\na\nbBDAT 2 LAST\r\n\r\nNOOP\r\n",
	"220 250 250 250 554 503 250", "M<a@b> R<c@d> X "},
    {"bare CR at the end", TO_C "BDAT 2 LAST\r\na\rNOOP\r\n", "220 250 250 250 554 250",
	"M<a@b> R<c@d> X "},
    {"chunk without a recipient",
	"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<no@d>\r\nBDAT 8 LAST\r\nQUIT\r\n\r\nNOOP\r\n",
	"220 250 250 550 503 250", "M<a@b> R<no@d> "},
    {"chunk from nowhere", "EHLO a\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n", "220 250 503 250", ""},
    {"chunk before EHLO", "BDAT 6\r\nQUIT\r\nNOOP\r\n", "220 503 250", ""},
    {"chunk after HELO", "HELO a\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n", "220 250 500", ""},
    {"a length that is none", TO_C "BDAT x\r\nQUIT\r\nNOOP\r\n", "220 250 250 250 501",
	"M<a@b> R<c@d> "},
    {"DATA among chunks", TO_C "BDAT 3\r\na\r\nDATA\r\nBDAT 3 LAST\r\nb\r\n",
	"220 250 250 250 250 503 250", "M<a@b> R<c@d> D[a\nb\n] E "},
    {"RCPT and MAIL among chunks",
	TO_C "BDAT 3\r\na\r\nRCPT TO:<e@f>\r\nMAIL FROM:<e@f>\r\nBDAT 0 LAST\r\n",
	"220 250 250 250 250 503 503 250", "M<a@b> R<c@d> D[a\n] E "},
    {"RSET among chunks", TO_C "BDAT 3\r\na\r\nRSET\r\nBDAT 0 LAST\r\nMAIL FROM:<e@f>\r\n",
	"220 250 250 250 250 250 503 250", "M<a@b> R<c@d> X M<e@f> "},
    {"left in a chunk", TO_C "BDAT 30\r\na\r\n", "220 250 250 250", "M<a@b> R<c@d> "},
    {"left among chunks", TO_C "BDAT 3\r\na\r\n", "220 250 250 250 250", "M<a@b> R<c@d> "},
    {"binary wants chunks",
	"EHLO a\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<c@d>\r\nDATA\r\n"
	"BDAT 5 LAST\r\na\r\n\rbNOOP\r\n",
	"220 250 250 250 503 250 250", "M<a@b> R<c@d> D[a\r\n\rb] E "},
    {"future needs a login", "EHLO a\r\nMAIL FROM:<a@b> HOLDFOR=5\r\n", "220 250 555", ""},
    {"requiretls needs TLS", "EHLO a\r\nMAIL FROM:<a@b> REQUIRETLS\r\n", "220 250 530", ""},
    {"left in auth", "EHLO a\r\nAUTH LOGIN\r\ndQ==\r\n", "220 250 334 334", ""},
};

static void test_dialogs(void **state)
{
	static const size_t pieces[] = {0, 1, 7};

	for (size_t i = 0; i < ARRAY_LEN(dialogs); i++)
		for (size_t k = 0; k < ARRAY_LEN(pieces); k++)
			for (int congest = 0; congest < 2; congest++) {
				struct fake *f = fake_new();

				f->congest = congest;
				check(f, &dialogs[i], pieces[k]);
				assert_int_equal(f->server->n_sessions, 0);
				fake_free(f);
			}
}

/* A dialog is left after each of its bytes: whatever the state, nothing may stay behind. */
static void test_left_anywhere(void **state)
{
	static const char all[] =
	    "EHLO a\r\nAUTH LOGIN\r\ndQ==\r\nc2VjcmV0\r\nMAIL FROM:<a@b> SIZE=10\r\n"
	    "RCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\nVRFY a\r\nQUIT\r\n";
	struct fake *f = fake_new();

	for (size_t n = 0; n < sizeof all; n++) {
		struct buf out;

		buf_init(&out, 100000);
		fake_talk(f, str_at(all, n), 0, &out);
		assert_false(f->timed_out);
		assert_int_equal(f->server->n_sessions, 0);
		buf_free(&out);
	}
	fake_free(f);
}

static void test_ehlo_text(void **state)
{
	struct fake *f = fake_new();
	struct buf out;

	buf_init(&out, 100000);
	f->size_limit = 1000;
	fake_talk(f, STR("EHLO a\r\n"), 0, &out);
	assert_string_equal(out.p, "220 mx.example.com ESMTP\r\n"
				   "250-mx.example.com Ok.\r\n"
				   "250-AUTH PLAIN LOGIN SCRAM-SHA-256\r\n"
				   "250-XVERP=Courier\r\n250-XEXDATA\r\n"
				   "250-XSECURITY=NONE,STARTTLS\r\n"
				   "250-PIPELINING\r\n250-8BITMIME\r\n"
				   "250-SMTPUTF8\r\n250-SIZE 1000\r\n250-DSN\r\n"
				   "250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250-BINARYMIME\r\n"
				   "250-PRDR\r\n250 DELIVERBY\r\n");
	buf_free(&out);
	fake_free(f);
}

static void test_what_the_gate_hears(void **state)
{
	struct fake *f = fake_new();
	static const struct expect x = {"parameters",
	    "EHLO client.example\r\nAUTH PLAIN AHUAc2VjcmV0\r\n"
	    "MAIL FROM:<a@b> SIZE=77 BODY=8BITMIME RET=HDRS ENVID=a+2Bb SMTPUTF8 VERP EXDATA "
	    "AUTH=<>\r\n"
	    "RCPT TO:<\xc3\xbc@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c+40d\r\n",
	    "220 250 235 250 250", "A<ticket:PLAIN> M<a@b> R<\xc3\xbc@d> "};

	check(f, &x, 0);
	assert_string_equal(f->with, "UTF8SMTPA");
	assert_string_equal(f->login, "u");
	assert_string_equal(f->helo, "client.example");
	assert_string_equal(f->envid, "a+b");
	assert_string_equal(f->orcpt, "rfc822;c@d");
	assert_int_equal(f->last_mail.size, 77);
	assert_int_equal(f->last_mail.ret, 'H');
	assert_true(f->last_mail.body8 && f->last_mail.smtputf8 && f->last_mail.verp);
	assert_true(f->last_mail.exdata);
	assert_int_equal(f->last_rcpt.notify, GATE_NOTIFY_SUCCESS | GATE_NOTIFY_DELAY);
	fake_free(f);
}

static void test_limits(void **state)
{
	static const char hello[] = "EHLO a\r\n";
	struct fake *f = fake_new();
	char *line = mem_alloc(5000);
	struct expect x = {"long line", line, "220 500 250", ""};

	memset(line, 'x', 5000);
	memcpy(line + 4000, "\r\nNOOP\r\n", 9);
	check(f, &x, 0);
	memcpy(line, hello, sizeof hello - 1);
	free(line);

	f->size_limit = 5;
	x = (struct expect){
	    "announced too large", "EHLO a\r\nMAIL FROM:<a@b> SIZE=6\r\n", "220 250 552", ""};
	check(f, &x, 0);
	x = (struct expect){"too large",
	    "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n12345\r\n.\r\nNOOP\r\n",
	    "220 250 250 250 354 552 250", "M<a@b> R<c@d> X "};
	check(f, &x, 0);
	f->size_limit = 0;
	f->max_rcpts = 1;
	x = (struct expect){"too many recipients",
	    "EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n",
	    "220 250 250 250 431", "M<a@b> R<c@d> "};
	check(f, &x, 0);
	fake_settings(f)->max_bad = 2;
	x = (struct expect){"too many errors", "X\r\nX\r\nX\r\n", "220 500 500 421", ""};
	check(f, &x, 0);
	fake_settings(f)->max_refused = 2;
	x = (struct expect){"too many refusals",
	    "EHLO a\r\nMAIL FROM:<no@b>\r\nMAIL FROM:<no@b>\r\nMAIL FROM:<no@b>\r\n",
	    "220 250 550 550 421", "M<no@b> M<no@b> "};
	check(f, &x, 0);
	fake_settings(f)->max_idle = 2;
	x = (struct expect){
	    "no message", "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n", "220 250 250 421", ""};
	check(f, &x, 0);
	fake_free(f);
}

static void test_policy(void **state)
{
	struct fake *f = fake_new();
	struct expect x = {"denied", "EHLO a\r\n", "554", ""};

	f->deny = true;
	check(f, &x, 0);
	f->deny = false;
	f->env = STR("AUTH_REQUIRED=1\nBOFHNOVRFY=1\nOTHER=x");
	x = (struct expect){"must authenticate",
	    "EHLO a\r\nMAIL FROM:<a@b>\r\nVRFY a\r\nNOOP\r\nAUTH PLAIN AHUAc2VjcmV0\r\nVRFY a\r\n"
	    "MAIL FROM:<a@b>\r\n",
	    "220 250 530 530 250 235 252 250", "A<ticket:PLAIN> M<a@b> "};
	check(f, &x, 0);
	f->env = STR("ESMTP_TLS_REQUIRED=1");
	x = (struct expect){"must use tls", "EHLO a\r\nMAIL FROM:<a@b>\r\nAUTH PLAIN AA==\r\n",
	    "220 250 454 530", ""};
	check(f, &x, 0);
	f->env = STR("");
	f->no_ticket = true;
	x = (struct expect){"a ticket that the gate does not believe",
	    "EHLO a\r\nAUTH PLAIN AHUAc2VjcmV0\r\nMAIL FROM:<a@b>\r\n", "220 250 454 250",
	    "A<ticket:PLAIN> M<a@b> "};
	check(f, &x, 0);
	assert_string_equal(f->login, "");
	f->no_ticket = false;
	struct buf out;
	buf_init(&out, 1000);
	f->env = STR("ESMTPGREETING=my own words");
	fake_talk(f, STR(""), 0, &out);
	assert_string_equal(out.p, "220 my own words\r\n");
	buf_free(&out);
	f->env = STR("MAXCPERIP=0");
	x = (struct expect){"too many from there", "EHLO a\r\n", "421", ""};
	check(f, &x, 0);
	f->env = STR("TARPIT=1");
	x = (struct expect){"slowly", "X\r\nX\r\nX\r\nNOOP\r\n", "220 500 500 500 250", ""};
	int64_t before = clock_mono_ms();
	check(f, &x, 0);
	assert_true(clock_mono_ms() - before >= 60); /* three times tarpit_max_ms, coarsely */
	fake_free(f);
}

static void test_connections(void **state)
{
	struct fake *f = fake_new();
	char b[200];
	int fds[4];
	ssize_t n;

	fake_settings(f)->max_per_ip = 3;
	for (int i = 0; i < 4; i++)
		fds[i] = fake_connect(f);
	fake_run(f, 10); /* the gate might have allowed the fourth */
	assert_int_equal(f->server->n_sessions, 3);
	n = read(fds[3], b, sizeof b);
	assert_true(n > 3 && memcmp(b, "421", 3) == 0);
	close(fds[0]);
	fake_run(f, 50);
	assert_int_equal(f->server->n_sessions, 2);
	close(fds[3]);
	fds[3] = fake_connect(f);
	fake_run(f, 10);
	assert_int_equal(f->server->n_sessions, 3);
	f->env = STR("MAXCPERIP=4"); /* MTA-0730: more for this one */
	int more[2];
	for (int i = 0; i < 2; i++) {
		more[i] = fake_connect(f);
		fake_run(f, 10);
	}
	assert_int_equal(f->server->n_sessions, 4);
	close(more[0]);
	close(more[1]);
	fake_run(f, 50);
	esmtpd_drain(f->server, NULL);
	fake_run(f, 50);
	assert_int_equal(f->server->n_sessions, 0);
	n = read(fds[1], b, sizeof b - 1);
	assert_true(n > 0);
	b[n] = 0;
	assert_non_null(strstr(b, "\r\n421 "));
	for (int i = 1; i < 4; i++)
		close(fds[i]);
	fake_free(f);
}

static void test_timeouts(void **state)
{
	struct fake *f = fake_new();
	char b[400];
	int fd;
	ssize_t n;

	fake_settings(f)->command_ms = 40;
	fd = fake_connect(f);
	fake_run(f, 300);
	n = read(fd, b, sizeof b - 1);
	assert_true(n > 0);
	b[n] = 0;
	assert_string_equal(
	    b, "220 mx.example.com ESMTP\r\n421 4.4.2 Nothing was said for too long\r\n");
	assert_int_equal(f->server->n_sessions, 0);
	close(fd);
	fake_free(f);
}

/* What was sent in clear behind STARTTLS ends the connection, and nothing of it is carried out. */
/*
 * The replies of a pipelined group leave in one write (MTA-0846): each write is a packet here, and
 * the gate answers each command later than the next one has come.
 */
static void test_one_write(void **state)
{
	static const struct {
		const char *say;
		const char *begins, *ends; /* of the one packet that comes back */
	} groups[] = {
	    {"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<no@d>\r\nRCPT "
	     "TO:<e@f>\r\nDATA\r\n",
		"250-mx.example.com", "354 Send the message; a dot alone on a line ends it\r\n"},
	    {"Subject: x\r\n\r\nx\r\n.\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRSET\r\nNOOP\r\n",
		"250 2.0.0 Fine", "250 2.0.0 Ok\r\n"},
	    {"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n", "250 2.0.0 Fine",
		"221 2.0.0 Bye\r\n"},
	};
	struct fake *f = fake_new();
	char b[4000];
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	esmtpd_connection(f->server, &f->server->doors[0], fds[0],
	    &(struct sockaddr_storage){.ss_family = AF_UNIX});
	fake_run(f, 20);
	assert_true(recv(fds[1], b, sizeof b, 0) > 0); /* the greeting */
	for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
		assert_true(send(fds[1], groups[i].say, strlen(groups[i].say), 0) > 0);
		fake_run(f, 20);
		ssize_t n = recv(fds[1], b, sizeof b - 1, 0);
		assert_true(n > 0);
		b[n] = 0;
		assert_int_equal(strncmp(b, groups[i].begins, strlen(groups[i].begins)), 0);
		assert_true(str_ends(str_of(b), str_of(groups[i].ends)));
		assert_true(recv(fds[1], b, sizeof b, 0) <= 0); /* there was no second */
	}
	close(fds[1]);
	fake_free(f);
}

static void test_injection(void **state)
{
	struct fake *f = fake_new();
	struct expect x = {
	    "injected", "EHLO a\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n", "220 250 554", ""};
	const char *name = "localhost";
	char path[] = "/tmp/esmtpd-unit-XXXXXX", *why;

	assert_true(mkdtemp(path) != NULL);
	char *pem = mem_printf("%s/pem", path);
	assert_int_equal(tls_make_self_signed(pem, &name, 1, &why), 0);
	f->server->doors[0].tls = tls_server_new_file(pem, &why);
	assert_non_null(f->server->doors[0].tls);
	check(f, &x, 0);
	unlink(pem);
	rmdir(path);
	free(pem);
	fake_free(f);
}

/* A client that sends without reading is paused, not given memory. */
static void test_never_reads(void **state)
{
	struct fake *f = fake_new();
	struct buf flood;
	int fd;

	fake_settings(f)->max_idle = 1000000;
	buf_init(&flood, 10000000);
	for (int i = 0; i < 200000; i++)
		buf_addz(&flood, "NOOP\r\n");
	fd = fake_connect(f);
	for (size_t at = 0, i = 0; i < 200; i++) {
		ssize_t n = write(fd, flood.p + at, flood.n - at);

		if (n > 0)
			at += (size_t)n;
		fake_run(f, 1);
	}
	assert_int_equal(f->server->n_sessions, 1);
	assert_true(stream_output_pending(f->server->sessions->stream) <= SESSION_OUT_MAX);
	assert_true(f->server->sessions->blocked);
	for (int i = 0; i < 50; i++) { /* now it reads, and goes on */
		char b[65536];

		while (read(fd, b, sizeof b) > 0)
			;
		fake_run(f, 1);
	}
	assert_int_equal(f->server->n_sessions, 1);
	assert_false(f->server->sessions->blocked);
	close(fd);
	buf_free(&flood);
	fake_free(f);
}

/* What depends on settings: left out words, size limits, submission, PRDR. */
static void test_extensions(void **state)
{
	struct fake *f = fake_new();
	struct buf out;
	struct expect x = {"each, PRDR",
	    "EHLO a\r\nMAIL FROM:<a@b> PRDR\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\n"
	    "BDAT 6 LAST\r\neach\r\nNOOP\r\n",
	    "220 250 250 250 250 353 550 250 250 250", "M<a@b> R<c@d> R<e@f> D[each\n] E "};

	check(f, &x, 0);
	assert_true(f->last_mail.exdata);
	x = (struct expect){"nobody, PRDR",
	    "EHLO a\r\nMAIL FROM:<a@b> PRDR\r\nRCPT TO:<c@d>\r\nDATA\r\nnone\r\n.\r\nNOOP\r\n",
	    "220 250 250 250 354 353 550 450 450 250", "M<a@b> R<c@d> D[none\n] E "};
	check(f, &x, 0);
	x = (struct expect){"each, EXDATA",
	    "EHLO a\r\nMAIL FROM:<a@b> EXDATA\r\nRCPT TO:<c@d>\r\nDATA\r\neach\r\n.\r\nNOOP\r\n",
	    "220 250 250 250 354 558 250", "M<a@b> R<c@d> D[each\n] E "};
	check(f, &x, 0);
	f->size_limit = 5;
	x = (struct expect){"chunks too large",
	    TO_C "BDAT 4\r\na\r\nxBDAT 4 LAST\r\nb\r\nyNOOP\r\n", "220 250 250 250 250 552 250",
	    "M<a@b> R<c@d> X "};
	check(f, &x, 1);
	x = (struct expect){"a chunk too large",
	    TO_C "BDAT 20 LAST\r\n12345678901234567890NOOP\r\n", "220 250 250 250 552 250",
	    "M<a@b> R<c@d> X "};
	check(f, &x, 3);
	f->size_limit = 0;
	fake_settings(f)->max_mails = 2;
	x = (struct expect){"three mails",
	    "EHLO a\r\nMAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\nRSET\r\nMAIL FROM:<a@b>\r\n",
	    "220 250 250 250 250 250 421", "M<a@b> X M<a@b> X "};
	check(f, &x, 0);
	f->max_rcpts = 7;
	fake_settings(f)->discard = SMTP_EXT_CHUNKING | SMTP_EXT_VERP | SMTP_EXT_DELIVERBY;
	fake_settings(f)->hold_max = 60;
	buf_init(&out, 10000);
	fake_talk(f, STR("EHLO a\r\nMAIL FROM:<a@b> VERP\r\nBDAT 0\r\nNOOP\r\n"), 0, &out);
	assert_non_null(strstr(out.p, "LIMITS RCPTMAX=7 MAILMAX=2\r\n"));
	assert_non_null(strstr(out.p, "FUTURERELEASE 60 20"));
	assert_null(strstr(out.p, "VERP"));
	assert_null(strstr(out.p, "CHUNKING"));
	assert_null(strstr(out.p, "BINARYMIME"));
	assert_null(strstr(out.p, "DELIVERBY"));
	assert_non_null(strstr(out.p, "\r\n555 5.5.4 Parameter not known\r\n500 "));
	buf_free(&out);
	fake_free(f);
}

/* FUTURERELEASE: logged in, and not too far; DELIVERBY counts from the release. */
static void test_later(void **state)
{
	struct fake *f = fake_new();
	int64_t now = clock_now();
	struct expect x = {"held",
	    "EHLO a\r\nMAIL FROM:<a@b> HOLDFOR=5\r\nAUTH PLAIN AHUAc2VjcmV0\r\n"
	    "MAIL FROM:<a@b> HOLDFOR=5000\r\nMAIL FROM:<a@b> HOLDFOR=50 BY=10;RT\r\n",
	    "220 250 530 235 501 250", "A<ticket:PLAIN> M<a@b> "};

	fake_settings(f)->hold_max = 60;
	check(f, &x, 0);
	assert_in_range(f->last_mail.release, now + 50, now + 60);
	assert_int_equal(f->last_mail.by, f->last_mail.release + 10);
	assert_true(f->last_mail.by_mode == 'R' && f->last_mail.by_trace);
	x = (struct expect){"by", "EHLO a\r\nMAIL FROM:<a@b> BY=-10;N XSECURITY=STARTTLS\r\n",
	    "220 250 250", "M<a@b> "};
	check(f, &x, 0);
	assert_in_range(f->last_mail.by, now - 10, now);
	assert_int_equal(f->last_mail.by_mode, 'N');
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dialogs),
	    cmocka_unit_test(test_left_anywhere),
	    cmocka_unit_test(test_ehlo_text),
	    cmocka_unit_test(test_extensions),
	    cmocka_unit_test(test_later),
	    cmocka_unit_test(test_what_the_gate_hears),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_policy),
	    cmocka_unit_test(test_connections),
	    cmocka_unit_test(test_timeouts),
	    cmocka_unit_test(test_one_write),
	    cmocka_unit_test(test_injection),
	    cmocka_unit_test(test_never_reads),
	};
	log_threshold(LOG_LEVEL_FATAL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
