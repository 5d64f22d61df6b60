/* The words of TLS: fields of certificates, names and suffixes, protocol versions. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <openssl/x509v3.h>
#include <cmocka.h>
#include "tls/tls-private.h"

static void add(X509 *cert, const char *field, const char *value, int n)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), field,
			     MBSTRING_UTF8, (const unsigned char *)value, n, -1, 0),
	    1);
}

static void alternatives(X509 *cert, const char *text)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(cert, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void field_is(const X509 *cert, const char *field, const char *wanted)
{
	struct buf b;

	buf_init(&b, 400);
	buf_addz(&b, "=");
	if (tls_certificate_field(cert, field, &b) != (wanted != NULL))
		fail_msg("'%s': %s", field, b.p);
	assert_string_equal(b.p + 1, wanted ? wanted : "");
	buf_free(&b);
}

/* MTA-0621: the names are those that TLS_EXTERNAL takes. */
static void test_subject(void **state)
{
	X509 *cert = X509_new();

	add(cert, "CN", "Joe Doe", -1);
	add(cert, "O", "B\xc3\xa4r", -1);
	add(cert, "UID", "joe", -1);
	add(cert, "OU", "one", -1);
	add(cert, "OU", "two", -1);
	add(cert, "L", "same", -1);
	add(cert, "L", "same", -1);
	add(cert, "ST", "a\0b", 3);
	add(cert, "title", "line\nbreak", -1);
	alternatives(cert, "email:joe@example.com,DNS:a.example,DNS:b.example");
	field_is(cert, "CN", "Joe Doe");
	field_is(cert, "commonname", "Joe Doe");
	field_is(cert, "2.5.4.3", "Joe Doe");
	field_is(cert, "o", "B\xc3\xa4r");
	field_is(cert, "uid", "joe");
	field_is(cert, "OU", NULL);
	field_is(cert, "L", "same");
	field_is(cert, "ST", NULL);
	field_is(cert, "title", NULL);
	field_is(cert, "C", NULL);
	field_is(cert, "UNDEF", NULL);
	field_is(cert, "", NULL);
	field_is(cert, "email", "joe@example.com");
	field_is(cert, "emailaddress", "joe@example.com");
	field_is(cert, "dns", NULL);
	add(cert, "emailAddress", "other@example.com", -1);
	field_is(cert, "EMAILADDRESS", "other@example.com");
	field_is(cert, "email", "joe@example.com");
	X509_free(cert);
}

static void test_long_field(void **state)
{
	X509 *cert = X509_new();
	char *host = mem_printf("DNS:%0300d.example", 0);

	alternatives(cert, host);
	field_is(cert, "dns", NULL);
	free(host);
	X509_free(cert);
}

/* MTA-0616 MTA-2812 */
static void test_suffixes(void **state)
{
	static const struct {
		const char *suffix, *host;
		size_t fits;
	} cases[] = {
	    {"mail.example", "mail.example", 12},
	    {"Mail.Example", "mail.exAMPLE", 12},
	    {"mail.example", "mail.example.", 12},
	    {"example", "mail.example", 7},
	    {"example", "a.b.example", 7},
	    {"b.example", "a.b.example", 9},
	    {"ail.example", "mail.example", 0},
	    {"mail.example", "example", 0},
	    {"x.example", "mail.example", 0},
	    {"", "mail.example", 0},
	    {"example", "", 0},
	    {"example", ".", 0},
	    {"127.0.0.1", "127.0.0.1", 0},
	    {"127.0.0.1", "x.127.0.0.1", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
		    tls_suffix_fits(str_of(cases[i].suffix), str_of(cases[i].host)), cases[i].fits);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *suffix, *address;
		bool same;
	} cases[] = {
	    {"127.0.0.1", "127.0.0.1", true},
	    {"::ffff:127.0.0.1", "127.0.0.1", true},
	    {"127.0.0.1", "127.0.0.2", false},
	    {"2001:db8::1", "2001:DB8:0:0:0:0:0:1", true},
	    {"0:0:0:0:0:0:0:1", "::1", true},
	    {"::1", "::2", false},
	    {"1", "0.0.0.1", false},
	    {"", "127.0.0.1", false},
	    {"127.0.0.1", "", false},
	    {"mail.example", "mail.example", false},
	    {"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000", "::1", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(
		    tls_suffix_is_address(str_of(cases[i].suffix), str_of(cases[i].address)),
		    cases[i].same);
}

/* MTA-0615: every form of TLS_PROTOCOL. */
static void test_versions(void **state)
{
	static const struct {
		const char *word;
		int version;
	} cases[] = {
	    {"TLS1", TLS1_VERSION},
	    {"TLSv1", TLS1_VERSION},
	    {"TLSv1+", TLS1_VERSION},
	    {"TLSv1.0++", TLS1_VERSION},
	    {"TLSv1.1", TLS1_1_VERSION},
	    {"TLSv1.1+", TLS1_1_VERSION},
	    {"TLSv1.1++", TLS1_1_VERSION},
	    {"TLSv1.2", TLS1_2_VERSION},
	    {"tlsv1.2+", TLS1_2_VERSION},
	    {"TLSv1.2++", TLS1_2_VERSION},
	    {"TLSv1.3", TLS1_3_VERSION},
	    {"TLSv1.3++", TLS1_3_VERSION},
	    {"TLSv1.2+++", 0},
	    {"TLSv1.4", 0},
	    {"SSL3", 0},
	    {"++", 0},
	    {"", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(tls_lowest_version(str_of(cases[i].word)), cases[i].version);
}

/* MTA-2813 */
static void test_alpn(void **state)
{
	struct tls_options o = {.verify = SSL_VERIFY_NONE};
	const unsigned char *out = NULL;
	unsigned char n = 0;

	buf_init(&o.alpn, ALPN_MAX);
	assert_int_equal(tls_alpn_choose(NULL, &out, &n, (const unsigned char *)"\4imap", 5, &o),
	    SSL_TLSEXT_ERR_NOACK);
	assert_true(tls_alpn_wire(STR(" smtp  esmtp "), &o.alpn));
	assert_int_equal(o.alpn.n, 11);
	assert_memory_equal(o.alpn.p, "\4smtp\5esmtp", 11);
	assert_int_equal(
	    tls_alpn_choose(NULL, &out, &n, (const unsigned char *)"\2h2\5esmtp", 9, &o),
	    SSL_TLSEXT_ERR_OK);
	assert_int_equal(n, 5);
	assert_memory_equal(out, "esmtp", 5);
	assert_int_equal(tls_alpn_choose(NULL, &out, &n, (const unsigned char *)"\4imap", 5, &o),
	    SSL_TLSEXT_ERR_ALERT_FATAL);
	assert_int_equal(tls_alpn_choose(NULL, &out, &n, (const unsigned char *)"\3smt", 4, &o),
	    SSL_TLSEXT_ERR_ALERT_FATAL);
	buf_free(&o.alpn);
	assert_true(tls_alpn_ok(STR("")));
	char *long_word = mem_printf("%0256d", 0);
	assert_false(tls_alpn_ok(str_of(long_word)));
	free(long_word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_subject),
	    cmocka_unit_test(test_long_field),
	    cmocka_unit_test(test_suffixes),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_versions),
	    cmocka_unit_test(test_alpn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
