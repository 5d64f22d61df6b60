#include "config.h"

#include "login/login.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 32, ACCEPT_PAUSE_MS = 200 };

static int setup(struct service *s)
{
	struct login *l = mem_new(struct login);
	l->s = s;
	l->per_address = map_new();
	bool imap = strcmp(service_role(s), "imaplogin") == 0;
	log_rename(imap ? "imapd-login" : "pop3d-login");
	l->tls = tls_server_new(s, imap ? "imapd" : "pop3d");
	service_set_data(s, l);
	if (imap)
		l->access = login_access_open(s);
	return l->per_address && (l->access || !imap) ? 0 : -1;
}

static void accept_again(void *ctx)
{
	struct login *l = ctx;
	for (size_t i = 0; i < l->n_listeners; i++)
		watch_set(l->listeners[i].watch, WATCH_READ);
}

static int start(struct service *s)
{
	struct login *l = service_data(s);
	l->auth = auth_client_new(s);
	l->broker = broker_client_new(s);
	l->accept_again = timer_new(service_loop(s), accept_again, l);
	bool imap = strcmp(service_role(s), "imaplogin") == 0;
	const char *component = imap ? login_imap.component : login_pop3.component;
	if (!l->auth || !l->broker || !l->accept_again)
		return -1;
	auth_default_domain(l->auth, config_str(service_config(s), component, "DEFDOMAIN", NULL),
	    config_str(service_config(s), component, "DOMAINSEP", NULL));
	service_ready(s);
	return 0;
}

static bool describe(const struct sockaddr_storage *ss, char out[46], uint16_t *port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)ss;
	if (ss->ss_family == AF_INET) {
		char text[INET_ADDRSTRLEN];
		*port = ntohs(v4->sin_port);
		snprintf(
		    out, 46, "::ffff:%s", inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text));
		return true;
	}
	*port = ntohs(v6->sin6_port);
	return ss->ss_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, out, 46);
}

/* Without free descriptors there is no use in being told again and again: a pause. */
static void out_of_descriptors(struct login *l)
{
	log_error(NULL, "no connections can be accepted for a moment: %m");
	for (size_t i = 0; i < l->n_listeners; i++)
		watch_set(l->listeners[i].watch, 0);
	timer_set(l->accept_again, ACCEPT_PAUSE_MS);
}

static void on_accept(void *ctx, int listener, int what)
{
	struct login_listener *l = ctx;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage ss;
		socklen_t n = sizeof ss;
		char peer[46];
		uint16_t port;
		int fd =
		    accept4(listener, (struct sockaddr *)&ss, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				out_of_descriptors(l->login);
			return;
		}
		if (describe(&ss, peer, &port))
			login_conn_new(l, fd, peer, port);
		else
			close(fd);
	}
}

static void on_listener(struct service *s, const char *name, const char *where, int fd)
{
	struct login *l = service_data(s);
	uint64_t port = 0;
	if (l->n_listeners == ARRAY_LEN(l->listeners)) {
		log_error(NULL, "too many addresses to listen on; %s is left out", where);
		close(fd);
		return;
	}
	struct login_listener *x = &l->listeners[l->n_listeners];
	const char *colon = strrchr(where, ':');
	(void)str_u64(str_of(colon ? colon + 1 : ""), &port);
	*x = (struct login_listener){.login = l,
	    .fd = fd,
	    .port = (uint16_t)port,
	    .protocol = strncmp(name, "imap", 4) == 0 ? &login_imap : &login_pop3,
	    .tls_at_once = strcmp(name, "imaps") == 0 || strcmp(name, "pop3s") == 0};
	x->watch = watch_new(service_loop(s), fd, on_accept, x);
	if (!x->watch) {
		close(fd);
		return;
	}
	l->n_listeners++;
	watch_set(x->watch, WATCH_READ);
}

static void drain(struct service *s)
{
	struct login *l = service_data(s);
	for (size_t i = 0; i < l->n_listeners; i++) {
		watch_free(l->listeners[i].watch);
		close(l->listeners[i].fd);
	}
	l->n_listeners = 0;
	for (struct login_conn *c = l->conns, *next; c; c = next) {
		next = c->next;
		if (c->state == LOGIN_COMMAND || c->state == LOGIN_HANDSHAKE) {
			c->protocol->bye(c, "The server is being restarted");
			login_conn_end(c);
		} else if (c->state == LOGIN_PROXY && !service_retired(s)) {
			login_conn_end(c);
		}
	}
	if (l->open == 0)
		service_exit(s, EXIT_SUCCESS);
}

static void stats(struct service *s, struct buf *out)
{
	struct login *l = service_data(s);
	buf_addf(out, "connections=%u accepted=%llu logins=%llu failures=%llu", l->open,
	    (unsigned long long)l->accepted, (unsigned long long)l->logins,
	    (unsigned long long)l->failures);
}

static const struct config_component *const components[] = {
    &login_imap_settings, &login_pop3_settings, &auth_settings};

static const struct service_desc desc = {
    .role = "login",
    .components = components,
    .n_components = ARRAY_LEN(components),
    .setup = setup,
    .start = start,
    .listener = on_listener,
    .drain = drain,
    .stats = stats,
};

int main(int argc, char **argv)
{
	return service_main(&desc, argc, argv);
}
