/* libs/sasl: exchanges of the RFCs, both sides against each other, and what must fail. */
#include "config.h"

#include "sasl/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct sasl_server_env env;
static struct buf out;

static int setup(void **state)
{
	env = (struct sasl_server_env){.host = STR("mail.example")};
	memset(env.fake_key, 7, sizeof env.fake_key);
	buf_init(&out, SASL_STEP_MAX);
	return 0;
}

static int teardown(void **state)
{
	buf_free(&out);
	return 0;
}

#define out_is(text) assert_true(str_eq(buf_str(&out), STR(text)))

static struct sasl_server *server(const char *mechanism)
{
	struct sasl_server *x = sasl_server_new(str_of(mechanism), &env);
	assert_non_null(x);
	return x;
}

static void test_plain(void **state)
{
	struct sasl_server *x = server("plain");
	assert_int_equal(sasl_server_step(x, STR_NONE, &out), SASL_MORE);
	out_is("");
	assert_int_equal(sasl_server_step(x, STR("\0tim\0tanstaaftanstaaf"), &out), SASL_PASSWORD);
	assert_true(str_is(sasl_server_user(x), "tim"));
	assert_true(str_is(sasl_server_password(x), "tanstaaftanstaaf"));
	assert_int_equal(sasl_server_verdict(x, true), SASL_OK);
	assert_int_equal(sasl_server_verdict(x, true), SASL_FAILED);
	sasl_server_free(x);
}

static const struct str bad_plain[] = {
    STR_INIT(""),
    STR_INIT("tim"),
    STR_INIT("\0tim"),
    STR_INIT("\0tim\0"),
    STR_INIT("\0\0pass"),
    STR_INIT("other\0tim\0pass"),
    STR_INIT("\0tim\0pa\0ss"),
    STR_INIT("\0t\nm\0pass"),
    STR_INIT("\0\xff\xfe\0pass"),
};

static void test_bad_plain(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_plain); i++) {
		struct sasl_server *x = server("PLAIN");
		assert_int_equal(sasl_server_step(x, bad_plain[i], &out), SASL_FAILED);
		assert_int_equal(sasl_server_step(x, STR("\0tim\0pass"), &out), SASL_FAILED);
		sasl_server_free(x);
	}
}

static void test_login(void **state)
{
	struct sasl_server *x = server("LOGIN");
	assert_int_equal(sasl_server_step(x, STR_NONE, &out), SASL_MORE);
	out_is("Username:");
	assert_int_equal(sasl_server_step(x, STR("tim"), &out), SASL_MORE);
	out_is("Password:");
	assert_int_equal(sasl_server_step(x, STR("x y"), &out), SASL_PASSWORD);
	assert_true(str_is(sasl_server_password(x), "x y"));
	assert_int_equal(sasl_server_verdict(x, false), SASL_FAILED);
	sasl_server_free(x);
	x = server("LOGIN");
	assert_int_equal(sasl_server_step(x, STR("tim"), &out), SASL_MORE);
	out_is("Password:");
	sasl_server_free(x);
}

/* RFC 2195, section 2 */
static enum sasl_status cram(const struct sasl_secrets *s, const char *response)
{
	struct sasl_server *x = server("CRAM-MD5");
	sasl_server_set_nonce(x, STR("<1896.697170952@postoffice.reston.mci.net>"));
	assert_int_equal(sasl_server_step(x, STR_NONE, &out), SASL_MORE);
	out_is("<1896.697170952@postoffice.reston.mci.net>");
	assert_int_equal(sasl_server_step(x, str_of(response), &out), SASL_SECRETS);
	enum sasl_status status = sasl_server_secrets(x, s, &out);
	sasl_server_free(x);
	return status;
}

