#include <arpa/inet.h>
#include <stdio.h>
#include "dns/rdata.h"
#include "unicode/unicode.h"

enum { LABEL_MAX = 63, NAME_MAX_TEXT = DNS_NAME_SIZE - 1 };

static bool label_byte(unsigned char c)
{
	return ascii_alnum(c) || c == '-' || c == '_';
}

/* Copies one label in lower case behind out[*n]; a dot goes before all but the first. */
static bool add_label(char *out, size_t *n, struct str label)
{
	if (!label.n || label.n > LABEL_MAX || *n + label.n + 1 > NAME_MAX_TEXT)
		return false;
	if (*n)
		out[(*n)++] = '.';
	for (size_t i = 0; i < label.n; i++) {
		if (!label_byte((unsigned char)label.p[i]))
			return false;
		out[(*n)++] = (char)ascii_lower((unsigned char)label.p[i]);
	}
	out[*n] = 0;
	return true;
}

int dns_rdata_name(struct str rdata, char out[DNS_NAME_SIZE])
{
	size_t n = 0;
	out[0] = 0;
	while (rdata.n) {
		size_t len = (unsigned char)rdata.p[0];
		rdata = str_skip(rdata, 1);
		if (!len)
			return rdata.n ? -1 : 0;
		if (len > rdata.n || !add_label(out, &n, str_head(rdata, len)))
			return -1;
		rdata = str_skip(rdata, len);
	}
	return -1;
}

int dns_rdata_mx(struct str rdata, uint16_t *pref, char host[DNS_NAME_SIZE])
{
	if (rdata.n < 3)
		return -1;
	const unsigned char *p = (const unsigned char *)rdata.p;
	*pref = (uint16_t)(p[0] << 8 | p[1]);
	return dns_rdata_name(str_skip(rdata, 2), host);
}

int dns_rdata_a(struct str rdata, struct sockaddr_storage *out)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	if (rdata.n != sizeof sin.sin_addr)
		return -1;
	memcpy(&sin.sin_addr, rdata.p, sizeof sin.sin_addr);
	memset(out, 0, sizeof *out);
	memcpy(out, &sin, sizeof sin);
	return 0;
}

int dns_rdata_aaaa(struct str rdata, struct sockaddr_storage *out)
{
	struct sockaddr_in6 sin = {.sin6_family = AF_INET6};
	if (rdata.n != sizeof sin.sin6_addr)
		return -1;
	memcpy(&sin.sin6_addr, rdata.p, sizeof sin.sin6_addr);
	memset(out, 0, sizeof *out);
	memcpy(out, &sin, sizeof sin);
	return 0;
}

int dns_rdata_txt(struct str rdata, struct buf *out)
{
	while (rdata.n) {
		size_t len = (unsigned char)rdata.p[0];
		rdata = str_skip(rdata, 1);
		if (len > rdata.n || !buf_add(out, rdata.p, len))
			return -1;
		rdata = str_skip(rdata, len);
	}
	return 0;
}

static bool ascii_name(struct str domain, char out[DNS_NAME_SIZE])
{
	size_t n = 0;
	struct str label;
	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (!domain.n)
		return false;
	while (str_split(&domain, '.', &label))
		if (!add_label(out, &n, label))
			return false;
	return true;
}

bool dns_name_ascii(struct str domain, char out[DNS_NAME_SIZE])
{
	if (domain.n > DOMAIN_TEXT_MAX)
		return false;
	if (!str_has_8bit(domain))
		return ascii_name(domain, out);
	struct arena *a = arena_new(64 * 1024);
	struct str s = a ? domain_ascii(a, domain) : STR_NONE;
	bool good = s.p && ascii_name(s, out);
	arena_free(a);
	return good;
}

bool dns_name_within(struct str name, struct str domain)
{
	if (str_ieq(name, domain))
		return true;
	return name.n > domain.n + 1 && str_iends(name, domain) &&
	       name.p[name.n - domain.n - 1] == '.';
}

static bool label_lengths_ok(struct str name)
{
	struct str label, rest = name;
	if (name.n == 0 || name.n >= DNS_NAME_SIZE - 2 || name.p[name.n - 1] == '.')
		return false;
	while (str_split(&rest, '.', &label))
		if (label.n == 0 || label.n > LABEL_MAX)
			return false;
	return true;
}

bool dns_name_escaped(struct str name, char out[DNS_ESCAPED_SIZE])
{
	size_t n = 0;
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (!label_lengths_ok(name))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		if (label_byte(c) || c == '.')
			out[n++] = (char)ascii_lower(c);
		else
			n += (size_t)snprintf(out + n, DNS_ESCAPED_SIZE - n, "\\%03u", c);
	}
	out[n] = 0;
	return true;
}

bool dns_literal(struct str text, struct sockaddr_storage *out)
{
	char z[INET6_ADDRSTRLEN];
	if (text.n > 2 && text.p[0] == '[' && text.p[text.n - 1] == ']') {
		text = str_range(text.p + 1, text.p + text.n - 1);
		if (str_istarts(text, STR("IPv6:")))
			text = str_skip(text, 5);
	}
	if (!text.n || text.n >= sizeof z || memchr(text.p, 0, text.n))
		return false;
	memcpy(z, text.p, text.n);
	z[text.n] = 0;
	struct in_addr a4;
	struct in6_addr a6;
	if (inet_pton(AF_INET, z, &a4) == 1)
		return !dns_rdata_a(str_at(&a4, sizeof a4), out);
	return inet_pton(AF_INET6, z, &a6) == 1 && !dns_rdata_aaaa(str_at(&a6, sizeof a6), out);
}

/* IPv4 bytes of an address, also of one mapped into IPv6; NULL when it is not IPv4. */
static const unsigned char *ipv4_bytes(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return (const unsigned char *)&((const struct sockaddr_in *)sa)->sin_addr;
	if (sa->sa_family != AF_INET6)
		return NULL;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
	return IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) ? six->sin6_addr.s6_addr + 12 : NULL;
}

bool dns_reverse_name(const struct sockaddr *sa, char out[DNS_NAME_SIZE])
{
	const unsigned char *four = ipv4_bytes(sa);
	if (four) {
		snprintf(out, DNS_NAME_SIZE, "%u.%u.%u.%u.in-addr.arpa", four[3], four[2], four[1],
		    four[0]);
		return true;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	const unsigned char *six = ((const struct sockaddr_in6 *)sa)->sin6_addr.s6_addr;
	static const char digit[] = "0123456789abcdef";
	size_t n = 0;
	for (int i = 15; i >= 0; i--) {
		out[n++] = digit[six[i] & 15];
		out[n++] = '.';
		out[n++] = digit[six[i] >> 4];
		out[n++] = '.';
	}
	memcpy(out + n, "ip6.arpa", sizeof "ip6.arpa");
	return true;
}

bool dns_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const unsigned char *four = ipv4_bytes((const struct sockaddr *)a);
	const unsigned char *other = ipv4_bytes((const struct sockaddr *)b);
	if (four || other)
		return four && other && !memcmp(four, other, 4);
	if (a->ss_family != AF_INET6 || b->ss_family != AF_INET6)
		return false;
	return !memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
	    &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr));
}
