/* Addresses and blocks of smtpaccess. */
#include "access/access.h"
#include <arpa/inet.h>

static void map_ipv4(const unsigned char v4[4], struct access_addr *out)
{
	memset(out->b, 0, 10);
	out->b[10] = out->b[11] = 0xff;
	memcpy(out->b + 12, v4, 4);
}

bool access_addr_parse(struct str text, struct access_addr *out)
{
	char z[INET6_ADDRSTRLEN];
	unsigned char v4[4];
	if (text.n == 0 || text.n >= sizeof(z) || memchr(text.p, 0, text.n))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = 0;
	if (inet_pton(AF_INET, z, v4) == 1) {
		map_ipv4(v4, out);
		return true;
	}
	return inet_pton(AF_INET6, z, out->b) == 1;
}

void access_key(const struct access_block *b, char key[ACCESS_KEY_SIZE])
{
	key[0] = (char)b->bits;
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = b->bits >= 8 * (i + 1) ? 8 : b->bits > 8 * i ? b->bits - 8 * i : 0;
		key[i + 1] = (char)(b->addr.b[i] & (unsigned char)(0xff00u >> keep));
	}
}

int access_lookup(const struct access_addr *a,
    int (*get)(void *ctx, struct str key, struct str *value), void *ctx, struct str *action)
{
	struct str lengths;
	char present[ACCESS_LENGTHS_SIZE], key[ACCESS_KEY_SIZE];
	int r = get(ctx, ACCESS_LENGTHS, &lengths);
	if (r <= 0)
		return r;
	if (lengths.n != sizeof(present))
		return -1;
	memcpy(present, lengths.p, sizeof(present));
	for (int bits = ACCESS_BITS; bits >= 0; bits--) {
		if (!present[bits])
			continue;
		struct access_block b = {*a, (unsigned)bits};
		access_key(&b, key);
		r = get(ctx, str_at(key, sizeof(key)), action);
		if (r != 0)
			return r;
	}
	return 0;
}
