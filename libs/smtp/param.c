/* MAIL and RCPT: the path, then parameters of which each is a row in a table. */
#include "config.h"
#include "smtp/smtp.h"

struct params { /* what the rows write to; one of mail and rcpt is NULL */
	struct arena *arena;
	struct smtp_mail *mail;
	struct smtp_rcpt *rcpt;
	unsigned ext;
	bool utf8; /* SMTPUTF8 was said */
};

struct param {
	const char *name;
	unsigned ext; /* smtp_ext it belongs to */
	/* value.p is NULL when there was no "=" */
	enum smtp_reply_id (*take)(struct params *p, struct str value);
};

enum { PARAMS_MAX = 16 };

static enum smtp_reply_id take_size(struct params *p, struct str v)
{
	/* RFC 1870: up to 20 digits */
	return v.n <= 20 && str_u64(v, &p->mail->size) ? SMTP_R_NONE : SMTP_R_BAD_PARAM;
}

static enum smtp_reply_id take_body(struct params *p, struct str v)
{
	if (str_iis(v, "7BIT"))
		p->mail->body = SMTP_BODY_7BIT;
	else if (str_iis(v, "8BITMIME"))
		p->mail->body = SMTP_BODY_8BITMIME;
	else if (str_iis(v, "BINARYMIME") && (p->ext & SMTP_EXT_BINARYMIME))
		p->mail->body = SMTP_BODY_BINARYMIME;
	else
		return SMTP_R_BAD_PARAM;
	return SMTP_R_NONE;
}

static enum smtp_reply_id take_ret(struct params *p, struct str v)
{
	if (str_iis(v, "FULL"))
		p->mail->ret = 'F';
	else if (str_iis(v, "HDRS"))
		p->mail->ret = 'H';
	else
		return SMTP_R_BAD_PARAM;
	return SMTP_R_NONE;
}

/* Printable ASCII: what the decoded forms of ENVID and ORCPT may hold (RFC 3461, 4.2 and 4.4). */
static bool printable_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] > 0x7e)
			return false;
	return true;
}

static enum smtp_reply_id take_xtext(
    struct params *p, struct str v, size_t max, struct str prefix, struct str *out)
{
	enum smtp_reply_id r = SMTP_R_BAD_PARAM;
	struct buf b;

	buf_init(&b, prefix.n + max);
	if (v.n && v.n <= 3 * max && buf_adds(&b, prefix) && xtext_decode(v, &b) &&
	    printable_text(buf_str(&b))) {
		*out = arena_str(p->arena, buf_str(&b));
		r = out->p ? SMTP_R_NONE : SMTP_R_NO_MEMORY;
	}
	buf_free(&b);
	return r;
}

static enum smtp_reply_id take_envid(struct params *p, struct str v)
{
	return take_xtext(p, v, SMTP_ENVID_MAX, STR(""), &p->mail->envid);
}

static enum smtp_reply_id take_auth(struct params *p, struct str v)
{
	struct mailpath path;
	struct str rest;
	enum smtp_reply_id r = take_xtext(p, v, SMTP_ORCPT_MAX, STR(""), &p->mail->auth);

	if (r != SMTP_R_NONE || str_is(p->mail->auth, "<>"))
		return r;
	rest = p->mail->auth;
	if (mailpath_parse(p->arena, &rest, MAILPATH_NO_ANGLE | MAILPATH_BARE, &path) || rest.n)
		return SMTP_R_BAD_PARAM;
	return SMTP_R_NONE;
}

static enum smtp_reply_id take_utf8(struct params *p, struct str v)
{
	p->mail->smtputf8 = true;
	return v.p ? SMTP_R_BAD_PARAM : SMTP_R_NONE;
}

static enum smtp_reply_id take_verp(struct params *p, struct str v)
{
	p->mail->verp = true;
	return v.p && !str_iis(v, "Courier") ? SMTP_R_BAD_PARAM : SMTP_R_NONE;
}

static enum smtp_reply_id take_exdata(struct params *p, struct str v)
{
	p->mail->exdata = true;
	return v.p ? SMTP_R_BAD_PARAM : SMTP_R_NONE;
}

static enum smtp_reply_id take_prdr(struct params *p, struct str v)
{
	p->mail->prdr = true;
	return v.p ? SMTP_R_BAD_PARAM : SMTP_R_NONE;
}

static enum smtp_reply_id take_security(struct params *p, struct str v)
{
	if (str_iis(v, "STARTTLS"))
		p->mail->security = STR("STARTTLS");
	else if (!str_iis(v, "NONE"))
		return SMTP_R_BAD_PARAM;
	return SMTP_R_NONE;
}

static enum smtp_reply_id take_requiretls(struct params *p, struct str v)
{
	if (v.p)
		return SMTP_R_BAD_PARAM;
	p->mail->requiretls = true;
	return p->ext & SMTP_EXT_SECURE ? SMTP_R_NONE : SMTP_R_PARAM_NEEDS_TLS;
}

