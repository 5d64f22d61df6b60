/* IMAP before the login (RFC 3501, sections 6.1 and 6.2; RFC 2595, 4959, 7888). */
#include "config.h"

#include "login/login.h"

#include <stdlib.h>

enum { TAG_MAX = 100 };

static void capability(struct login_conn *c, struct buf *out)
{
	struct buf auth;
	struct str rest, word;
	rest = config_str(c->config, "imapd", "IMAP_CAPABILITY", NULL);
	buf_addz(out, "CAPABILITY");
	bool sasl_ir = false, literal = false;
	while (str_word(&rest, &word)) {
		if (str_istarts(word, STR("AUTH=")))
			continue; /* authdaemond's settings say which */
		sasl_ir |= str_iis(word, "SASL-IR");
		literal |= str_iis(word, "LITERAL+");
		buf_addf(out, " %.*s", STR_FMT(word));
	}
	if (!literal)
		buf_addz(out, " LITERAL+");
	if (!sasl_ir)
		buf_addz(out, " SASL-IR");
	if (login_tls_offered(c))
		buf_addz(out, " STARTTLS");
	if (!login_plain_allowed(c))
		buf_addz(out, " LOGINDISABLED");
	buf_init(&auth, 1000);
	login_mechanisms(c, &auth);
	rest = buf_str(&auth);
	while (str_word(&rest, &word))
		buf_addf(out, " AUTH=%.*s", STR_FMT(word));
	buf_free(&auth);
}

static void greet(struct login_conn *c)
{
	struct buf b;
	buf_init(&b, 4096);
	capability(c, &b);
	login_say(c, "* OK [%s] Courier ready.\r\n", b.p);
	buf_free(&b);
}

/* What a command line holds; strings are views into the (unescaped) copy of it. */
struct words {
	struct str rest;
	char *room; /* for unescaped quoted strings */
};

static bool quoted(struct words *w, struct str *out)
{
	char *to = w->room;
	size_t i = 1;
	for (; i < w->rest.n && w->rest.p[i] != '"'; i++) {
		if (w->rest.p[i] == '\\' && ++i >= w->rest.n)
			return false;
		if (w->rest.p[i] == '\r' || w->rest.p[i] == '\n' || w->rest.p[i] == 0)
			return false;
		*to++ = w->rest.p[i];
	}
	if (i >= w->rest.n)
		return false;
	*out = str_range(w->room, to);
	w->room = to;
	w->rest = str_skip(w->rest, i + 1);
	return true;
}

static bool literal(struct words *w, struct str *out)
{
	ptrdiff_t close_at = str_chr(w->rest, '}');
	struct str digits = close_at < 1 ? STR_NONE : str_at(w->rest.p + 1, (size_t)close_at - 1);
	uint64_t n;
	if (str_ends(digits, STR("+")))
		digits.n--;
	if (!str_u64(digits, &n) || n > LOGIN_LITERAL_MAX)
		return false;
	struct str after = str_skip(w->rest, (size_t)close_at + 1);
	if (str_starts(after, STR("\r\n")))
		after = str_skip(after, 2);
	else if (str_starts(after, STR("\n")))
		after = str_skip(after, 1);
	if (after.n < n)
		return false;
	*out = str_head(after, n);
	w->rest = str_skip(after, n);
	return true;
}

static bool astring(struct words *w, struct str *out)
{
	if (!w->rest.n || w->rest.p[0] != ' ')
		return false;
	w->rest = str_skip(w->rest, 1);
	if (w->rest.n && w->rest.p[0] == '"')
		return quoted(w, out);
	if (w->rest.n && w->rest.p[0] == '{')
		return literal(w, out);
	size_t n = 0;
	while (n < w->rest.n && w->rest.p[n] != ' ' && !memchr("(){\"\\", w->rest.p[n], 6) &&
	       (unsigned char)w->rest.p[n] > 0x20 && w->rest.p[n] != 0x7f)
		n++;
	*out = str_head(w->rest, n);
	w->rest = str_skip(w->rest, n);
	return n > 0;
}

