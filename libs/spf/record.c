/* The grammar of a record (RFC 7208, 4.5, 4.6, 5 and 12). */
#include <arpa/inet.h>
#include "spf/spf-private.h"

#define VERSION STR("v=spf1")

bool spf_is_record(struct str text)
{
	return str_istarts(text, VERSION) && (text.n == VERSION.n || text.p[VERSION.n] == ' ');
}

void spf_record_free(struct spf_record *r)
{
	vec_free(&r->terms);
}

/* ---- lengths of networks --------------------------------------------------------------------- */

/* Cuts "/digits" off the end; 1 with *digits, 0 there is none. */
static bool cut_length(struct str *s, struct str *digits)
{
	size_t n = s->n;
	while (n && ascii_digit((unsigned char)s->p[n - 1]))
		n--;
	if (n == 0 || n == s->n || s->p[n - 1] != '/')
		return false;
	*digits = str_skip(*s, n);
	s->n = n - 1;
	return true;
}

static bool length_of(struct str digits, unsigned max, unsigned *out)
{
	uint64_t v;
	if (digits.n > 3 || (digits.n > 1 && digits.p[0] == '0') || !str_u64(digits, &v) || v > max)
		return false;
	*out = (unsigned)v;
	return true;
}

/* [ "/" ip4-cidr ] [ "//" ip6-cidr ] at the end of an argument. */
static bool cut_lengths(struct str *s, struct spf_term *t)
{
	struct str digits;
	if (!cut_length(s, &digits))
		return true;
	if (s->n == 0 || s->p[s->n - 1] != '/')
		return length_of(digits, 32, &t->bits4);
	s->n--;
	if (!length_of(digits, 128, &t->bits6))
		return false;
	return !cut_length(s, &digits) || length_of(digits, 32, &t->bits4);
}

/* ---- mechanisms ------------------------------------------------------------------------------ */

/* arg: what follows the name, with its ':' or '/'. */
static bool take_domain(struct str arg, bool required, bool lengths, struct spf_term *t)
{
	if (lengths && !cut_lengths(&arg, t))
		return false;
	if (arg.n == 0)
		return !required;
	if (arg.p[0] != ':')
		return false;
	t->domain = str_skip(arg, 1);
	return spf_domain_spec_valid(t->domain);
}

static bool take_network(struct str arg, int family, unsigned *bits, struct spf_term *t)
{
	char z[INET6_ADDRSTRLEN];
	struct str digits;
	unsigned max = family == AF_INET ? 32 : 128;
	if (arg.n < 2 || arg.p[0] != ':')
		return false;
	arg = str_skip(arg, 1);
	if (cut_length(&arg, &digits) && !length_of(digits, max, bits))
		return false;
	if (arg.n >= sizeof z || memchr(arg.p, 0, arg.n))
		return false;
	memcpy(z, arg.p, arg.n);
	z[arg.n] = 0;
	t->ip.ss_family = (sa_family_t)family;
	return inet_pton(family, z,
		   family == AF_INET ? (void *)&((struct sockaddr_in *)&t->ip)->sin_addr
				     : (void *)&((struct sockaddr_in6 *)&t->ip)->sin6_addr) == 1;
}

static bool take_argument(struct str arg, struct spf_term *t)
{
	switch (t->kind) {
	case SPF_M_ALL:
		return arg.n == 0;
	case SPF_M_INCLUDE:
	case SPF_M_EXISTS:
		return take_domain(arg, true, false, t);
	case SPF_M_A:
	case SPF_M_MX:
		return take_domain(arg, false, true, t);
	case SPF_M_PTR:
		return take_domain(arg, false, false, t);
	case SPF_M_IP4:
		return take_network(arg, AF_INET, &t->bits4, t);
	case SPF_M_IP6:
		return take_network(arg, AF_INET6, &t->bits6, t);
	}
	return false;
}

static enum spf_result qualifier(struct str *word, bool *there)
{
	static const enum spf_result results[] = {SPF_PASS, SPF_FAIL, SPF_NEUTRAL, SPF_SOFTFAIL};
	static const char signs[] = "+-?~";
	const char *at = memchr(signs, word->p[0], sizeof signs - 1);
	*there = at != NULL;
	if (!at)
		return SPF_PASS;
	*word = str_skip(*word, 1);
	return results[at - signs];
}

static const char *add_mechanism(
    struct spf_record *r, struct str word, size_t name, enum spf_result result)
{
	static const char *const names[] = {
	    "all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"};
	struct spf_term t = {.result = result, .bits4 = 32, .bits6 = 128};
	size_t kind = 0;
	while (kind < ARRAY_LEN(names) && !str_iis(str_head(word, name), names[kind]))
		kind++;
	if (kind == ARRAY_LEN(names))
		return "unknown mechanism";
	t.kind = (enum spf_kind)kind;
	if (!take_argument(str_skip(word, name), &t))
		return "malformed mechanism";
	if (r->terms.n == SPF_RECORD_TERMS_MAX)
		return "too many terms";
	r->has_all |= t.kind == SPF_M_ALL;
	vec_push(&r->terms, t);
	return NULL;
}

static const char *add_modifier(struct spf_record *r, struct str name, struct str value)
{
	struct str *place = str_iis(name, "redirect") ? &r->redirect
			    : str_iis(name, "exp")    ? &r->explanation
						      : NULL;
	if (!ascii_alpha((unsigned char)name.p[0]))
		return "malformed modifier";
	if (!place)
		return spf_macro_valid(value, false) ? NULL : "malformed modifier";
	if (place->p)
		return "a modifier stands twice";
	*place = value;
	return spf_domain_spec_valid(value) ? NULL : "malformed modifier";
}

static bool name_byte(unsigned char c)
{
	return ascii_alnum(c) || c == '-' || c == '_' || c == '.';
}

static const char *add_term(struct spf_record *r, struct str word)
{
	bool qualified;
	enum spf_result result = qualifier(&word, &qualified);
	size_t n = 0;
	while (n < word.n && name_byte((unsigned char)word.p[n]))
		n++;
	if (n == 0)
		return "malformed term";
	if (n < word.n && word.p[n] == '=')
		return qualified ? "malformed modifier"
				 : add_modifier(r, str_head(word, n), str_skip(word, n + 1));
	return add_mechanism(r, word, n, result);
}

const char *spf_record_parse(struct str text, struct spf_record *out)
{
	struct str word;
	const char *wrong = NULL;
	*out = (struct spf_record){0};
	if (!spf_is_record(text))
		return "not an SPF record";
	if (text.n > SPF_RECORD_MAX)
		return "the record is too long";
	text = str_skip(text, VERSION.n);
	while (!wrong && str_split(&text, ' ', &word))
		if (word.n)
			wrong = add_term(out, word);
	if (wrong)
		spf_record_free(out);
	return wrong;
}
