/* A certificate for the first start: self-signed, to be replaced by a real one. */
#include "config.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>
#include "tls/tls-private.h"

enum { SERIAL_BITS = 120, VALID_DAYS = 3650, PEM_MAX = 64 * 1024 };

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;
	bool ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = e && X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return ok;
}

/* Only letters, digits, dots, hyphens and colons: commas would start another entry. */
static bool name_ok(const char *name)
{
	return name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789.-_:*") == strlen(name);
}

static bool add_names(X509 *cert, const char *const *names, size_t n)
{
	struct buf list;
	unsigned char raw[16];
	bool ok;

	buf_init(&list, 64 * 1024);
	for (size_t i = 0; i < n; i++) {
		bool ip = inet_pton(AF_INET, names[i], raw) == 1 ||
			  inet_pton(AF_INET6, names[i], raw) == 1;

		if (name_ok(names[i]))
			buf_addf(&list, "%s%s:%s", list.n ? "," : "", ip ? "IP" : "DNS", names[i]);
	}
	ok = !list.failed && list.n && add_extension(cert, NID_subject_alt_name, list.p);
	buf_free(&list);
	return ok;
}

static bool set_serial(X509 *cert)
{
	BIGNUM *n = BN_new();
	bool ok = n && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
		  BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));

	BN_free(n);
	return ok;
}

static bool set_subject(X509 *cert, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(cert);
	char common[65]; /* the field's limit, RFC 5280 */
	size_t n = strlen(name);

	n = n < sizeof common - 1 ? n : sizeof common - 1;
	memcpy(common, name, n);
	common[n] = 0;
	return X509_NAME_add_entry_by_txt(
		   subject, "CN", MBSTRING_UTF8, (const unsigned char *)common, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, subject) == 1;
}

static X509 *make_certificate(EVP_PKEY *key, const char *const *names, size_t n)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	    X509_time_adj_ex(X509_getm_notAfter(cert), VALID_DAYS, 0, NULL) &&
	    set_subject(cert, names[0]) && X509_set_pubkey(cert, key) == 1 &&
	    add_names(cert, names, n) &&
	    add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(cert, NID_ext_key_usage, "serverAuth,clientAuth") &&
	    X509_sign(cert, key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

static int write_pem(const char *path, X509 *cert, EVP_PKEY *key)
{
	BIO *out = BIO_new(BIO_s_secmem());
	char *text;
	long n;
	int fd, r = -1;

	if (!out || PEM_write_bio_X509(out, cert) != 1 ||
	    PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(out);
		errno = ENOMEM;
		return -1;
	}
	n = BIO_get_mem_data(out, &text);
	fd = file_create(AT_FDCWD, path, 0600);
	if (fd >= 0) {
		r = file_write_all(fd, text, (size_t)n) < 0 || file_sync_full(fd) < 0 ? -1 : 0;
		if (file_close(fd) < 0)
			r = -1;
		if (r < 0) {
			int saved = errno;

			unlink(path);
			errno = saved;
		}
	}
	BIO_free(out);
	return r;
}

int tls_make_self_signed(const char *path, const char *const *names, size_t n, char **why)
{
	EVP_PKEY *key = n ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256") : NULL;
	X509 *cert = key ? make_certificate(key, names, n) : NULL;
	int r = -1;

	if (!cert)
		*why = mem_printf("cannot make a certificate for '%s': %s", n ? names[0] : "",
		    n ? tls_error_text() : "no name given");
	else if ((r = write_pem(path, cert, key)) < 0)
		*why = mem_printf("cannot write '%s': %s", path, strerror(errno));
	X509_free(cert);
	EVP_PKEY_free(key);
	return r;
}
