#include "config.h"

#include "courierd/broker.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who may ask what.  A request that is not in the table ends the edge. */
enum { ROLE_LOGIN = 1, ROLE_LOCAL = 2, ROLE_GATE = 4 };

struct job;
struct arm {
	enum broker_type type;
	unsigned roles;
	void (*with_account)(struct job *j, const struct owner *o);
};

struct peer {
	struct broker *b;
	struct ipc *c; /* NULL: gone, jobs keep the rest */
	unsigned role, refs;
};

struct job {
	struct peer *peer;
	const struct arm *arm;
	uint32_t id;
	char *program, *name, *ext, *env, *filter, *sender;
	bool fresh;
	int client;
};

static void peer_release(struct peer *p)
{
	if (--p->refs == 0)
		free(p);
}

static void peer_drop(struct peer *p)
{
	ipc_free(p->c);
	p->c = NULL;
	peer_release(p);
}

static void job_free(struct job *j)
{
	if (j->client >= 0)
		close(j->client);
	free(j->program);
	free(j->name);
	free(j->ext);
	free(j->env);
	free(j->filter);
	free(j->sender);
	peer_release(j->peer);
	free(j);
}

static void answer(struct job *j, uint8_t result, const struct owner *o, int fd, struct str why)
{
	struct ipc *c = j->peer->c;
	if (c) {
		ipc_compose(c, BROKER_ANSWER, j->id);
		ipc_put_u8(c, result);
		ipc_put_u32(c, o ? o->uid : 0);
		ipc_put_u32(c, o ? o->gid : 0);
		ipc_put_str(c, why);
		ipc_send(c, fd);
	}
	job_free(j);
}

static void refuse(struct job *j, bool for_ever, const char *why)
{
	if (j->arm->type == BROKER_LOOK)
		answer(j, for_ever ? BROKER_LOOK_NO_ACCOUNT : BROKER_LOOK_TEMPFAIL, NULL, -1,
		    STR_NONE);
	else
		answer(j, for_ever ? BROKER_REFUSED : BROKER_REFUSED_NOW, NULL, -1, str_of(why));
}

static void session_started(void *ctx, struct str why)
{
	answer(ctx, why.n ? BROKER_REFUSED_NOW : BROKER_DONE, NULL, -1, why);
}

static void session_at_home(struct job *j, const struct owner *o)
{
	struct buf why;
	buf_init(&why, 1024);
	if (session_start(
		j->peer->b, o, j->program, str_of(j->env), j->client, session_started, j, &why) < 0)
		answer(j, BROKER_REFUSED_NOW, NULL, -1, buf_str(&why));
	buf_free(&why);
}

/* A session that waits for its account's home to be made. */
struct newcomer {
	struct job *job;
	struct arena *arena; /* owns the strings of owner */
	struct owner owner;
};

static void home_for_session(void *ctx, const char *why)
{
	struct newcomer *n = ctx;
	if (why)
		answer(n->job, BROKER_REFUSED_NOW, NULL, -1, str_of(why));
	else
		session_at_home(n->job, &n->owner);
	arena_free(n->arena);
	free(n);
}

static const char *keep(struct arena *m, const char *s)
{
	return s ? arena_strz(m, str_of(s)) : "";
}

static void make_home_first(struct job *j, const struct owner *o)
{
	struct newcomer *n = mem_new(struct newcomer);
	struct arena *m = n->arena = arena_new(65536);
	n->job = j;
	n->owner = (struct owner){.name = keep(m, o->name),
	    .sysuser = keep(m, o->sysuser),
	    .uid = o->uid,
	    .gid = o->gid,
	    .home = keep(m, o->home),
	    .maildir = keep(m, o->maildir),
	    .quota = keep(m, o->quota),
	    .fullname = keep(m, o->fullname),
	    .options = keep(m, o->options)};
	home_make(j->peer->b, &n->owner, home_for_session, n);
}

