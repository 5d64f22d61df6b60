/*
 * courierfilterd: runs what filters/active names.  The gate talks to the filters' sockets by
 * itself; here their processes are started, watched, started again and ended.
 */
#include "config.h"

#include "filters/courierfilterd.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct log_ctx log_of(const struct filter *f)
{
	return (struct log_ctx){"filter", f->name};
}

/* ---- sockets --------------------------------------------------------------------------------- */

static const char *const folders[] = {"filters", "allfilters"};

static char *socket_path(const struct filter *f, const char *folder)
{
	return mem_printf("%s/%s/%s", service_instance(f->keeper->service)->var, folder, f->name);
}

/* Of a process that has ended: nobody listens there any more. */
static void remove_sockets(const struct filter *f)
{
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		char *path = socket_path(f, folders[i]);
		struct stat st;
		if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && unlink(path) < 0)
			log_warning(NULL, "cannot remove the socket '%s': %m", path);
		free(path);
	}
}

static bool has_socket(const struct filter *f)
{
	bool there = false;
	for (size_t i = 0; i < ARRAY_LEN(folders) && !there; i++) {
		char *path = socket_path(f, folders[i]);
		struct stat st;
		there = lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
		free(path);
	}
	return there;
}

/* ---- readiness ------------------------------------------------------------------------------- */

static void say_ready(struct keeper *k)
{
	if (k->ready)
		return;
	k->ready = true;
	timer_clear(k->patience);
	service_ready(k->service);
}

static void check_ready(struct keeper *k)
{
	for (size_t i = 0; i < FILTERS_MAX; i++)
		if (k->filters[i].used && k->filters[i].wanted &&
		    k->filters[i].state != FILTER_READY)
			return;
	say_ready(k);
}

/* The rest of the system must not wait for ever; the gate takes no mail for filters that lack. */
static void out_of_patience(void *ctx)
{
	struct keeper *k = ctx;
	for (size_t i = 0; i < FILTERS_MAX; i++) {
		struct filter *f = &k->filters[i];
		struct log_ctx c = log_of(f);
		if (f->used && f->wanted && f->state != FILTER_READY)
			log_error(&c,
			    "is not ready after %d seconds; mail that it should see is refused "
			    "for the time being",
			    FILTER_READY_MS / 1000);
	}
	say_ready(k);
}

static void forget_ready(struct filter *f)
{
	watch_free(f->ready_watch);
	f->ready_watch = NULL;
	if (f->ready >= 0)
		close(f->ready);
	f->ready = -1;
}

/* Descriptor 3 of the filter is closed: it listens, or it has died (SIGCHLD follows). */
static void on_ready(void *ctx, int fd, int what UNUSED)
{
	struct filter *f = ctx;
	struct log_ctx c = log_of(f);
	char scrap[256];
	ssize_t n = read(fd, scrap, sizeof scrap);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	forget_ready(f);
	if (f->state != FILTER_STARTING)
		return;
	if (!has_socket(f)) { /* dying, or a name of its own */
		log_warning(&c,
		    "has closed descriptor 3 without a socket '%s' in filters or allfilters; it "
		    "must have the name of its link",
		    f->name);
		return;
	}
	f->state = FILTER_READY;
	log_info(&c, "ready");
	check_ready(f->keeper);
}

/* ---- start and end --------------------------------------------------------------------------- */

static void start_later(struct filter *f)
{
	timer_set(f->timer, f->backoff_ms);
	f->backoff_ms *= 2;
	if (f->backoff_ms > FILTER_BACKOFF_MAX_MS)
		f->backoff_ms = FILTER_BACKOFF_MAX_MS;
}

static void start_filter(struct filter *f)
{
	struct loop *l = service_loop(f->keeper->service);
	struct log_ctx c = log_of(f);
	remove_sockets(f);
	f->again = f->told = false;
	if (filter_spawn(f) < 0) {
		log_error(&c, "cannot be started: %m");
		start_later(f);
		return;
	}
	f->state = FILTER_STARTING;
	f->started_ms = clock_mono_ms();
	filter_log_start(f);
	f->ready_watch = watch_new(l, f->ready, on_ready, f);
	if (f->ready_watch)
		watch_set(f->ready_watch, WATCH_READ);
	log_info(&c, "started, process %d", (int)f->pid);
}

