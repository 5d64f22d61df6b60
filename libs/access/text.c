/* The text form of smtpaccess: lines to blocks and actions. */
#include "access/access.h"
#include <stdlib.h>

/* "a", "a.b", "a.b.c" (the original's short forms) or a whole IPv4 address. */
static bool parse_dotted(struct str s, struct access_block *out)
{
	unsigned char v4[4] = {0};
	unsigned n = 0;
	struct str piece;
	uint64_t v;
	if (s.n && s.p[s.n - 1] == '.')
		return false;
	while (str_split(&s, '.', &piece)) {
		if (n == 4 || !str_u64(piece, &v) || v > 255)
			return false;
		v4[n++] = (unsigned char)v;
	}
	memset(&out->addr, 0, sizeof(out->addr));
	out->addr.b[10] = out->addr.b[11] = 0xff;
	memcpy(out->addr.b + 12, v4, 4);
	out->bits = 96 + 8 * n;
	return n > 0;
}

/* ":hhhh:hhhh": 16 bits for each group. */
static bool parse_groups(struct str s, struct access_block *out)
{
	struct str piece;
	uint64_t v;
	unsigned n = 0;
	memset(&out->addr, 0, sizeof(out->addr));
	s = str_skip(s, 1);
	while (str_split(&s, ':', &piece)) {
		if (n == 8 || piece.n > 4 || !str_hex64(piece, &v))
			return false;
		out->addr.b[2 * n] = (unsigned char)(v >> 8);
		out->addr.b[2 * n + 1] = (unsigned char)v;
		n++;
	}
	out->bits = 16 * n;
	return n > 0;
}

static bool parse_base(struct str s, struct access_block *out)
{
	if (s.n > 1 && s.p[0] == ':' && s.p[1] != ':')
		return parse_groups(s, out);
	if (str_chr(s, ':') < 0)
		return parse_dotted(s, out);
	out->bits = ACCESS_BITS;
	return access_addr_parse(s, &out->addr);
}

static bool parse_prefixed(struct str s, struct access_block *out)
{
	ptrdiff_t slash = str_chr(s, '/');
	if (slash < 0)
		return parse_base(s, out);
	uint64_t bits;
	struct str base = str_head(s, (size_t)slash);
	bool v4 = str_chr(base, ':') < 0;
	if (!parse_base(base, out) || !str_u64(str_skip(s, (size_t)slash + 1), &bits) ||
	    bits > (v4 ? 32 : 128))
		return false;
	out->bits = (unsigned)bits + (v4 ? 96 : 0);
	return true;
}

struct emitter {
	const struct access_reader *r;
	struct str action;
	unsigned line;
	unsigned blocks;
};

static int emit(struct emitter *e, const struct access_block *b)
{
	e->blocks++;
	return e->r->block(e->r->ctx, b, e->action, e->line);
}

/* How many low bits of the address are zero: what the largest block that starts there may cover. */
static unsigned trailing_zeros(const struct access_addr *a)
{
	for (int i = 15; i >= 0; i--)
		for (unsigned bit = 0; bit < 8; bit++)
			if (a->b[i] & (1u << bit))
				return (unsigned)(15 - i) * 8 + bit;
	return ACCESS_BITS;
}

/* Sets (or with up, adds one behind) the low `n` bits: the last address of a block, the next one.
 */
static void last_of(struct access_addr *a, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		a->b[15 - i / 8] |= (unsigned char)(1u << i % 8);
}

static bool next_of(struct access_addr *a) /* false: there is none */
{
	for (int i = 15; i >= 0; i--)
		if (++a->b[i] != 0)
			return true;
	return false;
}

/* A range becomes the fewest blocks that cover it: each as large as its start and the end allow. */
static int emit_range(struct emitter *e, struct access_addr from, const struct access_addr *to)
{
	while (memcmp(&from, to, sizeof(from)) <= 0) {
		unsigned n = trailing_zeros(&from);
		struct access_addr last;
		for (;; n--) {
			last = from;
			last_of(&last, n);
			if (n == 0 || memcmp(&last, to, sizeof(last)) <= 0)
				break;
		}
		struct access_block b = {from, ACCESS_BITS - n};
		if (e->blocks >= ACCESS_RANGE_BLOCKS_MAX || emit(e, &b) < 0)
			return -1;
		from = last;
		if (!next_of(&from))
			break;
	}
	return 0;
}

