#include "config.h"

#include "submit/filter-reply.h"
#include "submit/filter-sockets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	NAMES_MAX = 64,
	NAME_MAX_BYTES = 63,
	REPLY_ARENA_MAX = 64 * 1024,
	REQUEST_MAX = 1024 * 1024, /* of paths */
	BUSY_MS = 50,              /* between two tries of a socket whose line is full */
};

struct filter_name {
	bool optional; /* in var/filters */
	char text[NAME_MAX_BYTES + 1];
};

struct filter_names {
	struct filter_name v[NAMES_MAX];
	size_t n;
	char missing[NAME_MAX_BYTES + 1]; /* installed, but without a socket */
	bool fault;
};

struct filter_sockets {
	struct filter_sockets_job job;
	struct arena *arena;
	struct filter_names names;
	size_t now;
	struct stream *stream;
	struct timer *timer; /* the beginning, or the next try */
	int64_t deadline;
};

/* ---- who there is ---------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct filter_name *x = a, *y = b;
	if (x->optional != y->optional)
		return x->optional ? 1 : -1;
	return strcmp(x->text, y->text);
}

/* A folder that is not there holds nothing; one that can't be read is a fault. */
static DIR *open_folder(const char *top, const char *name, struct filter_names *n)
{
	char *path = instance_path(top, name);
	DIR *d = opendir(path);
	if (!d && errno != ENOENT) {
		log_error(NULL, "cannot read the folder '%s': %m", path);
		n->fault = true;
	}
	free(path);
	return d;
}

static void read_sockets(const struct gate_process *g, bool optional, struct filter_names *n)
{
	DIR *d =
	    open_folder(service_instance(g->service)->var, optional ? "filters" : "allfilters", n);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		size_t length = strlen(e->d_name);
		if (e->d_name[0] == '.')
			continue;
		if (n->n == NAMES_MAX || length > NAME_MAX_BYTES) {
			n->fault = true;
			continue;
		}
		n->v[n->n].optional = optional;
		memcpy(n->v[n->n++].text, e->d_name, length + 1);
	}
	if (d)
		closedir(d);
}

static bool has_socket(const struct filter_names *n, const char *name)
{
	for (size_t i = 0; i < n->n; i++)
		if (strcmp(n->v[i].text, name) == 0)
			return true;
	return false;
}

static void read_active(const struct gate_process *g, struct filter_names *n)
{
	DIR *d = open_folder(service_instance(g->service)->etc, "filters/active", n);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		size_t length = strlen(e->d_name);
		if (e->d_name[0] == '.' || e->d_name[length - 1] == '~' || has_socket(n, e->d_name))
			continue;
		snprintf(n->missing, sizeof n->missing, "%.63s", e->d_name);
	}
	if (d)
		closedir(d);
}

static void read_names(const struct gate_process *g, bool optional, struct filter_names *n)
{
	*n = (struct filter_names){.n = 0};
	read_sockets(g, false, n);
	read_sockets(g, true, n);
	read_active(g, n);
	if (!optional) {
		size_t kept = 0;
		for (size_t i = 0; i < n->n; i++)
			if (!n->v[i].optional)
				n->v[kept++] = n->v[i];
		n->n = kept;
	}
	qsort(n->v, n->n, sizeof n->v[0], by_name);
}

bool filter_sockets_any(const struct gate_process *g, bool optional)
{
	struct filter_names n;
	read_names(g, optional, &n);
	return n.n || n.missing[0] || n.fault;
}

/* ---- one after the other --------------------------------------------------------------------- */

static void next_filter(struct filter_sockets *s);

static const char *name_now(const struct filter_sockets *s)
{
	return s->names.v[s->now].text;
}

static void finish(struct filter_sockets *s, const struct gate_reply *refusal)
{
	timer_clear(s->timer);
	if (s->stream)
		stream_free(s->stream);
	s->stream = NULL;
	s->job.done(s->job.ctx, refusal);
}

static void fault(struct filter_sockets *s, const char *name, const char *why)
{
	struct log_ctx ctx = {"id", s->job.id};
	struct gate_reply r = reply(REPLY_FILTER_DOWN);
	log_error(&ctx, "the filter '%s' %s; the message is refused for now", name, why);
	finish(s, &r);
}

static void judged(struct filter_sockets *s, const struct gate_reply *r)
{
	struct log_ctx ctx = {"id", s->job.id};
	if (r->code >= 300) {
		log_info(&ctx, "filter,name=%s: %u %.*s", name_now(s), r->code, STR_FMT(r->text));
		finish(s, r);
		return;
	}
	stream_free(s->stream);
	s->stream = NULL;
	s->now++;
	next_filter(s);
}

