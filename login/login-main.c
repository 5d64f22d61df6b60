#include "config.h"

#include "login/login.h"
#include "service/listening.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

static void client(void *door, int fd, const struct sockaddr_storage *ss)
{
	struct login_ends ends = {.balanced = false};
	struct sockaddr_storage here;
	socklen_t n = sizeof here;
	uint16_t port;
	if (getsockname(fd, (struct sockaddr *)&here, &n) == 0 &&
	    describe(&here, ends.local, &port) && describe(ss, ends.peer, &ends.peer_port))
		login_admit(door, fd, &ends);
	else
		close(fd);
}

static int setup(struct service *s)
{
	static const struct listening_handlers handlers = {.client = client};
	struct login *l = mem_new(struct login);
	l->s = s;
	l->per_address = map_new();
	l->listening = listening_new(service_loop(s), &handlers);
	bool imap = strcmp(service_role(s), "imaplogin") == 0;
	log_rename(imap ? "imapd-login" : "pop3d-login");
	l->tls = tls_server_new(s, imap ? "imapd" : "pop3d");
	service_set_data(s, l);
	l->balancers = login_balancers_new(
	    service_config(s), imap ? login_imap.component : login_pop3.component);
	if (login_back_setup(l, imap ? &login_imap : &login_pop3) < 0)
		return -1;
	if (imap)
		l->access = login_access_open(s);
	return l->per_address && l->listening && (l->access || !imap) ? 0 : -1;
}

static int start(struct service *s)
{
	struct login *l = service_data(s);
	l->auth = auth_client_new(s);
	l->broker = broker_client_new(s);
	if (!l->auth || !l->broker)
		return -1;
	listening_serve(l->listening);
	service_ready(s);
	return 0;
}

static struct login_door *door_of(struct login *l, const char *name, uint16_t port)
{
	for (size_t i = 0; i < l->n_doors; i++)
		if (l->doors[i].port == port && strcmp(l->doors[i].name, name) == 0)
			return &l->doors[i];
	if (l->n_doors == ARRAY_LEN(l->doors))
		return NULL;
	struct login_door *d = &l->doors[l->n_doors++];
	*d = (struct login_door){.login = l,
	    .port = port,
	    .protocol = strncmp(name, "imap", 4) == 0 ? &login_imap : &login_pop3,
	    .tls_at_once = strcmp(name, "imaps") == 0 || strcmp(name, "pop3s") == 0};
	snprintf(d->name, sizeof d->name, "%s", name);
	return d;
}

static void on_listener(struct service *s, const char *name, const char *where, int fd)
{
	struct login *l = service_data(s);
	uint64_t port = 0;
	const char *colon = strrchr(where, ':');
	(void)str_u64(str_of(colon ? colon + 1 : ""), &port);
	struct login_door *d = door_of(l, name, (uint16_t)port);
	if (d) {
		listening_add(l->listening, d, where, fd);
		return;
	}
	log_error(NULL, "too many ports to listen on; %s is left out", where);
	close(fd);
}

static void drain(struct service *s)
{
	struct login *l = service_data(s);
	listening_end(l->listening);
	login_balancers_end(l);
	for (struct login_conn *c = l->conns, *next; c; c = next) {
		next = c->next;
		if ((c->state == LOGIN_COMMAND || c->state == LOGIN_HANDSHAKE) &&
		    !service_retired_for(s)) {
			c->protocol->bye(c, "The server is being restarted");
			login_conn_end(c);
		} else if ((c->state == LOGIN_PROXY || c->state == LOGIN_CALL) &&
			   !service_retired(s)) {
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
