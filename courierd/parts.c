/*
 * Parts of a running instance: all processes of a role, or one of the services that a role's
 * processes have ports for.  A service is switched by its ports alone: closing one ends no session
 * of the others, and it stays closed through reloads and deaths until it is opened again.
 */
#include "config.h"

#include "courierd/supervisor.h"

#include <sys/socket.h>

enum { BACKLOG = 1024, STOP_MS = 10000 };

static const char no_such[] = "no part of this instance is called so";
static const char no_port[] = "it has no port: its settings did not ask for one at the start";

/* It serves, or will: not one that is on its way out. */
static bool stays(const struct proc *p, const struct role *r)
{
	return p->used && p->role == r && !p->retired && (p->state != PROC_STOPPING || p->again);
}

static bool open_port(struct supervisor *s, struct listener *l)
{
	if (!l->off)
		return true;
	if (listen(l->fd, BACKLOG) < 0) {
		log_error(NULL, "cannot open the port %s: %m", l->where);
		return false;
	}
	l->off = false;
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &s->procs[i];
		if (stays(p, l->role) && p->state != PROC_STOPPING && p->control)
			(void)proc_send_listener(p, l);
	}
	return true;
}

static bool close_port(struct listener *l)
{
	if (!l->off && shutdown(l->fd, SHUT_RDWR) < 0) {
		log_error(NULL, "cannot close the port %s: %m", l->where);
		return false;
	}
	l->off = true;
	return true;
}

/* name: of a service; NULL: all of the role's.  NULL, or what went wrong. */
static const char *switch_ports(
    struct supervisor *s, const struct role *r, const char *name, bool on)
{
	bool good = true;
	for (size_t i = 0; i < s->n_listeners; i++) {
		struct listener *l = &s->listeners[i];
		if (l->role != r || !l->network || (name && strcmp(l->name, name) != 0))
			continue;
		good &= on ? open_port(s, l) : close_port(l);
	}
	return good ? NULL : "not every port; the log tells why";
}

static const char *start(struct supervisor *s, const struct role *r, const char *service)
{
	bool running = false;
	const char *why = switch_ports(s, r, service, true);
	for (size_t i = 0; i < PROCS_MAX; i++)
		running |= stays(&s->procs[i], r);
	if (!running)
		(void)proc_start_role(s, r);
	return why;
}

/* ---- all of a role -------------------------------------------------------------------------- */

static const char *stop_role(struct supervisor *s, const struct role *r, bool again)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &s->procs[i];
		if (p->used && p->role == r)
			proc_stop(p, STOP_MS, again && !p->retired);
	}
	/* no port stays open behind which nobody answers */
	return again ? NULL : switch_ports(s, r, NULL, false);
}

/* The configuration is not proved before: for parts that read no more than a folder. */
static void reload_role(struct supervisor *s, const struct role *r)
{
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (s->procs[i].used && s->procs[i].role == r && s->procs[i].control)
			(void)ipc_reply(s->procs[i].control, CONTROL_RELOAD, 0);
}

static const char *role_request(struct supervisor *s, struct str verb, const struct role *r)
{
	if (str_is(verb, "start"))
		return start(s, r, NULL);
	if (str_is(verb, "stop"))
		return stop_role(s, r, false);
	if (str_is(verb, "restart"))
		return stop_role(s, r, true);
	if (!str_is(verb, "reload"))
		return "unknown request";
	reload_role(s, r);
	return NULL;
}

/* ---- one service ---------------------------------------------------------------------------- */

static const char *service_name(struct str name)
{
	for (size_t i = 0; i < n_port_settings; i++)
		if (str_is(name, port_settings[i].name) || str_is(name, port_settings[i].file))
			return port_settings[i].name;
	return NULL;
}

static const struct listener *first_port(const struct supervisor *s, const char *service)
{
	for (size_t i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].network && strcmp(s->listeners[i].name, service) == 0)
			return &s->listeners[i];
	return NULL;
}

/* New processes with new settings take its clients; those that the old ones have of other services
 * keep them. */
static const char *restart_service(struct supervisor *s, const struct listener *l)
{
	bool there[PROCS_MAX]; /* replacements need none */
	if (l->off)
		return "it is stopped";
	if (!supervisor_checked(s))
		return "the configuration has faults; courier check names them";
	for (size_t i = 0; i < PROCS_MAX; i++)
		there[i] = stays(&s->procs[i], l->role);
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (there[i])
			proc_replace(&s->procs[i], l->name);
	return NULL;
}

static const char *service_request(struct supervisor *s, struct str verb, const char *service)
{
	const struct listener *l = first_port(s, service);
	if (!l)
		return no_port;
	if (str_is(verb, "start"))
		return start(s, l->role, service);
	if (str_is(verb, "stop"))
		return switch_ports(s, l->role, service, false);
	return str_is(verb, "restart") ? restart_service(s, l) : "unknown request";
}

const char *part_request(struct supervisor *s, struct str verb, struct str name)
{
	const struct role *r = roles_find(&s->roles, name);
	const char *service = r ? NULL : service_name(name);
	if (r)
		return role_request(s, verb, r);
	return service ? service_request(s, verb, service) : no_such;
}
