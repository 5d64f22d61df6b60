/*
 * Filters of mailboxes' owners, for the gate: a worker as the owner follows the filter, or runs the
 * program that our own settings name.  What comes back is an exit status and some text, which
 * nobody here looks at.
 */
#include "config.h"

#include "courierd/broker.h"

#include <stdlib.h>
#include <unistd.h>

enum {
	GRACE_MS = 20 * 1000,
	ENV_TEXT_MAX = 64 * 1024,
	IDLE_MS = 60 * 1000,
	IDLE_PART = 4 /* idle ones are a quarter of MAXWORKERS at the most */
};

/*
 * A worker stays for the next question about its account: the owner's program or filter runs there
 * in any case, and nobody else's.  It has one question at a time.
 */
struct filter_call {
	struct filter_call *next; /* of those that are idle */
	struct broker *b;
	char *account;
	uid_t uid;
	gid_t gid;
	struct ipc *c;
	struct timer *timer;
	filter_done done; /* NULL: idle */
	void *ctx;
};

static void forget(struct filter_call *f)
{
	for (struct filter_call **at = &f->b->idle_filters; *at; at = &(*at)->next)
		if (*at == f) {
			*at = f->next;
			f->b->n_idle_filters--;
			break;
		}
	timer_free(f->timer);
	ipc_free(f->c);
	free(f->account);
	free(f);
}

static void fail(struct filter_call *f, const char *why)
{
	struct worker_filtered r = {.output = str_of(why)};
	if (f->done)
		f->done(f->ctx, &r);
	forget(f);
}

static void keep(struct filter_call *f)
{
	struct broker *b = f->b;
	f->done = NULL;
	if (b->n_idle_filters >= b->limits.workers / IDLE_PART || b->draining) {
		forget(f);
		return;
	}
	f->next = b->idle_filters;
	b->idle_filters = f;
	b->n_idle_filters++;
	timer_set(f->timer, IDLE_MS);
}

static void on_msg(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct filter_call *f = ctx;
	struct worker_filtered r;
	if (!f->done || !worker_read_filtered(m, &r)) {
		fail(f, "a worker sent an answer that can't be understood");
		return;
	}
	f->done(f->ctx, &r);
	keep(f);
}

static void on_close(void *ctx, struct ipc *c UNUSED)
{
	fail(ctx, "the worker has ended");
}

static void on_timer(void *ctx)
{
	fail(ctx, "the worker did not answer in time");
}

static struct filter_call *find_idle(struct broker *b, const struct owner *o)
{
	struct filter_call **at = &b->idle_filters;
	while (*at && ((*at)->uid != o->uid || (*at)->gid != o->gid ||
			  strcmp((*at)->account, o->name) != 0))
		at = &(*at)->next;
	struct filter_call *f = *at;
	if (f) {
		*at = f->next;
		b->n_idle_filters--;
	}
	return f;
}

void filter_workers_end(struct broker *b)
{
	while (b->idle_filters)
		forget(b->idle_filters);
}

/* ---- what the program gets to see ------------------------------------------------------------ */

/* The gate may be deceived: names that change what a program is stay out. */
static bool name_known(const struct broker *b, struct str name)
{
	static const char *const known[] = {"TCPREMOTEHOST", "TCPREMOTEIP", "TCPREMOTEPORT",
	    "TCPLOCALIP", "TCPLOCALPORT", "ESMTPHELO", "SENDERAUTH", "RELAYCLIENT",
	    "FAXRELAYCLIENT", "SIZELIMIT", "MIME", "TARPIT", "AUTH_REQUIRED"};
	struct str word;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_is(name, known[i]))
			return true;
	if (str_starts(name, STR("BLOCK")) || str_starts(name, STR("ALLOW")) ||
	    str_starts(name, STR("BOFH")))
		return true;
	for (size_t at = 0; config_each(b->config, "broker", "LOCALFILTERENV", &at, &word);)
		if (str_eq(word, name))
			return true;
	return false;
}

