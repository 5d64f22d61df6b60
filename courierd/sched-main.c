#include "config.h"

#include "courierd/sched-main.h"

#include <stdlib.h>
#include <time.h>

enum {
	WAITING_LOG = 60,
	TIME_SIZE = 64,
	TURN_LONGEST = 60, /* also when the clock is set between two looks at it */
};

static struct scheduler the; /* one a process */

static int64_t hook_now(void *ctx UNUSED)
{
	return clock_now();
}

static int hook_deliver(void *ctx, struct sched_module *m, struct delivery *d)
{
	return link_deliver(ctx, m, d);
}

static int hook_route(void *ctx, uint32_t question, const struct queue_route_ask *ask)
{
	struct scheduler *x = ctx;
	return gates_route(x->gates, question, ask);
}

static bool hook_generation(void *ctx, uint64_t generation)
{
	struct scheduler *x = ctx;
	return gates_generation(x->gates, generation);
}

static void turn(void *ctx);

static void hook_soon(void *ctx)
{
	struct scheduler *x = ctx;
	if (!x->turn_pending && !x->closing)
		x->turn_pending = loop_defer(service_loop(x->service), turn, x) == 0;
}

static void hook_stuck(void *ctx UNUSED, struct sched_module *m)
{
	link_drop(m);
}

/* A success takes an address off whoever's mail it was. */
static void hook_outcome(void *ctx, const struct message *m, const struct envelope_rcpt *r)
{
	struct scheduler *x = ctx;
	if (r->state == RCPT_DELIVERED || r->state == RCPT_RELAYED)
		track_clear(x->track, r->address, 'S', clock_now());
	else if (m->env.track && r->state != RCPT_PENDING)
		track_add(x->track, r->address, r->state == RCPT_FAILED ? 'F' : 'D', clock_now());
}

/* Domains whose mail hosts refuse reports stand on the track as "@domain". */
static void hook_report(void *ctx, const struct envelope_rcpt *r, bool refused)
{
	struct scheduler *x = ctx;
	ptrdiff_t at = str_rchr(r->address, '@');
	struct str domain = at < 0 ? STR_NONE : str_skip(r->address, (size_t)at);
	if (!refused)
		track_clear(x->track, domain, 'S', clock_now());
	else
		track_add(x->track, domain, 'B', clock_now());
}

static void hook_finished(void *ctx, struct message *m)
{
	archive_message(ctx, m);
}

static const struct sched_hooks hooks = {hook_now, hook_deliver, hook_route, hook_generation,
    hook_soon, hook_stuck, hook_outcome, hook_report, hook_finished};

static void tell_gates(void *ctx, struct str address, char letter)
{
	struct scheduler *x = ctx;
	gates_track(x->gates, address, letter);
}

static void queue_trouble(void *ctx UNUSED, const char *what, int error)
{
	log_error(NULL, "queue: cannot %s: %s", what, strerror(error));
}

static const char *time_text(int64_t when, char out[TIME_SIZE])
{
	time_t t = (time_t)when;
	struct tm tm;
	if (!localtime_r(&t, &tm) || !strftime(out, TIME_SIZE, "%a %b %e %H:%M:%S %Y", &tm))
		return "none";
	return out;
}

/* Idle: the line that analysers of the original's log know, now and then. */
static void log_waiting(struct scheduler *x, int64_t now, int64_t next)
{
	if (now - x->last_waiting < WAITING_LOG && now >= x->last_waiting)
		return;
	char shutdown[TIME_SIZE], wakeup[TIME_SIZE];
	bool quiet = !x->core.n_loaded;
	x->last_waiting = now;
	log_info(NULL,
	    "Waiting.  shutdown time=%s, wakeup time=%s, queuedelivering=%zu, inprogress=%zu",
	    quiet ? time_text(x->core.started + x->core.limits.respawnlo, shutdown) : "none",
	    next > now ? time_text(next, wakeup) : "none", x->core.n_loaded,
	    sched_active(&x->core));
}

/* A process that starts anew now and then keeps no crumbs; the queue makes it cheap. */
static void consider_restart(struct scheduler *x, int64_t now)
{
	int64_t age = now - x->core.started;
	bool quiet = !x->core.n_loaded, idle = !sched_active(&x->core) && !x->core.n_owed;
	if (age > x->core.limits.respawnhi && !x->want_restart) {
		log_info(NULL, "SHUTDOWN: Restarting...");
		x->want_restart = x->core.stopping = true;
	}
	if (x->restarting ||
	    !(x->want_restart ? idle : quiet && idle && age > x->core.limits.respawnlo))
		return;
	x->restarting = x->want_restart = true;
	service_restart_me(x->service);
}

static void leave(struct scheduler *x)
{
	struct queue *q = x->queue;
	x->queue = NULL;
	x->closing = true;
	if (q)
		queue_close(q);
	track_free(x->track);
	x->track = NULL;
	service_exit(x->service, 0);
}

static void turn(void *ctx)
{
	struct scheduler *x = ctx;
	x->turn_pending = false;
	if (x->closing)
		return;
	int64_t next = sched_turn(&x->core), now = clock_now();
	track_turn(x->track, now);
	if (!x->core.n_loaded && next > x->core.started + x->core.limits.respawnlo)
		next = x->core.started + x->core.limits.respawnlo + 1;
	int64_t left = next > now ? next - now : 1;
	timer_set(x->timer, (left < TURN_LONGEST ? left : TURN_LONGEST) * 1000);
	if (!sched_active(&x->core)) {
		log_waiting(x, now, next);
		if (service_draining(x->service) && !x->core.n_owed) {
			leave(x);
			return;
		}
	}
	consider_restart(x, x->core.last_turn); /* not a clock that was set since */
}

