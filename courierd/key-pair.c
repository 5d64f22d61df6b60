/* One certificate chain with its key: reading, checking, signing. */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include "courierd/key.h"

enum {
	PEM_FILE_MAX = 256 * 1024,
	CHAIN_MAX = 100 * 1024,
	CHAIN_CERTS_MAX = 20,
	SOON_S = 7 * 24 * 60 * 60,
};

static void stamp(char *out, size_t n, const struct stat *cert, const struct stat *key)
{
	snprintf(out, n, "%lld.%lld.%lld.%ld/%lld.%lld.%lld.%ld", (long long)cert->st_ino,
	    (long long)cert->st_size, (long long)cert->st_ctim.tv_sec, cert->st_ctim.tv_nsec,
	    (long long)key->st_ino, (long long)key->st_size, (long long)key->st_ctim.tv_sec,
	    key->st_ctim.tv_nsec);
}

bool key_pair_unchanged(const struct key_pair *p, const char *cert_path, const char *key_path)
{
	struct stat cert, key;
	char now[sizeof p->stamp];

	if (stat(cert_path, &cert) < 0 || stat(key_path, &key) < 0)
		return false;
	stamp(now, sizeof now, &cert, &key);
	return strcmp(now, p->stamp) == 0;
}

static int read_pem(const char *path, struct buf *out, struct stat *st)
{
	int fd = key_open(path), r = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, st) == 0)
		r = file_read_fd(fd, out);
	file_close(fd);
	return r;
}

static char *openssl_why(const char *what, const char *path)
{
	return mem_printf("%s '%s': %s", what, path, tls_error_text());
}

/* The leaf, and all certificates as PEM text again: nothing else of the file goes out. */
static X509 *read_chain(struct key_pair *p, struct str pem)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n), *out = BIO_new(BIO_s_mem());
	X509 *leaf = NULL, *cert;
	char *text;
	int count = 0;

	while (in && out && (cert = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL))) {
		if (++count <= CHAIN_CERTS_MAX)
			PEM_write_bio_X509(out, cert);
		if (!leaf)
			leaf = cert;
		else
			X509_free(cert);
	}
	if (leaf) {
		p->chain_n = (size_t)BIO_get_mem_data(out, &text);
		p->chain = mem_strndup(text, p->chain_n);
		ERR_clear_error();
	}
	BIO_free(in);
	BIO_free(out);
	return leaf;
}

static EVP_PKEY *read_key(struct str pem)
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	/* an encrypted key can't be asked for here: an empty pass phrase fails it */
	char no_phrase[] = "";
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, no_phrase) : NULL;

	BIO_free(in);
	return key;
}

static int64_t seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

enum key_age key_pair_age(const struct key_pair *p, int64_t now)
{
	if (now > p->not_after)
		return KEY_AGE_OVER;
	if (now < p->not_before)
		return KEY_AGE_EARLY;
	return now > p->not_after - SOON_S ? KEY_AGE_SOON : KEY_AGE_GOOD;
}

static char *check_pair(struct key_pair *p, X509 *leaf, const char *cert_path, const char *key_path)
{
	unsigned int n = sizeof p->fingerprint;

	if (!p->key)
		return openssl_why("no private key in", key_path);
	if (X509_check_private_key(leaf, p->key) != 1)
		return openssl_why("the private key does not fit the certificate in", cert_path);
	if (!EVP_PKEY_is_a(p->key, "RSA") && !EVP_PKEY_is_a(p->key, "EC"))
		return mem_printf("the key in '%s' is neither RSA nor ECDSA", key_path);
	if (p->chain_n > CHAIN_MAX)
		return mem_printf("the chain in '%s' is too long", cert_path);
	if (X509_digest(leaf, EVP_sha256(), p->fingerprint, &n) != 1 || n != KEY_FINGERPRINT)
		return openssl_why("cannot digest the certificate in", cert_path);
	p->not_before = seconds(X509_get0_notBefore(leaf));
	p->not_after = seconds(X509_get0_notAfter(leaf));
	return NULL;
}

