#include "config.h"

#include "courierd/sched-main.h"
#include "courierd/sched-show.h"

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

static bool may(const struct client *k, const struct envelope *e)
{
	return k->all || e->uid == k->uid;
}

static void list_one(struct client *k, uint64_t seq, struct buf *out)
{
	struct look l;
	if (look_at(k->c->s, seq, &l) && may(k, l.e))
		show_line(k->c->s, &l, out);
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
	show_message(&l, &out);
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

static void do_status(struct client *k, struct str args UNUSED)
{
	struct buf out;
	buf_init(&out, OUT_MAX);
	show_status(k->c->s, &out);
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
