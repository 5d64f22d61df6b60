#include "config.h"

#include "broker/broker.h"
#include "broker/local-key.h"

static bool plain(unsigned char c)
{
	return c > 0x20 && c != 0x7f && c != '!' && c != '%';
}

static void put(struct buf *out, struct str field)
{
	for (size_t i = 0; i < field.n; i++) {
		unsigned char c = (unsigned char)field.p[i];
		if (plain(c))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

bool local_key_format(const struct local_key *k, struct buf *out)
{
	size_t before = out->n;
	put(out, k->user);
	buf_addc(out, '!');
	put(out, k->ext);
	buf_addf(out, "!%u!%u!", k->uid, k->gid);
	put(out, k->home);
	buf_addc(out, '!');
	put(out, k->maildir);
	buf_addc(out, '!');
	put(out, k->quota);
	if (k->delivery.n) {
		buf_addc(out, '!');
		put(out, k->delivery);
	}
	return !out->failed && out->n - before <= LOCAL_KEY_MAX;
}

static bool unescape(struct str in, struct arena *a, struct str *out)
{
	char *to = arena_alloc(a, in.n + 1);
	size_t n = 0;
	if (!to)
		return false;
	for (size_t i = 0; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];
		if (c == '%') {
			if (in.n - i < 3 || hex_digit((unsigned char)in.p[i + 1]) < 0 ||
			    hex_digit((unsigned char)in.p[i + 2]) < 0)
				return false;
			c = (unsigned char)(hex_digit((unsigned char)in.p[i + 1]) * 16 +
					    hex_digit((unsigned char)in.p[i + 2]));
			i += 2;
			/* No path or address holds NUL; and one spelling per key. */
			if (c == 0 || plain(c))
				return false;
		} else if (!plain(c)) {
			return false;
		}
		to[n++] = (char)c;
	}
	to[n] = 0;
	*out = str_at(to, n);
	return true;
}

static bool id_of(struct str s, uint32_t *out)
{
	uint64_t v;
	/* (uid_t)-1 means "leave it" to the kernel: it is nobody's. */
	if (!str_u64(s, &v) || v >= UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

bool local_key_parse(struct str key, struct arena *a, struct local_key *out)
{
	struct str field[8], rest = key;
	size_t n = 0;
	*out = (struct local_key){0};
	if (key.n > LOCAL_KEY_MAX)
		return false;
	for (;;) {
		ptrdiff_t at = str_chr(rest, '!');
		if (n == ARRAY_LEN(field))
			return false;
		field[n++] = at < 0 ? rest : str_head(rest, (size_t)at);
		if (at < 0)
			break;
		rest = str_skip(rest, (size_t)at + 1);
	}
	if (n < 7 || !id_of(field[2], &out->uid) || !id_of(field[3], &out->gid))
		return false;
	if (!unescape(field[0], a, &out->user) || !unescape(field[1], a, &out->ext) ||
	    !unescape(field[4], a, &out->home) || !unescape(field[5], a, &out->maildir) ||
	    !unescape(field[6], a, &out->quota) ||
	    (n == 8 && !unescape(field[7], a, &out->delivery)))
		return false;
	if (str_is(out->user, BROKER_ALIAS_ACCOUNT) && !out->home.n)
		return true;
	return out->user.n > 0 && out->home.n > 0 && out->home.p[0] == '/';
}
