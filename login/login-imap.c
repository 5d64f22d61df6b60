/* IMAP before the login (RFC 3501, sections 6.1 and 6.2; RFC 2595, 4959, 7888). */
#include "config.h"

#include "login/login.h"
#include "login/login-parse.h"

#include <stdlib.h>

static struct str capability_words(const struct login_conn *c)
{
	struct str tls = config_str(c->config, "imapd", "IMAP_CAPABILITY_TLS", NULL);
	return c->tls && tls.n ? tls : config_str(c->config, "imapd", "IMAP_CAPABILITY", NULL);
}

/* The AUTH= words of the capabilities. */
static void mechanisms(const struct login_conn *c, struct buf *out)
{
	struct str rest = capability_words(c), word;
	while (str_word(&rest, &word))
		if (str_istarts(word, STR("AUTH=")))
			buf_addf(out, "%s%.*s", out->n ? " " : "", STR_FMT(str_skip(word, 5)));
}

static void capability(struct login_conn *c, struct buf *out)
{
	struct buf auth;
	struct str rest, word;
	rest = capability_words(c);
	buf_addz(out, "CAPABILITY");
	bool sasl_ir = false, literal = false;
	while (str_word(&rest, &word)) {
		if (str_istarts(word, STR("AUTH=")))
			continue; /* below */
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

static void answer(struct login_conn *c, const char *kind, const char *text)
{
	login_say(c, "%s %s %s\r\n", c->tag ? c->tag : "*", kind, text);
}

static void cmd_capability(struct login_conn *c, struct login_words *w)
{
	struct buf b;
	buf_init(&b, 4096);
	capability(c, &b);
	login_say(c, "* %s\r\n", b.p);
	answer(c, "OK", "CAPABILITY completed");
	buf_free(&b);
}

static void cmd_noop(struct login_conn *c, struct login_words *w)
{
	answer(c, "OK", "NOOP completed");
}

static void cmd_id(struct login_conn *c, struct login_words *w)
{
	login_say(c, "* ID (\"name\" \"Courier\")\r\n");
	answer(c, "OK", "ID completed");
}

static void cmd_logout(struct login_conn *c, struct login_words *w)
{
	login_say(c, "* BYE Courier closes the connection\r\n");
	answer(c, "OK", "LOGOUT completed");
	login_conn_end(c);
}

static void cmd_starttls(struct login_conn *c, struct login_words *w)
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

static void cmd_login(struct login_conn *c, struct login_words *w)
{
	struct str user, password;
	if (!login_plain_allowed(c)) {
		answer(c, "NO", "[PRIVACYREQUIRED] Start TLS first.");
		return;
	}
	if (!login_astring(w, &user) || !login_astring(w, &password) || w->rest.n || !user.n) {
		answer(c, "BAD", "LOGIN takes a user name and a password");
		return;
	}
	login_password(c, user, password);
}

static void cmd_authenticate(struct login_conn *c, struct login_words *w)
{
	struct str mechanism, initial64 = STR_NONE;
	struct buf initial;
	if (!login_astring(w, &mechanism) || (w->rest.n && !login_astring(w, &initial64)) ||
	    w->rest.n) {
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
	void (*run)(struct login_conn *c, struct login_words *w);
} commands[] = {
    {"CAPABILITY", cmd_capability},
    {"NOOP", cmd_noop},
    {"ID", cmd_id},
    {"LOGOUT", cmd_logout},
    {"STARTTLS", cmd_starttls},
    {"LOGIN", cmd_login},
    {"AUTHENTICATE", cmd_authenticate},
};

static void run(struct login_conn *c, struct str line)
{
	struct login_words w = {.rest = line};
	struct str tag, verb;
	char *room = mem_alloc(line.n + 1);
	w.room = room;
	free(c->tag);
	c->tag = NULL;
	if (!str_word(&w.rest, &tag) || !login_tag_ok(tag) || !str_word(&w.rest, &verb)) {
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

static void input(struct login_conn *c)
{
	struct str in = stream_input(c->stream);
	size_t end = 0;
	bool ask = false;
	ptrdiff_t n = login_command_length(in, &end, &ask);
	if (ask && c->asked_at != in.n) { /* this may be called again with nothing new */
		c->asked_at = in.n;
		login_say(c, "+ go on\r\n");
	}
	if (n == 0 && in.n < LOGIN_INPUT_MAX && !(in.n && (in.p[0] == '\n' || in.p[0] == '\r')))
		return;
	if (n < 0 || (n == 0 && in.n >= LOGIN_INPUT_MAX)) {
		login_say(c, "* BYE The command is too long\r\n");
		login_conn_end(c);
		return;
	}
	c->asked_at = 0;
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

/* What this server's clients have learnt of it may not hold for the other. */
static void proxied(struct login_conn *c, struct str can, bool foreign)
{
	if (foreign && can.n)
		login_say(c, "* CAPABILITY %.*s\r\n", STR_FMT(can));
	if (!foreign && can.n)
		login_say(c, "%s OK [CAPABILITY %.*s] connected to proxy server.\r\n", c->tag,
		    STR_FMT(can));
	else
		answer(c, "OK", "connected to proxy server.");
}

const struct login_protocol login_imap = {
    "imap", "IMAP", "imapd", "imapd", greet, input, refused, bye, environment, mechanisms, proxied};