/* "*.PORT", "A.B.C.D.PORT", "IPV6.PORT": five numbers, or a port behind what is a whole address. */
static bool read_local(struct emitter *e, struct str s, int *result)
{
	char key[ACCESS_LOCAL_KEY_SIZE];
	struct access_block b;
	uint64_t port;
	ptrdiff_t dot = str_rchr(s, '.');
	if (dot < 1 || !e->r->local || !str_u64(str_skip(s, (size_t)dot + 1), &port) || port == 0 ||
	    port > 65535)
		return false;
	struct str addr = str_head(s, (size_t)dot);
	bool any = str_is(addr, "*");
	if (!any && (!parse_base(addr, &b) || b.bits != ACCESS_BITS))
		return false;
	*result = e->r->local(e->r->ctx,
	    access_local_key(any ? NULL : &b.addr, (uint16_t)port, key), e->action, e->line);
	return true;
}

static const char *read_block(struct emitter *e, struct str s, int *result)
{
	struct access_block from, to;
	if (read_local(e, s, result))
		return NULL;
	ptrdiff_t dash = str_chr(s, '-');
	if (str_is(s, "*")) {
		*result = emit(e, &(struct access_block){0});
		return NULL;
	}
	if (dash < 0) {
		if (!parse_prefixed(s, &from))
			return "not an address block";
		*result = emit(e, &from);
		return NULL;
	}
	if (!parse_base(str_head(s, (size_t)dash), &from) ||
	    !parse_base(str_skip(s, (size_t)dash + 1), &to) || from.bits != ACCESS_BITS ||
	    to.bits != ACCESS_BITS || memcmp(&from.addr, &to.addr, sizeof(from.addr)) > 0)
		return "not a range of addresses";
	*result = emit_range(e, from.addr, &to.addr);
	return NULL;
}

static const char *read_line(
    const struct access_reader *r, struct str line, unsigned number, int *result)
{
	struct str block, action;
	size_t n = 0;
	while (n < line.n && line.p[n] != '\t' && line.p[n] != ' ')
		n++;
	block = str_head(line, n);
	action = str_trim(str_skip(line, n));
	if (action.n == 0)
		return "no action behind the address block";
	struct buf env;
	bool deny;
	buf_init(&env, ACCESS_ACTION_MAX);
	bool good = action.n < ACCESS_ACTION_MAX && access_action_parse(action, &env, &deny);
	buf_free(&env);
	if (!good)
		return "the action is neither `deny` nor `allow` with variables";
	struct emitter e = {r, action, number, 0};
	return read_block(&e, block, result);
}

int access_read(struct str text, const struct access_reader *r)
{
	struct str line;
	unsigned number = 0;
	int bad = 0;
	while (str_split(&text, '\n', &line)) {
		number++;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		int result = 0;
		const char *why = read_line(r, line, number, &result);
		if (result < 0)
			return -1;
		if (!why)
			continue;
		bad++;
		if (r->bad)
			r->bad(r->ctx, number, why);
	}
	return bad;
}

/* One variable off *rest, `VAR`, `VAR=value` or `VAR="value"`, as a line to env. */
static bool take_variable(struct str *rest, struct buf *env)
{
	size_t n = 0;
	while (n < rest->n && (ascii_alnum((unsigned char)rest->p[n]) || rest->p[n] == '_'))
		n++;
	struct str name = str_head(*rest, n), value = STR_NONE;
	*rest = str_skip(*rest, n);
	if (name.n == 0)
		return false;
	if (rest->n && rest->p[0] == '=') {
		*rest = str_skip(*rest, 1);
		bool quoted = rest->n && rest->p[0] == '"';
		if (quoted)
			*rest = str_skip(*rest, 1);
		ptrdiff_t end = str_chr(*rest, quoted ? '"' : ',');
		if (quoted && end < 0)
			return false;
		value = end < 0 ? *rest : str_head(*rest, (size_t)end);
		*rest = str_skip(*rest, value.n + (quoted ? 1 : 0));
	}
	if (str_has_ctl(value))
		return false;
	buf_adds(env, name);
	buf_addc(env, '=');
	buf_adds(env, value);
	return buf_addc(env, '\n');
}

bool access_action_parse(struct str action, struct buf *env, bool *deny)
{
	*deny = false;
	if (str_is(action, "deny")) {
		*deny = true;
		return true;
	}
	if (!str_starts(action, STR("allow")))
		return false;
	action = str_skip(action, 5);
	while (action.n) {
		if (action.p[0] != ',')
			return false;
		action = str_skip(action, 1);
		if (action.n && !take_variable(&action, env))
			return false;
	}
	return !env->failed;
}

bool access_env(struct str env, const char *name, struct str *value)
{
	struct str line, want = str_of(name);
	while (str_split(&env, '\n', &line)) {
		if (line.n > want.n && line.p[want.n] == '=' && str_starts(line, want)) {
			*value = str_skip(line, want.n + 1);
			return true;
		}
	}
	return false;
}
