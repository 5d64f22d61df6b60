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

static void open_port(struct supervisor *s, struct listener *l)
{
	if (!l->off)
		return;
	if (listen(l->fd, BACKLOG) < 0) {
		log_warning(NULL, "cannot open the port %s: %m", l->where);
		return;
	}
	l->off = false;
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &s->procs[i];
		if (stays(p, l->role) && p->state != PROC_STOPPING && p->control)
			(void)proc_send_listener(p, l);
	}
}

static void close_port(struct listener *l)
{
	if (!l->off && shutdown(l->fd, SHUT_RDWR) < 0)
		log_warning(NULL, "cannot close the port %s: %m", l->where);
	else
		l->off = true;
}

/* name: of a service; NULL: all of the role's. */
static void switch_ports(struct supervisor *s, const struct role *r, const char *name, bool on)
{
	for (size_t i = 0; i < s->n_listeners; i++) {
		struct listener *l = &s->listeners[i];
		if (l->role != r || !l->network || (name && strcmp(l->name, name) != 0))
			continue;
		if (on)
			open_port(s, l);
		else
			close_port(l);
	}
}

static void start(struct supervisor *s, const struct role *r, const char *service)
{
	bool running = false;
	switch_ports(s, r, service, true);
	for (size_t i = 0; i < PROCS_MAX; i++)
		running |= stays(&s->procs[i], r);
	if (!running)
		(void)proc_start_role(s, r);
}

/* ---- all of a role -------------------------------------------------------------------------- */

static void stop_role(struct supervisor *s, const struct role *r, bool again)
{
	for (size_t i = 0; i < PROCS_MAX; i++) {
		struct proc *p = &s->procs[i];
		if (p->used && p->role == r)
			proc_stop(p, STOP_MS, again && !p->retired);
	}
	if (!again) /* no port stays open behind which nobody answers */
		switch_ports(s, r, NULL, false);
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
		start(s, r, NULL);
	else if (str_is(verb, "stop"))
		stop_role(s, r, false);
	else if (str_is(verb, "restart"))
		stop_role(s, r, true);
	else if (str_is(verb, "reload"))
		reload_role(s, r);
	else
		return "unknown request";
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
		start(s, l->role, service);
	else if (str_is(verb, "stop"))
		switch_ports(s, l->role, service, false);
	else if (str_is(verb, "restart"))
		return restart_service(s, l);
	else
		return "unknown request";
	return NULL;
}

const char *part_request(struct supervisor *s, struct str verb, struct str name)
{
	const struct role *r = roles_find(&s->roles, name);
	const char *service = r ? NULL : service_name(name);
	if (r)
		return role_request(s, verb, r);
	return service ? service_request(s, verb, service) : no_such;
}
