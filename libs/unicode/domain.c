#include "config.h"

#include "unicode/unicode.h"

#include <idn2.h>
#include <stdlib.h>

static struct str lower(struct arena *a, struct str s)
{
	char *p = arena_strz(a, s);
	for (size_t i = 0; p && i < s.n; i++)
		p[i] = (char)ascii_lower((unsigned char)p[i]);
	return p ? str_at(p, s.n) : STR_NONE;
}

static bool has_alabel(struct str s)
{
	return str_ifind(s, STR("xn--")) >= 0;
}

/* The library wants terminated text; a NUL or too much of it can't be a domain. */
static const char *checked(struct arena *a, struct str s)
{
	if (s.n > DOMAIN_TEXT_MAX || str_chr(s, 0) >= 0 || !utf8_valid(s))
		return NULL;
	return arena_strz(a, s);
}

/* Takes over what the library allocated. */
static struct str adopt(struct arena *a, char *made)
{
	struct str s = arena_str(a, str_of(made));
	idn2_free(made);
	return s;
}

struct str domain_ascii(struct arena *a, struct str domain)
{
	if (!str_has_8bit(domain))
		return lower(a, domain);
	const char *z = checked(a, domain);
	char *made = NULL;
	if (!z || idn2_to_ascii_8z(z, &made, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return STR_NONE;
	return adopt(a, made);
}

struct str domain_unicode(struct arena *a, struct str domain)
{
	if (!str_has_8bit(domain) && !has_alabel(domain))
		return lower(a, domain);
	/* through the A-labels: that maps case and width, and proves validity */
	struct str ascii = domain_ascii(a, domain);
	const char *z = ascii.p ? checked(a, ascii) : NULL;
	char *made = NULL;
	if (!z || idn2_to_unicode_8z8z(z, &made, IDN2_NONTRANSITIONAL) != IDN2_OK)
		return STR_NONE;
	/* an A-label that its own text would not be written as is none */
	struct str text = adopt(a, made);
	return text.p && str_eq(domain_ascii(a, text), ascii) ? text : STR_NONE;
}

struct str domain_canonical(struct arena *a, struct str domain)
{
	struct str u = domain_unicode(a, domain);
	return u.p ? u : lower(a, domain);
}
