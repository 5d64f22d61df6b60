#include "submit/address.h"
#include <arpa/inet.h>
#include <stdio.h>
#include "rfc822/rfc822.h"
#include "unicode/unicode.h"

static enum address_error parse(
    struct arena *a, struct str text, unsigned flags, struct mailpath *path)
{
	struct str rest = text;
	unsigned how = MAILPATH_NO_ANGLE | MAILPATH_BARE;
	if (flags & ADDRESS_UTF8)
		how |= MAILPATH_UTF8;
	switch (mailpath_parse(a, &rest, how, path)) {
	case MAILPATH_OK:
		return rest.n || path->local.n == 0 ? ADDRESS_SYNTAX : ADDRESS_OK;
	case MAILPATH_TOO_LONG:
		return ADDRESS_TOO_LONG;
	case MAILPATH_NEEDS_UTF8:
		return ADDRESS_NEEDS_UTF8;
	case MAILPATH_NO_DOMAIN:
		return ADDRESS_NO_DOMAIN;
	case MAILPATH_NO_MEMORY:
		return ADDRESS_TEMPORARY;
	case MAILPATH_SYNTAX:
		break;
	}
	return ADDRESS_SYNTAX;
}

/* However they are spelled. */
static bool same_ip(struct str a, struct str b)
{
	char text[2][INET6_ADDRSTRLEN + 1];
	unsigned char ip[2][sizeof(struct in6_addr)];
	int family = str_chr(b, ':') >= 0 ? AF_INET6 : AF_INET;
	snprintf(text[0], sizeof text[0], "%.*s", STR_FMT(a));
	snprintf(text[1], sizeof text[1], "%.*s", STR_FMT(b));
	return inet_pton(family, text[0], ip[0]) == 1 && inet_pton(family, text[1], ip[1]) == 1 &&
	       memcmp(ip[0], ip[1], family == AF_INET6 ? 16 : 4) == 0;
}

/* The domain an address is taken to have; empty: it is bare and must not be. */
static struct str effective_domain(
    const struct names *n, const struct mailpath *path, struct str local_ip, unsigned flags)
{
	struct str ip;
	if (path->domain.n == 0) {
		bool ours = (flags & ADDRESS_BARE) || str_iis(path->local, "postmaster");
		return ours ? n->defaultdomain : STR_NONE;
	}
	if (path->literal && local_ip.n && mailpath_literal_ok(path->domain, &ip) &&
	    same_ip(ip, local_ip))
		return n->defaultdomain;
	return path->domain;
}

/* 0, or -1 when a table can't be read. */
static int classify(const struct names *n, struct address *out)
{
	struct domain_match m;
	out->kind = ADDRESS_REMOTE;
	out->at = out->wild = STR_NONE;
	int r = domains_match(n->locals, out->domain, NULL);
	if (r != 0) {
		out->kind = ADDRESS_LOCAL;
		return r < 0 ? -1 : 0;
	}
	r = domains_match(n->hosted, out->domain, &m);
	if (r > 0) {
		out->kind = ADDRESS_HOSTED;
		out->at = m.target.n ? m.target : out->domain;
		out->wild = m.target.n || m.at == 0 ? STR_NONE : str_skip(out->domain, m.at);
	}
	return r < 0 ? -1 : 0;
}

static struct str print(struct arena *a, struct str local, struct str domain)
{
	struct buf b;
	buf_init(&b, 4096);
	struct str s = STR_NONE;
	if (mailaddr_print_spec(&b, local, domain))
		s = arena_str(a, buf_str(&b));
	buf_free(&b);
	return s;
}

/* All local domains are one; an empty domain is nobody else's key. */
static struct str print_local_key(struct arena *a, struct str local)
{
	return str_of(arena_printf(a, "%.*s@", STR_FMT(local)));
}

enum address_error address_canonical(const struct names *n, struct arena *a, struct str text,
    struct str local_ip, unsigned flags, struct address *out)
{
	struct mailpath path;
	enum address_error e = parse(a, text, flags, &path);
	if (e != ADDRESS_OK)
		return e;
	struct str domain = effective_domain(n, &path, local_ip, flags);
	if (domain.n == 0)
		return ADDRESS_NO_DOMAIN;
	out->local = path.local;
	out->domain = domain_canonical(a, domain);
	if (!out->domain.p || classify(n, out) < 0)
		return ADDRESS_TEMPORARY;
	if (out->kind != ADDRESS_REMOTE && (n->lowercase || str_iis(out->local, "postmaster")))
		out->local = arena_lower(a, out->local);
	if (out->at.n)
		out->at = arena_str(a, out->at);
	out->text = print(a, out->local, out->domain);
	out->key = out->kind == ADDRESS_LOCAL    ? print_local_key(a, out->local)
		   : out->kind == ADDRESS_HOSTED ? print(a, out->local, out->at)
						 : out->text;
	return out->text.p && out->key.p ? ADDRESS_OK : ADDRESS_TEMPORARY;
}