static void put_z(struct buf *out, const char *name, const char *value)
{
	if (value && *value)
		buf_addf(out, "%s=%s\n", name, value);
}

static void put_client(const struct broker *b, struct str env, struct buf *out)
{
	struct str line;
	while (str_split(&env, '\n', &line)) {
		ptrdiff_t eq = str_chr(line, '=');
		if (eq > 0 && name_known(b, str_head(line, (size_t)eq))) {
			buf_adds(out, line);
			buf_addc(out, '\n');
		}
	}
}

static struct str value_of(struct str env, const char *name)
{
	struct str line, value, key;
	while (str_split(&env, '\n', &line)) {
		value = line;
		if (str_split(&value, '=', &key) && str_is(key, name))
			return value;
	}
	return STR("");
}

static void put_env(
    struct broker *b, const struct owner *o, const struct filter_job *j, struct buf *out)
{
	put_z(out, "HOME", o->home);
	put_z(out, "PATH", config_z(b->config, "local", "PATH", NULL));
	put_z(out, "SHELL", "/bin/sh");
	put_z(out, "COURIER_HOME", service_instance(b->service)->home);
	put_z(out, "DEFAULT", o->maildir);
	put_z(out, "MAILDIRQUOTA", o->quota);
	buf_addf(out, "SENDER=%s\n", j->sender);
	put_client(b, str_of(j->env), out);
}

static int send_call(struct filter_call *f, const struct owner *o, const struct filter_job *j)
{
	struct broker *b = f->b;
	struct buf env;
	buf_init(&env, ENV_TEXT_MAX);
	put_env(b, o, j, &env);
	struct worker_filter w = {
	    .uid = o->uid,
	    .gid = o->gid,
	    .seconds = (uint32_t)config_int(b->config, "broker", "LOCALFILTERTIME", NULL),
	    .program = str_trim(config_str(b->config, "broker", "maildropfilter", NULL)),
	    .filter = str_of(j->filter),
	    .home = str_of(o->home),
	    .host = value_of(str_of(j->env), "TCPREMOTEHOST"),
	    .address = value_of(str_of(j->env), "TCPREMOTEIP"),
	    .sender = str_of(j->sender),
	    .mailbox = str_of(o->maildir ? o->maildir : ""),
	    .quota = str_of(o->quota ? o->quota : ""),
	    .env = buf_str(&env),
	};
	int r = env.failed || !w.program.n || w.program.p[0] != '/'
		    ? -1
		    : worker_send_filter(f->c, 1, &w, j->message);
	timer_set(f->timer, (int64_t)w.seconds * 1000 + GRACE_MS);
	buf_free(&env);
	return r;
}

/* NULL and *why. */
static struct filter_call *start(struct broker *b, const struct owner *o, struct buf *why)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	int fd = worker_start(b, o, true, why);
	if (fd < 0)
		return NULL;
	struct filter_call *f = mem_new(struct filter_call);
	*f = (struct filter_call){
	    .b = b, .account = mem_strdup(o->name), .uid = o->uid, .gid = o->gid};
	f->timer = timer_new(service_loop(b->service), on_timer, f);
	f->c = f->timer ? ipc_new(service_loop(b->service), fd, &handlers, f) : NULL;
	if (f->c)
		return f;
	close(fd);
	forget(f);
	buf_addz(why, "no memory");
	return NULL;
}

void filter_ask(struct broker *b, const struct owner *o, const struct filter_job *j,
    filter_done done, void *ctx)
{
	struct buf why;
	buf_init(&why, 1024);
	struct filter_call *f = find_idle(b, o);
	if (!f)
		f = start(b, o, &why);
	if (!f) {
		struct worker_filtered r = {.output = buf_str(&why)};
		done(ctx, &r);
	} else {
		f->done = done;
		f->ctx = ctx;
		if (send_call(f, o, j) < 0)
			fail(f, "the filter can't be called: maildropfilter must hold a path");
	}
	buf_free(&why);
}