static void configure(struct scheduler *x)
{
	struct sched_limits l = {0};
	sched_settings_read(service_config(x->service), &l);
	archive_configure(x, config_str(service_config(x->service), "sched", "ARCHIVEDIR", NULL));
	if (!modules_read(x))
		log_error(NULL, "no file module.NAME with a PROG in '%s': nothing can be delivered",
		    service_instance(x->service)->etc);
	sched_limits_set(&x->core, &l);
	log_info(NULL, "queuelo=%zu, queuehi=%zu", x->core.limits.queuelo, x->core.limits.queuehi);
	links_open(x);
}

static void found(void *ctx, uint64_t seq, int64_t next)
{
	struct scheduler *x = ctx;
	if (!index_add(&x->core.index, seq, next))
		log_error(NULL, "no memory for message %llu; it waits for the next start",
		    (unsigned long long)seq);
}

static void log_report(struct str text)
{
	struct str line;
	while (str_split(&text, '\n', &line))
		if (line.n)
			log_warning(NULL, "queue: %.*s", STR_FMT(line));
}

static int open_queue(struct scheduler *x)
{
	char *dir = instance_path(service_instance(x->service)->var, "queue");
	struct queue_report report;
	log_info(NULL, "Purging %s", dir ? dir : "");
	struct queue_disk_config c = {.dir = dir, .trouble = queue_trouble, .ctx = x};
	buf_init(&report.text, 1024 * 1024);
	x->queue = dir ? queue_open_disk(service_loop(x->service), &c, &report) : NULL;
	log_report(buf_str(&report.text));
	if (!x->queue)
		log_error(NULL, "the queue in '%s' cannot be opened", dir ? dir : "");
	buf_free(&report.text);
	free(dir);
	return x->queue ? 0 : -1;
}

static int open_track(struct scheduler *x)
{
	char *dir = instance_path(service_instance(x->service)->var, "queue/track");
	x->track = track_new(dir, tell_gates, x);
	free(dir);
	if (x->track)
		track_load(x->track, clock_now());
	return x->track ? 0 : -1;
}

static int start(struct service *s)
{
	struct scheduler *x = &the;
	log_rename("courierd");
	x->service = s;
	service_set_data(s, x);
	if (open_queue(x))
		return -1;
	x->gates = gates_new(x);
	x->timer = timer_new(service_loop(s), turn, x);
	if (!x->gates || !x->timer || open_track(x) || sched_init(&x->core, x->queue, &hooks, x) ||
	    queue_each(x->queue, found, x))
		return -1;
	if (!x->control && !(x->control = control_new(x, service_loop(s))))
		return -1;
	configure(x);
	clock_start(&x->core);
	log_info(NULL, "started with %zu messages in the queue", x->core.index.n);
	service_ready(s);
	hook_soon(x);
	return 0;
}

static void listener(struct service *s, const char *name, const char *where UNUSED, int fd)
{
	if (strcmp(name, "queue") != 0)
		return;
	if (!the.control)
		the.control = control_new(&the, service_loop(s));
	if (the.control)
		control_listen(the.control, fd);
}

static void edge(struct service *s UNUSED, const char *peer_role, unsigned peer_number, int fd)
{
	if (strcmp(peer_role, "gate") == 0)
		gates_edge(the.gates, peer_number, fd);
}

static void reload(struct service *s UNUSED)
{
	configure(&the);
	hook_soon(&the);
}

static void drain(struct service *s UNUSED)
{
	the.core.stopping = true;
	if (!the.want_restart)
		log_info(NULL, "SHUTDOWN: Stopping...");
	hook_soon(&the);
}

static void stats(struct service *s UNUSED, struct buf *out)
{
	buf_addf(out, "messages=%zu loaded=%zu running=%zu new=%llu completed=%llu ",
	    the.core.n_loaded + sched_waiting(&the.core), the.core.n_loaded,
	    sched_active(&the.core), (unsigned long long)the.core.n_new,
	    (unsigned long long)the.core.n_completed);
}

/* "restart": deliveries under way are finished, then the process starts anew. */
static void command(struct service *s UNUSED, struct str text)
{
	if (str_is(str_trim(text), "restart")) {
		log_info(NULL, "SHUTDOWN: Restarting...");
		the.want_restart = the.core.stopping = true;
	} else if (str_is(str_trim(text), "flush"))
		sched_flush(&the.core, 0);
	hook_soon(&the);
}

static const struct config_component *const components[] = {&sched_settings};

static const struct service_desc desc = {
    .role = "sched",
    .components = components,
    .n_components = ARRAY_LEN(components),
    .start = start,
    .listener = listener,
    .edge = edge,
    .reload = reload,
    .drain = drain,
    .stats = stats,
    .command = command,
};

int main(int argc, char **argv)
{
	int status = service_main(&desc, argc, argv);
	the.closing = true;
	if (the.queue) /* the time to stop was over: what is known is written all the same */
		queue_close(the.queue);
	return status;
}