static void answer(struct login_conn *c, const char *kind, const char *text)
{
	login_say(c, "%s %s %s\r\n", c->tag ? c->tag : "*", kind, text);
}

static void cmd_capability(struct login_conn *c, struct words *w)
{
	struct buf b;
	buf_init(&b, 4096);
	capability(c, &b);
	login_say(c, "* %s\r\n", b.p);
	answer(c, "OK", "CAPABILITY completed");
	buf_free(&b);
}

static void cmd_noop(struct login_conn *c, struct words *w)
{
	answer(c, "OK", "NOOP completed");
}

static void cmd_id(struct login_conn *c, struct words *w)
{
	login_say(c, "* ID (\"name\" \"Courier\")\r\n");
	answer(c, "OK", "ID completed");
}

static void cmd_logout(struct login_conn *c, struct words *w)
{
	login_say(c, "* BYE Courier closes the connection\r\n");
	answer(c, "OK", "LOGOUT completed");
	login_conn_end(c);
}

static void cmd_starttls(struct login_conn *c, struct words *w)
{
	if (!login_tls_offered(c)) {
		answer(c, c->tls ? "BAD" : "NO",
		    c->tls ? "TLS is active already" : "STARTTLS is not available");
		return;
	}
	if (stream_input(c->stream).n) { /* text behind STARTTLS was put there by somebody else */
		log_error(NULL, "text pipelined behind STARTTLS, ip=[%s]: dropped", c->peer);
		login_conn_end(c);
		return;
	}
	answer(c, "OK", "Begin TLS negotiation now");
	login_start_tls(c);
}

static void cmd_login(struct login_conn *c, struct words *w)
{
	struct str user, password;
	if (!login_plain_allowed(c)) {
		answer(c, "NO", "[PRIVACYREQUIRED] Start TLS first.");
		return;
	}
	if (!astring(w, &user) || !astring(w, &password) || w->rest.n || !user.n) {
		answer(c, "BAD", "LOGIN takes a user name and a password");
		return;
	}
	login_password(c, user, password);
}

static void cmd_authenticate(struct login_conn *c, struct words *w)
{
	struct str mechanism, initial64 = STR_NONE;
	struct buf initial;
	if (!astring(w, &mechanism) || (w->rest.n && !astring(w, &initial64)) || w->rest.n) {
		answer(c, "BAD", "AUTHENTICATE takes a mechanism");
		return;
	}
	if (!login_mechanism_offered(c, mechanism)) {
		answer(c, "NO",
		    login_plain_allowed(c) ? "[CANNOT] That mechanism is not available"
					   : "[PRIVACYREQUIRED] Start TLS first.");
		return;
	}
	buf_init(&initial, LOGIN_LITERAL_MAX * 2);
	bool given = initial64.n > 0;
	if (given && !str_is(initial64, "=") && !base64_decode(initial64, &initial))
		answer(c, "BAD", "The initial response is no base64");
	else
		login_sasl(c, mechanism, given ? buf_str(&initial) : STR_NONE);
	mem_wipe(initial.p, initial.n);
	buf_free(&initial);
}

static const struct {
	const char *name;
	void (*run)(struct login_conn *c, struct words *w);
} commands[] = {
    {"CAPABILITY", cmd_capability},
    {"NOOP", cmd_noop},
    {"ID", cmd_id},
    {"LOGOUT", cmd_logout},
    {"STARTTLS", cmd_starttls},
    {"LOGIN", cmd_login},
    {"AUTHENTICATE", cmd_authenticate},
};

static bool tag_ok(struct str t)
{
	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] <= 0x20 || (unsigned char)t.p[i] >= 0x7f ||
		    memchr("(){%*\"\\+", t.p[i], 8))
			return false;
	return t.n > 0 && t.n <= TAG_MAX;
}

