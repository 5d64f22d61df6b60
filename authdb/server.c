/* The role: reads its file with the rights of the start, has threads, answers authdaemond. */
#include "config.h"

#include "authdb/authdb.h"
#include "threads/work-service.h"

#include <stdlib.h>
#include <unistd.h>

enum { LOOK_MS = 10 * 1000 };

struct server {
	struct service *service;
	const struct authdb_backend *backend;
	struct arena *arena; /* of the settings */
	struct rc rc;
	void *prepared;
	struct work_desc desc;
	struct work *work;
	struct authdb_shut *shut;
	struct timer *look; /* whether files that it may open are still those */
};

struct peer {
	struct server *server;
	struct ipc *ipc; /* NULL: gone, but questions are under way */
	size_t jobs;
};

static const struct authdb_backend *the_backend; /* a program has one */

static void peer_drop(struct peer *p)
{
	ipc_free(p->ipc);
	p->ipc = NULL;
	if (p->jobs == 0)
		free(p);
}

/* ---- answers --------------------------------------------------------------------------------- */

static bool send_account(struct ipc *c, const struct authdb_job *j)
{
	ipc_compose(c, AUTHDB_ACCOUNT, j->id);
	ipc_put_u8(c, (uint8_t)j->verdict);
	if (j->verdict == AUTHDB_YES) {
		auth_put_account(c, &j->a);
		ipc_put_str(c, j->stored);
		ipc_put_str(c, j->clear);
		ipc_put_u8(c, j->binds);
	}
	return ipc_send(c, -1) == 0;
}

static bool send_answer(struct ipc *c, const struct authdb_job *j)
{
	if (j->kind == AUTHDB_LOOKUP)
		return send_account(c, j);
	for (const struct authdb_item *i = j->items; i; i = i->next) {
		ipc_compose(c, AUTHDB_ITEM, j->id);
		auth_put_account(c, &i->a);
		if (ipc_send(c, -1) < 0)
			return false;
	}
	ipc_compose(c, AUTHDB_DONE, j->id);
	ipc_put_u8(c, (uint8_t)j->verdict);
	return ipc_send(c, -1) == 0;
}

static void job_free(struct authdb_job *j)
{
	const struct str secrets[] = {j->password, j->fresh, j->stored, j->clear};
	for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
		if (secrets[i].n)
			mem_wipe((void *)(uintptr_t)secrets[i].p, secrets[i].n);
	arena_free(j->arena);
	free(j);
}

static void on_done(struct work_job *work)
{
	struct authdb_job *j = (struct authdb_job *)work;
	struct peer *p = j->peer;
	if (work->down)
		j->verdict = AUTHDB_UNKNOWN;
	p->jobs--;
	if (!p->ipc || !send_answer(p->ipc, j))
		peer_drop(p);
	job_free(j);
}

/* ---- questions ------------------------------------------------------------------------------- */

static struct str take(struct authdb_job *j, struct ipc_reader *r)
{
	struct str s = ipc_get_str(r);
	char *z = arena_strz(j->arena, s); /* terminated: some libraries want it so */
	return z ? str_at(z, s.n) : STR_NONE;
}

static bool harmless(struct str s)
{
	return !s.n || !memchr(s.p, 0, s.n);
}

static bool read_question(struct authdb_job *j, const struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	j->kind = (enum authdb_frame)m->type;
	if (m->type < AUTHDB_LOOKUP || m->type > AUTHDB_EACH)
		return false;
	if (m->type == AUTHDB_EACH)
		return ipc_done(&r);
	j->service = take(j, &r);
	j->name = take(j, &r);
	if (m->type != AUTHDB_LOOKUP)
		j->password = take(j, &r);
	if (m->type == AUTHDB_CHANGE) {
		j->fresh = take(j, &r);
		j->made = take(j, &r);
	}
	return ipc_done(&r);
}

static struct authdb_job *job_new(struct peer *p, const struct ipc_msg *m)
{
	struct authdb_job *j = mem_new(struct authdb_job);
	j->arena = arena_new(m->type == AUTHDB_EACH ? AUTHDB_LIST_MAX : AUTHDB_JOB_MAX);
	j->last = &j->items;
	j->id = m->id;
	j->peer = p;
	j->work.done = on_done;
	if (j->arena && read_question(j, m))
		return j;
	job_free(j);
	return NULL;
}

