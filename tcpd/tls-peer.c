#include "config.h"

#include "tcpd/couriertls.h"
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

enum { SUBJECT_FIELDS_MAX = 64, SUBJECT_VALUE_MAX = 1024 };

extern char **environ;

bool tls_subject_variable(struct str field, struct str value, struct buf *name, struct buf *text)
{
	buf_clear(name);
	buf_clear(text);
	buf_addz(name, "TLS_SUBJECT_");
	for (size_t i = 0; i < field.n; i++) {
		if (!ascii_alnum((unsigned char)field.p[i]))
			return false;
		buf_addc(name, (char)ascii_upper((unsigned char)field.p[i]));
	}
	value = str_head(value, SUBJECT_VALUE_MAX);
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		buf_addc(text, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	return field.n > 0 && buf_addc(name, 0) && buf_addc(text, 0);
}

/* Calls fn for each part of the subject, with its short name and its value in UTF-8. */
static void each_field(
    X509 *cert, void (*fn)(void *ctx, struct str field, struct str value), void *ctx)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	int n = X509_NAME_entry_count(subject);
	for (int i = 0; i < n && i < SUBJECT_FIELDS_MAX; i++) {
		X509_NAME_ENTRY *e = X509_NAME_get_entry(subject, i);
		unsigned char *text = NULL;
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(e));
		int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(e));
		if (nid != NID_undef && len >= 0)
			fn(ctx, str_of(OBJ_nid2sn(nid)), str_at(text, (size_t)len));
		OPENSSL_free(text);
	}
	ERR_clear_error();
}

/* ---- for the environment -------------------------------------------------------------------- */

/* The first one of a kind counts. */
static void export_field(void *ctx, struct str field, struct str value)
{
	struct buf name, text;
	bool *good = ctx;
	buf_init(&name, 256);
	buf_init(&text, 4 * SUBJECT_VALUE_MAX);
	if (tls_subject_variable(field, value, &name, &text))
		*good = setenv(name.p, text.p, 0) == 0 && *good;
	buf_free(&name);
	buf_free(&text);
}

/* What we were started with must not be taken for this peer's. */
static void forget_old(void)
{
	for (char **p = environ; *p;) {
		char *eq = strchr(*p, '=');
		if (!eq || !str_starts(str_of(*p), STR("TLS_SUBJECT_"))) {
			p++;
			continue;
		}
		char *name = mem_strndup(*p, (size_t)(eq - *p));
		p = unsetenv(name) == 0 ? environ : p + 1;
		free(name);
	}
}

static char *describe(SSL *ssl)
{
	return mem_printf("%s,%dbits,%s", SSL_get_version(ssl), SSL_get_cipher_bits(ssl, NULL),
	    SSL_get_cipher_name(ssl));
}

int tls_peer_export(SSL *ssl)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	char *text = describe(ssl);
	bool good = setenv("TLS_CONNECTED_PROTOCOL", text, 1) == 0;
	free(text);
	forget_old();
	if (cert && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE &&
	    SSL_get_verify_result(ssl) == X509_V_OK)
		each_field(cert, export_field, &good);
	return good ? 0 : -1;
}

/* ---- for people ----------------------------------------------------------------------------- */

static void print_field(void *ctx, struct str field, struct str value)
{
	buf_addz(ctx, "   ");
	for (size_t i = 0; i < field.n; i++)
		buf_addc(ctx, (char)ascii_lower((unsigned char)field.p[i]));
	buf_addc(ctx, '=');
	for (size_t i = 0; i < value.n && i < SUBJECT_VALUE_MAX; i++) {
		unsigned char c = (unsigned char)value.p[i];
		buf_addc(ctx, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	buf_addc(ctx, '\n');
}

static void print_date(struct buf *out, const char *what, const ASN1_TIME *t)
{
	struct tm tm;
	char text[40];
	if (ASN1_TIME_to_tm(t, &tm) == 1 &&
	    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm) > 0)
		buf_addf(out, "%s: %s\n", what, text);
}

void tls_peer_print(SSL *ssl, struct buf *out)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	if (cert) {
		buf_addz(out, "Subject:\n");
		each_field(cert, print_field, out);
		buf_addc(out, '\n');
		print_date(out, "Not-Before", X509_get0_notBefore(cert));
		print_date(out, "Not-After", X509_get0_notAfter(cert));
	}
	buf_addf(out, "Version: %s\nBits: %d\nCipher: %s\n", SSL_get_version(ssl),
	    SSL_get_cipher_bits(ssl, NULL), SSL_get_cipher_name(ssl));
}
