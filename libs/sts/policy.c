/* Policies and the records that announce them (RFC 8461, 3.1, 3.2, 4.1). */
#include "sts/sts.h"

static const char *const modes[STS_MODES] = {"none", "testing", "enforce"};

const char *sts_mode_name(enum sts_mode m)
{
	return modes[m];
}

bool sts_mode_parse(struct str s, enum sts_mode *out)
{
	for (size_t i = 0; i < STS_MODES; i++)
		if (str_is(s, modes[i])) {
			*out = (enum sts_mode)i;
			return true;
		}
	return false;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool label_ok(struct str label)
{
	if (!label.n || label.n > 63)
		return false;
	for (size_t i = 0; i < label.n; i++) {
		unsigned char c = (unsigned char)label.p[i];
		if (!ascii_alnum(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

static bool name_ok(struct str name)
{
	struct str label;
	if (!name.n || name.n > STS_DOMAIN_MAX || name.p[name.n - 1] == '.')
		return false;
	while (str_split(&name, '.', &label))
		if (!label_ok(label))
			return false;
	return true;
}

bool sts_domain_ok(struct str domain)
{
	for (size_t i = 0; i < domain.n; i++)
		if (ascii_lower((unsigned char)domain.p[i]) != (unsigned char)domain.p[i])
			return false;
	return name_ok(domain);
}

static bool pattern_ok(struct str s)
{
	return name_ok(str_starts(s, STR("*.")) ? str_skip(s, 2) : s);
}

/* ---- the policy ------------------------------------------------------------------------------ */

enum { HAS_VERSION = 1, HAS_MODE = 2, HAS_AGE = 4 };

/* The first of several counts; the others are not even looked at. */
static const char *field(struct sts_policy *p, unsigned *has, struct str name, struct str value)
{
	uint64_t n;
	if (str_is(name, "version") && !(*has & HAS_VERSION)) {
		*has |= HAS_VERSION;
		return str_is(value, "STSv1") ? NULL : "its version is not STSv1";
	}
	if (str_is(name, "mode") && !(*has & HAS_MODE)) {
		*has |= HAS_MODE;
		return sts_mode_parse(value, &p->mode) ? NULL : "its mode is unknown";
	}
	if (str_is(name, "max_age") && !(*has & HAS_AGE)) {
		*has |= HAS_AGE;
		if (value.n > 10 || !str_u64(value, &n))
			return "its max_age is no number";
		p->max_age = n > STS_AGE_MAX ? STS_AGE_MAX : (uint32_t)n;
		return NULL;
	}
	if (!str_is(name, "mx"))
		return NULL; /* an extension */
	if (!pattern_ok(value))
		return "an mx is no host name or pattern";
	if (p->n_mx == STS_MX_MAX)
		return "it has too many mx lines";
	p->mx[p->n_mx++] = value;
	return NULL;
}

const char *sts_policy_parse(struct str text, struct sts_policy *out)
{
	struct str line;
	unsigned has = 0;
	*out = (struct sts_policy){0};
	if (text.n > STS_POLICY_MAX)
		return "it is too long";
	while (str_split(&text, '\n', &line)) {
		line = str_trim(line);
		if (!line.n)
			continue;
		ptrdiff_t colon = str_chr(line, ':');
		if (colon <= 0 || str_has_ctl(line))
			return "a line is not NAME: VALUE";
		const char *wrong = field(out, &has, str_head(line, (size_t)colon),
		    str_trim(str_skip(line, (size_t)colon + 1)));
		if (wrong)
			return wrong;
	}
	if (!(has & HAS_VERSION))
		return "it has no version";
	if (!(has & HAS_MODE) || !(has & HAS_AGE))
		return "it has no mode or no max_age";
	return !out->n_mx && out->mode != STS_NONE ? "it names no mx" : NULL;
}

/* "*." stands for exactly one label. */
static bool matches(struct str pattern, struct str host)
{
	if (!str_starts(pattern, STR("*.")))
		return str_ieq(pattern, host);
	ptrdiff_t dot = str_chr(host, '.');
	return dot > 0 && str_ieq(str_skip(pattern, 2), str_skip(host, (size_t)dot + 1));
}

bool sts_policy_allows(const struct sts_policy *p, struct str host)
{
	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	for (size_t i = 0; i < p->n_mx; i++)
		if (matches(p->mx[i], host))
			return true;
	return false;
}

bool sts_text_allows(struct str policy, struct str host)
{
	struct sts_policy p;
	return !sts_policy_parse(policy, &p) && sts_policy_allows(&p, host);
}

/* ---- the record ------------------------------------------------------------------------------ */

static bool name_char(unsigned char c, bool first)
{
	return ascii_alnum(c) || (!first && (c == '_' || c == '-' || c == '.'));
}

static bool extension_ok(struct str name, struct str value)
{
	if (!name.n || name.n > 32 || !value.n)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!name_char((unsigned char)name.p[i], i == 0))
			return false;
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (c < 0x21 || c > 0x7e || c == ';' || c == '=')
			return false;
	}
	return true;
}

bool sts_id_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]))
			return false;
	return s.n && s.n <= STS_ID_MAX;
}

static struct str blank_trim(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = str_skip(s, 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* The fields behind the version; an empty one only at the end. */
static bool fields_ok(struct str rest, struct str *id)
{
	struct str piece;
	while (str_split(&rest, ';', &piece)) {
		piece = blank_trim(piece);
		ptrdiff_t eq = str_chr(piece, '=');
		if (!piece.n && !blank_trim(rest).n)
			break;
		if (eq <= 0)
			return false;
		struct str name = str_head(piece, (size_t)eq),
			   value = str_skip(piece, (size_t)eq + 1);
		bool is_id = str_is(name, "id");
		if (is_id ? !sts_id_ok(value) : !extension_ok(name, value))
			return false;
		if (is_id && !id->n)
			*id = value;
	}
	return id->n;
}

void sts_record_add(struct sts_record *r, struct str txt)
{
	static const struct str version = STR_INIT("v=STSv1");
	struct str id = STR_NONE, rest = blank_trim(str_skip(txt, version.n));
	if (!str_starts(txt, version) || !rest.n || rest.p[0] != ';')
		return;
	r->n++;
	r->id[0] = 0;
	if (fields_ok(str_skip(rest, 1), &id)) {
		memcpy(r->id, id.p, id.n);
		r->id[id.n] = 0;
	}
}

bool sts_record_valid(const struct sts_record *r)
{
	return r->n == 1 && r->id[0];
}

bool sts_is_text_plain(struct str content_type)
{
	ptrdiff_t semicolon = str_chr(content_type, ';');
	if (semicolon >= 0)
		content_type = str_head(content_type, (size_t)semicolon);
	return str_iis(str_trim(content_type), "text/plain");
}
