#include "config.h"

#include "auth/auth.h"
#include "courierd/supervisor.h"
#include "ldapaliasd/ldapaliasrc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, BUSY_TRIES = 50, BUSY_WAIT_US = 100 * 1000 };

static const struct {
	const char *listener, *role;
} served_by[] = {
    {"smtp", "esmtpd"},
    {"submission", "esmtpd"},
    {"smtps", "esmtpd"},
    {"imap", "imaplogin"},
    {"imaps", "imaplogin"},
    {"pop3", "pop3login"},
    {"pop3s", "pop3login"},
};

static const struct {
	const char *role, *name, *path; /* below var */
	int type;
	mode_t mode;
} unix_listeners[] = {
    {"gate", "submit", "run/submit", SOCK_SEQPACKET, 0666},
    {"sched", "queue", "run/queue", SOCK_STREAM, 0666},
    {"auth", "authsocket", "authdaemon/socket", SOCK_STREAM, 0777},
};

static const char *role_of(const char *listener)
{
	for (size_t i = 0; i < ARRAY_LEN(served_by); i++)
		if (strcmp(served_by[i].listener, listener) == 0)
			return served_by[i].role;
	return NULL;
}

static int fail(char **why, const char *what, const char *where)
{
	*why = mem_printf("cannot %s %s: %s", what, where, strerror(errno));
	return -1;
}

static int add(
    struct supervisor *s, const char *role, const char *name, const char *where, int fd, char **why)
{
	if (s->n_listeners == LISTENERS_MAX) {
		*why = mem_printf("more than %d addresses and ports to listen on", LISTENERS_MAX);
		close(fd);
		return -1;
	}
	struct listener *l = &s->listeners[s->n_listeners++];
	l->role = roles_find(&s->roles, str_of(role));
	l->fd = fd;
	l->network = role_of(name) != NULL;
	snprintf(l->name, sizeof l->name, "%s", name);
	snprintf(l->where, sizeof l->where, "%s", where);
	return 0;
}

static socklen_t make_address(struct sockaddr_storage *ss, struct str address, uint16_t port)
{
	char text[INET6_ADDRSTRLEN + 1];
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;
	if (address.n > INET6_ADDRSTRLEN)
		return 0;
	memcpy(text, address.p, address.n);
	text[address.n] = 0;
	memset(ss, 0, sizeof *ss);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof *v4;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof *v6;
	}
	return 0;
}