static void test_cram(void **state)
{
	const char *right = "tim b913a602c7eda7a495b4e6e7334d3890";
	struct buf context;
	buf_init(&context, 200);
	struct sasl_secrets s = {.clear = STR("tanstaaftanstaaf")};
	assert_int_equal(cram(&s, right), SASL_OK);
	assert_int_equal(cram(&s, "tim b913a602c7eda7a495b4e6e7334d3891"), SASL_FAILED);
	assert_int_equal(cram(NULL, right), SASL_FAILED);
	assert_true(sasl_hmac_context("md5", STR("tanstaaftanstaaf"), &context));
	s = (struct sasl_secrets){.hmac_md5 = buf_str(&context)};
	assert_int_equal(cram(&s, right), SASL_OK);
	s.hmac_md5.n -= 2;
	assert_int_equal(cram(&s, right), SASL_FAILED);
	buf_free(&context);
}

static void test_hmac_contexts(void **state)
{
	struct buf c, got;
	buf_init(&c, 200);
	buf_init(&got, 200);
	assert_true(sasl_hmac_context("md5", STR("secret"), &c));
	assert_string_equal(
	    c.p, "cd3ba7deaad6e5ca23448ba42e379747a9e0f7f1fbc00c8a81bbaac395731b56");
	/* RFC 2202, test case 2; RFC 4231, test case 2 */
	buf_clear(&c);
	assert_true(sasl_hmac_context("sha1", STR("Jefe"), &c) && c.n == 80);
	assert_true(
	    sasl_hmac_finish("sha1", buf_str(&c), STR("what do ya want for nothing?"), &got));
	buf_clear(&c);
	hex_encode(buf_str(&got), &c);
	assert_string_equal(c.p, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	buf_clear(&c);
	buf_clear(&got);
	assert_true(sasl_hmac_context("sha256", STR("Jefe"), &c) && c.n == 128);
	assert_true(
	    sasl_hmac_finish("sha256", buf_str(&c), STR("what do ya want for nothing?"), &got));
	buf_clear(&c);
	hex_encode(buf_str(&got), &c);
	assert_string_equal(
	    c.p, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	buf_free(&c);
	buf_free(&got);
}

struct scram_sample {
	const char *mechanism, *hash, *salt, *client_nonce, *server_nonce;
	const char *first, *offer, *final, *verifier;
};

static const struct scram_sample samples[] = {
    /* RFC 5802, section 5 */
    {"SCRAM-SHA-1", "sha1", "QSXCR+Q6sek8bf92", "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j",
	"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
	"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
	"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
    /* RFC 7677, section 3 */
    {"SCRAM-SHA-256", "sha256", "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO",
	"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

static void scram_record(const struct scram_sample *v, struct buf *record)
{
	struct buf salt;
	buf_init(&salt, 64);
	assert_true(base64_decode(str_of(v->salt), &salt));
	buf_clear(record);
	assert_true(sasl_scram_record(v->hash, STR("pencil"), buf_str(&salt), 4096, record));
	buf_free(&salt);
}

static struct sasl_secrets secrets_of(const struct scram_sample *v, const struct buf *record)
{
	struct sasl_secrets s = {0};
	if (strcmp(v->hash, "sha1") == 0)
		s.scram_sha1 = buf_str(record);
	else
		s.scram_sha256 = buf_str(record);
	return s;
}

static void test_scram_samples(void **state)
{
	struct buf record;
	buf_init(&record, 300);
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct scram_sample *v = &samples[i];
		scram_record(v, &record);
		struct sasl_secrets s = secrets_of(v, &record);
		struct sasl_server *x = server(v->mechanism);
		struct sasl_client *c = sasl_client_new(
		    str_of(v->mechanism), STR("user"), STR_NONE, STR("pencil"), STR_NONE);
		sasl_server_set_nonce(x, str_of(v->server_nonce));
		sasl_client_set_nonce(c, str_of(v->client_nonce));
		assert_true(sasl_client_first(c));
		assert_int_equal(sasl_client_step(c, STR_NONE, &out), SASL_MORE);
		assert_string_equal(out.p, v->first);
		assert_int_equal(sasl_server_step(x, str_of(v->first), &out), SASL_SECRETS);
		assert_int_equal(sasl_server_secrets(x, &s, &out), SASL_MORE);
		assert_string_equal(out.p, v->offer);
		assert_int_equal(sasl_client_step(c, str_of(v->offer), &out), SASL_MORE);
		assert_string_equal(out.p, v->final);
		assert_false(sasl_client_done(c));
		assert_int_equal(sasl_server_step(x, str_of(v->final), &out), SASL_OK);
		assert_string_equal(out.p, v->verifier);
		assert_int_equal(sasl_client_step(c, str_of(v->verifier), &out), SASL_MORE);
		assert_true(sasl_client_done(c));
		sasl_server_free(x);
		sasl_client_free(c);
		assert_int_equal(sasl_scram_verify(v->hash, buf_str(&record), STR("pencil")), 1);
		assert_int_equal(sasl_scram_verify(v->hash, buf_str(&record), STR("pencin")), 0);
	}
	buf_free(&record);
}

/* Client and server talk until one of them is through.  known: what the server knows. */
static bool converse(const char *mechanism, const char *user, const char *password,
    const struct sasl_secrets *known, struct str client_binding)
{
	struct sasl_server *x = server(mechanism);
	struct sasl_client *c = sasl_client_new(
	    str_of(mechanism), str_of(user), STR_NONE, str_of(password), client_binding);
	struct buf said;
	buf_init(&said, SASL_STEP_MAX);
	enum sasl_status status = SASL_MORE;
	bool initial = sasl_client_first(c);
	if (initial)
		assert_int_equal(sasl_client_step(c, STR_NONE, &said), SASL_MORE);
	status = sasl_server_step(x, initial ? buf_str(&said) : STR_NONE, &out);
	for (unsigned turns = 0; turns < 6 && status != SASL_OK && status != SASL_FAILED; turns++) {
		if (status == SASL_PASSWORD) {
			status = sasl_server_verdict(
			    x, known && str_is(sasl_server_user(x), user) &&
				   str_eq(sasl_server_password(x), known->clear));
		} else if (status == SASL_SECRETS) {
			assert_true(str_is(sasl_server_user(x), user));
			status = sasl_server_secrets(x, known, &out);
		} else if (sasl_client_step(c, buf_str(&out), &said) == SASL_MORE) {
			status = sasl_server_step(x, buf_str(&said), &out);
		} else {
			status = SASL_FAILED;
		}
	}
	if (status == SASL_OK && out.n)
		assert_int_equal(sasl_client_step(c, buf_str(&out), &said), SASL_MORE);
	if (status == SASL_OK)
		assert_true(sasl_client_done(c));
	sasl_server_free(x);
	sasl_client_free(c);
	buf_free(&said);
	return status == SASL_OK;
}

static const char *const all[] = {"PLAIN", "LOGIN", "CRAM-MD5", "CRAM-SHA1", "CRAM-SHA256",
    "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"};

static void test_every_mechanism(void **state)
{
	struct str binding = STR("0123456789abcdef0123456789abcdef");
	struct sasl_secrets known = {.clear = STR("s=cr,t \xc3\xa9")};
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		bool plus = i >= 7;
		env.binding = plus ? binding : STR_NONE;
		assert_true(sasl_is_known(str_of(all[i])));
		assert_int_equal(sasl_is_clear(str_of(all[i])), i < 2);
		if (!converse(all[i], "u=s,r @example", "s=cr,t \xc3\xa9", &known, binding))
			fail_msg("%s: the right password is refused", all[i]);
		if (converse(all[i], "user", "s=cr,t e", &known, binding))
			fail_msg("%s: a wrong password is taken", all[i]);
		if (converse(all[i], "user", "s=cr,t \xc3\xa9", NULL, binding))
			fail_msg("%s: a user who is not there gets in", all[i]);
		if (plus && converse(all[i], "user", "s=cr,t \xc3\xa9", &known, STR("another")))
			fail_msg("%s: another channel is taken", all[i]);
	}
	assert_null(sasl_server_new(STR("ANONYMOUS"), &env));
	env.binding = STR_NONE;
	assert_null(sasl_server_new(STR("SCRAM-SHA-256-PLUS"), &env));
}

/* Somebody took our -PLUS out of the list; the client says that it would have bound. */
static void test_scram_downgrade(void **state)
{
	env.binding = STR("0123");
	struct sasl_server *x = server("SCRAM-SHA-256");
	assert_int_equal(sasl_server_step(x, STR("y,,n=user,r=abc"), &out), SASL_FAILED);
	sasl_server_free(x);
	env.binding = STR_NONE;
	x = server("SCRAM-SHA-256");
	assert_int_equal(sasl_server_step(x, STR("y,,n=user,r=abc"), &out), SASL_SECRETS);
	sasl_server_free(x);
}

static const char *const bad_first[] = {"", "n", "n,", "n,,", "n,,n=user", "n,,r=abc,n=user",
    "n,,m=x,n=user,r=abc", "n,a=other,n=user,r=abc", "n,,n=us=er,r=abc", "n,,n=,r=abc",
    "n,,n=user,r=", "p=tls-exporter,,n=user,r=abc", "p=tls-unique,,n=user,r=abc",
    "n,,n=user,r=a b"};

static void test_bad_scram(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_first); i++) {
		struct sasl_server *x = server("SCRAM-SHA-1");
		if (sasl_server_step(x, str_of(bad_first[i]), &out) != SASL_FAILED)
			fail_msg("taken: '%s'", bad_first[i]);
		sasl_server_free(x);
	}
}

/* An unknown user is offered the same salt at every try, as a known one is. */
static void test_unknown_looks_known(void **state)
{
	char first[200];
	for (int i = 0; i < 2; i++) {
		struct sasl_server *x = server("SCRAM-SHA-256");
		sasl_server_set_nonce(x, STR("N"));
		sasl_server_step(x, STR("n,,n=nobody,r=abc"), &out);
		assert_int_equal(sasl_server_secrets(x, NULL, &out), SASL_MORE);
		if (i == 0)
			snprintf(first, sizeof first, "%s", out.p);
		assert_string_equal(out.p, first);
		sasl_server_free(x);
	}
}

static void test_prep(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {/* RFC 4013, section 3 */
	    {"I\xc2\xadX", "IX"}, {"user", "user"}, {"USER", "USER"}, {"\xc2\xaa", "a"},
	    {"\xe2\x85\xa8", "IX"}, {"\x07", NULL}, {"a\xc2\xa0z", "a z"}, {"", NULL},
	    {"\xff", NULL}, {"\xc2\xad", NULL}, {"\xee\x80\x80", NULL}};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		buf_clear(&out);
		bool ok = sasl_prep(str_of(t[i].in), &out);
		assert_int_equal(ok, t[i].out != NULL);
		if (ok)
			assert_string_equal(out.p, t[i].out);
	}
}

static void test_choose(void **state)
{
	struct str many = STR("LOGIN PLAIN cram-md5 SCRAM-SHA-1 SCRAM-SHA-1-PLUS");
	assert_string_equal(sasl_client_choose(many, true, true, false), "SCRAM-SHA-1-PLUS");
	assert_string_equal(sasl_client_choose(many, true, false, false), "SCRAM-SHA-1");
	assert_string_equal(sasl_client_choose(STR("LOGIN PLAIN"), true, false, false), "PLAIN");
	assert_null(sasl_client_choose(STR("LOGIN PLAIN"), false, false, false));
	assert_string_equal(sasl_client_choose(STR("LOGIN"), false, false, true), "LOGIN");
	assert_null(sasl_client_choose(STR("GSSAPI"), true, true, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_login, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cram, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_hmac_contexts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_scram_samples, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_every_mechanism, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_scram_downgrade, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_bad_scram, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_unknown_looks_known, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_prep, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_choose, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
