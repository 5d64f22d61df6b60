#include "config.h"

#include "courierd/sched-main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REQUEST_MAX = 4096,
	OUT_MAX = 4 * 1024 * 1024,
	CHUNK = 128 * 1024,
	CLIENTS_MAX = 64,
	TIMEOUT_MS = 60 * 1000,
	ACCEPT_PAUSE_MS = 1000
};

struct control {
	struct scheduler *x;
	struct sched *s;
	struct loop *l;
	struct watch *watch;
	struct timer *again;
	size_t clients;
};

struct client {
	struct control *c;
	struct stream *stream;
	uid_t uid;
	bool all;       /* may see everything */
	uint64_t *seqs; /* of a list under way */
	size_t n_seqs, at;
};

static void field(struct buf *out, struct str s)
{
	if (out->n && out->p[out->n - 1] != '\n')
		buf_addc(out, '\t');
	field_encode(s, out);
}

static void number(struct buf *out, int64_t n)
{
	if (out->n && out->p[out->n - 1] != '\n')
		buf_addc(out, '\t');
	buf_addf(out, "%lld", (long long)n);
}

static void end(struct client *k)
{
	struct control *c = k->c;
	stream_finish(k->stream);
	free(k->seqs);
	free(k);
	c->clients--;
}

static void refuse(struct client *k, const char *why)
{
	stream_printf(k->stream, "error\t%s\n", why);
	end(k);
}

static void finish(struct client *k, struct buf *out)
{
	if (out->failed) {
		buf_free(out);
		refuse(k, "the answer is too long");
		return;
	}
	stream_put(k->stream, buf_str(out));
	buf_free(out);
	end(k);
}

static const char *state_word(enum rcpt_state s)
{
	static const char *const words[] = {"pending", "deferred", "done", "done", "fail"};
	return words[s];
}

/* An envelope for a look: of the message in memory, or of the queue's text. */
struct look {
	struct envelope env;
	const struct envelope *e;
	struct arena *arena;
	struct buf text;
	bool loaded;
};

static void look_free(struct look *l)
{
	arena_free(l->arena);
	buf_free(&l->text);
}

static bool look_at(struct sched *s, uint64_t seq, struct look *l)
{
	const char *why;
	struct message *m = message_find(s, seq);
	*l = (struct look){.loaded = m != NULL};
	buf_init(&l->text, ENVELOPE_TEXT_MAX);
	if (m) {
		l->e = &m->env;
		return !m->fresh;
	}
	l->e = &l->env;
	l->arena = arena_new(2 * ENVELOPE_TEXT_MAX);
	return l->arena && queue_peek(s->q, seq, &l->text) == 0 &&
	       envelope_decode(buf_str(&l->text), l->arena, &l->env, &why) == 0;
}

static bool may(const struct client *k, const struct envelope *e)
{
	return k->all || e->uid == k->uid;
}

static void id_text(const struct envelope *e, char out[QUEUE_ID_SIZE])
{
	queue_id_format(&e->id, out);
}

/* What waits for its release is held, whatever it is flushed with. */
static const char *shown_state(struct client *k, const struct envelope *e, enum rcpt_state state)
{
	return !rcpt_final(state) && e->release > sched_now(k->c->s) ? "held" : state_word(state);
}

static void list_one(struct client *k, uint64_t seq, struct buf *out)
{
	struct look l;
	char id[QUEUE_ID_SIZE];
	if (look_at(k->c->s, seq, &l) && may(k, l.e)) {
		const struct envelope *e = l.e;
		id_text(e, id);
		field(out, str_of(id));
		number(out, (int64_t)e->size);
		number(out, e->arrival);
		number(out, e->uid);
		field(out, e->sender);
		number(out, l.loaded ? 0 : e->next);
		for (size_t i = 0; i < e->n_rcpts; i++) {
			field(out, str_of(shown_state(k, e, e->rcpts[i].state)));
			field(out, e->rcpts[i].address);
		}
		buf_addc(out, '\n');
	}
	look_free(&l);
}

/* A piece at a time: the scheduler has other work, and the queue may be long. */
static void list_more(struct client *k)
{
	struct buf out;
	buf_init(&out, OUT_MAX / 2);
	while (k->at < k->n_seqs && out.n < CHUNK)
		list_one(k, k->seqs[k->at++], &out);
	stream_put(k->stream, buf_str(&out));
	buf_free(&out);
	if (k->at == k->n_seqs)
		end(k);
}

static void do_list(struct client *k, struct str args UNUSED)
{
	struct sched *s = k->c->s;
	size_t n = sched_waiting(s) + map_count(s->messages);
	struct str key;
	void *v;
	k->seqs = malloc((n + 1) * sizeof *k->seqs);
	if (!k->seqs) {
		refuse(k, "out of memory");
		return;
	}
	for (size_t at = 0; map_next(s->messages, &at, &key, &v);)
		if (!owed_only(v))
			k->seqs[k->n_seqs++] = ((struct message *)v)->seq;
	for (size_t i = 0; i < s->index.n && k->n_seqs < n; i++)
		k->seqs[k->n_seqs++] = s->index.v[i].seq;
	k->n_seqs += park_list(s, k->seqs + k->n_seqs, n - k->n_seqs);
	list_more(k);
}

