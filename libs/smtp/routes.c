#include <arpa/inet.h>
#include <stdlib.h>
#include "smtp/routes.h"

struct line {
	struct str domain;
	struct route route;
};

struct routes {
	struct arena *arena;
	VEC(struct line) lines;
};

enum { ROUTES_BYTES_MAX = 64 * 1024 * 1024, SMTP_PORT = 25 };

struct routes *routes_new(void)
{
	struct routes *r = mem_new(struct routes);
	r->arena = arena_new(ROUTES_BYTES_MAX);
	return r;
}

void routes_free(struct routes *r)
{
	if (!r)
		return;
	arena_free(r->arena);
	vec_free(&r->lines);
	free(r);
}

static bool option(struct route *route, struct str word)
{
	static const struct {
		const char *word;
		int security, family;
	} known[] = {
	    {"SECURITY=STARTTLS", ROUTE_EXTENSION, -1},
	    {"SECURITY=REQUIRED", ROUTE_REQUIRED, -1},
	    {"SECURITY=SMTPS", ROUTE_SMTPS, -1},
	    {"IPV4ONLY", -1, ROUTE_IPV4},
	    {"IPV6ONLY", -1, ROUTE_IPV6},
	};
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!str_iis(word, known[i].word))
			continue;
		if (known[i].security >= 0)
			route->security = (enum route_security)known[i].security;
		if (known[i].family >= 0)
			route->family = (enum route_family)known[i].family;
		return true;
	}
	return false;
}

static bool is_address(struct str s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr any;
	if (!s.n || s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

/* What nobody will ever answer is a slip of the hand: mail would wait for it until it expires. */
static const char *relay_wrong(struct str s)
{
	bool open = s.n && s.p[0] == '[', end = s.n && s.p[s.n - 1] == ']';
	if (open != end || is_address(s))
		return "an address stands in brackets";
	if (!open)
		return NULL;
	s = str_head(str_skip(s, 1), s.n - 2);
	if (str_istarts(s, STR("IPv6:")))
		s = str_skip(s, 5);
	return is_address(s) ? NULL : "what stands in brackets is no address";
}

static const char *relay_and_port(struct route *route, struct str s)
{
	ptrdiff_t comma = str_rchr(s, ',');
	uint64_t port = SMTP_PORT;
	if (comma >= 0) {
		if (!str_u64(str_trim(str_skip(s, (size_t)comma + 1)), &port) || !port ||
		    port > 65535)
			return "the port is not a number from 1 to 65535";
		s = str_trim(str_head(s, (size_t)comma));
	}
	if (str_chr(s, ' ') >= 0 || str_chr(s, '\t') >= 0)
		return "a relay is one word";
	route->port = (uint16_t)port;
	route->relay = s;
	return relay_wrong(s);
}

/* Cuts "/OPTION"... off the end; no option holds a slash, and no relay does. */
static const char *options(struct route *route, struct str *s)
{
	ptrdiff_t slash = str_chr(*s, '/');
	if (slash < 0)
		return NULL;
	struct str rest = str_skip(*s, (size_t)slash + 1), word;
	*s = str_trim(str_head(*s, (size_t)slash));
	while (str_split(&rest, '/', &word))
		if (!option(route, str_trim(word)))
			return "unknown option behind '/'";
	return NULL;
}

const char *routes_add(struct routes *r, struct str line)
{
	line = str_trim(line);
	if (!line.n || line.p[0] == '#')
		return NULL;
	if (line.n > ROUTE_LINE_MAX || str_has_ctl(line))
		return "the line is too long or holds control characters";
	ptrdiff_t colon = str_chr(line, ':');
	if (colon < 0)
		return "expected DOMAIN:RELAY";
	struct line l = {.domain = str_trim(str_head(line, (size_t)colon))};
	if (str_chr(l.domain, '*') >= 0)
		return "'*' fits nothing: .DOMAIN is what lies below it, no word at all is "
		       "everything";
	struct str rest = str_trim(str_skip(line, (size_t)colon + 1));
	const char *wrong = options(&l.route, &rest);
	if (!wrong)
		wrong = relay_and_port(&l.route, rest);
	if (wrong)
		return wrong;
	if (r->lines.n == ROUTES_MAX)
		return "too many routes";
	l.domain = arena_str(r->arena, l.domain);
	l.route.relay = arena_str(r->arena, l.route.relay);
	vec_push(&r->lines, l);
	return NULL;
}

const char *routes_line_wrong(struct str line)
{
	struct routes *r = routes_new();
	const char *wrong = routes_add(r, line);
	routes_free(r);
	return wrong;
}

static bool fits(struct str pattern, struct str domain)
{
	if (!pattern.n)
		return true;
	if (pattern.p[0] == '.')
		return domain.n > pattern.n && str_iends(domain, pattern);
	return str_ieq(pattern, domain);
}

struct route routes_find(const struct routes *r, struct str domain)
{
	for (size_t i = 0; i < r->lines.n; i++)
		if (fits(r->lines.v[i].domain, domain))
			return r->lines.v[i].route;
	return (struct route){.port = SMTP_PORT};
}
