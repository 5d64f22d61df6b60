/* A client's certificate in DER: its fields stay within their limits; and names beside suffixes. */
#include "config.h"

#include "tests/fuzz/fuzz.h"
#include "tls/tls-private.h"

enum { FIELD_ROOM = 300 };

static void fields(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
	    "CN", "emailaddress", "email", "dns", "UID", "2.5.4.3", "O"};
	const unsigned char *p = data;
	X509 *cert = d2i_X509(NULL, &p, (long)size);
	struct buf b;

	for (size_t i = 0; cert && i < ARRAY_LEN(names); i++) {
		buf_init(&b, FIELD_ROOM);
		bool found = tls_certificate_field(cert, names[i], &b);
		FUZZ_CHECK(found == (b.n > 0) && b.n <= 255);
		for (size_t k = 0; k < b.n; k++)
			FUZZ_CHECK((unsigned char)b.p[k] >= ' ' && b.p[k] != 0x7f);
		buf_free(&b);
	}
	X509_free(cert);
}

static void words(struct str text)
{
	struct str host = text, suffix;
	struct buf b;

	if (!str_split(&host, '\n', &suffix))
		return;
	FUZZ_CHECK(tls_suffix_fits(suffix, host) <= suffix.n);
	(void)tls_suffix_is_address(suffix, host);
	(void)tls_lowest_version(suffix);
	buf_init(&b, ALPN_MAX);
	FUZZ_CHECK(!tls_alpn_wire(suffix, &b) || b.n <= ALPN_MAX);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fields(data, size);
	words(str_at(data, size));
	return 0;
}
