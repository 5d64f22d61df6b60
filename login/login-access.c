/*
 * imapaccess: from where IMAP may be spoken.  The table, or the text when makeimapaccess has made
 * none, is opened before the jail; a new one is read by the process that takes over at a reload.
 */
#include "config.h"

#include "login/login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "access/access.h"
#include "config/folder.h"
#include "table/table.h"

enum { ACCESS_TEXT_MAX = 4 * 1024 * 1024 };

struct login_access {
	struct table *table;
	struct access *text; /* when there is no table */
	struct buf value;
};

static void bad_line(unsigned line, const char *why)
{
	log_warning(NULL, "imapaccess, line %u: %s", line, why);
}

/* 1: there is a table, 0: there is none, -1. */
static int open_table(struct login_access *a, const char *path)
{
	char *dat = mem_printf("%s.dat", path);
	a->table = table_open(dat);
	int r = a->table && table_prime(a->table) == 0 ? 1 : errno == ENOENT ? 0 : -1;
	if (r < 0)
		log_error(NULL,
		    "cannot read '%s': %m; run makeimapaccess again, nobody is let in until then",
		    dat);
	free(dat);
	return r;
}

static int open_text(struct login_access *a, const char *path)
{
	struct buf text;
	buf_init(&text, ACCESS_TEXT_MAX);
	if (config_text_at(AT_FDCWD, path, false, &text) >= 0)
		a->text = access_new(buf_str(&text), bad_line);
	buf_free(&text);
	return a->text ? 0 : -1;
}

struct login_access *login_access_open(struct service *s)
{
	struct login_access *a = mem_new(struct login_access);
	const char *z = config_z(service_config(s), login_imap.component, "IMAPACCESSFILE", NULL);
	char *path = *z == '/' ? mem_strdup(z)
			       : instance_path(service_instance(s)->etc, *z ? z : "imapaccess");
	buf_init(&a->value, ACCESS_ACTION_MAX);
	int r = open_table(a, path);
	if (r == 0) {
		table_close(a->table);
		a->table = NULL;
		r = open_text(a, path);
	}
	free(path);
	if (r >= 0)
		return a;
	table_close(a->table);
	free(a);
	return NULL;
}

static int get(void *ctx, struct str key, struct str *value)
{
	struct login_access *a = ctx;
	if (!a->table)
		return access_get(a->text, key, value);
	int r = table_get(a->table, key, &a->value);
	*value = buf_str(&a->value);
	return r;
}

/* What an action sets goes to env, behind what stands there.  False: it denies, or means nothing.
 */
static bool apply(int found, struct str action, struct buf *env)
{
	bool deny = true;
	return found == 0 || (found > 0 && access_action_parse(action, env, &deny) && !deny);
}

static void wishes(struct str env, struct login_wish *w)
{
	struct str value;
	uint64_t n;
	if (access_env(env, "MAXCPERIP", &value) && str_u64(value, &n) && n <= INT32_MAX)
		w->max_per_ip = (int64_t)n;
	if (access_env(env, "DEFDOMAIN", &value))
		w->default_domain = mem_strndup(value.p, value.n);
}

bool login_access_allows(struct login_access *a, const char *peer, const char *local,
    uint16_t local_port, struct login_wish *wish)
{
	struct access_addr addr, here;
	struct str action = STR_NONE;
	struct buf env;
	if (!a)
		return true;
	if (!access_addr_parse(str_of(peer), &addr))
		return false;
	buf_init(&env, 2 * ACCESS_ACTION_MAX);
	int r = access_lookup(&addr, get, a, &action);
	bool good = apply(r, action, &env);
	if (good && local && access_addr_parse(str_of(local), &here))
		good = apply(access_lookup_local(&here, local_port, get, a, &action), action, &env);
	if (good)
		wishes(buf_str(&env), wish);
	buf_free(&env);
	return good;
}