int address_accepted(const struct names *n, const struct address *a)
{
	if (a->kind != ADDRESS_REMOTE)
		return 1;
	if (!n->accept && str_ieq(a->domain, n->me))
		return 1;
	int r = n->accept ? domains_match(n->accept, a->domain, NULL) : 0;
	if (r == 0 && n->accept_more)
		r = domains_match(n->accept_more, a->domain, NULL);
	return r;
}

int address_percent(
    const struct names *n, struct arena *a, const struct address *addr, struct str *out)
{
	ptrdiff_t i = addr->kind == ADDRESS_LOCAL ? str_rchr(addr->local, '%') : -1;
	if (i <= 0)
		return 0;
	struct str domain = domain_canonical(a, str_skip(addr->local, (size_t)i + 1));
	if (!domain.p)
		return -1;
	int r = n->percent ? domains_match(n->percent, domain, NULL) : 0;
	if (r == 0 && n->percent_more)
		r = domains_match(n->percent_more, domain, NULL);
	if (r > 0) {
		*out = print(a, str_head(addr->local, (size_t)i), domain);
		r = out->p ? 1 : -1;
	}
	return r;
}

static bool is_separator(const struct names *n, char c)
{
	return c == '-' || (c && strchr(n->separators, c));
}

/* Where the account's name ends when the local part is cut at its k-th separator from behind; 0:
 * there is none. */
static size_t split_at(const struct names *n, struct str local, unsigned k)
{
	if (k == 0)
		return local.n;
	for (size_t i = local.n; i-- > 1;)
		if (is_separator(n, local.p[i]) && --k == 0)
			return i;
	return 0;
}

/* The k-th domain for account names: a.b.dom, and when ".dom" is an entry ".b.dom" and ".dom". */
static bool domain_of_stage(const struct address *addr, unsigned k, struct str *out)
{
	*out = addr->at;
	for (size_t i = 1; k && addr->wild.n && i + addr->wild.n <= addr->at.n; i++)
		if (addr->at.p[i] == '.') {
			*out = str_skip(addr->at, i);
			k--;
		}
	return k == 0;
}

static struct str account_at(struct arena *a, struct str local, struct str domain)
{
	if (domain.n == 0)
		return local;
	return str_of(arena_printf(a, "%.*s@%.*s", STR_FMT(local), STR_FMT(domain)));
}

static bool try_split(const struct names *n, struct arena *a, const struct address *addr,
    unsigned stage, unsigned split, struct address_try *out)
{
	struct str domain;
	size_t end = split_at(n, addr->local, split);
	if (end == 0 || !domain_of_stage(addr, stage, &domain))
		return false;
	bool whole = end == addr->local.n;
	*out = (struct address_try){
	    .account = account_at(a, str_head(addr->local, end), domain),
	    .ext = whole ? STR_NONE : str_skip(addr->local, end + 1),
	    .separator = whole ? 0 : addr->local.p[end],
	};
	return out->account.n != 0;
}

static bool try_catch_all(
    struct arena *a, const struct address *addr, unsigned stage, struct address_try *out)
{
	struct str domain;
	if (addr->kind != ADDRESS_HOSTED || !domain_of_stage(addr, stage, &domain))
		return false;
	*out = (struct address_try){
	    .account = account_at(a, STR("alias"), domain), .ext = addr->local};
	return out->account.n != 0;
}

bool address_next_try(const struct names *n, struct arena *a, const struct address *addr,
    unsigned *at, struct address_try *out)
{
	enum { NORMAL = ADDRESS_STAGES_MAX * ADDRESS_SPLITS_MAX };
	while (*at < NORMAL + ADDRESS_STAGES_MAX) {
		unsigned k = (*at)++;
		if (k < NORMAL
			? try_split(n, a, addr, k / ADDRESS_SPLITS_MAX, k % ADDRESS_SPLITS_MAX, out)
			: try_catch_all(a, addr, k - NORMAL, out))
			return true;
	}
	return false;
}
