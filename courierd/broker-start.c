#include "config.h"

#include "courierd/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { ENV_LINES_MAX = 64 };

/* The programs that a ticket can start, and what a login process may tell them. */
static const char *const session_programs[] = {"imapd", "pop3d"};
static const char *const session_names[] = {"TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST",
    "TCPLOCALIP", "TCPLOCALPORT", "TCPLOCALHOST", "PROTOCOL", "IMAP_LOGIN_TAG", "IMAP_INITIAL",
    "IMAP_TLS", "POP3_INITIAL", "POP3_TLS", "POP3_UTF8", "TLS", "SESSION"};

struct environment {
	char *v[ENV_LINES_MAX + 1];
	size_t n;
};

static void put(struct environment *e, const char *name, const char *value)
{
	if (value && e->n < ENV_LINES_MAX)
		e->v[e->n++] = mem_printf("%s=%s", name, value);
}

static void environment_free(struct environment *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->v[i]);
}

static void put_common(struct environment *e, struct broker *b)
{
	put(e, "PATH", config_z(b->config, "local", "PATH", NULL));
	put(e, "COURIER_HOME", service_instance(b->service)->home);
	put(e, "SHELL", "/bin/sh");
}

static bool allowed(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(session_names); i++)
		if (str_is(name, session_names[i]))
			return true;
	return false;
}

static void put_told(struct environment *e, struct str env)
{
	struct str line;
	while (env.n && str_split(&env, '\n', &line)) {
		ptrdiff_t eq = str_chr(line, '=');
		if (eq > 0 && e->n < ENV_LINES_MAX && allowed(str_head(line, (size_t)eq)))
			e->v[e->n++] = mem_strndup(line.p, line.n);
	}
}

static void put_account(struct environment *e, const struct owner *o)
{
	put(e, "HOME", o->home);
	put(e, "USER", o->name);
	put(e, "LOGNAME", o->name);
	put(e, "AUTHENTICATED", o->name);
	put(e, "AUTHADDR", o->name);
	if (o->maildir && o->maildir[0])
		put(e, "MAILDIR", o->maildir);
	put(e, "MAILDIRQUOTA", o->quota ? o->quota : "");
	put(e, "AUTHFULLNAME", o->fullname ? o->fullname : "");
	put(e, "OPTIONS", o->options ? o->options : "");
}

static void fill(struct spawn *s, struct broker *b, const struct owner *o, struct environment *e)
{
	s->env = e->v;
	s->uid = o->uid;
	s->gid = o->gid;
	s->sysuser = o->sysuser;
	s->drop = b->limits.root;
}

int session_start(struct broker *b, const struct owner *o, const char *program, struct str env,
    int client, child_started started, void *ctx, struct buf *why)
{
	struct environment e = {.n = 0};
	size_t i = 0;
	while (i < ARRAY_LEN(session_programs) && strcmp(session_programs[i], program))
		i++;
	if (i == ARRAY_LEN(session_programs)) {
		buf_addz(why, "no such session program");
		return -1;
	}
	char *path = mem_printf("%s/%s", LIBEXECDIR, program);
	char *argv[] = {
	    mem_strdup(program), NULL}; /* MAILDIR, or else MAILDIRPATH of its settings */
	struct spawn s = {.path = path,
	    .argv = argv,
	    .in = client,
	    .out = client,
	    .edge = -1,
	    .home = o->home,
	    .no_new_privs = true};
	put_common(&e, b);
	put_account(&e, o);
	put_told(&e, env);
	fill(&s, b, o, &e);
	int r = child_start(b, CHILD_SESSION, o, &s, started, ctx, why);
	environment_free(&e);
	free(argv[0]);
	free(path);
	return r;
}

int worker_start(struct broker *b, const struct owner *o, bool fresh, struct buf *why)
{
	struct environment e = {.n = 0};
	char program[] = "courierlocal-worker", *argv[] = {program, NULL};
	int ends[2];
	if (ipc_pair(ends) < 0) {
		buf_addf(why, "cannot make an edge: %s", strerror(errno));
		return -1;
	}
	struct spawn s = {.path = LIBEXECDIR "/courierlocal-worker",
	    .argv = argv,
	    .in = -1,
	    .out = -1,
	    .edge = ends[1],
	    .no_new_privs = !fresh};
	put_common(&e, b);
	fill(&s, b, o, &e);
	int r = child_start(b, CHILD_WORKER, o, &s, NULL, NULL, why);
	environment_free(&e);
	close(ends[1]);
	if (r == 0)
		return ends[0];
	close(ends[0]);
	return -1;
}