static void end_filter(struct filter *f)
{
	if (f->state != FILTER_STARTING && f->state != FILTER_READY)
		return;
	f->state = FILTER_ENDING;
	f->told = false;
	close(f->input);
	f->input = -1;
	timer_set(f->timer, FILTER_EOF_MS);
}

/* A filter of an earlier keeper may take the socket of ours away when it ends. */
static void look(void *ctx)
{
	struct keeper *k = ctx;
	for (size_t i = 0; i < FILTERS_MAX; i++) {
		struct filter *f = &k->filters[i];
		struct log_ctx c = log_of(f);
		if (!f->used || f->state != FILTER_READY || has_socket(f))
			continue;
		log_error(&c, "has lost its socket; it is started anew");
		f->again = true;
		end_filter(f);
	}
	timer_set(k->look, FILTER_LOOK_MS);
}

static void on_timer(void *ctx)
{
	struct filter *f = ctx;
	struct log_ctx c = log_of(f);
	if (f->state == FILTER_DOWN) {
		if (f->wanted)
			start_filter(f);
	} else if (f->state == FILTER_ENDING) {
		log_warning(&c, "does not end; sending SIG%s", f->told ? "KILL" : "TERM");
		kill(-f->pid, f->told ? SIGKILL : SIGTERM);
		f->told = true;
		timer_set(f->timer, FILTER_TERM_MS);
	}
}

static void forget(struct filter *f)
{
	timer_free(f->timer);
	*f = (struct filter){.used = false};
}

static void leave_when_idle(struct keeper *k)
{
	for (size_t i = 0; i < FILTERS_MAX; i++)
		if (k->filters[i].used && k->filters[i].state != FILTER_DOWN)
			return;
	if (service_draining(k->service))
		service_exit(k->service, EXIT_SUCCESS);
}

static void log_death(const struct filter *f, int status)
{
	struct log_ctx c = log_of(f);
	if (f->state == FILTER_ENDING)
		log_info(&c, "has ended");
	else if (WIFSIGNALED(status))
		log_error(&c, "died of signal %d; it is started again in %lld ms", WTERMSIG(status),
		    (long long)f->backoff_ms);
	else
		log_error(&c, "ended with status %d; it is started again in %lld ms",
		    WEXITSTATUS(status), (long long)f->backoff_ms);
}

static void gone(struct filter *f, int status)
{
	bool asked = f->state == FILTER_ENDING;
	if (asked || clock_mono_ms() - f->started_ms > FILTER_STEADY_MS)
		f->backoff_ms = FILTER_BACKOFF_MIN_MS;
	log_death(f, status);
	f->state = FILTER_DOWN;
	f->pid = 0;
	forget_ready(f);
	filter_log_stop(f);
	if (f->input >= 0)
		close(f->input);
	f->input = -1;
	timer_clear(f->timer);
	if (asked)
		remove_sockets(f);
	if (!f->wanted)
		forget(f);
	else if (service_draining(f->keeper->service))
		return;
	else if (asked && f->again)
		start_filter(f);
	else
		start_later(f);
}

static void on_sigchld(void *ctx, int signo UNUSED)
{
	struct keeper *k = ctx;
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < FILTERS_MAX; i++)
			if (k->filters[i].used && k->filters[i].pid == pid) {
				gone(&k->filters[i], status);
				break;
			}
	check_ready(k);
	leave_when_idle(k);
}

/* ---- filters/active -------------------------------------------------------------------------- */

static struct filter *filter_named(struct keeper *k, const char *name)
{
	struct filter *spare = NULL;
	for (size_t i = 0; i < FILTERS_MAX; i++) {
		if (k->filters[i].used && strcmp(k->filters[i].name, name) == 0)
			return &k->filters[i];
		if (!k->filters[i].used && !spare)
			spare = &k->filters[i];
	}
	if (!spare)
		return NULL;
	*spare = (struct filter){.keeper = k,
	    .input = -1,
	    .ready = -1,
	    .output = -1,
	    .backoff_ms = FILTER_BACKOFF_MIN_MS};
	spare->timer = timer_new(service_loop(k->service), on_timer, spare);
	if (!spare->timer)
		return NULL;
	memcpy(spare->name, name, strlen(name) + 1);
	spare->used = true;
	return spare;
}

