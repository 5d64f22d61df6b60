#include "config.h"

#include "courierd/roles.h"
#include "module/module-file.h"

#include <pwd.h>

/* asks a directory or a database about accounts (authdb/) */
#define ACCOUNTS(kind)                                                                        \
	{                                                                                     \
		.name = "auth" kind, .program = "courierauth" kind, .user = MAILUSER "-auth", \
		.stage = 5, .flags = ROLE_ACCOUNTS                                            \
	}

const struct role builtin_roles[] = {
    {.name = "key",
	.program = "courierkey",
	.user = MAILUSER "-key",
	.stage = 5,
	.flags = ROLE_ROOT_SETUP},
    {.name = "auth",
	.program = "authdaemond",
	.user = MAILUSER "-auth",
	.stage = 5,
	.flags = ROLE_ROOT_SETUP,
	.asks = {"authldap", "authmysql", "authpgsql", "authsqlite", "authpipe"}},
    ACCOUNTS("pipe"),
#ifdef ENABLE_LDAP
    ACCOUNTS("ldap"),
#endif
#ifdef ENABLE_MYSQL
    ACCOUNTS("mysql"),
#endif
#ifdef ENABLE_PGSQL
    ACCOUNTS("pgsql"),
#endif
#ifdef ENABLE_SQLITE
    ACCOUNTS("sqlite"),
#endif
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
	.asks = {"sched", "auth", "broker", "ldapalias", "*module"}},
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
	.asks = {"key", "sts"}},
    /* shut into the folder of the policies, the one place where it writes */
    {.name = "sts",
	.program = "couriersts",
	.user = MAILUSER "-net",
	.stage = 4,
	.flags = ROLE_CHROOT,
	.jail = "sts"},
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

/* Programs that administrators bring along; they may run others. */
static void add_module(struct roles *r, const struct module_file *f)
{
	const struct passwd *pw = f->user ? getpwnam(f->user) : NULL;
	if (!f->prog || r->n == ROLES_MAX || roles_find(r, str_of(f->name)))
		return;
	if (pw && pw->pw_uid == 0) {
		log_error(NULL, "module.%s: USER '%s' is root by another name; it is not started",
		    f->name, f->user);
		return;
	}
	r->v[r->n++] = (struct role){.name = mem_strdup(f->name),
	    .program = mem_strdup(f->prog),
	    .user = f->user ? mem_strdup(f->user) : MAILUSER "-filter",
	    .stage = 3,
	    .flags = ROLE_MODULE | ROLE_MAY_GAIN,
	    .asks = {"gate"}};
}

int roles_load(struct roles *r, const struct instance *in)
{
	struct module_files files;
	memcpy(r->v, builtin_roles, sizeof builtin_roles);
	r->n = n_builtin_roles;
	if (module_files_load(&files, in) < 0)
		return -1;
	for (size_t i = 0; i < files.n; i++)
		add_module(r, &files.v[i]);
	module_files_free(&files);
	return 0;
}