static int bind_once(const struct sockaddr_storage *ss, socklen_t len)
{
	int one = 1;
	int fd = socket(ss->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	/* an address that the system gets later, from a VPN or a fail-over, is no fault */
	(void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one);
	if (ss->ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, (const struct sockaddr *)ss, len) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* What a killed supervisor has left behind ends by itself, but may hold a port for a moment more.
 */
static int bind_tcp(const struct sockaddr_storage *ss, socklen_t len)
{
	int fd;
	for (int i = 0; (fd = bind_once(ss, len)) < 0 && errno == EADDRINUSE && i < BUSY_TRIES; i++)
		usleep(BUSY_WAIT_US);
	return fd;
}

static int open_one(struct supervisor *s, const char *name, struct str address, uint16_t port,
    bool optional, char **why)
{
	char where[80];
	struct sockaddr_storage ss;
	socklen_t len = make_address(&ss, address, port);
	bool v6 = str_chr(address, ':') >= 0;
	snprintf(where, sizeof where, v6 ? "[%.*s]:%u" : "%.*s:%u", STR_FMT(address), port);
	if (!len) {
		*why = mem_printf(
		    "'%.*s' is no address to listen on (service %s)", STR_FMT(address), name);
		return -1;
	}
	int fd = bind_tcp(&ss, len);
	if (fd < 0) {
		bool absent = errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL;
		return optional && absent ? 0 : fail(why, "listen on", where);
	}
	return add(s, role_of(name), name, where, fd, why);
}

/* A number, or a name of the system's list of services. */
static uint64_t port_of(struct str s)
{
	char name[40];
	uint64_t port = 0;
	struct servent *e;
	if (str_u64(s, &port))
		return port;
	if (str_is(s, "smtp"))
		return 25;
	if (s.n == 0 || s.n >= sizeof name)
		return 0;
	snprintf(name, sizeof name, "%.*s", STR_FMT(s));
	e = getservbyname(name, "tcp");
	return e ? ntohs((uint16_t)e->s_port) : 0;
}

/* ADDRESS of esmtpd holds for esmtpd-msa, too, until that has its own. */
static const char *whose_address(const struct supervisor *s, const struct config_component *c)
{
	bool layered = strcmp(c->name, "submission") == 0 &&
		       !config_is_set(s->config, c->name, c->settings[2].name);
	return layered ? "smtp" : c->name;
}

/* "25" with the addresses of ADDRESS, or "192.0.2.1.25" / "::1.25" with its own. */
static int open_port(
    struct supervisor *s, const struct config_component *c, struct str item, char **why)
{
	uint64_t port;
	size_t at = 0;
	struct str address;
	ptrdiff_t dot = str_rchr(item, '.');
	struct str digits = dot < 0 ? item : str_skip(item, (size_t)dot + 1);
	port = port_of(digits);
	if (port < 1 || port > 65535) {
		*why = mem_printf("'%.*s' is no port (service %s)", STR_FMT(item), c->name);
		return -1;
	}
	if (dot >= 0)
		return open_one(
		    s, c->name, str_head(item, (size_t)dot), (uint16_t)port, false, why);
	bool any = false;
	while (config_each(s->config, whose_address(s, c), c->settings[2].name, &at, &address)) {
		any = true;
		if (str_is(address, "0")) {
			if (open_one(s, c->name, STR("0.0.0.0"), (uint16_t)port, false, why) < 0 ||
			    open_one(s, c->name, STR("::"), (uint16_t)port, true, why) < 0)
				return -1;
		} else if (open_one(s, c->name, address, (uint16_t)port, false, why) < 0) {
			return -1;
		}
	}
	return any ? 0 : open_one(s, c->name, STR("0.0.0.0"), (uint16_t)port, false, why);
}

static int open_network(struct supervisor *s, const struct config_component *c, char **why)
{
	size_t at = 0;
	struct str item;
	if (!config_bool(s->config, c->name, c->settings[0].name, NULL) || !role_of(c->name) ||
	    !roles_find(&s->roles, str_of(role_of(c->name))))
		return 0;
	while (config_each(s->config, c->name, c->settings[1].name, &at, &item))
		if (open_port(s, c, item, why) < 0)
			return -1;
	return 0;
}

static int open_unix(struct supervisor *s, size_t i, char **why)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char *path = instance_path(s->instance.var, unix_listeners[i].path);
	if ((size_t)snprintf(un.sun_path, sizeof un.sun_path, "%s", path) >= sizeof un.sun_path) {
		*why = mem_printf(
		    "the path '%s' is too long for a socket; use a shorter instance folder", path);
		free(path);
		return -1;
	}
	int fd = socket(AF_UNIX, unix_listeners[i].type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path);
	/* Not chmod: the folder may be a role's own, and a link put in our way would have root
	 * open up what it names. */
	mode_t old = umask(0777 & ~unix_listeners[i].mode);
	bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&un, sizeof un) == 0;
	int saved = errno;
	umask(old);
	errno = saved;
	if (!bound || listen(fd, BACKLOG) < 0) {
		int r = fail(why, "listen on", path);
		free(path);
		if (fd >= 0)
			close(fd);
		return r;
	}
	int r = add(s, unix_listeners[i].role, unix_listeners[i].name, path, fd, why);
	free(path);
	return r;
}

int listeners_open(struct supervisor *s, char **why)
{
	for (size_t i = 0; i < n_port_settings; i++)
		if (open_network(s, &port_settings[i], why) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(unix_listeners); i++)
		if (open_unix(s, i, why) < 0)
			return -1;
	return 0;
}

/* A file with faults is told about by who reads it; until then nobody is missed. */
static bool is_module(const struct supervisor *s, const char *role)
{
	static const struct config_component *const only[] = {&auth_settings};
	struct config *c = config_load(&s->instance, only, 1, NULL);
	struct str name;
	bool found = false;
	for (size_t at = 0;
	     c && !found && config_each(c, auth_settings.name, "authmodulelist", &at, &name);)
		found = str_is(name, role);
	config_drop(c);
	return found;
}

/* Is the role part of this instance: built, with its program there, and with somebody to serve? */
bool role_wanted(const struct supervisor *s, const struct role *r)
{
	char *path =
	    r->program[0] == '/' ? mem_strdup(r->program) : instance_path(LIBEXECDIR, r->program);
	bool there = access(path, X_OK) == 0;
	free(path);
	if (!there && (r->flags & ROLE_LISTENS))
		return false;
	if (r->flags & ROLE_LDAPALIAS)
		return there && ldapaliasrc_on(s->instance.etc);
	if (r->flags & ROLE_ACCOUNTS)
		return there && is_module(s, r->name);
	if (!(r->flags & ROLE_LISTENS))
		return true;
	for (size_t i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].role == r)
			return true;
	return false;
}
