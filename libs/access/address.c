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

struct str access_local_key(
    const struct access_addr *addr, uint16_t port, char key[ACCESS_LOCAL_KEY_SIZE])
{
	size_t n = 0;
	key[n++] = (char)(addr ? 0xff : 0xfe); /* no prefix is so long */
	key[n++] = (char)(port >> 8);
	key[n++] = (char)port;
	if (addr) {
		memcpy(key + n, addr->b, sizeof addr->b);
		n += sizeof addr->b;
	}
	return str_at(key, n);
}

int access_lookup_local_kind(const struct access_addr *a, uint16_t port,
    int (*get)(void *ctx, struct str key, struct str *value), void *ctx, struct str *action,
    bool *plain)
{
	char key[ACCESS_LOCAL_KEY_SIZE];
	const struct access_block whole = {*a, ACCESS_BITS};
	int r = get(ctx, access_local_key(a, port, key), action);
	*plain = false;
	if (r != 0)
		return r;
	access_key(&whole, key);
	r = get(ctx, str_at(key, ACCESS_KEY_SIZE), action);
	*plain = r > 0;
	return r != 0 ? r : get(ctx, access_local_key(NULL, port, key), action);
}

int access_lookup_local(const struct access_addr *a, uint16_t port,
    int (*get)(void *ctx, struct str key, struct str *value), void *ctx, struct str *action)
{
	bool plain;
	return access_lookup_local_kind(a, port, get, ctx, action, &plain);
}

void access_addr_text(const struct access_addr *a, char out[46])
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const char *z = memcmp(a->b, mapped, sizeof mapped) == 0
			    ? inet_ntop(AF_INET, a->b + 12, out, 46)
			    : inet_ntop(AF_INET6, a->b, out, 46);
	if (!z)
		out[0] = 0;
}