static void run(struct login_conn *c, struct str line)
{
	struct words w = {.rest = line};
	struct str tag, verb;
	char *room = mem_alloc(line.n + 1);
	w.room = room;
	free(c->tag);
	c->tag = NULL;
	if (!str_word(&w.rest, &tag) || !tag_ok(tag) || !str_word(&w.rest, &verb)) {
		answer(c, "BAD", "A command is a tag and a word");
		login_bad_command(c);
		free(room);
		return;
	}
	c->tag = mem_strndup(tag.p, tag.n);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (!str_iis(verb, commands[i].name))
			continue;
		commands[i].run(c, &w);
		mem_wipe(room, line.n);
		free(room);
		return;
	}
	free(room);
	answer(c, "BAD", "Log in first, or check the command");
	login_bad_command(c);
}

/*
 * Length of the command at the start of in, with its literals, without the final line end (its size
 * in *end); 0: more is needed, after "+" was said for a synchronising literal; -1: a literal too
 * large.
 */
static ptrdiff_t command_length(struct login_conn *c, struct str in, size_t *end)
{
	size_t at = 0;
	for (;;) {
		struct str rest = str_skip(in, at);
		ptrdiff_t lf = str_chr(rest, '\n');
		if (lf < 0)
			return 0;
		size_t n = (size_t)lf, stop = n && rest.p[n - 1] == '\r' ? n - 1 : n;
		struct str line = str_head(rest, stop);
		ptrdiff_t brace = str_ends(line, STR("}")) ? str_rchr(line, '{') : -1;
		struct str digits =
		    brace < 0 ? STR_NONE : str_at(line.p + brace + 1, line.n - (size_t)brace - 2);
		bool at_once = str_ends(digits, STR("+"));
		uint64_t size;
		if (at_once)
			digits.n--;
		if (!str_u64(digits, &size)) {
			*end = n + 1 - stop;
			return (ptrdiff_t)(at + stop);
		}
		if (size > LOGIN_LITERAL_MAX)
			return -1;
		at += n + 1;
		if (in.n - at < size || in.n == at) {
			if (!at_once && in.n == at)
				login_say(c, "+ go on\r\n");
			return 0;
		}
		at += size;
	}
}

static void input(struct login_conn *c)
{
	struct str in = stream_input(c->stream);
	size_t end = 0;
	ptrdiff_t n = command_length(c, in, &end);
	if (n == 0 && in.n < LOGIN_INPUT_MAX && !(in.n && (in.p[0] == '\n' || in.p[0] == '\r')))
		return;
	if (n < 0 || (n == 0 && in.n >= LOGIN_INPUT_MAX)) {
		login_say(c, "* BYE The command is too long\r\n");
		login_conn_end(c);
		return;
	}
	char *copy = mem_strndup(in.p, (size_t)n);
	struct str line = str_at(copy, (size_t)n);
	stream_consume(c->stream, (size_t)n + end);
	if (n == 0 && end == 0)
		stream_consume(c->stream, 1); /* a stray line end */
	else
		run(c, line);
	mem_wipe(copy, (size_t)n);
	free(copy);
}

static void challenge(struct login_conn *c, struct str data)
{
	struct buf b;
	buf_init(&b, 32768);
	base64_encode(data, &b);
	login_say(c, "+ %s\r\n", b.p);
	buf_free(&b);
}

static void refused(struct login_conn *c, const char *code, const char *text)
{
	if (code)
		login_say(c, "%s NO [%s] %s\r\n", c->tag, code, text);
	else
		answer(c, "BAD", text);
}

static void bye(struct login_conn *c, const char *text)
{
	login_say(c, "* BYE %s\r\n", text);
}

static void environment(struct login_conn *c, struct buf *env)
{
	buf_addf(env, "IMAP_LOGIN_TAG=%s\nPROTOCOL=IMAP\n", c->tag);
}

const struct login_protocol login_imap = {
    "imap", "IMAP", "imapd", "imapd", greet, input, challenge, refused, bye, environment};