static void name_value(struct buf *out, const char *name, struct str value)
{
	field(out, str_of(name));
	field(out, value);
	buf_addc(out, '\n');
}

static void name_number(struct buf *out, const char *name, int64_t n)
{
	field(out, str_of(name));
	number(out, n);
	buf_addc(out, '\n');
}

static void show_rcpt(struct buf *out, const struct envelope_rcpt *r, size_t num)
{
	field(out, STR("recipient"));
	number(out, (int64_t)num);
	field(out, str_of(state_word(r->state)));
	field(out, r->address);
	field(out, r->orcpt);
	field(out, r->module);
	field(out, r->host);
	number(out, r->when);
	field(out, r->status);
	field(out, r->peer);
	field(out, r->error.n ? r->error : r->reply);
	buf_addc(out, '\n');
}

static void show(const struct look *l, struct buf *out)
{
	const struct envelope *e = l->e;
	char id[QUEUE_ID_SIZE];
	id_text(e, id);
	name_value(out, "id", str_of(id));
	name_value(out, "sender", e->sender);
	name_number(out, "size", (int64_t)e->size);
	name_number(out, "arrival", e->arrival);
	name_number(out, "expiry", e->expiry);
	name_number(out, "next", l->loaded ? 0 : e->next);
	if (e->release)
		name_number(out, "release", e->release);
	if (e->by_mode) {
		name_number(out, "deliver-by", e->by);
		name_value(out, "deliver-by-mode", str_at(&e->by_mode, 1));
	}
	if (e->tls)
		name_value(out, "tls", e->tls == 'R' ? STR("REQUIRETLS") : STR("optional"));
	name_number(out, "uid", e->uid);
	name_value(out, "source", e->source);
	name_value(out, "login", e->login);
	name_value(out, "envid", e->envid);
	name_number(out, "rounds", e->rounds);
	name_value(out, "cancelled", e->cancelled);
	for (size_t i = 0; i < e->n_rcpts; i++)
		show_rcpt(out, &e->rcpts[i], i);
}

/* The message of a whole id that the client may touch; otherwise the answer is given. */
static bool mine(struct client *k, struct str id, struct queue_id *out, struct look *l)
{
	if (!queue_id_parse(id, out)) {
		refuse(k, "not a queue id");
		return false;
	}
	bool there = look_at(k->c->s, out->seq, l);
	if (there && l->e->id.us == out->us && l->e->id.slot == out->slot && may(k, l->e))
		return true;
	look_free(l);
	refuse(k, "No such message.");
	return false;
}

static void do_show(struct client *k, struct str args)
{
	struct queue_id id;
	struct look l;
	struct buf out;
	if (!mine(k, str_trim(args), &id, &l))
		return;
	buf_init(&out, OUT_MAX);
	show(&l, &out);
	look_free(&l);
	finish(k, &out);
}

static void ok(struct client *k, int r)
{
	if (r) {
		refuse(k, "No such message.");
		return;
	}
	stream_put(k->stream, STR("ok\n"));
	end(k);
}

static void do_flush(struct client *k, struct str args)
{
	struct queue_id id;
	struct look l;
	args = str_trim(args);
	if (!args.n && !k->all)
		refuse(k, "only root may flush the whole queue");
	else if (!args.n)
		ok(k, sched_flush(k->c->s, 0));
	else if (mine(k, args, &id, &l)) {
		look_free(&l);
		ok(k, sched_flush(k->c->s, id.seq));
	}
}

static void do_cancel(struct client *k, struct str args)
{
	struct queue_id qid;
	struct look l;
	struct str id;
	if (!str_word(&args, &id))
		id = STR_NONE;
	if (!mine(k, id, &qid, &l))
		return;
	look_free(&l);
	ok(k, sched_cancel(k->c->s, qid.seq, str_trim(args)));
}

static void do_suppressed(struct client *k, struct str args UNUSED)
{
	struct buf out;
	struct str address;
	char letter;
	if (!k->all) {
		refuse(k, "only root may see the list");
		return;
	}
	buf_init(&out, OUT_MAX);
	for (size_t at = 0; track_next(k->c->x->track, &at, &address, &letter);) {
		buf_adds(&out, address);
		buf_addc(&out, '\n');
	}
	finish(k, &out);
}

static void do_clear(struct client *k, struct str args)
{
	struct track *t = k->c->x->track;
	args = str_trim(args);
	if (!k->all || !args.n) {
		refuse(k, args.n ? "only root may change the list" : "no address");
		return;
	}
	int64_t now = clock_now();
	if (str_is(args, "all"))
		track_clear_all(t, now);
	else
		track_clear(t, args, 'A', now);
	track_turn(t, now);
	stream_printf(k->stream, "%.*s cleared.\n", STR_FMT(args));
	end(k);
}

