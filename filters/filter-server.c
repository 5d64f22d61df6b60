#include "config.h"

#include "filters/filter-server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	ACCEPT_TURN = 64, /* connections taken before others get their turn */
	PAUSE_MS = 1000,  /* without descriptors */
	ARENA_MAX = 4 * FILTER_REQUEST_MAX,
	DESCRIPTORS = 4 * FILTER_CONNECTIONS_MAX,
};

struct filter_server {
	const struct filter_desc *desc;
	struct instance instance;
	struct config *config;
	struct loop *loop;
	struct watch *listener, *input;
	struct timer *pause;
	struct signal_watch *term;
	int fd;
	size_t connections, asked; /* open; requests without their answer */
	bool stopping;
	void *data;
};

struct peer {
	struct filter_request request; /* first: filter_answer finds the peer by it */
	struct stream *st;             /* NULL: it has gone while we were thinking */
	bool asked;
	size_t scanned; /* of the input, known to hold no empty line */
};

struct loop *filter_loop(struct filter_server *s)
{
	return s->loop;
}
const struct instance *filter_instance(struct filter_server *s)
{
	return &s->instance;
}
struct config *filter_config(struct filter_server *s)
{
	return s->config;
}
void *filter_data(struct filter_server *s)
{
	return s->data;
}
void filter_set_data(struct filter_server *s, void *data)
{
	s->data = data;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void end_when_idle(struct filter_server *s)
{
	if (s->stopping && !s->connections && !s->asked)
		loop_stop(s->loop);
}

/* Connections that wait in the queue have been let in: whoever made them is to hear us. */
static void accept_all(struct filter_server *s, int most);

static void stop(struct filter_server *s)
{
	if (s->stopping)
		return;
	accept_all(s, FILTER_CONNECTIONS_MAX);
	s->stopping = true;
	watch_free(s->listener);
	s->listener = NULL;
	timer_clear(s->pause);
	close(s->fd);
	s->fd = -1;
	end_when_idle(s);
}

/* Those who are not answered hear nothing, which means later. */
static void on_term(void *ctx, int signo UNUSED)
{
	struct filter_server *s = ctx;
	loop_stop(s->loop);
}

static void on_stdin(void *ctx, int fd, int what UNUSED)
{
	struct filter_server *s = ctx;
	char junk[256];
	ssize_t n = read(fd, junk, sizeof junk);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	watch_free(s->input);
	s->input = NULL;
	stop(s);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void listen_again(struct filter_server *s)
{
	bool room = s->connections < FILTER_CONNECTIONS_MAX && !timer_armed(s->pause);
	if (s->listener)
		watch_set(s->listener, room ? WATCH_READ : 0);
}

static void peer_free(struct peer *p)
{
	struct filter_server *s = p->request.server;
	arena_free(p->request.arena);
	free(p);
	s->connections--;
	listen_again(s);
	end_when_idle(s);
}

void filter_answer(struct filter_request *r, unsigned code, const char *status, struct str text)
{
	struct peer *p = (struct peer *)r;
	struct buf out;
	r->server->asked--;
	if (p->st) {
		buf_init(&out, FILTER_REPLY_MAX);
		filter_reply_put(&out, code, str_of(status), text);
		stream_put(p->st, buf_str(&out));
		stream_flush(p->st); /* it may be the last thing we do */
		buf_free(&out);
	}
	if (p->st)
		stream_finish(p->st);
	peer_free(p);
}

void filter_answer_later(struct filter_request *r)
{
	struct buf text;
	buf_init(&text, FILTER_REPLY_LINE_MAX);
	buf_addf(&text, "%s cannot judge the message right now", r->server->desc->name);
	filter_answer(r, 451, "4.3.0", buf_str(&text));
	buf_free(&text);
}

static void on_close(void *ctx, struct stream *st, enum stream_end why UNUSED)
{
	struct peer *p = ctx;
	stream_free(st);
	p->st = NULL;
	if (!p->asked)
		peer_free(p);
}

/* Reads the request when its empty line has come, or when there is too much without one. */
static enum filter_parse read_request(struct peer *p, struct str in, const char **why)
{
	size_t from = p->scanned ? p->scanned - 1 : 0;
	p->scanned = in.n;
	*why = "the request is too large";
	if (str_find(str_skip(in, from), STR("\n\n")) < 0)
		return in.n < FILTER_REQUEST_MAX ? FILTER_MORE : FILTER_BAD;
	return filter_request_parse(p->request.arena, in, &p->request.paths, why);
}

static void on_input(void *ctx, struct stream *st)
{
	struct peer *p = ctx;
	struct filter_server *s = p->request.server;
	const char *why;
	enum filter_parse r = read_request(p, stream_input(st), &why);
	if (r == FILTER_MORE)
		return;
	stream_timer(st, 0);
	stream_pause(st);
	p->asked = true;
	s->asked++;
	if (r == FILTER_READY) {
		s->desc->request(&p->request);
	} else {
		log_error(NULL, "a request is refused: %s", why);
		filter_answer(&p->request, 451, "4.3.0", str_of(why));
	}
}

static const struct stream_handlers handlers = {.on_input = on_input, .on_close = on_close};

static void add_peer(struct filter_server *s, int fd)
{
	struct peer *p = mem_new(struct peer);
	p->request.server = s;
	p->request.arena = arena_new(ARENA_MAX);
	p->st = p->request.arena
		    ? stream_new(s->loop, fd, FILTER_REQUEST_MAX, FILTER_REPLY_MAX, &handlers, p)
		    : NULL;
	s->connections++;
	if (!p->st) {
		log_error(NULL, "no memory for a connection");
		close(fd);
		peer_free(p);
		return;
	}
	stream_timer(p->st, FILTER_REQUEST_MS);
}

static void accept_all(struct filter_server *s, int most)
{
	for (int i = 0; i < most && s->fd >= 0 && s->connections < FILTER_CONNECTIONS_MAX; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			add_peer(s, fd);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			log_error(NULL, "cannot take a connection: %m; waiting a moment");
			timer_set(s->pause, PAUSE_MS);
			break;
		}
	}
	listen_again(s);
}

static void on_listener(void *ctx, int fd UNUSED, int what UNUSED)
{
	accept_all(ctx, ACCEPT_TURN);
}

static void on_pause(void *ctx)
{
	listen_again(ctx);
}

/* ---- the process ----------------------------------------------------------------------------- */

static void raise_descriptors(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= DESCRIPTORS)
		return;
	r.rlim_cur = r.rlim_max < DESCRIPTORS ? r.rlim_max : DESCRIPTORS;
	if (setrlimit(RLIMIT_NOFILE, &r))
		log_warning(NULL, "cannot raise the limit of open files: %m");
}

