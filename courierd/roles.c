#include "config.h"

#include "courierd/roles.h"

#include <dirent.h>
#include <stdlib.h>

const struct role builtin_roles[] = {
    {.name = "key", .program = "courierkey", .user = MAILUSER "-key", .stage = 5},
    {.name = "auth",
	.program = "authdaemond",
	.user = MAILUSER "-auth",
	.stage = 5,
	.flags = ROLE_ROOT_SETUP},
    {.name = "broker",
	.program = "courierbroker",
	.user = "root",
	.stage = 4,
	.flags = ROLE_ROOT | ROLE_MAY_GAIN,
	.asks = {"auth"}},
    {.name = "gate",
	.program = "couriergate",
	.user = MAILUSER "-gate",
	.stage = 3,
	.count = "GATE_WORKERS",
	.asks = {"sched", "auth", "broker", "ldapalias"}},
    {.name = "sched",
	.program = "couriersched",
	.user = MAILUSER,
	.stage = 2,
	.asks = {"gate", "*module"}},
    {.name = "local",
	.program = "courierlocal",
	.user = MAILUSER "-gate",
	.stage = 3,
	.flags = ROLE_MODULE,
	.asks = {"broker", "auth", "gate"}},
    {.name = "esmtp",
	.program = "courieresmtp",
	.user = MAILUSER "-net",
	.stage = 3,
	.flags = ROLE_MODULE | ROLE_CHROOT,
	.asks = {"key"}},
    {.name = "dsn",
	.program = "courierdsn",
	.user = MAILUSER "-gate",
	.stage = 3,
	.flags = ROLE_MODULE,
	.asks = {"gate"}},
    /* the group lets the gate connect to the sockets of filters, and them read its files */
    {.name = "filter",
	.program = "courierfilterd",
	.user = MAILUSER "-filter",
	.group = MAILUSER "-gate",
	.stage = 4,
	.flags = ROLE_MAY_GAIN},
#ifdef ENABLE_LDAP
    {.name = "ldapalias",
	.program = "courierldapalias",
	.user = MAILUSER "-auth",
	.stage = 4,
	.flags = ROLE_LDAPALIAS},
#endif
#ifdef ENABLE_ESMTPD
    {.name = "esmtpd",
	.program = "courieresmtpd",
	.user = MAILUSER "-net",
	.stage = 1,
	.flags = ROLE_CHROOT | ROLE_LISTENS,
	.count = "ESMTPD_WORKERS",
	.asks = {"gate", "auth", "key"}},
#endif
#ifdef ENABLE_IMAPD
    {.name = "imaplogin",
	.program = "courierlogin",
	.user = MAILUSER "-net",
	.stage = 1,
	.flags = ROLE_CHROOT | ROLE_LISTENS,
	.asks = {"auth", "broker", "key"}},
#endif
#ifdef ENABLE_POP3D
    {.name = "pop3login",
	.program = "courierlogin",
	.user = MAILUSER "-net",
	.stage = 1,
	.flags = ROLE_CHROOT | ROLE_LISTENS,
	.asks = {"auth", "broker", "key"}},
#endif
};
const size_t n_builtin_roles = ARRAY_LEN(builtin_roles);

const struct role *roles_find(const struct roles *r, struct str name)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_is(name, r->v[i].name))
			return &r->v[i];
	return NULL;
}

const char *role_group(const struct role *r)
{
	return r->group ? r->group : r->user;
}

bool role_may_ask(const struct role *from, const struct role *to)
{
	for (size_t i = 0; i < ROLE_PEERS_MAX && from->asks[i]; i++) {
		if (strcmp(from->asks[i], to->name) == 0)
			return true;
		if (strcmp(from->asks[i], "*module") == 0 && (to->flags & ROLE_MODULE))
			return true;
	}
	return false;
}

/* PROG of a module file: what an administrator's own transport is started as. */
static char *module_program(const struct instance *in, const char *file)
{
	static const struct config_setting rows[] = {
	    {.name = "PROG", .type = CONFIG_STRING, .help = "the module's program"},
	};
	struct config_component c = {.name = "module",
	    .file = file,
	    .settings = rows,
	    .n = ARRAY_LEN(rows),
	    .foreign_ok = true};
	const struct config_component *const one[] = {&c};
	struct config *cfg = config_load(in, one, 1, NULL);
	if (!cfg)
		return NULL;
	struct str prog = config_str(cfg, "module", "PROG", NULL);
	char *path = prog.n == 0        ? NULL
		     : prog.p[0] == '/' ? mem_strndup(prog.p, prog.n)
					: mem_printf("%s/%.*s", LIBEXECDIR, STR_FMT(prog));
	config_drop(cfg);
	return path;
}

int roles_load(struct roles *r, const struct instance *in)
{
	memcpy(r->v, builtin_roles, sizeof builtin_roles);
	r->n = n_builtin_roles;
	DIR *d = opendir(in->etc);
	struct dirent *e;
	if (!d) {
		log_error(NULL, "cannot read the folder '%s': %m", in->etc);
		return -1;
	}
	while ((e = readdir(d)) && r->n < ROLES_MAX) {
		struct str name = str_of(e->d_name);
		if (!str_starts(name, STR("module.")) || str_chr(str_skip(name, 7), '.') >= 0 ||
		    str_ends(name, STR("~")) || roles_find(r, str_skip(name, 7)))
			continue;
		char *prog = module_program(in, e->d_name);
		if (!prog)
			continue;
		struct role *fresh = &r->v[r->n++];
		*fresh = (struct role){.name = mem_strdup(e->d_name + 7),
		    .program = prog,
		    .user = MAILUSER "-filter",
		    .stage = 3,
		    .flags = ROLE_MODULE | ROLE_MAY_GAIN,
		    .asks = {"gate"}};
	}
	closedir(d);
	return 0;
}
