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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_subject),
	    cmocka_unit_test(test_long_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