static int serve(struct filter_server *s)
{
	s->loop = loop_new();
	if (!s->loop || s->desc->start(s) < 0)
		return EX_TEMPFAIL;
	s->fd = filter_socket_make(
	    &s->instance, s->desc->name, filter_mode_all(s->config, s->desc->name));
	if (s->fd < 0)
		return EX_CANTCREAT;
	s->listener = watch_new(s->loop, s->fd, on_listener, s);
	s->input = watch_new(s->loop, STDIN_FILENO, on_stdin, s);
	s->pause = timer_new(s->loop, on_pause, s);
	s->term = signal_watch_new(s->loop, SIGTERM, on_term, s);
	if (!s->listener || !s->input || !s->pause || !s->term) {
		log_error(NULL, "out of memory");
		return EX_TEMPFAIL;
	}
	watch_set(s->listener, WATCH_READ);
	watch_set(s->input, WATCH_READ);
	filter_fds_ready();
	int r = loop_run(s->loop);
	if (s->desc->stop)
		s->desc->stop(s);
	return r ? EX_OSERR : 0;
}

int filter_main(const struct filter_desc *d, int argc, char **argv)
{
	struct filter_server s = {.desc = d, .fd = -1};
	int status;
	filter_fds_reserve();
	s.config =
	    filter_begin(&s.instance, d->name, d->components, d->n_components, argc, argv, &status);
	if (!s.config)
		return status;
	raise_descriptors();
	status = serve(&s);
	signal_watch_free(s.term);
	timer_free(s.pause);
	watch_free(s.input);
	watch_free(s.listener);
	loop_free(s.loop);
	config_drop(s.config);
	instance_free(&s.instance);
	return status;
}
