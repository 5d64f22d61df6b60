#include "config.h"

#include "login/back-talk.h"

#include "login/login-parse.h"

enum { SAY_MAX = 3 * LOGIN_LITERAL_MAX * 2, CAPABILITY_MAX = BACK_LINE_MAX };

void back_talk_init(struct back_talk *t, bool imap, struct str user, struct str password)
{
	*t = (struct back_talk){.imap = imap, .user = user, .password = password};
	buf_init(&t->say, SAY_MAX);
	buf_init(&t->capability, CAPABILITY_MAX);
}

void back_talk_free(struct back_talk *t)
{
	mem_wipe(t->say.p, t->say.n);
	buf_free(&t->say);
	buf_free(&t->capability);
}

static enum back_do fault(struct back_talk *t, const char *why)
{
	t->why = why;
	t->state = BACK_OVER;
	return BACK_FAULT;
}

static enum back_do go(struct back_talk *t, enum back_state next)
{
	t->state = next;
	return t->say.failed ? fault(t, "there is no memory") : BACK_WAIT;
}

static enum back_do ask_capability(struct back_talk *t)
{
	t->starttls = t->disabled = t->knows_utf8 = false;
	buf_addz(&t->say, t->imap ? "C CAPABILITY\r\n" : "CAPA\r\n");
	return go(t, BACK_CAPABILITY);
}

/* ---- the login ---- */

static bool one_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == 0 || s.p[i] == '\r' || s.p[i] == '\n')
			return false;
	return true;
}

/* Printable ASCII. */
static bool quotable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] >= 0x7f)
			return false;
	return true;
}

static void quote(struct buf *b, struct str s)
{
	buf_addc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, s.p[i]);
	}
	buf_addc(b, '"');
}

static enum back_do log_in(struct back_talk *t)
{
	if (!one_line(t->user) || !one_line(t->password))
		return fault(t, "name or password cannot be said there");
	if (!t->imap && t->utf8 && t->knows_utf8 && t->state != BACK_UTF8) {
		buf_addz(&t->say, "UTF8\r\n");
		return go(t, BACK_UTF8);
	}
	if (!t->imap) {
		buf_addf(&t->say, "USER %.*s\r\n", STR_FMT(t->user));
		return go(t, BACK_USER);
	}
	if (!quotable(t->user) || !quotable(t->password)) {
		buf_addf(&t->say, "L LOGIN {%zu}\r\n", t->user.n);
		return go(t, BACK_USER);
	}
	buf_addz(&t->say, "L LOGIN ");
	quote(&t->say, t->user);
	buf_addc(&t->say, ' ');
	quote(&t->say, t->password);
	buf_addz(&t->say, "\r\n");
	return go(t, BACK_LOGIN);
}

/* What the server can do is known: TLS first, or the login. */
static enum back_do capable(struct back_talk *t)
{
	if (!t->secure && t->tls != BACK_TLS_NO && t->starttls) {
		buf_addz(&t->say, t->imap ? "S STARTTLS\r\n" : "STLS\r\n");
		return go(t, BACK_STARTTLS);
	}
	if (!t->secure && t->tls >= BACK_TLS_REQUIRED)
		return fault(t, "it does not offer TLS, which is required");
	if (t->disabled)
		return fault(t, "it takes no passwords in clear");
	return log_in(t);
}

enum back_do back_talk_secure(struct back_talk *t)
{
	t->secure = true;
	return ask_capability(t);
}

/* ---- lines ---- */

static void learn(struct back_talk *t, struct str words)
{
	struct str word;
	while (str_word(&words, &word)) {
		t->starttls |= str_iis(word, t->imap ? "STARTTLS" : "STLS");
		t->disabled |= t->imap && str_iis(word, "LOGINDISABLED");
	}
}

/* Keeps the list that begins at "IMAP4rev1 ...". */
static void keep(struct back_talk *t, struct str words)
{
	buf_clear(&t->capability);
	words = str_trim(words);
	if (quotable(words))
		buf_adds(&t->capability, words);
}

static void keep_from_code(struct back_talk *t, struct str text)
{
	ptrdiff_t end = str_chr(text, ']');
	if (str_istarts(text, STR("[CAPABILITY ")) && end > 0)
		keep(t, str_skip(str_head(text, (size_t)end), 12));
}

static enum back_do in(struct back_talk *t)
{
	t->state = BACK_OVER;
	return BACK_IN;
}

static enum back_do imap_untagged(struct back_talk *t, struct str line)
{
	if (str_istarts(line, STR("* BYE")))
		return fault(t, "it says goodbye");
	if (!str_istarts(line, STR("* CAPABILITY ")))
		return BACK_WAIT;
	if (t->state == BACK_CAPABILITY)
		learn(t, str_skip(line, 13));
	else if (t->state == BACK_LOGIN || t->state == BACK_FOREIGN)
		keep(t, str_skip(line, 13));
	return BACK_WAIT;
}

static enum back_do imap_no(struct back_talk *t, struct str text)
{
	if (t->state == BACK_FOREIGN)
		return in(t);
	if (t->state == BACK_STARTTLS)
		return fault(t, "it does not start TLS");
	if (t->state != BACK_LOGIN && t->state != BACK_USER && t->state != BACK_PASSWORD)
		return fault(t, "it refuses a command");
	if (str_istarts(text, STR("[UNAVAILABLE]")) || str_istarts(text, STR("[LIMIT]")) ||
	    str_istarts(text, STR("[INUSE]")))
		return fault(t, "it has no session now");
	t->state = BACK_OVER;
	return BACK_NO;
}

