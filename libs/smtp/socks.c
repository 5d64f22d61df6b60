#include "smtp/socks.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

enum {
	VERSION = 5,
	LOGIN_VERSION = 1,
	METHOD_NONE = 0,
	METHOD_LOGIN = 2,
	METHOD_REFUSED = 0xff,
	CONNECT = 1,
	ADDRESS_4 = 1,
	ADDRESS_NAME = 3,
	ADDRESS_6 = 4,
};

/* ---- the proxy ------------------------------------------------------------------------------- */

static bool address(struct str s, uint16_t port, struct sockaddr_storage *out)
{
	char z[INET6_ADDRSTRLEN];
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = str_at(s.p + 1, s.n - 2);
	if (!s.n || s.n >= sizeof z)
		return false;
	snprintf(z, sizeof z, "%.*s", STR_FMT(s));
	*out = (struct sockaddr_storage){0};
	if (inet_pton(AF_INET, z, &four->sin_addr) == 1)
		out->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, z, &six->sin6_addr) == 1)
		out->ss_family = AF_INET6;
	else
		return false;
	four->sin_port = htons(port); /* at the same place in both */
	return true;
}

static bool keep(struct str word, char out[SOCKS_WORD_MAX + 1])
{
	if (word.n > SOCKS_WORD_MAX || str_chr(word, 0) >= 0)
		return false;
	memcpy(out, word.p ? word.p : "", word.n);
	out[word.n] = 0;
	return true;
}

const char *socks_proxy_parse(struct str line, struct socks_proxy *out)
{
	struct str where, user = STR_NONE, password = STR_NONE, extra;
	uint64_t port = SOCKS_PORT;
	*out = (struct socks_proxy){0};
	if (!str_word(&line, &where))
		return "expected ADDRESS[,PORT] [USER PASSWORD]";
	if (str_word(&line, &user) && !str_word(&line, &password))
		return "a password must follow the user";
	if (str_word(&line, &extra))
		return "something stands behind the password";
	ptrdiff_t comma = str_rchr(where, ',');
	if (comma >= 0) {
		if (!str_u64(str_skip(where, (size_t)comma + 1), &port) || !port || port > 65535)
			return "the port is not a number from 1 to 65535";
		where = str_head(where, (size_t)comma);
	}
	if (!address(where, (uint16_t)port, &out->addr))
		return "the proxy must be named by its address";
	if (!keep(user, out->user) || !keep(password, out->password))
		return "user and password have 255 characters at the most";
	return NULL;
}

const char *socks_line_wrong(struct str line)
{
	struct socks_proxy p;
	const char *wrong = socks_proxy_parse(line, &p);
	mem_wipe(p.password, sizeof p.password);
	return wrong;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void say_login(const struct socks *s, struct buf *out)
{
	struct str user = str_of(s->proxy->user), password = str_of(s->proxy->password);
	buf_addc(out, LOGIN_VERSION);
	buf_addc(out, (char)user.n);
	buf_adds(out, user);
	buf_addc(out, (char)password.n);
	buf_adds(out, password);
}

static void say_connect(const struct socks *s, struct buf *out)
{
	bool is_six = s->to.ss_family == AF_INET6;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&s->to;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&s->to;
	const char head[] = {VERSION, CONNECT, 0, is_six ? ADDRESS_6 : ADDRESS_4};
	buf_add(out, head, sizeof head);
	if (is_six)
		buf_add(out, &six->sin6_addr, sizeof six->sin6_addr);
	else
		buf_add(out, &four->sin_addr, sizeof four->sin_addr);
	buf_add(out, &four->sin_port, sizeof four->sin_port);
}

void socks_begin(struct socks *s, const struct socks_proxy *p, const struct sockaddr_storage *to,
    struct buf *out)
{
	static const char plain[] = {VERSION, 1, METHOD_NONE};
	static const char both[] = {VERSION, 2, METHOD_NONE, METHOD_LOGIN};
	*s = (struct socks){.proxy = p, .to = *to};
	if (p->user[0])
		buf_add(out, both, sizeof both);
	else
		buf_add(out, plain, sizeof plain);
}

/* ---- what is answered ------------------------------------------------------------------------ */

static int fault(const char **why, const char *text)
{
	*why = text;
	return -1;
}

static int method_chosen(struct socks *s, unsigned char method, struct buf *out, const char **why)
{
	if (method == METHOD_NONE) {
		s->state = SOCKS_REPLY;
		say_connect(s, out);
		return 0;
	}
	if (method == METHOD_LOGIN && s->proxy->user[0]) {
		s->state = SOCKS_LOGIN;
		say_login(s, out);
		return 0;
	}
	return fault(why, method == METHOD_REFUSED ? "it wants another way to log in"
						   : "it chooses what was not offered");
}

static const char *refusal(unsigned char code)
{
	static const char *const texts[] = {[1] = "general failure",
	    [2] = "its rules do not allow this",
	    [3] = "network unreachable",
	    [4] = "host unreachable",
	    [5] = "connection refused",
	    [6] = "time to live expired",
	    [7] = "it knows no CONNECT",
	    [8] = "it does not know this kind of address"};
	return code < ARRAY_LEN(texts) ? texts[code] : "unknown failure";
}

/* Its length depends on the kind of address in it, which is of no interest. */
static int reply(struct socks *s, struct str in, size_t *used, const char **why)
{
	const unsigned char *p = (const unsigned char *)in.p;
	size_t n;
	if (in.n < 2)
		return 0;
	if (p[1])
		return fault(why, refusal(p[1]));
	if (in.n < 5)
		return 0;
	n = p[3] == ADDRESS_4 ? 4 : p[3] == ADDRESS_6 ? 16 : 1 + (size_t)p[4];
	if (p[3] != ADDRESS_4 && p[3] != ADDRESS_6 && p[3] != ADDRESS_NAME)
		return fault(why, "it does not speak SOCKS 5");
	if (in.n < 4 + n + 2)
		return 0;
	*used += 4 + n + 2;
	s->state = SOCKS_READY;
	return 1;
}

int socks_feed(struct socks *s, struct str in, size_t *used, struct buf *out, const char **why)
{
	unsigned char version = s->state == SOCKS_LOGIN ? LOGIN_VERSION : VERSION;
	*used = 0;
	if (!in.n)
		return 0;
	if ((unsigned char)in.p[0] != version)
		return fault(why, "it does not speak SOCKS 5");
	if (s->state == SOCKS_REPLY)
		return reply(s, in, used, why);
	if (in.n < 2)
		return 0;
	*used = 2;
	if (s->state == SOCKS_METHOD)
		return method_chosen(s, (unsigned char)in.p[1], out, why);
	if (in.p[1])
		return fault(why, "it refuses user and password");
	s->state = SOCKS_REPLY;
	say_connect(s, out);
	return 0;
}