static char *load(struct key_pair *p, const char *cert_path, struct str cert, const char *key_path,
    struct str key)
{
	X509 *leaf = read_chain(p, cert);
	char *why;

	if (!leaf)
		return openssl_why("no certificate in", cert_path);
	p->key = read_key(key);
	why = check_pair(p, leaf, cert_path, key_path);
	ERR_clear_error();
	X509_free(leaf);
	return why;
}

static char *unreadable(const char *path)
{
	return mem_printf("cannot read '%s': %s", path,
	    errno == EPERM ? "it is root's, and others than root may change a folder or link on "
			     "the way to it; let courier-key read it, or chown the way"
			   : strerror(errno));
}

int key_pair_load(struct key_pair *p, const char *cert_path, const char *key_path, char **why)
{
	struct stat cert_st = {0}, key_st = {0};
	struct buf cert, key;

	*why = NULL;
	buf_init(&cert, PEM_FILE_MAX);
	buf_init(&key, PEM_FILE_MAX);
	if (read_pem(cert_path, &cert, &cert_st) < 0)
		*why = unreadable(cert_path);
	else if (read_pem(key_path, &key, &key_st) < 0)
		*why = unreadable(key_path);
	else if (key_st.st_mode & S_IRWXO)
		*why = mem_printf("'%s' is open to everybody; chmod it to 600", key_path);
	else
		*why = load(p, cert_path, buf_str(&cert), key_path, buf_str(&key));
	stamp(p->stamp, sizeof p->stamp, &cert_st, &key_st);
	mem_wipe(cert.p, cert.n);
	mem_wipe(key.p, key.n);
	buf_free(&cert);
	buf_free(&key);
	return *why ? -1 : 0;
}

void key_pair_release(struct key_pair *p)
{
	free(p->ending);
	free(p->suffix);
	free(p->chain);
	free(p->fault);
	EVP_PKEY_free(p->key);
	*p = (struct key_pair){0};
}

/* A block padded for PSS ends in this byte (RFC 8017, 9.1.1): with it and the length checked, the
 * raw operation is of little use to somebody who wants something decrypted. */
enum { PSS_TRAILER = 0xbc };

static bool op_fits(const struct key_pair *p, enum key_op op, struct str in)
{
	bool rsa = EVP_PKEY_is_a(p->key, "RSA");
	size_t size = (size_t)EVP_PKEY_get_size(p->key);

	switch (op) {
	case KEY_RSA_PKCS1:
		return rsa && in.n > 0 && in.n + 11 <= size;
	case KEY_RSA_RAW:
		return rsa && in.n == size && (unsigned char)in.p[in.n - 1] == PSS_TRAILER;
	case KEY_ECDSA:
		return !rsa && in.n >= 20 && in.n <= 64;
	}
	return false;
}

bool key_pair_sign(
    const struct key_pair *p, enum key_op op, struct str in, struct buf *out, const char **why)
{
	EVP_PKEY_CTX *ctx;
	size_t n = (size_t)EVP_PKEY_get_size(p->key);
	int padding = op == KEY_RSA_PKCS1 ? RSA_PKCS1_PADDING : RSA_NO_PADDING;
	unsigned char *to;
	bool ok;

	*why = "not an operation for this key";
	if (!op_fits(p, op, in))
		return false;
	ctx = EVP_PKEY_CTX_new(p->key, NULL);
	to = buf_reserve(out, n);
	ok = ctx && to && EVP_PKEY_sign_init(ctx) == 1 &&
	     (op == KEY_ECDSA || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1) &&
	     EVP_PKEY_sign(ctx, to, &n, (const unsigned char *)in.p, in.n) == 1;
	if (ok)
		out->n += n;
	else
		*why = tls_error_text();
	EVP_PKEY_CTX_free(ctx);
	return ok;
}