/* Time that is over can't be kept to: the message would come back at once (RFC 2852, section 4). */
static enum smtp_reply_id take_by(struct params *p, struct str v)
{
	if (!smtp_by_parse(v, &p->mail->by))
		return SMTP_R_BAD_PARAM;
	return p->mail->by.mode == 'R' && p->mail->by.seconds <= 0 ? SMTP_R_BY_PASSED : SMTP_R_NONE;
}

static enum smtp_reply_id take_holdfor(struct params *p, struct str v)
{
	uint64_t n;

	if (p->mail->hold_until || v.n > 9 || !str_u64(v, &n) || !n)
		return SMTP_R_BAD_PARAM;
	p->mail->hold_for = (int64_t)n;
	return SMTP_R_NONE;
}

static enum smtp_reply_id take_holduntil(struct params *p, struct str v)
{
	if (p->mail->hold_for || !smtp_time_parse(v, &p->mail->hold_until) || !p->mail->hold_until)
		return SMTP_R_BAD_PARAM;
	return SMTP_R_NONE;
}

static enum smtp_reply_id take_notify(struct params *p, struct str v)
{
	struct str word;
	unsigned bits = 0;

	if (!v.n || v.p[v.n - 1] == ',')
		return SMTP_R_BAD_PARAM;
	while (str_split(&v, ',', &word)) {
		unsigned bit = str_iis(word, "SUCCESS")   ? SMTP_NOTIFY_SUCCESS
			       : str_iis(word, "FAILURE") ? SMTP_NOTIFY_FAILURE
			       : str_iis(word, "DELAY")   ? SMTP_NOTIFY_DELAY
			       : str_iis(word, "NEVER")   ? SMTP_NOTIFY_NEVER
							  : 0;
		if (!bit)
			return SMTP_R_BAD_PARAM;
		bits |= bit;
	}
	if ((bits & SMTP_NOTIFY_NEVER) && bits != SMTP_NOTIFY_NEVER)
		return SMTP_R_BAD_PARAM;
	p->rcpt->notify = (uint8_t)bits;
	return SMTP_R_NONE;
}

static bool atom_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (!ascii_alnum(c) && c != '-')
			return false;
	}
	return s.n > 0;
}

/* utf-8;ADDRESS, kept as UTF-8 (RFC 6533, section 3). */
static enum smtp_reply_id take_utf8_orcpt(struct params *p, struct str v)
{
	enum smtp_reply_id r = SMTP_R_BAD_PARAM;
	struct buf address, whole;

	buf_init(&address, SMTP_ORCPT_MAX);
	buf_init(&whole, SMTP_ORCPT_MAX + 8);
	if (smtp_utf8_addr_decode(v, p->utf8, &address)) {
		buf_addz(&whole, "utf-8;");
		buf_adds(&whole, buf_str(&address));
		p->rcpt->orcpt = arena_str(p->arena, buf_str(&whole));
		r = p->rcpt->orcpt.p ? SMTP_R_NONE : SMTP_R_NO_MEMORY;
	}
	buf_free(&address);
	buf_free(&whole);
	return r;
}

/* ORCPT=addr-type;xtext, where addr-type is not utf-8. */
static enum smtp_reply_id take_orcpt(struct params *p, struct str v)
{
	ptrdiff_t semi = str_chr(v, ';');

	if (semi < 1 || semi > 60 || !atom_ok(str_head(v, (size_t)semi)))
		return SMTP_R_BAD_PARAM;
	if (str_iis(str_head(v, (size_t)semi), "utf-8"))
		return take_utf8_orcpt(p, str_skip(v, (size_t)semi + 1));
	return take_xtext(p, str_skip(v, (size_t)semi + 1), SMTP_ORCPT_MAX,
	    str_head(v, (size_t)semi + 1), &p->rcpt->orcpt);
}

static const struct param mail_params[] = {
    {"SIZE", SMTP_EXT_SIZE, take_size},
    {"BODY", SMTP_EXT_8BITMIME, take_body},
    {"RET", SMTP_EXT_DSN, take_ret},
    {"ENVID", SMTP_EXT_DSN, take_envid},
    {"AUTH", SMTP_EXT_AUTH, take_auth},
    {"SMTPUTF8", SMTP_EXT_SMTPUTF8, take_utf8},
    {"VERP", SMTP_EXT_VERP, take_verp},
    {"XVERP", SMTP_EXT_VERP, take_verp},
    {"EXDATA", SMTP_EXT_EXDATA, take_exdata},
    {"XEXDATA", SMTP_EXT_EXDATA, take_exdata},
    {"PRDR", SMTP_EXT_PRDR, take_prdr},
    {"SECURITY", SMTP_EXT_SECURITY, take_security},
    {"XSECURITY", SMTP_EXT_SECURITY, take_security},
    {"REQUIRETLS", SMTP_EXT_REQUIRETLS, take_requiretls},
    {"BY", SMTP_EXT_DELIVERBY, take_by},
    {"HOLDFOR", SMTP_EXT_FUTURERELEASE, take_holdfor},
    {"HOLDUNTIL", SMTP_EXT_FUTURERELEASE, take_holduntil},
};

