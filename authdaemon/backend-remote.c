#include "config.h"

#include "authdaemon/remote.h"

#include <stdlib.h>

enum { ROLES = 5, STRINGS = 5 };

struct remote {
	struct remotes *all;
	const char *role;
	struct service_link *link; /* NULL: not asked yet */
	int64_t down_since;        /* 0: it is there */
	struct map *jobs;          /* by id */
};

struct remotes {
	struct service *service;
	struct remote role[ROLES];
	size_t n;
	uint32_t next_id;
};

struct remote_job {
	struct remote *remote;
	uint32_t id;
	enum authdb_frame kind;
	struct str strings[STRINGS]; /* copies */
	size_t n;
	bool sent;
	struct timer *timer;
	struct account *out;
	account_listed listed;
	remote_done done;
	void *ctx;
};

static struct str key_of(const uint32_t *id)
{
	return str_at(id, sizeof *id);
}

void remote_cancel(struct remote_job *j)
{
	if (!j)
		return;
	map_del(j->remote->jobs, key_of(&j->id));
	timer_free(j->timer);
	for (size_t i = 0; i < j->n; i++) {
		mem_wipe((void *)(uintptr_t)j->strings[i].p, j->strings[i].n);
		free((void *)(uintptr_t)j->strings[i].p);
	}
	free(j);
}

static void finish(struct remote_job *j, enum authdb_verdict v)
{
	remote_done done = j->done;
	void *ctx = j->ctx;
	remote_cancel(j);
	done(ctx, v);
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool copy_account(struct arena *a, struct auth_account *to)
{
	struct str *const texts[] = {&to->name, &to->sysuser, &to->home, &to->maildir, &to->quota,
	    &to->fullname, &to->options};
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i]->n && !(*texts[i] = arena_str(a, *texts[i])).p)
			return false;
	return true;
}

static bool take_secrets(struct account *out, struct str stored, struct str clear)
{
	char *record =
	    !stored.n && clear.n ? arena_printf(out->arena, "{PLAIN}%.*s", STR_FMT(clear)) : NULL;
	out->stored = record ? str_of(record) : stored.n ? arena_str(out->arena, stored) : STR_NONE;
	out->sasl.clear = clear.n ? arena_str(out->arena, clear) : STR_NONE;
	account_record_secrets(out);
	return (!stored.n && !clear.n) || out->stored.p;
}

static enum authdb_verdict take_account(struct remote_job *j, struct ipc_reader *r)
{
	struct account *out = j->out;
	auth_get_account(r, &out->a);
	struct str stored = ipc_get_str(r), clear = ipc_get_str(r);
	out->binds = ipc_get_u8(r);
	bool good = ipc_done(r) && out->a.name.n && copy_account(out->arena, &out->a) &&
		    take_secrets(out, stored, clear);
	return good ? AUTHDB_YES : AUTHDB_UNKNOWN;
}

static void on_item(struct remote_job *j, struct ipc_reader *r)
{
	struct auth_account a;
	auth_get_account(r, &a);
	if (!ipc_done(r) || j->listed(j->ctx, &a) != 0)
		finish(j, AUTHDB_UNKNOWN);
	else
		timer_set(j->timer, AUTHDB_EACH_LIMIT_MS);
}

static void on_msg(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct remote *k = ctx;
	struct remote_job *j = map_get(k->jobs, key_of(&m->id));
	struct ipc_reader r;
	ipc_read(m, &r);
	if (!j)
		return; /* nobody waits for it any more */
	if (m->type == AUTHDB_ITEM && j->kind == AUTHDB_EACH) {
		on_item(j, &r);
		return;
	}
	uint8_t verdict = ipc_get_u8(&r);
	bool account = m->type == AUTHDB_ACCOUNT && j->kind == AUTHDB_LOOKUP;
	bool plain = m->type == AUTHDB_DONE && j->kind != AUTHDB_LOOKUP;
	if (account && verdict == AUTHDB_YES)
		finish(j, take_account(j, &r));
	else if ((account || plain) && ipc_done(&r) && verdict <= AUTHDB_UNKNOWN)
		finish(j, (enum authdb_verdict)verdict);
	else
		finish(j, AUTHDB_UNKNOWN);
}

/* ---- the edge -------------------------------------------------------------------------------- */

static void send_off(struct remote_job *j)
{
	struct ipc *c = service_link_ipc(j->remote->link);
	if (!c || j->sent)
		return;
	ipc_compose(c, (uint16_t)j->kind, j->id);
	for (size_t i = 0; i < j->n; i++)
		ipc_put_str(c, j->strings[i]);
	j->sent = true;
	timer_set(j->timer, ipc_send(c, -1) < 0      ? 0
			    : j->kind == AUTHDB_EACH ? AUTHDB_EACH_LIMIT_MS
						     : AUTHDB_LIMIT_MS);
}

static void on_up(void *ctx)
{
	struct remote *k = ctx;
	struct str key;
	void *j;
	k->down_since = 0;
	for (size_t at = 0; map_next(k->jobs, &at, &key, &j);)
		send_off(j);
}

