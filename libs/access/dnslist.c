#include "access/dnslist.h"
#include <stdio.h>

static bool is_v4(const struct access_addr *a)
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	return memcmp(a->b, mapped, sizeof mapped) == 0;
}

static bool name_v4(const unsigned char *v, struct str zone, char out[DNS_LIST_NAME_SIZE])
{
	int n = snprintf(
	    out, DNS_LIST_NAME_SIZE, "%u.%u.%u.%u.%.*s", v[3], v[2], v[1], v[0], STR_FMT(zone));
	return n > 0 && n < DNS_LIST_NAME_SIZE;
}

static bool name_v6(const struct access_addr *a, struct str zone, char out[DNS_LIST_NAME_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	if (zone.n + 65 > DNS_LIST_NAME_SIZE)
		return false;
	for (size_t i = 0; i < 16; i++) {
		out[4 * i] = digits[a->b[15 - i] & 15];
		out[4 * i + 1] = '.';
		out[4 * i + 2] = digits[a->b[15 - i] >> 4];
		out[4 * i + 3] = '.';
	}
	memcpy(out + 64, zone.p, zone.n);
	out[64 + zone.n] = 0;
	return true;
}

bool dns_list_name(const struct access_addr *a, struct str zone, char out[DNS_LIST_NAME_SIZE])
{
	return is_v4(a) ? name_v4(a->b + 12, zone, out) : name_v6(a, zone, out);
}

bool dns_list_probe(const struct access_addr *a, struct str zone, char out[DNS_LIST_NAME_SIZE])
{
	struct access_addr here = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1}};
	return is_v4(a) ? name_v4(here.b + 12, zone, out) : name_v6(&here, zone, out);
}

void dns_list_text(struct str txt, char out[DNS_LIST_TXT_SIZE])
{
	size_t n = 0;
	for (size_t i = 0; i < txt.n && n < DNS_LIST_TXT_SIZE - 1; i++) {
		unsigned char c = (unsigned char)txt.p[i];
		out[n++] = c >= ' ' && c < 0x7f ? (char)c : '?';
	}
	out[n] = 0;
}

static bool is_refusal(const unsigned char a[4])
{
	return a[0] == 127 && a[1] == 255 && a[2] == 255;
}

static enum dns_list_state read_addresses(
    const struct dns_list *l, const struct dns_list_answer *r, int *which)
{
	bool refused = false;
	for (unsigned i = 0; i < r->n; i++) {
		refused |= is_refusal(r->a[i]) || r->a[i][0] != 127;
		if (l->exact ? memcmp(r->a[i], l->value, 4) != 0
			     : is_refusal(r->a[i]) || r->a[i][0] != 127)
			continue;
		*which = (int)i;
		return DNS_LIST_HIT;
	}
	return refused && !l->exact ? DNS_LIST_DOWN : DNS_LIST_MISS;
}

enum dns_list_state dns_list_read(
    const struct dns_list *l, const struct dns_list_answer *r, int *which)
{
	*which = -1;
	if (r->ignored)
		return DNS_LIST_MISS;
	enum dns_list_state st = l->ask_a ? read_addresses(l, r, which) : DNS_LIST_MISS;
	if (st == DNS_LIST_MISS && r->txt[0] && !l->exact && l->ask_txt && !l->allow)
		st = DNS_LIST_HIT;
	return st == DNS_LIST_MISS && r->failed ? DNS_LIST_DOWN : st;
}

static void set(struct buf *env, struct str var, const char *suffix, const char *value)
{
	buf_addf(env, "%.*s%s=%s\n", STR_FMT(var), suffix, value);
}

static void put(struct buf *env, const struct dns_list *l, const struct dns_list_answer *r,
    int which, struct str ip)
{
	if (l->allow)
		set(env, l->var, "", "");
	else if (l->text.n)
		buf_addf(env, "%.*s=%.*s\n", STR_FMT(l->var), STR_FMT(l->text));
	else if (r->txt[0])
		set(env, l->var, "", r->txt);
	else
		buf_addf(env, "%.*s=Access denied: %.*s is listed by %.*s\n", STR_FMT(l->var),
		    STR_FMT(ip), STR_FMT(l->display));
	if (which >= 0)
		buf_addf(env, "%.*s_IP=%u.%u.%u.%u\n", STR_FMT(l->var), r->a[which][0],
		    r->a[which][1], r->a[which][2], r->a[which][3]);
	if (r->txt[0])
		set(env, l->var, "_TXT", r->txt);
	buf_addf(env, "%.*s_ZONE=%.*s\n", STR_FMT(l->var), STR_FMT(l->display));
}

/* env: what was there before, and in buf what lists have set so far. */
static bool is_set(struct str env, struct str var)
{
	char name[80];
	struct str value;
	snprintf(name, sizeof name, "%.*s", STR_FMT(var));
	return access_env(env, name, &value);
}

void dns_lists_judge(const struct dns_list *lists, size_t n, const struct dns_list_answer *answers,
    struct str ip, struct buf *env, uint32_t *hit)
{
	int which;
	*hit = 0;
	for (size_t i = 0; i < n && i < 32; i++) {
		if (is_set(buf_str(env), lists[i].var) ||
		    dns_list_read(&lists[i], &answers[i], &which) != DNS_LIST_HIT)
			continue;
		put(env, &lists[i], &answers[i], which, ip);
		*hit |= 1u << i;
	}
}

static void add_quoted(struct buf *out, const char *z)
{
	buf_addc(out, '"');
	for (; *z; z++) {
		if (*z == '"' || *z == '\\')
			buf_addc(out, '\\');
		buf_addc(out, *z);
	}
	buf_addc(out, '"');
}

/* A word that may stand without quotes (RFC 8601, 2.2); others are quoted. */
static void add_value(struct buf *out, struct str s)
{
	char z[DNS_LIST_TXT_SIZE];
	bool plain = s.n > 0;
	for (size_t i = 0; i < s.n; i++)
		plain &= ascii_alnum((unsigned char)s.p[i]) || strchr("-._", s.p[i]) != NULL;
	dns_list_text(s, z);
	if (plain)
		buf_addz(out, z);
	else
		add_quoted(out, z);
}

static void add_result(
    struct buf *out, const struct dns_list *l, const struct dns_list_answer *r, struct str me)
{
	int which;
	dns_list_read(l, r, &which);
	if (out->n == 0)
		buf_adds(out, me);
	buf_addz(out, ";\n  dnswl=pass dns.zone=");
	add_value(out, l->display);
	if (which >= 0)
		buf_addf(out, "\n  policy.ip=%u.%u.%u.%u", r->a[which][0], r->a[which][1],
		    r->a[which][2], r->a[which][3]);
	if (r->txt[0]) {
		buf_addz(out, "\n  policy.txt=");
		add_quoted(out, r->txt);
	}
}

void dns_lists_results(const struct dns_list *lists, size_t n,
    const struct dns_list_answer *answers, uint32_t hit, struct str me, struct buf *out)
{
	for (size_t i = 0; i < n && i < 32; i++)
		if (lists[i].allow && (hit & 1u << i))
			add_result(out, &lists[i], &answers[i], me);
}