static void on_input(void *ctx, struct stream *st)
{
	struct filter_sockets *s = ctx;
	struct gate_reply r;
	arena_reset(s->arena);
	switch (filter_reply_read(stream_input(st), stream_eof(st), s->arena, &r)) {
	case FILTER_REPLY_MORE:
		break;
	case FILTER_REPLY_DONE:
		judged(s, &r);
		break;
	case FILTER_REPLY_BAD:
		fault(s, name_now(s), "has sent a reply that can't be understood");
		break;
	}
}

static void on_close(void *ctx, struct stream *st, enum stream_end why)
{
	struct filter_sockets *s = ctx;
	(void)st;
	fault(s, name_now(s),
	    why == STREAM_TIMEOUT ? "has not answered in time (FILTERTIME)"
				  : "has closed the connection without an answer");
}

static void send_request(struct filter_sockets *s)
{
	size_t n = filter_files_controls(s->job.files);
	stream_printf(s->stream, "%s\n", filter_files_data(s->job.files));
	for (size_t i = 0; i < n; i++) {
		char *path = filter_files_control_path(s->job.files, i);
		stream_printf(s->stream, "%s\n", path);
		free(path);
	}
	stream_put(s->stream, STR("\n"));
}

/* The path of a socket in a deep folder is too long for the kernel; the folder's descriptor is
 * not. */
static int set_path(struct filter_sockets *s, struct sockaddr_un *un, int *folder)
{
	const char *var = service_instance(s->job.gate->service)->var;
	const char *which = s->names.v[s->now].optional ? "filters" : "allfilters";
	un->sun_family = AF_UNIX;
	int n = snprintf(un->sun_path, sizeof un->sun_path, "%s/%s/%s", var, which, name_now(s));
	*folder = -1;
	if ((size_t)n < sizeof un->sun_path)
		return 0;
	char *path = instance_path(var, which);
	*folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(path);
	n = snprintf(
	    un->sun_path, sizeof un->sun_path, "/proc/self/fd/%d/%s", *folder, name_now(s));
	return *folder < 0 || (size_t)n >= sizeof un->sun_path ? -1 : 0;
}

/* 0 connected; -1 errno. */
static int connect_now(struct filter_sockets *s, int *fd)
{
	struct sockaddr_un un = {0};
	int folder;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = *fd < 0 || set_path(s, &un, &folder) < 0
		    ? -1
		    : connect(*fd, (struct sockaddr *)&un, sizeof un);
	int saved = errno;
	if (*fd >= 0 && folder >= 0)
		close(folder);
	if (r < 0 && *fd >= 0)
		close(*fd);
	errno = saved;
	return r;
}

static void try_connect(struct filter_sockets *s)
{
	static const struct stream_handlers handlers = {.on_input = on_input, .on_close = on_close};
	int fd;
	int64_t left = s->deadline - clock_mono_ms();
	if (connect_now(s, &fd) < 0) {
		if (errno == EAGAIN && left > BUSY_MS) { /* its line is full */
			timer_set(s->timer, BUSY_MS);
			return;
		}
		char why[128];
		snprintf(why, sizeof why, "can't be connected to (%s)", strerror(errno));
		fault(s, name_now(s), why);
		return;
	}
	s->stream = stream_new(service_loop(s->job.gate->service), fd, FILTER_REPLY_MAX + 1,
	    REQUEST_MAX, &handlers, s);
	if (!s->stream) {
		close(fd);
		fault(s, name_now(s), "can't be asked: no memory");
		return;
	}
	stream_timer(s->stream, left < 1 ? 1 : left);
	send_request(s);
}

static void next_filter(struct filter_sockets *s)
{
	if (s->now == s->names.n) {
		finish(s, NULL);
		return;
	}
	s->deadline = clock_mono_ms() + s->job.policy->filter_ms;
	try_connect(s);
}

static void on_timer(void *ctx)
{
	struct filter_sockets *s = ctx;
	if (s->deadline)
		try_connect(s);
	else if (s->names.fault)
		fault(s, "?", "can't be looked for");
	else if (s->names.missing[0])
		fault(s, s->names.missing, "is installed (etc/filters/active) and has no socket");
	else
		next_filter(s);
}

struct filter_sockets *filter_sockets_new(const struct filter_sockets_job *job)
{
	struct filter_sockets *s = mem_new(struct filter_sockets);
	s->job = *job;
	s->arena = arena_new(REPLY_ARENA_MAX);
	s->timer = timer_new(service_loop(job->gate->service), on_timer, s);
	if (!s->arena || !s->timer) {
		filter_sockets_free(s);
		return NULL;
	}
	read_names(job->gate, job->optional, &s->names);
	timer_set(s->timer, 0);
	return s;
}

void filter_sockets_free(struct filter_sockets *s)
{
	if (!s)
		return;
	if (s->stream)
		stream_free(s->stream);
	timer_free(s->timer);
	arena_free(s->arena);
	free(s);
}
