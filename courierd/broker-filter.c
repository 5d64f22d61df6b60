/*
 * Filters of mailboxes' owners, for the gate: a fresh worker as the owner runs the program that our
 * own settings name.  What comes back is an exit status and some text, which nobody here looks at.
 */
#include "config.h"

#include "courierd/broker.h"

#include <stdlib.h>
#include <unistd.h>

enum { GRACE_MS = 10 * 1000, ENV_TEXT_MAX = 64 * 1024 };

struct filter_call {
	struct broker *b;
	struct ipc *c;
	struct timer *timer;
	filter_done done;
	void *ctx;
};

static void finish(struct filter_call *f, const struct worker_filtered *r)
{
	f->done(f->ctx, r);
	timer_free(f->timer);
	ipc_free(f->c);
	free(f);
}

static void fail(struct filter_call *f, const char *why)
{
	struct worker_filtered r = {.output = str_of(why)};
	finish(f, &r);
}

static void on_msg(void *ctx, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct worker_filtered r;
	if (worker_read_filtered(m, &r))
		finish(ctx, &r);
	else
		fail(ctx, "a worker sent an answer that can't be understood");
}

static void on_close(void *ctx, struct ipc *c UNUSED)
{
	fail(ctx, "the worker has ended");
}

static void on_timer(void *ctx)
{
	fail(ctx, "the worker did not answer in time");
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

void filter_ask(struct broker *b, const struct owner *o, const struct filter_job *j,
    filter_done done, void *ctx)
{
	static const struct ipc_handlers handlers = {.on_msg = on_msg, .on_close = on_close};
	struct buf why;
	buf_init(&why, 1024);
	int fd = worker_start(b, o, true, &why);
	if (fd < 0) {
		struct worker_filtered r = {.output = buf_str(&why)};
		done(ctx, &r);
		buf_free(&why);
		return;
	}
	struct filter_call *f = mem_new(struct filter_call);
	*f = (struct filter_call){.b = b, .done = done, .ctx = ctx};
	f->timer = timer_new(service_loop(b->service), on_timer, f);
	f->c = f->timer ? ipc_new(service_loop(b->service), fd, &handlers, f) : NULL;
	if (!f->c)
		close(fd);
	if (!f->c || send_call(f, o, j) < 0)
		fail(f, "the filter can't be called: maildropfilter must hold a path");
	buf_free(&why);
}