static const struct param rcpt_params[] = {
    {"NOTIFY", SMTP_EXT_DSN, take_notify},
    {"ORCPT", SMTP_EXT_DSN, take_orcpt},
};

static enum smtp_reply_id take_params(
    struct params *p, struct str text, const struct param *rows, size_t n, unsigned ext)
{
	struct str word;
	unsigned seen = 0;

	for (size_t count = 0; str_word(&text, &word); count++) {
		ptrdiff_t eq = str_chr(word, '=');
		struct str name = eq < 0 ? word : str_head(word, (size_t)eq);
		struct str value = eq < 0 ? STR_NONE : str_skip(word, (size_t)eq + 1);
		enum smtp_reply_id r;
		size_t i = 0;

		while (i < n && !(str_iis(name, rows[i].name) && (rows[i].ext & ext)))
			i++;
		if (i == n || count >= PARAMS_MAX)
			return SMTP_R_NO_PARAM;
		if (seen & 1U << i)
			return SMTP_R_TWICE;
		seen |= 1U << i;
		r = rows[i].take(p, value);
		if (r != SMTP_R_NONE)
			return r;
	}
	return SMTP_R_NONE;
}

/* "FROM:" or "TO:" and the path.  A blank behind the colon is a common fault, and harmless. */
static bool cut_word(struct str *args, struct str word)
{
	if (!str_istarts(*args, word))
		return false;
	*args = str_skip(*args, word.n);
	while (args->n && (args->p[0] == ' ' || args->p[0] == '\t'))
		*args = str_skip(*args, 1);
	return true;
}

/* Parameters are read before the path is judged: SMTPUTF8 stands behind what it is about. */
static bool says_utf8(struct str args)
{
	ptrdiff_t end = str_rchr(args, '>');
	struct str rest = str_skip(args, end < 0 ? args.n : (size_t)end + 1), word;

	while (str_word(&rest, &word))
		if (str_iis(word, "SMTPUTF8"))
			return true;
	return false;
}

static enum smtp_reply_id path_reply(enum mailpath_error e, enum smtp_reply_id bad)
{
	switch (e) {
	case MAILPATH_OK:
		return SMTP_R_NONE;
	case MAILPATH_TOO_LONG:
		return SMTP_R_ADDRESS_TOO_LONG;
	case MAILPATH_NEEDS_UTF8:
		return SMTP_R_NEED_UTF8;
	case MAILPATH_NO_MEMORY:
		return SMTP_R_NO_MEMORY;
	default:
		return bad;
	}
}

static enum smtp_reply_id take_path(struct arena *a, struct str *args, unsigned flags,
    enum smtp_reply_id bad, struct mailpath *path, struct str *address)
{
	enum smtp_reply_id r = path_reply(mailpath_parse(a, args, flags, path), bad);
	struct buf spec;

	if (r != SMTP_R_NONE)
		return r;
	if (args->n && args->p[0] != ' ' && args->p[0] != '\t')
		return bad;
	if (!path->local.n && !path->domain.n) {
		*address = STR("");
		return SMTP_R_NONE;
	}
	/* quoting may double each byte of the local part */
	buf_init(&spec, 2 * MAILPATH_LOCAL_MAX + MAILPATH_DOMAIN_MAX + 4);
	mailaddr_print_spec(&spec, path->local, path->domain);
	*address = spec.failed ? STR_NONE : arena_str(a, buf_str(&spec));
	buf_free(&spec);
	return address->p ? SMTP_R_NONE : SMTP_R_NO_MEMORY;
}

enum smtp_reply_id smtp_mail_parse(
    struct arena *a, struct str args, unsigned ext, struct smtp_mail *out)
{
	struct params p = {a, out, NULL, ext, false};
	unsigned flags = MAILPATH_NULL | MAILPATH_BARE;
	enum smtp_reply_id r;

	*out = (struct smtp_mail){0};
	if (!cut_word(&args, STR("FROM:")))
		return SMTP_R_SYNTAX;
	if ((ext & SMTP_EXT_SMTPUTF8) && says_utf8(args))
		flags |= MAILPATH_UTF8;
	r = take_path(a, &args, flags, SMTP_R_BAD_SENDER, &out->path, &out->address);
	if (r != SMTP_R_NONE)
		return r;
	return take_params(&p, args, mail_params, ARRAY_LEN(mail_params), ext);
}

enum smtp_reply_id smtp_rcpt_parse(
    struct arena *a, struct str args, unsigned ext, bool utf8, struct smtp_rcpt *out)
{
	struct params p = {a, NULL, out, ext, utf8};
	unsigned flags = MAILPATH_BARE | (utf8 ? MAILPATH_UTF8 : 0);
	enum smtp_reply_id r;

	*out = (struct smtp_rcpt){0};
	if (!cut_word(&args, STR("TO:")))
		return SMTP_R_SYNTAX;
	r = take_path(a, &args, flags, SMTP_R_BAD_RCPT, &out->path, &out->address);
	if (r != SMTP_R_NONE)
		return r;
	return take_params(&p, args, rcpt_params, ARRAY_LEN(rcpt_params), ext);
}
