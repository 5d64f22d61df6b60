#include "access/proxy.h"

static const unsigned char signature[12] = {
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static unsigned u16(const char *p)
{
	return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* ---- version 1 ------------------------------------------------------------------------------- */

/* One field, parted by exactly one blank. */
static bool field(struct str *rest, struct str *out)
{
	return str_split(rest, ' ', out) && out->n > 0;
}

static bool read_port(struct str s, uint16_t *out)
{
	uint64_t n;
	if (s.n > 5 || !str_u64(s, &n) || n > 65535 || (s.n > 1 && s.p[0] == '0'))
		return false;
	*out = (uint16_t)n;
	return true;
}

static bool read_address(struct str s, bool v6, struct access_addr *out)
{
	return (str_chr(s, ':') >= 0) == v6 && access_addr_parse(s, out);
}

static enum proxy_verdict read_v1(struct str line, struct proxy_header *out)
{
	struct str family, from, to, from_port, to_port;
	line = str_skip(line, 6);
	if (!field(&line, &family))
		return PROXY_BAD;
	if (str_is(family, "UNKNOWN"))
		return PROXY_LOCAL;
	bool v6 = str_is(family, "TCP6");
	if ((!v6 && !str_is(family, "TCP4")) || !field(&line, &from) || !field(&line, &to) ||
	    !field(&line, &from_port) || !field(&line, &to_port) || line.n)
		return PROXY_BAD;
	return read_address(from, v6, &out->from) && read_address(to, v6, &out->to) &&
		       read_port(from_port, &out->from_port) && read_port(to_port, &out->to_port)
		   ? PROXY_KNOWN
		   : PROXY_BAD;
}

static enum proxy_verdict parse_v1(struct str bytes, struct proxy_header *out)
{
	struct str begin = STR("PROXY ");
	size_t n = bytes.n < begin.n ? bytes.n : begin.n;
	if (memcmp(bytes.p, begin.p, n) != 0)
		return PROXY_BAD;
	ptrdiff_t lf = str_chr(str_head(bytes, PROXY_V1_MAX), '\n');
	if (lf < 0)
		return bytes.n < PROXY_V1_MAX ? PROXY_MORE : PROXY_BAD;
	if (lf < 7 || bytes.p[lf - 1] != '\r')
		return PROXY_BAD;
	out->used = (size_t)lf + 1;
	struct str line = str_head(bytes, (size_t)lf - 1);
	return str_has_ctl(line) ? PROXY_BAD : read_v1(line, out);
}

/* ---- version 2 ------------------------------------------------------------------------------- */

static void map_v4(const char *p, struct access_addr *out)
{
	memset(out->b, 0, 10);
	out->b[10] = out->b[11] = 0xff;
	memcpy(out->b + 12, p, 4);
}

static enum proxy_verdict read_v2(unsigned family, struct str body, struct proxy_header *out)
{
	const char *p = body.p;
	switch (family) {
	case 0x11: /* TCP over IPv4 */
		if (body.n < 12)
			return PROXY_BAD;
		map_v4(p, &out->from);
		map_v4(p + 4, &out->to);
		out->from_port = (uint16_t)u16(p + 8);
		out->to_port = (uint16_t)u16(p + 10);
		return PROXY_KNOWN;
	case 0x21: /* TCP over IPv6 */
		if (body.n < 36)
			return PROXY_BAD;
		memcpy(out->from.b, p, 16);
		memcpy(out->to.b, p + 16, 16);
		out->from_port = (uint16_t)u16(p + 32);
		out->to_port = (uint16_t)u16(p + 34);
		return PROXY_KNOWN;
	default: /* no stream of the internet: the addresses say nothing */
		return (family >> 4) <= 3 && (family & 15) <= 2 ? PROXY_LOCAL : PROXY_BAD;
	}
}

static enum proxy_verdict parse_v2(struct str bytes, struct proxy_header *out)
{
	size_t n = bytes.n < sizeof signature ? bytes.n : sizeof signature;
	if (memcmp(bytes.p, signature, n) != 0)
		return PROXY_BAD;
	if (bytes.n < 16)
		return PROXY_MORE;
	unsigned command = (unsigned char)bytes.p[12], family = (unsigned char)bytes.p[13];
	size_t length = u16(bytes.p + 14);
	if ((command != 0x20 && command != 0x21) || length > PROXY_HEADER_MAX - 16)
		return PROXY_BAD;
	if (bytes.n < 16 + length)
		return PROXY_MORE;
	out->used = 16 + length;
	if (command == 0x20)
		return PROXY_LOCAL;
	return read_v2(family, str_at(bytes.p + 16, length), out);
}

enum proxy_verdict proxy_header_parse(struct str bytes, struct proxy_header *out)
{
	*out = (struct proxy_header){0};
	if (bytes.n == 0)
		return PROXY_MORE;
	return bytes.p[0] == '\r' ? parse_v2(bytes, out) : parse_v1(bytes, out);
}