/* Where there is a skeleton, the first login makes the home, as the first message does. */
static void start_session(struct job *j, const struct owner *o)
{
	struct stat st;
	bool skeleton = config_str(j->peer->b->config, "local", "AUTH_MKHOMEDIR_SKEL", NULL).n > 0;
	if (skeleton && stat(o->home, &st) < 0 && errno == ENOENT)
		make_home_first(j, o);
	else
		session_at_home(j, o);
}

static void start_worker(struct job *j, const struct owner *o)
{
	struct buf why;
	buf_init(&why, 1024);
	int fd = worker_start(j->peer->b, o, j->fresh, &why);
	answer(j, fd < 0 ? BROKER_REFUSED_NOW : BROKER_DONE, o, fd, buf_str(&why));
	if (fd >= 0)
		close(fd);
	buf_free(&why);
}

static void looked(void *ctx, enum broker_looked_at result)
{
	answer(ctx, (uint8_t)result, NULL, -1, STR_NONE);
}

static void look(struct job *j, const struct owner *o)
{
	look_ask(j->peer->b->looks, o, str_of(j->ext), looked, j);
}

static void filtered(void *ctx, const struct worker_filtered *r)
{
	struct job *j = ctx;
	struct owner status = {.uid = r->status};
	answer(j, r->ended ? BROKER_DONE : BROKER_REFUSED_NOW, &status, -1, r->output);
}

static void run_filter(struct job *j, const struct owner *o)
{
	struct filter_job f = {j->filter, j->sender, j->env, j->client};
	filter_ask(j->peer->b, o, &f, filtered, j);
}

static void home_there(void *ctx, const char *why)
{
	answer(ctx, why ? BROKER_REFUSED_NOW : BROKER_DONE, NULL, -1, str_of(why ? why : ""));
}

static void make_home(struct job *j, const struct owner *o)
{
	home_make(j->peer->b, o, home_there, j);
}

static const struct arm arms[] = {
    {BROKER_SESSION, ROLE_LOGIN, start_session},
    {BROKER_WORKER, ROLE_LOCAL, start_worker},
    {BROKER_LOOK, ROLE_GATE, look},
    {BROKER_FILTER, ROLE_GATE, run_filter},
    {BROKER_HOME, ROLE_LOCAL, make_home},
};

static void with_owner(struct job *j, const struct owner *o)
{
	const char *no = broker_refusal(&j->peer->b->limits, o);
	if (no) {
		log_error(&(struct log_ctx){"account", o->name}, "refused (uid %u, gid %u): %s",
		    o->uid, o->gid, no);
		refuse(j, false, no);
	} else {
		j->arm->with_account(j, o);
	}
}

static void found(void *ctx, enum auth_verdict v, const struct auth_account *a)
{
	struct job *j = ctx;
	if (v != AUTH_OK || !a) {
		refuse(j, v == AUTH_NO,
		    v == AUTH_NO ? "no such account" : "authdaemond can't be asked");
		return;
	}
	/* Terminated copies for the child; the account's strings are views. */
	struct arena *m = arena_new(65536);
	struct owner o = {.name = arena_strz(m, a->name),
	    .sysuser = arena_strz(m, a->sysuser),
	    .uid = a->uid,
	    .gid = a->gid,
	    .home = arena_strz(m, a->home),
	    .maildir = arena_strz(m, a->maildir),
	    .quota = arena_strz(m, a->quota),
	    .fullname = arena_strz(m, a->fullname),
	    .options = arena_strz(m, a->options)};
	if (!o.name || !o.sysuser || !o.home || !o.maildir || !o.quota || !o.fullname || !o.options)
		refuse(j, false, "the account's record is too large");
	else
		with_owner(j, &o);
	arena_free(m);
}

