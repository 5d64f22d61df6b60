#include "config.h"

#include "tcpd/couriertls.h"
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

const char *tls_reason(void)
{
	unsigned long e = ERR_peek_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;
	if (ERR_GET_LIB(e) == ERR_LIB_SYS)
		text = strerror(ERR_GET_REASON(e));
	ERR_clear_error();
	return text ? text : errno ? strerror(errno) : "unknown reason";
}

static int fail(char why[TLS_WHY_SIZE], const char *variable, const char *value, const char *reason)
{
	snprintf(why, TLS_WHY_SIZE, "%s='%.200s': %s", variable, value, reason);
	return -1;
}

static const char *given(const char *name)
{
	const char *value = getenv(name);
	return value && value[0] ? value : NULL;
}

/* "TLSv1.2", with any number of "+" behind: that version or a later one.  ("++" also forbade a
 * renegotiation by the client, which is never allowed here.) */
static int take_protocol(SSL_CTX *ctx, char why[TLS_WHY_SIZE])
{
	static const struct {
		const char *word;
		int version;
	} all[] = {{"SSL2", TLS1_VERSION}, {"SSL23", TLS1_VERSION}, {"SSL3", TLS1_VERSION},
	    {"TLS1", TLS1_VERSION}, {"TLSv1", TLS1_VERSION}, {"TLSv1.0", TLS1_VERSION},
	    {"TLSv1.1", TLS1_1_VERSION}, {"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}};
	const char *text = given("TLS_PROTOCOL");
	struct str value = str_of(text);
	if (!text)
		return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 ? 0 : -1;
	while (value.n && value.p[value.n - 1] == '+')
		value.n--;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (str_iis(value, all[i].word)) {
			SSL_CTX_set_min_proto_version(ctx, all[i].version);
			if (all[i].version < TLS1_2_VERSION) /* else OpenSSL refuses their hashes */
				SSL_CTX_set_security_level(ctx, 0);
			return 0;
		}
	return fail(why, "TLS_PROTOCOL", text, "there is no such version");
}

static int take_ciphers(SSL_CTX *ctx, char why[TLS_WHY_SIZE])
{
	const char *list = given("TLS_CIPHER_LIST");
	if (list && SSL_CTX_set_cipher_list(ctx, list) != 1)
		return fail(why, "TLS_CIPHER_LIST", list, "no cipher is left of it");
	return 0;
}

/* A key that others may read is nobody's secret. */
static int check_key(const char *variable, const char *path, char why[TLS_WHY_SIZE])
{
	struct stat st;
	if (stat(path, &st) < 0)
		return fail(why, variable, path, strerror(errno));
	if (st.st_mode & (S_IROTH | S_IWOTH))
		return fail(why, variable, path, "others may read or change it: chmod o= it");
	return 0;
}

static int take_certificate(SSL_CTX *ctx, bool server, char why[TLS_WHY_SIZE])
{
	const char *cert = given("TLS_CERTFILE"), *key = given("TLS_PRIVATE_KEYFILE");
	const char *variable = key ? "TLS_PRIVATE_KEYFILE" : "TLS_CERTFILE";
	if (!cert && server) {
		snprintf(
		    why, TLS_WHY_SIZE, "TLS_CERTFILE is not set: a server needs a certificate");
		return -1;
	}
	if (!cert)
		return 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return fail(why, "TLS_CERTFILE", cert, tls_reason());
	if (check_key(variable, key ? key : cert, why) < 0)
		return -1;
	if (SSL_CTX_use_PrivateKey_file(ctx, key ? key : cert, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		return fail(why, variable, key ? key : cert, tls_reason());
	return 0;
}

/* Without parameters of the administrator's own OpenSSL chooses good ones. */
static int take_dh(SSL_CTX *ctx, char why[TLS_WHY_SIZE])
{
	const char *variable = given("TLS_DHPARAMS") ? "TLS_DHPARAMS" : "TLS_DHCERTFILE";
	const char *path = given(variable);
	SSL_CTX_set_dh_auto(ctx, 1);
	if (!path)
		return 0;
	BIO *in = BIO_new_file(path, "r");
	EVP_PKEY *dh = in ? PEM_read_bio_Parameters(in, NULL) : NULL;
	BIO_free(in);
	if (dh && SSL_CTX_set0_tmp_dh_pkey(ctx, dh) == 1)
		return 0;
	EVP_PKEY_free(dh);
	return fail(why, variable, path, tls_reason());
}

static int take_trust(SSL_CTX *ctx, bool server, char why[TLS_WHY_SIZE])
{
	const char *path = given("TLS_TRUSTCERTS");
	struct stat st;
	if (!path)
		return 0;
	if (stat(path, &st) < 0)
		return fail(why, "TLS_TRUSTCERTS", path, strerror(errno));
	bool dir = S_ISDIR(st.st_mode);
	if (SSL_CTX_load_verify_locations(ctx, dir ? NULL : path, dir ? path : NULL) != 1)
		return fail(why, "TLS_TRUSTCERTS", path, tls_reason());
	if (server && !dir) /* clients choose their certificate by it */
		SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(path));
	return 0;
}

/* A client checks unless it is told not to; a server asks for nothing unless it is told to. */
static int take_verify(SSL_CTX *ctx, bool server, bool verify, char why[TLS_WHY_SIZE])
{
	const char *level = given("TLS_VERIFYPEER");
	struct str l = str_of(level ? level : server ? "NONE" : "PEER");
	int mode = SSL_VERIFY_PEER;
	if (str_iis(l, "NONE"))
		mode = SSL_VERIFY_NONE;
	else if (str_iis(l, "REQUIREPEER"))
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	else if (!str_iis(l, "PEER"))
		return fail(
		    why, "TLS_VERIFYPEER", level, "this is none of NONE, PEER, REQUIREPEER");
	if (verify)
		mode |= SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	SSL_CTX_set_verify(ctx, mode, NULL);
	return 0;
}

SSL_CTX *tls_context(bool server, bool verify, char why[TLS_WHY_SIZE])
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	snprintf(why, TLS_WHY_SIZE, "out of memory");
	if (!ctx)
		return NULL;
	static const unsigned char id[] = "couriertls";
	SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY | SSL_MODE_ENABLE_PARTIAL_WRITE);
	if (take_protocol(ctx, why) == 0 && take_ciphers(ctx, why) == 0 &&
	    take_certificate(ctx, server, why) == 0 && (!server || take_dh(ctx, why) == 0) &&
	    take_trust(ctx, server, why) == 0 && take_verify(ctx, server, verify, why) == 0)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}
