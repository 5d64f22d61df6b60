#include "config.h"

#include "maildir/maildir.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
	char letter;
	unsigned flag;
} known[] = {
    {'D', MAILDIR_DRAFT},
    {'F', MAILDIR_FLAGGED},
    {'R', MAILDIR_REPLIED},
    {'S', MAILDIR_SEEN},
    {'T', MAILDIR_TRASHED},
};

static unsigned flag_of(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].letter == letter)
			return known[i].flag;
	return 0;
}

unsigned maildir_flags_of(struct str letters)
{
	unsigned flags = 0;
	for (size_t i = 0; i < letters.n; i++)
		flags |= flag_of(letters.p[i]);
	return flags;
}

void maildir_flags_letters(unsigned flags, struct str old, char out[MAILDIR_LETTERS_MAX + 1])
{
	bool set[128] = {0};
	int n = 0;
	for (size_t i = 0; i < old.n; i++) {
		unsigned char c = (unsigned char)old.p[i];
		if (c > ' ' && c < 127 && c != '/' && c != ':' && !flag_of((char)c))
			set[c] = true;
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (flags & known[i].flag)
			set[(unsigned char)known[i].letter] = true;
	for (int c = 0; c < 128 && n < MAILDIR_LETTERS_MAX; c++)
		if (set[c])
			out[n++] = (char)c;
	out[n] = 0;
}

/* ",S=<digits>" as one of the comma parts after the last dot-free piece; the last one counts. */
static void find_size(struct maildir_name *m)
{
	struct str rest = m->base, part;
	ptrdiff_t comma = str_chr(rest, ',');
	if (comma < 0)
		return;
	rest = str_skip(rest, (size_t)comma + 1);
	while (str_split(&rest, ',', &part))
		if (part.n > 2 && part.p[0] == 'S' && part.p[1] == '=')
			m->has_size = str_u64(str_skip(part, 2), &m->size) && m->size <= INT64_MAX;
}

bool maildir_name_parse(struct str file, struct maildir_name *out)
{
	*out = (struct maildir_name){.base = file};
	if (file.n == 0 || file.n > MAILDIR_NAME_MAX || file.p[0] == '.' || str_has_ctl(file) ||
	    str_chr(file, '/') >= 0)
		return false;
	ptrdiff_t colon = str_chr(file, ':');
	if (colon == 0)
		return false;
	if (colon > 0) {
		struct str info = str_skip(file, (size_t)colon + 1);
		out->base = str_head(file, (size_t)colon);
		if (str_starts(info, STR("2,")))
			out->letters = str_skip(info, 2);
	}
	out->flags = maildir_flags_of(out->letters);
	find_size(out);
	return true;
}

static size_t digits(struct str s, size_t *zeros)
{
	size_t n = 0;
	*zeros = 0;
	while (*zeros < s.n && s.p[*zeros] == '0')
		++*zeros;
	for (n = *zeros; n < s.n && ascii_digit((unsigned char)s.p[n]); n++)
		;
	return n;
}

int maildir_name_cmp(struct str a, struct str b)
{
	size_t za, zb, na = digits(a, &za), nb = digits(b, &zb);
	if (na - za != nb - zb)
		return na - za < nb - zb ? -1 : 1;
	int c = str_cmp(str_at(a.p + za, na - za), str_at(b.p + zb, nb - zb));
	return c ? c : str_cmp(a, b);
}

/* Length of one well-formed UTF-8 character (RFC 3629), 0 when it is none. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	size_t want = p[0] < 0x80   ? 1
		      : p[0] < 0xc2 ? 0
		      : p[0] < 0xe0 ? 2
		      : p[0] < 0xf0 ? 3
		      : p[0] < 0xf5 ? 4
				    : 0;
	if (want == 0 || want > n)
		return 0;
	for (size_t i = 1; i < want; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
	bool outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
	return overlong || outside ? 0 : want;
}

bool maildir_folder_part_ok(struct str part)
{
	const unsigned char *p = (const unsigned char *)part.p;
	if (part.n == 0)
		return false;
	for (size_t i = 0, l; i < part.n; i += l) {
		l = utf8_len(p + i, part.n - i);
		if (l == 0 || p[i] < 0x20 || p[i] == 0x7f || p[i] == '/' || p[i] == '.')
			return false;
		if (l == 2 && p[i] == 0xc2 && p[i + 1] < 0xa0)
			return false; /* C1 controls */
	}
	return true;
}

bool maildir_folder_ok(struct str folder)
{
	struct str rest = folder, part;
	if (folder.n == 0 || folder.n >= MAILDIR_NAME_MAX || folder.p[folder.n - 1] == '.')
		return false;
	while (str_split(&rest, '.', &part))
		if (!maildir_folder_part_ok(part))
			return false;
	return true;
}

static void escape_host(const char *from, char *to, size_t size)
{
	size_t n = 0;
	for (; *from && n + 5 < size; from++) {
		unsigned char c = (unsigned char)*from;
		if (c == '/' || c == ':')
			n += (size_t)snprintf(to + n, size - n, "\\%03o", c);
		else
			to[n++] = c > ' ' && c < 127 && c != ',' ? (char)c : '_';
	}
	to[n] = 0;
}

const char *maildir_host(void)
{
	static char host[MAILDIR_HOST_MAX + 1];
	if (host[0])
		return host;
	char sys[HOST_NAME_MAX + 1] = "";
	const char *env = getenv("HOSTNAME");
	if (gethostname(sys, sizeof sys - 1) < 0 || !sys[0])
		memcpy(sys, "localhost", 10);
	escape_host(env && *env ? env : sys, host, sizeof host);
	return host;
}