/* The one account that authdaemond does not know: the folder of aliases. */
static void with_alias_account(struct job *j)
{
	struct broker *b = j->peer->b;
	struct passwd *pw = b->limits.root ? getpwnam(MAILUSER "-filter") : NULL;
	if (b->limits.root && !pw) {
		refuse(j, false, "there is no user " MAILUSER "-filter");
		return;
	}
	char *home = instance_path(service_instance(b->service)->etc, "aliasdir");
	struct owner o = {.name = BROKER_ALIAS_ACCOUNT,
	    .uid = pw ? pw->pw_uid : b->limits.own_uid,
	    .gid = pw ? pw->pw_gid : (uint32_t)getegid(),
	    .home = home};
	with_owner(j, &o);
	free(home);
}

/* The owner of the folder that the file aliasfilteracct names. */
static void with_alias_filter(struct job *j)
{
	struct broker *b = j->peer->b;
	struct str home = str_trim(config_str(b->config, "broker", "aliasfilteracct", NULL));
	struct arena *m = arena_new(65536);
	char *path = arena_strz(m, home);
	struct stat st;
	if (!path || stat(path, &st) < 0) {
		log_error(NULL, "the folder '%.*s' of aliasfilteracct can't be looked at: %m",
		    STR_FMT(home));
		refuse(j, false, "the account of aliasfilteracct can't be found");
	} else {
		struct owner o = {
		    .name = BROKER_ALIAS_FILTER, .uid = st.st_uid, .gid = st.st_gid, .home = path};
		with_owner(j, &o);
	}
	arena_free(m);
}

static void ask_authdaemond(struct job *j, const struct broker_request *q)
{
	struct auth_client *auth = j->peer->b->auth;
	if (q->type == BROKER_SESSION)
		auth_redeem(auth, q->ticket, found, j);
	else if (!strcmp(j->name, BROKER_ALIAS_ACCOUNT) && q->type != BROKER_HOME)
		with_alias_account(j);
	else if (q->type == BROKER_FILTER && !strcmp(j->name, BROKER_ALIAS_FILTER))
		with_alias_filter(j);
	else
		auth_lookup(auth, "local", q->name, found, j);
}

static const struct arm *arm_of(const struct peer *p, uint16_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(arms); i++)
		if (arms[i].type == type && (arms[i].roles & p->role))
			return &arms[i];
	return NULL;
}

static char *copy(struct str s)
{
	return mem_strndup(s.p ? s.p : "", s.n);
}

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct peer *p = ctx;
	struct broker_request q;
	const struct arm *arm = arm_of(p, m->type);
	(void)c;
	if (!arm || !broker_request_read(m, &q)) {
		log_error(NULL,
		    "a peer sent a request it may not send, or a malformed one (type %u)", m->type);
		peer_drop(p);
		return;
	}
	struct job *j = mem_new(struct job);
	*j = (struct job){.peer = p, .arm = arm, .id = m->id, .fresh = q.fresh};
	p->refs++;
	j->program = copy(q.program);
	j->name = copy(q.name);
	j->ext = copy(q.ext);
	j->env = copy(q.env);
	j->filter = copy(q.filter);
	j->sender = copy(q.sender);
	j->client = ipc_take_fd(m);
	if (service_draining(p->b->service))
		refuse(j, false, "the system is about to stop");
	else
		ask_authdaemond(j, &q);
}

static void on_close(void *ctx, struct ipc *c)
{
	(void)c;
	peer_drop(ctx);
}

static unsigned role_bit(const char *role)
{
	if (!strcmp(role, "imaplogin") || !strcmp(role, "pop3login"))
		return ROLE_LOGIN;
	return !strcmp(role, "local") ? ROLE_LOCAL : !strcmp(role, "gate") ? ROLE_GATE : 0;
}

void peer_new(struct broker *b, const char *role, int fd)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct peer *p = mem_new(struct peer);
	*p = (struct peer){.b = b, .role = role_bit(role), .refs = 1};
	p->c = p->role ? ipc_new(service_loop(b->service), fd, &handlers, p) : NULL;
	if (p->c)
		return;
	log_error(NULL, "no edge for the role '%s'", role);
	close(fd);
	free(p);
}
