#include "config.h"

#include "auth/auth.h"
#include "authdb/authdb-proto.h"
#include "authdb/ldaprc.h"
#include "authdb/sql.h"
#include "courierd/check-accounts.h"

#include <stdlib.h>
#include <sys/stat.h>

static const struct {
	const char *module;
	const struct rc_file *file;
	unsigned secrets[2]; /* values that nobody else may read; the second may be the first */
} modules[] = {
    {"authldap", &authldaprc, {LDAPRC_BINDPW, LDAPRC_BINDPW}},
    {"authmysql", &authmysqlrc, {MYSQL_PASSWORD, MYSQL_PASSWORD}},
    {"authpgsql", &authpgsqlrc, {PGSQL_PASSWORD, PGSQL_CONNECTION}},
    {"authsqlite", &authsqliterc, {RC_VALUES_MAX - 1, RC_VALUES_MAX - 1}},
};

static bool is_listed(const struct config *c, const char *module)
{
	struct str name;
	for (size_t at = 0; config_each(c, auth_settings.name, "authmodulelist", &at, &name);)
		if (str_is(name, module))
			return true;
	return false;
}

static bool has_secret(const struct rc *rc, const unsigned secrets[2])
{
	return *rc->values[secrets[0]] ||
	       (secrets[1] != secrets[0] &&
		   str_ifind(str_of(rc->values[secrets[1]]), STR("password")) >= 0);
}

/* A search needs a connection, STARTTLS or a login, and the answer: each has its time. */
static void check_patience(const struct rc *rc, const char *path, struct config_faults *f)
{
	uint64_t steps = 2 + rc_number(rc, LDAPRC_TLS) +
			 (rc_number(rc, LDAPRC_INITBIND) && *rc->values[LDAPRC_BINDDN]);
	uint64_t most = AUTHDB_LIMIT_MS / 1000 / steps;
	if (rc_number(rc, LDAPRC_TIMEOUT) > most)
		config_warn(f, path, 0,
		    "LDAP_TIMEOUT: authdaemond waits %d seconds for all %d steps of a question, "
		    "and then says \"later\"; at most %d fits",
		    AUTHDB_LIMIT_MS / 1000, (int)steps, (int)most);
}

static void check_one(const struct instance *in, size_t i, struct arena *a, struct config_faults *f)
{
	struct rc rc;
	struct rc_fault fault;
	struct stat st;
	const char *path;
	if (rc_load(modules[i].file, in->etc, a, &rc, &fault, &path) < 0) {
		config_fault(f, path ? path : modules[i].file->name, fault.line, "%s", fault.why);
		return;
	}
	for (size_t k = 0; k < rc.n_odd; k++)
		config_warn(f, path, rc.odd[k].line, "%s: the line has no effect", rc.odd[k].why);
	if (modules[i].file == &authldaprc)
		check_patience(&rc, path, f);
	if (has_secret(&rc, modules[i].secrets) && stat(path, &st) == 0 && (st.st_mode & 007))
		config_fault(
		    f, path, 0, "holds a password but others can read it; chmod o= %s", path);
}

static void check_program(const struct instance *in, struct config_faults *f)
{
	struct stat st;
	char *path = instance_path(in->etc, "authProg");
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		config_fault(
		    f, path, 0, "authmodulelist has authpipe, but this is no program to run");
	else if (st.st_mode & 022)
		config_fault(f, path, 0, "others may change it; chmod go-w %s", path);
	free(path);
}

void check_accounts(const struct instance *in, const struct config *c, struct config_faults *f)
{
	if (c && is_listed(c, "authpipe"))
		check_program(in, f);
	for (size_t i = 0; c && i < ARRAY_LEN(modules); i++) {
		struct arena *a = is_listed(c, modules[i].module) ? arena_new(RC_ARENA_MAX) : NULL;
		if (a)
			check_one(in, i, a, f);
		arena_free(a);
	}
}