/* What was asked is asked again when the role is back; half a list is given up. */
static void on_down(void *ctx)
{
	struct remote *k = ctx;
	struct str key;
	void *value;
	k->down_since = clock_mono_ms();
	for (size_t at = 0; map_next(k->jobs, &at, &key, &value);) {
		struct remote_job *j = value;
		timer_set(j->timer, j->sent && j->kind == AUTHDB_EACH ? 0 : REMOTE_UP_MS);
		j->sent = false;
	}
}

static void out_of_time(void *ctx)
{
	struct remote_job *j = ctx;
	static int64_t told_ms;
	int64_t now = clock_mono_ms();
	if (!told_ms || now - told_ms > 60000) {
		told_ms = now;
		log_warning(NULL, "%s %s", j->remote->role,
		    j->sent ? "has not answered in time" : "is not running");
	}
	finish(j, AUTHDB_UNKNOWN);
}

static struct remote *remote_of(struct remotes *r, const char *role)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg};
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->role[i].role, role) == 0)
			return &r->role[i];
	struct remote *k = r->n < ROLES ? &r->role[r->n] : NULL;
	if (!k)
		return NULL;
	*k = (struct remote){.all = r, .role = role, .down_since = clock_mono_ms()};
	k->jobs = map_new();
	k->link = service_link_new(r->service, role, SERVICE_ANY, &handlers, on_up, on_down, k);
	r->n += k->link != NULL;
	return k->link ? k : NULL;
}

/* ---- questions ------------------------------------------------------------------------------- */

static struct remote_job *job_new(struct remotes *r, const char *role, enum authdb_frame kind,
    const struct str *strings, size_t n, remote_done done, void *ctx)
{
	struct remote *k = remote_of(r, role);
	struct remote_job *j = mem_new(struct remote_job);
	*j = (struct remote_job){.remote = k ? k : &r->role[0],
	    .id = ++r->next_id,
	    .kind = kind,
	    .n = n,
	    .done = done,
	    .ctx = ctx};
	for (size_t i = 0; i < n; i++)
		j->strings[i] = str_at(
		    mem_strndup(strings[i].p ? strings[i].p : "", strings[i].n), strings[i].n);
	j->timer = timer_new(service_loop(r->service), out_of_time, j);
	map_set(j->remote->jobs, key_of(&j->id), j);
	bool away = !k || (k->down_since && clock_mono_ms() - k->down_since > REMOTE_UP_MS);
	timer_set(j->timer, away ? 0 : REMOTE_UP_MS);
	return j;
}

static struct remote_job *ask(struct remote_job *j)
{
	send_off(j);
	return j;
}

struct remote_job *remote_lookup(struct remotes *r, const char *role, const char *service,
    struct str name, struct account *out, remote_done done, void *ctx)
{
	const struct str s[] = {str_of(service), name};
	struct remote_job *j = job_new(r, role, AUTHDB_LOOKUP, s, ARRAY_LEN(s), done, ctx);
	j->out = out;
	return ask(j);
}

struct remote_job *remote_check(struct remotes *r, const char *role, const char *service,
    struct str name, struct str password, remote_done done, void *ctx)
{
	const struct str s[] = {str_of(service), name, password};
	return ask(job_new(r, role, AUTHDB_CHECK, s, ARRAY_LEN(s), done, ctx));
}

struct remote_job *remote_change(struct remotes *r, const char *role, const char *service,
    struct str name, struct str old, struct str fresh, struct str made, remote_done done, void *ctx)
{
	const struct str s[] = {str_of(service), name, old, fresh, made};
	return ask(job_new(r, role, AUTHDB_CHANGE, s, ARRAY_LEN(s), done, ctx));
}

struct remote_job *remote_each(
    struct remotes *r, const char *role, account_listed fn, remote_done done, void *ctx)
{
	struct remote_job *j = job_new(r, role, AUTHDB_EACH, NULL, 0, done, ctx);
	j->listed = fn;
	return ask(j);
}

struct remotes *remotes_new(struct service *s)
{
	struct remotes *r = mem_new(struct remotes);
	r->service = s;
	return r;
}

void remotes_free(struct remotes *r)
{
	struct str key;
	void *j;
	for (size_t i = 0; r && i < r->n; i++) {
		for (size_t at = 0; map_next(r->role[i].jobs, &at, &key, &j); at = 0)
			remote_cancel(j);
		map_free(r->role[i].jobs, NULL);
		service_link_free(r->role[i].link);
	}
	free(r);
}

const struct backend backend_pipe = {.name = "authpipe", .role = "authpipe"};
#ifdef ENABLE_LDAP
const struct backend backend_ldap = {.name = "authldap", .role = "authldap"};
#endif
#ifdef ENABLE_MYSQL
const struct backend backend_mysql = {.name = "authmysql", .role = "authmysql"};
#endif
#ifdef ENABLE_PGSQL
const struct backend backend_pgsql = {.name = "authpgsql", .role = "authpgsql"};
#endif
#ifdef ENABLE_SQLITE
const struct backend backend_sqlite = {.name = "authsqlite", .role = "authsqlite"};
#endif
