/* POP3 before the login (RFC 1939, 2449, 2595, 5034). */
#include "config.h"

#include "login/login.h"

#include <stdlib.h>

enum { LINE_LIMIT = 600, USER_MAX = 255 };

static void greet(struct login_conn *c)
{
	login_say(c, "+OK Courier ready.\r\n");
}

static void cmd_capa(struct login_conn *c, struct str rest)
{
	struct buf b;
	buf_init(&b, 1000);
	login_say(c, "+OK What can be done "
		     "here:\r\nTOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
		     "EXPIRE NEVER\r\nLOGIN-DELAY 10\r\nUTF8 USER\r\nLANG\r\n"
		     "IMPLEMENTATION Courier Mail Server\r\n");
	if (login_plain_allowed(c))
		login_say(c, "USER\r\n");
	login_mechanisms(c, &b);
	if (b.n)
		login_say(c, "SASL %s\r\n", b.p);
	if (login_tls_offered(c))
		login_say(c, "STLS\r\n");
	login_say(c, ".\r\n");
	buf_free(&b);
}

static void cmd_noop(struct login_conn *c, struct str rest)
{
	login_say(c, "+OK\r\n");
}

static void cmd_quit(struct login_conn *c, struct str rest)
{
	log_info(NULL, "LOGOUT, ip=[%s], port=[%u], protocol=POP3", c->peer, c->peer_port);
	login_say(c, "+OK Goodbye.\r\n");
	login_conn_end(c);
}

/* RFC 6856: names may be UTF-8 in any case, and the session is told what the client can read. */
static void cmd_utf8(struct login_conn *c, struct str rest)
{
	struct str word = STR_NONE, more;
	if (str_word(&rest, &word) && (!str_iis(word, "USER") || str_word(&rest, &more))) {
		login_say(c, "-ERR UTF8 takes nothing, or USER\r\n");
		return;
	}
	c->utf8 = true;
	login_say(c, "+OK UTF8 it is\r\n");
}

static void cmd_lang(struct login_conn *c, struct str rest)
{
	struct str word;
	if (!str_word(&rest, &word))
		login_say(c, "+OK Languages:\r\ni-default Default\r\nen English\r\n.\r\n");
	else if (str_is(word, "*") || str_iis(word, "en") || str_iis(word, "i-default"))
		login_say(c, "+OK %s\r\n", str_iis(word, "i-default") ? "i-default" : "en");
	else
		login_say(c, "-ERR There is no such language\r\n");
}

static void cmd_stls(struct login_conn *c, struct str rest)
{
	if (!login_tls_offered(c)) {
		login_say(
		    c, "-ERR %s\r\n", c->tls ? "TLS is active already" : "STLS is not available");
		return;
	}
	if (stream_input(c->stream).n) {
		log_error(NULL, "text pipelined behind STLS, ip=[%s]: dropped", c->peer);
		login_conn_end(c);
		return;
	}
	free(c->user); /* what was said in clear counts no more, RFC 2595 */
	c->user = NULL;
	c->utf8 = false;
	login_say(c, "+OK Begin TLS negotiation\r\n");
	login_start_tls(c);
}

static bool private_enough(struct login_conn *c)
{
	if (login_plain_allowed(c))
		return true;
	login_say(c, "-ERR Start TLS first.\r\n");
	return false;
}

static void cmd_user(struct login_conn *c, struct str rest)
{
	if (!private_enough(c))
		return;
	rest = str_trim(rest);
	if (!rest.n || rest.n > USER_MAX) {
		login_say(c, "-ERR USER takes a name\r\n");
		return;
	}
	free(c->user);
	c->user = mem_strndup(rest.p, rest.n);
	login_say(c, "+OK Password required.\r\n");
}

/* Everything behind "PASS " is the password, blanks included. */
static void cmd_pass(struct login_conn *c, struct str rest)
{
	if (!private_enough(c))
		return;
	if (!c->user) {
		login_say(c, "-ERR USER first\r\n");
		return;
	}
	char *user = c->user;
	c->user = NULL;
	login_password(c, str_of(user), str_skip(rest, 1));
	free(user);
}

static void cmd_auth(struct login_conn *c, struct str rest)
{
	struct str mechanism, initial64;
	struct buf initial;
	if (!str_word(&rest, &mechanism)) {
		login_say(c, "-ERR AUTH takes a mechanism, which CAPA lists\r\n");
		return;
	}
	if (!login_mechanism_offered(c, mechanism)) {
		login_say(c, "-ERR That mechanism is not available\r\n");
		return;
	}
	bool given = str_word(&rest, &initial64);
	buf_init(&initial, LINE_LIMIT * 2);
	if (given && !str_is(initial64, "=") && !base64_decode(initial64, &initial))
		login_say(c, "-ERR The initial response is no base64\r\n");
	else
		login_sasl(c, mechanism, given ? buf_str(&initial) : STR_NONE);
	mem_wipe(initial.p, initial.n);
	buf_free(&initial);
}

static const struct {
	const char *name;
	void (*run)(struct login_conn *c, struct str rest);
} commands[] = {
    {"CAPA", cmd_capa},
    {"NOOP", cmd_noop},
    {"QUIT", cmd_quit},
    {"STLS", cmd_stls},
    {"UTF8", cmd_utf8},
    {"LANG", cmd_lang},
    {"USER", cmd_user},
    {"PASS", cmd_pass},
    {"AUTH", cmd_auth},
};

static void run(struct login_conn *c, struct str line)
{
	struct str verb;
	if (str_word(&line, &verb)) {
		for (size_t i = 0; i < ARRAY_LEN(commands); i++)
			if (str_iis(verb, commands[i].name)) {
				commands[i].run(c, line);
				return;
			}
	}
	login_say(c, "-ERR Log in first, or check the command\r\n");
	login_bad_command(c);
}

static void input(struct login_conn *c)
{
	struct str line;
	size_t used = 0;
	int r = stream_line(c->stream, LINE_LIMIT, false, &line, &used);
	if (r == 0)
		return;
	if (r < 0) {
		login_say(c, "-ERR The line is too long\r\n");
		login_conn_end(c);
		return;
	}
	char *copy = mem_strndup(line.p, line.n);
	size_t n = line.n;
	stream_consume(c->stream, used);
	run(c, str_at(copy, n));
	mem_wipe(copy, n);
	free(copy);
}

static void refused(struct login_conn *c, const char *code, const char *text)
{
	const char *own = !code ? "" : strcmp(code, "UNAVAILABLE") == 0 ? "[SYS/TEMP] " : "[AUTH] ";
	login_say(c, "-ERR %s%s\r\n", own, text);
}

static void bye(struct login_conn *c, const char *text)
{
	login_say(c, "-ERR %s\r\n", text);
}

static void environment(struct login_conn *c, struct buf *env)
{
	buf_addz(env, c->utf8 ? "PROTOCOL=POP3\nPOP3_UTF8=1\n" : "PROTOCOL=POP3\n");
}

static void mechanisms(const struct login_conn *c, struct buf *out)
{
	buf_adds(out, config_str(c->config, "pop3d", c->tls ? "POP3AUTH_TLS" : "POP3AUTH", NULL));
}

static void proxied(struct login_conn *c, struct str can UNUSED, bool foreign UNUSED)
{
	login_say(c, "+OK connected to proxy server.\r\n");
}

const struct login_protocol login_pop3 = {
    "pop3", "POP3", "pop3d", "pop3d", greet, input, refused, bye, environment, mechanisms, proxied};