static enum back_do imap_ok(struct back_talk *t, struct str text)
{
	switch (t->state) {
	case BACK_CAPABILITY:
		return capable(t);
	case BACK_STARTTLS:
		return BACK_TLS;
	case BACK_LOGIN:
		keep_from_code(t, text);
		if (!t->foreign)
			return in(t);
		buf_addz(&t->say, "C CAPABILITY\r\n");
		return go(t, BACK_FOREIGN);
	case BACK_FOREIGN:
		return in(t);
	default:
		return fault(t, "it answers what nobody asked");
	}
}

/* "+": it waits for a literal. */
static enum back_do imap_go_on(struct back_talk *t)
{
	if (t->state == BACK_USER) {
		buf_addf(&t->say, "%.*s {%zu}\r\n", STR_FMT(t->user), t->password.n);
		return go(t, BACK_PASSWORD);
	}
	if (t->state == BACK_PASSWORD) {
		buf_addf(&t->say, "%.*s\r\n", STR_FMT(t->password));
		return go(t, BACK_LOGIN);
	}
	return fault(t, "it asks for more where nothing comes");
}

static enum back_do imap_line(struct back_talk *t, struct str line)
{
	static const char tags[] = {[BACK_CAPABILITY] = 'C',
	    [BACK_STARTTLS] = 'S',
	    [BACK_USER] = 'L',
	    [BACK_PASSWORD] = 'L',
	    [BACK_LOGIN] = 'L',
	    [BACK_FOREIGN] = 'C'};
	struct str rest = line, tag, word;
	if (t->state == BACK_GREETING)
		return str_istarts(line, STR("* OK")) ? ask_capability(t)
						      : fault(t, "it does not greet");
	if (str_starts(line, STR("+")))
		return imap_go_on(t);
	if (str_starts(line, STR("* ")))
		return imap_untagged(t, line);
	if (!str_word(&rest, &tag) || tag.n != 1 || tag.p[0] != tags[t->state] ||
	    !str_word(&rest, &word))
		return fault(t, "it does not speak IMAP");
	rest = str_trim(rest);
	if (str_iis(word, "OK"))
		return imap_ok(t, rest);
	return str_iis(word, "NO") ? imap_no(t, rest) : fault(t, "it does not understand us");
}

static enum back_do pop3_capability(struct back_talk *t, struct str line)
{
	struct str word, rest = line;
	if (str_starts(line, STR("-ERR")) || str_is(line, "."))
		return capable(t);
	if (str_word(&rest, &word)) {
		t->starttls |= str_iis(word, "STLS");
		t->knows_utf8 |= str_iis(word, "UTF8");
	}
	return BACK_WAIT;
}

static enum back_do pop3_refused(struct back_talk *t, struct str line)
{
	struct str text = str_trim(str_skip(line, 4));
	if (t->state == BACK_STARTTLS)
		return fault(t, "it does not start TLS");
	if (t->state == BACK_GREETING)
		return fault(t, "it does not greet");
	if (str_istarts(text, STR("[SYS/")) || str_istarts(text, STR("[IN-USE]")) ||
	    str_istarts(text, STR("[LOGIN-DELAY]")))
		return fault(t, "it has no session now");
	t->state = BACK_OVER;
	return BACK_NO;
}

static enum back_do pop3_line(struct back_talk *t, struct str line)
{
	if (t->state == BACK_CAPABILITY)
		return pop3_capability(t, line);
	if (t->state == BACK_UTF8) /* a no is the client's affair: it gets what there is */
		return log_in(t);
	if (str_starts(line, STR("-ERR")))
		return pop3_refused(t, line);
	if (!str_starts(line, STR("+OK")))
		return fault(t, "it does not speak POP3");
	switch (t->state) {
	case BACK_GREETING:
		return ask_capability(t);
	case BACK_STARTTLS:
		return BACK_TLS;
	case BACK_USER:
		buf_addf(&t->say, "PASS %.*s\r\n", STR_FMT(t->password));
		return go(t, BACK_LOGIN);
	case BACK_LOGIN:
		return in(t);
	default:
		return fault(t, "it answers what nobody asked");
	}
}

enum back_do back_talk_line(struct back_talk *t, struct str line)
{
	if (t->state == BACK_OVER || ++t->lines > BACK_LINES_MAX)
		return fault(t, "it talks too much");
	return t->imap ? imap_line(t, line) : pop3_line(t, line);
}

/* ---- where a mailbox is ---- */

static struct str without_dot(struct str host)
{
	if (str_ends(host, STR(".")))
		host.n--;
	return host;
}

enum mailhost mailhost_decide(const struct mailhost_facts *f, struct str *host)
{
	struct str rest = f->options, item, key;
	*host = STR_NONE;
	while (rest.n && str_split(&rest, ',', &item))
		if (str_split(&item, '=', &key) && str_is(str_trim(key), "mailhost"))
			*host = str_trim(item);
	if (!f->proxy || !host->n || str_ieq(without_dot(*host), without_dot(f->own)))
		return MAILHOST_HERE;
	return f->password ? MAILHOST_THERE : MAILHOST_NO_PASSWORD;
}