static void on_msg(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct peer *p = ctx;
	struct authdb_job *j = job_new(p, m);
	if (!j) {
		log_error(NULL, "a question about an account can't be understood");
		peer_drop(p);
		return;
	}
	p->jobs++;
	if (harmless(j->service) && harmless(j->name) && harmless(j->password) &&
	    harmless(j->fresh)) {
		work_post(p->server->work, &j->work);
		return;
	}
	j->verdict = AUTHDB_NO;
	on_done(&j->work);
}

static void on_close(void *ctx, struct ipc *c UNUSED)
{
	peer_drop(ctx);
}

static void edge(struct service *s, const char *role UNUSED, unsigned number UNUSED, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct peer *p = mem_new(struct peer);
	p->server = service_data(s);
	p->ipc = ipc_new(service_loop(s), fd, &handlers, p);
	if (p->ipc)
		return;
	close(fd);
	free(p);
}

/* ---- the service ----------------------------------------------------------------------------- */

/* With the rights of the start: the file may hold a password that nobody else may read. */
static int setup(struct service *s)
{
	struct server *v = mem_new(struct server);
	struct rc_fault fault;
	const char *path = the_backend->file ? the_backend->file->name : NULL,
		   *why = "out of memory";
	v->service = s;
	v->backend = the_backend;
	v->arena = arena_new(RC_ARENA_MAX);
	service_set_data(s, v);
	if (!v->backend->file)
		v->rc.values[0] = path = service_instance(s)->etc;
	else if (!v->arena || rc_load(v->backend->file, service_instance(s)->etc, v->arena, &v->rc,
				  &fault, &path) < 0) {
		log_error(
		    NULL, "%s:%u: %s", path, v->arena ? fault.line : 0, v->arena ? fault.why : why);
		return -1;
	}
	for (size_t i = 0; i < v->rc.n_odd; i++)
		log_warning(NULL, "%s:%u: %s", path, v->rc.odd[i].line, v->rc.odd[i].why);
	if (v->backend->configure)
		v->backend->configure(service_config(s));
	v->prepared = v->backend->prepare(&v->rc, v->arena, &why);
	if (!v->prepared)
		log_error(NULL, "%s: %s", path, why);
	return v->prepared ? 0 : -1;
}

static void look(void *ctx)
{
	struct server *v = ctx;
	const char *stale = authdb_shut_stale(v->shut);
	if (!stale) {
		timer_set(v->look, LOOK_MS);
		return;
	}
	log_info(NULL, "'%s' is another file now: a new process takes over", stale);
	service_restart_me(v->service);
}

/* Before there are threads, and for good. */
static void shut_in(struct server *v)
{
	if (!v->backend->files)
		return;
	v->shut = authdb_shut_new(service_instance(v->service));
	v->backend->files(&v->rc, v->shut);
	int r = authdb_shut_enter(v->shut);
	if (r < 0)
		log_warning(NULL, "the process can open files that it does not need: %m");
	v->look = r == 0 ? timer_new(service_loop(v->service), look, v) : NULL;
	if (v->look)
		timer_set(v->look, LOOK_MS);
}

static int start(struct service *s)
{
	struct server *v = service_data(s);
	shut_in(v);
	v->desc = (struct work_desc){.what = v->backend->what,
	    .threads = AUTHDB_THREADS,
	    .open = v->backend->open,
	    .run = v->backend->run,
	    .ctx = v->prepared};
	v->work = work_new(service_loop(s), &v->desc);
	if (!v->work)
		return -1;
	service_ready(s);
	return 0;
}

/* The file can be read at the start alone. */
static void reload(struct service *s)
{
	service_restart_me(s);
}

static void drain(struct service *s)
{
	struct server *v = service_data(s);
	work_drain(s, v->work);
}

static void stats(struct service *s, struct buf *out)
{
	struct server *v = service_data(s);
	work_stats(v->work, out);
}

int authdb_main(const struct authdb_backend *b, int argc, char **argv)
{
	static const struct config_component *const components[] = {
	    &config_identity, &auth_settings};
	const struct service_desc desc = {
	    .role = b->role,
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .setup = setup,
	    .start = start,
	    .edge = edge,
	    .reload = reload,
	    .reload_unread = true,
	    .drain = drain,
	    .stats = stats,
	};
	the_backend = b;
	return service_main(&desc, argc, argv);
}
