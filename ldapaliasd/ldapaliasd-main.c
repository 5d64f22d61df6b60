/* courierldapaliasd: asks the directory about aliases, for the gate and for `query`. */
#include "config.h"

#include "ldapaliasd/pool.h"
#include "threads/work-service.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { RC_ARENA = 256 * 1024, QUESTION_ARENA = 64 * 1024, BACKLOG = 20 };

struct server {
	struct service *service;
	struct arena *arena;
	struct ldapaliasrc rc;
	struct work *pool;
	int listener;
	struct watch *watch;
};

struct peer {
	struct server *server;
	struct ipc *ipc; /* NULL: gone, but questions are under way */
	size_t jobs;
};

static void peer_drop(struct peer *p)
{
	ipc_free(p->ipc);
	p->ipc = NULL;
	if (p->jobs == 0)
		free(p);
}

/* ---- questions ------------------------------------------------------------------------------- */

static bool send_answer(struct peer *p, const struct pool_job *j)
{
	struct str rest = buf_str(&j->answer);
	bool more, good = true;
	do {
		struct str part = rest;
		if (part.n > LDAPALIAS_FRAME)
			part = str_head(part, LDAPALIAS_FRAME);
		rest = str_skip(rest, part.n);
		more = rest.n > 0;
		ipc_compose(p->ipc, LDAPALIAS_ANSWER, j->id);
		ipc_put_u8(p->ipc, (uint8_t)j->result);
		ipc_put_u8(p->ipc, more);
		ipc_put_rest(p->ipc, part);
		good = ipc_send(p->ipc, -1) == 0;
	} while (good && more);
	return good;
}

static void job_free(struct pool_job *j)
{
	buf_free(&j->answer);
	arena_free(j->arena);
	free(j);
}

static void on_done(struct work_job *work)
{
	struct pool_job *j = (struct pool_job *)work;
	struct peer *p = j->ctx;
	if (work->down && j->result != LDAPALIAS_DOWN) { /* nobody was asked */
		j->result = LDAPALIAS_DOWN;
		buf_clear(&j->answer);
		buf_addz(&j->answer, work->why);
	}
	p->jobs--;
	if (!p->ipc || !send_answer(p, j))
		peer_drop(p);
	job_free(j);
}

static bool read_question(struct pool_job *j, const struct ipc_msg *m)
{
	struct directory_question *q = &j->question;
	struct ipc_reader r;
	ipc_read(m, &r);
	q->source = arena_str(j->arena, ipc_get_str(&r));
	q->domain = arena_str(j->arena, ipc_get_str(&r));
	uint32_t n = ipc_get_u32(&r);
	if (n > LDAPALIAS_KEYS_MAX)
		return false;
	for (q->n = 0; q->n < n; q->n++)
		q->keys[q->n] = arena_str(j->arena, ipc_get_str(&r));
	return ipc_done(&r);
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct peer *p = ctx;
	struct pool_job *j = mem_new(struct pool_job);
	(void)c;
	j->arena = arena_new(QUESTION_ARENA);
	if (m->type != LDAPALIAS_ASK || !j->arena || !read_question(j, m)) {
		log_error(NULL, "a question about an alias can't be understood");
		job_free(j);
		peer_drop(p);
		return;
	}
	j->id = m->id;
	j->ctx = p;
	p->jobs++;
	pool_post(p->server->pool, j, on_done);
}

static void on_close(void *ctx, struct ipc *c)
{
	(void)c;
	peer_drop(ctx);
}

static void add_peer(struct server *v, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct peer *p = mem_new(struct peer);
	p->server = v;
	p->ipc = ipc_new(service_loop(v->service), fd, &handlers, p);
	if (p->ipc)
		return;
	close(fd);
	free(p);
}

static void edge(struct service *s, const char *role, unsigned number, int fd)
{
	(void)role;
	(void)number;
	add_peer(service_data(s), fd);
}

static void on_connection(void *ctx, int fd, int what)
{
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	(void)what;
	if (c >= 0)
		add_peer(ctx, c);
}

/* ---- the service ----------------------------------------------------------------------------- */

/* The administrator's door for `query`: nobody else can open it. */
static int open_socket(struct server *v)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char *path = instance_path(service_instance(v->service)->run, LDAPALIAS_SOCKET);
	bool fits = strlen(path) < sizeof(a.sun_path);
	if (fits)
		memcpy(a.sun_path, path, strlen(path) + 1);
	v->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fits)
		unlink(path);
	mode_t old = umask(077);
	int r = v->listener >= 0 && fits &&
			bind(v->listener, (struct sockaddr *)&a, sizeof(a)) == 0 &&
			listen(v->listener, BACKLOG) == 0
		    ? 0
		    : -1;
	umask(old);
	if (r < 0)
		log_error(NULL, "cannot open the socket '%s': %s", path,
		    fits ? strerror(errno) : "the path is too long");
	free(path);
	return r;
}

/* With the rights of the start: the file may hold a password that nobody else may read. */
static int setup(struct service *s)
{
	struct server *v = mem_new(struct server);
	const char *why;
	v->service = s;
	v->arena = arena_new(RC_ARENA);
	service_set_data(s, v);
	if (!v->arena || ldapaliasrc_load(service_instance(s)->etc, v->arena, &v->rc, &why) < 0) {
		log_error(NULL, "%s", v->arena ? why : "out of memory");
		return -1;
	}
	return open_socket(v);
}

static int start(struct service *s)
{
	struct server *v = service_data(s);
	v->pool = pool_new(service_loop(s), &v->rc);
	v->watch = watch_new(service_loop(s), v->listener, on_connection, v);
	if (!v->pool || !v->watch)
		return -1;
	watch_set(v->watch, WATCH_READ);
	service_ready(s);
	return 0;
}

/* The password can be read at the start alone. */
static void reload(struct service *s)
{
	service_restart_me(s);
}

static void drain(struct service *s)
{
	struct server *v = service_data(s);
	work_drain(s, v->pool);
}

static void stats(struct service *s, struct buf *out)
{
	struct server *v = service_data(s);
	work_stats(v->pool, out);
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&config_identity};
	static const struct service_desc desc = {
	    .role = "ldapalias",
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .setup = setup,
	    .start = start,
	    .edge = edge,
	    .reload = reload,
	    .drain = drain,
	    .stats = stats,
	};
	return service_main(&desc, argc, argv);
}
