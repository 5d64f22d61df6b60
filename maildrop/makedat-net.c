#include "config.h"

#include "maildrop/makedat-net.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { V4_BITS = 32, V6_BITS = 128, WORDS = 8 };

struct keys {
	int (*put)(void *ctx, struct str key);
	void *ctx;
	unsigned n;
};

static int put_text(struct keys *k, const char *text)
{
	return ++k->n > MAKEDAT_KEYS_MAX ? -1 : k->put(k->ctx, str_of(text));
}

static bool read_v4(struct str s, uint32_t *out)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr in;
	snprintf(text, sizeof(text), "%.*s", STR_FMT(s));
	if (s.n >= sizeof(text) || inet_pton(AF_INET, text, &in) != 1)
		return false;
	*out = ntohl(in.s_addr);
	return true;
}

/* ---- IPv4 ------------------------------------------------------------------------------------ */

/* The keys of a network of `bits` bits: all prefixes of whole octets in it. */
static int put_v4(struct keys *k, uint32_t net, unsigned bits)
{
	unsigned octets = bits == 0 ? 1 : (bits + 7) / 8, whole = octets * 8;
	uint64_t step = UINT64_C(1) << (V4_BITS - whole), at = net;
	int r = 0;
	for (uint32_t left = UINT32_C(1) << (whole - bits); r == 0 && left; left--, at += step) {
		char text[INET_ADDRSTRLEN];
		size_t n = 0;
		for (unsigned i = 0; i < octets; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u", i ? "." : "",
			    (unsigned)(at >> (24 - 8 * i)) & 255);
		r = put_text(k, text);
	}
	return r;
}

/* The largest aligned networks that make up a range. */
static int put_range(struct keys *k, uint64_t from, uint64_t to)
{
	int r = 0;
	while (r == 0 && from <= to) {
		unsigned bits = V4_BITS;
		while (bits > 0) {
			uint64_t size = UINT64_C(1) << (V4_BITS - bits + 1);
			if (from % size || from + size - 1 > to)
				break;
			bits--;
		}
		r = put_v4(k, (uint32_t)from, bits);
		from += UINT64_C(1) << (V4_BITS - bits);
	}
	return r;
}

/* ---- IPv6 ------------------------------------------------------------------------------------ */

static int put_words(struct keys *k, const uint16_t *word, unsigned words)
{
	char text[WORDS * 5 + 1];
	for (unsigned i = 0; i < words; i++)
		snprintf(text + 5 * i, sizeof(text) - 5 * i, ":%04x", (unsigned)word[i]);
	return put_text(k, text);
}

static int put_v6(struct keys *k, struct str address, unsigned bits)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in;
	uint16_t word[WORDS];
	snprintf(text, sizeof(text), "%.*s", STR_FMT(address));
	if (address.n >= sizeof(text) || inet_pton(AF_INET6, text, &in) != 1)
		return -1;
	for (unsigned i = 0; i < WORDS; i++)
		word[i] = (uint16_t)(in.s6_addr[2 * i] << 8 | in.s6_addr[2 * i + 1]);
	unsigned words = bits == 0 ? 1 : (bits + 15) / 16, loose = words * 16 - bits;
	uint32_t count = UINT32_C(1) << loose;
	uint16_t *last = &word[words - 1];
	*last = (uint16_t)(*last & ~(count - 1));
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < count; i++, ++*last)
		r = put_words(k, word, words);
	return r;
}

int makedat_network(struct str text, int (*put)(void *ctx, struct str key), void *ctx)
{
	struct keys k = {put, ctx, 0};
	struct str rest = text, address;
	uint32_t from, to;
	ptrdiff_t dash = str_chr(text, '-');
	if (dash >= 0)
		return read_v4(str_head(text, (size_t)dash), &from) &&
			       read_v4(str_skip(text, (size_t)dash + 1), &to) && from <= to
			   ? put_range(&k, from, to)
			   : -1;
	str_split(&rest, '/', &address);
	bool six = str_chr(address, ':') >= 0, whole = address.n == text.n;
	uint64_t bits = six ? V6_BITS : V4_BITS;
	if (!whole && (!str_u64(rest, &bits) || bits > (six ? V6_BITS : V4_BITS)))
		return -1;
	if (six)
		return put_v6(&k, address, (unsigned)bits);
	if (!read_v4(address, &from))
		return -1;
	uint32_t mask = bits == 0 ? 0 : ~UINT32_C(0) << (V4_BITS - bits);
	return put_v4(&k, from & mask, (unsigned)bits);
}