static void want(struct keeper *k, const char *name)
{
	size_t n = strlen(name);
	if (name[0] == '.' || n == 0 || name[n - 1] == '~')
		return;
	struct filter *f = n <= FILTER_NAME_MAX ? filter_named(k, name) : NULL;
	if (f)
		f->wanted = true;
	else
		log_error(NULL,
		    "the filter '%s' cannot be run: more than %d filters, or a name of more than "
		    "%d bytes; mail is refused until it is removed",
		    name, FILTERS_MAX, FILTER_NAME_MAX);
}

/* -1: the folder can't be read (nothing is changed). */
static int scan(struct keeper *k)
{
	char *path = instance_path(service_instance(k->service)->etc, "filters/active");
	DIR *d = opendir(path);
	struct dirent *e;
	if (!d && errno != ENOENT) {
		log_error(NULL, "cannot read the folder '%s': %m", path);
		free(path);
		return -1;
	}
	for (size_t i = 0; i < FILTERS_MAX; i++)
		k->filters[i].wanted = false;
	while (d && (e = readdir(d)))
		want(k, e->d_name);
	if (d)
		closedir(d);
	free(path);
	return 0;
}

/* Starts what is new, ends what is no longer there; a link that waits out a back-off goes at once.
 */
static void follow_active(struct keeper *k)
{
	if (scan(k) < 0)
		return;
	for (size_t i = 0; i < FILTERS_MAX; i++) {
		struct filter *f = &k->filters[i];
		if (!f->used)
			continue;
		if (f->wanted && f->state == FILTER_DOWN)
			start_filter(f);
		else if (f->wanted && f->state == FILTER_ENDING)
			f->again = true;
		else if (!f->wanted && f->state == FILTER_DOWN)
			forget(f);
		else if (!f->wanted)
			end_filter(f);
	}
	check_ready(k);
}

/* ---- the service ----------------------------------------------------------------------------- */

static int start(struct service *s)
{
	struct keeper *k = mem_new(struct keeper);
	k->service = s;
	service_set_data(s, k);
	k->sigchld = signal_watch_new(service_loop(s), SIGCHLD, on_sigchld, k);
	k->patience = timer_new(service_loop(s), out_of_patience, k);
	k->look = timer_new(service_loop(s), look, k);
	if (!k->sigchld || !k->patience || !k->look)
		return -1;
	timer_set(k->look, FILTER_LOOK_MS);
	timer_set(k->patience, FILTER_READY_MS);
	follow_active(k);
	return 0;
}

static void reload(struct service *s)
{
	if (!service_draining(s))
		follow_active(service_data(s));
}

static void drain(struct service *s)
{
	struct keeper *k = service_data(s);
	for (size_t i = 0; i < FILTERS_MAX; i++)
		if (k->filters[i].used)
			end_filter(&k->filters[i]);
	leave_when_idle(k);
}

/* filterctl waits for these words. */
static void stats(struct service *s, struct buf *out)
{
	static const char *const words[] = {"down", "starting", "ready", "ending"};
	struct keeper *k = service_data(s);
	const char *blank = "";
	for (size_t i = 0; i < FILTERS_MAX; i++)
		if (k->filters[i].used) {
			buf_addf(
			    out, "%s%s=%s", blank, k->filters[i].name, words[k->filters[i].state]);
			blank = " ";
		}
}

int main(int argc, char **argv)
{
	static const struct config_component *const components[] = {&config_identity};
	static const struct service_desc desc = {
	    .role = "filter",
	    .components = components,
	    .n_components = ARRAY_LEN(components),
	    .start = start,
	    .reload = reload,
	    .drain = drain,
	    .stats = stats,
	};
	signal(SIGPIPE, SIG_IGN);
	return service_main(&desc, argc, argv);
}
