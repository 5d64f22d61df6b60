/* mkdhparams: etc/dhparams.pem, made anew once a month. */
#include "config.h"

#include "config/instance.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/dh.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

enum { YOUNG_S = 25 * 24 * 3600, BITS = 2048, BITS_MIN = 1024, BITS_MAX = 8192 };

static int usage(void)
{
	fprintf(stderr, "usage: mkdhparams [-C DIR]\n");
	return EXIT_FAILURE;
}

static bool is_young(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && st.st_size > 0 && clock_now() - st.st_mtime < YOUNG_S;
}

/* Well-known groups (RFC 7919) where there is one: nothing that is searched for here is better. */
static int choose(EVP_PKEY_CTX *ctx, unsigned bits)
{
	char group[20];
	snprintf(group, sizeof group, "ffdhe%u", bits);
	if (bits == 2048 || bits == 3072 || bits == 4096 || bits == 6144 || bits == 8192)
		return EVP_PKEY_CTX_set_group_name(ctx, group);
	return EVP_PKEY_CTX_set_dh_paramgen_prime_len(ctx, (int)bits);
}

static EVP_PKEY *make(unsigned bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_DH, NULL);
	EVP_PKEY *params = NULL;
	if (!ctx || EVP_PKEY_paramgen_init(ctx) != 1 || choose(ctx, bits) != 1 ||
	    EVP_PKEY_paramgen(ctx, &params) != 1)
		params = NULL;
	EVP_PKEY_CTX_free(ctx);
	return params;
}

static int write_out(const char *path, EVP_PKEY *params)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	int r = -1;
	errno = ENOMEM;
	if (out && PEM_write_bio_Parameters(out, params) == 1) {
		long n = BIO_get_mem_data(out, &text);
		r = file_replace(AT_FDCWD, path, text, (size_t)n, 0600);
	}
	if (r < 0)
		fprintf(stderr, "mkdhparams: cannot write '%s': %s\n", path, strerror(errno));
	BIO_free(out);
	return r;
}

static int renew(const char *path)
{
	const char *given = getenv("DH_BITS");
	uint64_t bits = BITS;
	if (is_young(path))
		return EXIT_SUCCESS;
	if (given && given[0] &&
	    (!str_u64(str_of(given), &bits) || bits < BITS_MIN || bits > BITS_MAX)) {
		fprintf(stderr, "mkdhparams: DH_BITS='%s': a number from %d to %d is wanted\n",
		    given, BITS_MIN, BITS_MAX);
		return EXIT_FAILURE;
	}
	EVP_PKEY *params = make((unsigned)bits);
	if (!params) {
		fprintf(stderr, "mkdhparams: cannot make parameters of %u bits: %s\n",
		    (unsigned)bits, ERR_reason_error_string(ERR_get_error()));
		return EXIT_FAILURE;
	}
	int r = write_out(path, params);
	EVP_PKEY_free(params);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct instance in;
	const char *given = getenv("TLS_DHPARAMS");
	char *why;
	bool dir = argc == 3 && strcmp(argv[1], "-C") == 0;
	if (argc != 1 && !dir)
		return usage();
	if (instance_find(&in, dir ? argv[2] : NULL, &why) < 0) {
		fprintf(stderr, "mkdhparams: %s\n", why);
		free(why);
		return EXIT_FAILURE;
	}
	char *path = given && given[0] ? mem_strdup(given) : instance_path(in.etc, "dhparams.pem");
	int r = renew(path);
	free(path);
	instance_free(&in);
	return r;
}