static void status_modules(const struct sched *s, struct buf *out)
{
	for (size_t i = 0; i < s->n_modules; i++) {
		const struct sched_module *m = &s->modules[i];
		buf_addf(out, "module.%s\t%s running=%u delivered=%llu deferred=%llu failed=%llu\n",
		    m->name, m->up ? "up" : "down", m->active, (unsigned long long)m->delivered,
		    (unsigned long long)m->deferred, (unsigned long long)m->failed);
	}
}

static void do_status(struct client *k, struct str args UNUSED)
{
	struct sched *s = k->c->s;
	struct buf out, facts;
	struct str rest, word;
	buf_init(&out, OUT_MAX);
	buf_init(&facts, 4096);
	name_number(&out, "messages", (int64_t)(s->n_loaded + sched_waiting(s)));
	name_number(&out, "loaded", (int64_t)s->n_loaded);
	name_number(&out, "waiting", (int64_t)sched_waiting(s));
	name_number(&out, "running", (int64_t)sched_active(s));
	name_number(&out, "oldest_next", s->index.n ? s->index.v[0].next : 0);
	name_number(&out, "new", (int64_t)s->n_new);
	name_number(&out, "completed", (int64_t)s->n_completed);
	status_modules(s, &out);
	queue_facts(s->q, &facts);
	for (rest = buf_str(&facts); str_word(&rest, &word);) {
		struct str name = STR_NONE;
		if (str_split(&word, '=', &name)) {
			field(&out, name);
			field(&out, word);
			buf_addc(&out, '\n');
		}
	}
	buf_free(&facts);
	finish(k, &out);
}

static void obey(struct client *k, struct str line)
{
	static const struct {
		const char *word;
		void (*fn)(struct client *k, struct str args);
	} verbs[] = {{"list", do_list}, {"show", do_show}, {"flush", do_flush},
	    {"cancel", do_cancel}, {"status", do_status}, {"suppressed", do_suppressed},
	    {"clear", do_clear}};
	struct str word;
	if (!str_word(&line, &word))
		word = STR_NONE;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (str_is(word, verbs[i].word)) {
			verbs[i].fn(k, line);
			return;
		}
	refuse(k, "unknown request");
}

/* Once the request is there nothing more is read: the answer is all that follows. */
static void on_input(void *ctx, struct stream *s)
{
	struct client *k = ctx;
	struct str line;
	size_t used;
	char copy[REQUEST_MAX];
	int r = stream_line(s, REQUEST_MAX - 1, false, &line, &used);
	if (r == 0)
		return;
	if (r < 0) {
		refuse(k, "the request is too long");
		return;
	}
	if (line.n)
		memcpy(copy, line.p, line.n);
	line.p = copy;
	stream_consume(s, used);
	stream_pause(s);
	obey(k, line);
}

static void on_drain(void *ctx, struct stream *s UNUSED)
{
	struct client *k = ctx;
	if (k->seqs)
		list_more(k);
}

static void on_close(void *ctx, struct stream *s, enum stream_end why UNUSED)
{
	struct client *k = ctx;
	stream_free(s);
	k->c->clients--;
	free(k->seqs);
	free(k);
}

static void welcome(struct control *c, int fd)
{
	static const struct stream_handlers handlers = {
	    .on_input = on_input, .on_drain = on_drain, .on_close = on_close};
	struct ucred who;
	socklen_t n = sizeof who;
	struct client *k = NULL;
	if (c->clients < CLIENTS_MAX && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0)
		k = calloc(1, sizeof *k);
	if (!k) {
		close(fd);
		return;
	}
	k->c = c;
	k->uid = who.uid;
	k->all = who.uid == 0 || who.uid == geteuid();
	k->stream = stream_new(c->l, fd, REQUEST_MAX, OUT_MAX, &handlers, k);
	if (!k->stream) {
		free(k);
		return;
	}
	c->clients++;
	stream_timer(k->stream, TIMEOUT_MS);
}

static void accept_again(void *ctx)
{
	struct control *c = ctx;
	watch_set(c->watch, WATCH_READ);
}

static void on_listener(void *ctx, int fd, int what UNUSED)
{
	struct control *c = ctx;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client >= 0)
		welcome(c, client);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		/* Whoever waits there would wake us again at once. */
		log_error(NULL, "cannot accept on the control socket: %m");
		watch_set(c->watch, 0);
		timer_set(c->again, ACCEPT_PAUSE_MS);
	}
}

struct control *control_new(struct scheduler *x, struct loop *l)
{
	struct control *c = calloc(1, sizeof *c);
	struct timer *again = c ? timer_new(l, accept_again, c) : NULL;
	if (!again) {
		free(c);
		return NULL;
	}
	*c = (struct control){.x = x, .s = &x->core, .l = l, .again = again};
	return c;
}

void control_listen(struct control *c, int listener)
{
	int flags = fcntl(listener, F_GETFL);
	(void)fcntl(listener, F_SETFL, flags | O_NONBLOCK);
	c->watch = watch_new(c->l, listener, on_listener, c);
	if (c->watch)
		watch_set(c->watch, WATCH_READ);
	else
		log_error(NULL, "no memory for the control socket");
}
