/* courierd: the start-up, readiness, reload and stop of an instance. */
#include "config.h"

#include "courierd/supervisor.h"
#include "service/title.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_MAX_MS = 60000, LAST_STAGE = 5, EX_CONFIG_ = 78 };

static struct supervisor sup = {.ready_fd = -1};

static void tell(struct supervisor *s, const char *text)
{
	if (s->ready_fd < 0)
		return;
	if (write(s->ready_fd, text, strlen(text)) < 0)
		log_warning(NULL, "nobody waits for the start any more: %m");
	close(s->ready_fd);
	s->ready_fd = -1;
}

void supervisor_check_ready(struct supervisor *s)
{
	if (s->ready_fd < 0)
		return;
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (s->procs[i].used && s->procs[i].state != PROC_READY)
			return;
	log_info(NULL, "all services answer");
	timer_clear(s->start_timer);
	tell(s, "ok\n");
}

void supervisor_give_up(struct supervisor *s, const char *why)
{
	log_error(NULL, "giving up: %s", why);
	tell(s, why);
	supervisor_stop(s);
}

static void start_too_long(void *ctx)
{
	struct supervisor *s = ctx;
	char why[200] = "not ready in time:";
	for (size_t i = 0; i < PROCS_MAX; i++) {
		size_t n = strlen(why);
		if (s->procs[i].used && s->procs[i].state != PROC_READY && n + 20 < sizeof why)
			snprintf(why + n, sizeof why - n, " %.18s", s->procs[i].role->name);
	}
	if (s->ready_fd >= 0)
		supervisor_give_up(s, why);
}

/* One stage after the other: who takes work in stops first, who answers questions last. */
void supervisor_stop_step(struct supervisor *s)
{
	while (s->stop_stage <= LAST_STAGE && proc_alive(s, s->stop_stage) == 0) {
		s->stop_stage++;
		int64_t left = s->stop_deadline_ms - clock_mono_ms();
		for (size_t i = 0; i < PROCS_MAX; i++)
			if (s->procs[i].used && s->procs[i].role->stage == s->stop_stage)
				proc_stop(&s->procs[i], left > 1000 ? left : 1000, false);
	}
	if (s->stop_stage > LAST_STAGE)
		loop_stop(s->loop);
}

void supervisor_stop(struct supervisor *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	log_info(NULL, "stopping");
	int64_t grace = config_int(s->config, "supervisor", "STOP_TIME", NULL) * 1000;
	s->stop_deadline_ms = clock_mono_ms() + grace;
	s->stop_stage = 0;
	supervisor_stop_step(s);
}

/* The whole configuration is proved by a child before any process sees it. */
bool supervisor_checked(struct supervisor *s)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGCHLD, SIG_DFL);
		execl(SBINDIR "/courier", "courier", s->instance.home ? "-C" : "check",
		    s->instance.home ? s->instance.home : "-q", "check", "-q", (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Old sessions and deliveries are finished by the old process. */
static bool hands_over(const struct role *r)
{
	return r->flags & ROLE_LISTENS || (r->flags & ROLE_MODULE && r->flags & ROLE_CHROOT);
}

/* told_to_go: the listener whose clients are; NULL: all. */
static void reload_process(struct proc *p, const char *told_to_go)
{
	if (hands_over(p->role))
		proc_replace(p, told_to_go);
	else if (p->role->flags & ROLE_CHROOT)
		proc_stop(p, 10000, true);
	else
		(void)ipc_reply(p->control, CONTROL_RELOAD, 0);
}

/* authmodulelist may have got a module with a role of its own, or lost one. */
static void follow_modules(struct supervisor *s)
{
	for (size_t i = 0; i < s->roles.n; i++) {
		const struct role *r = &s->roles.v[i];
		bool there = false, wanted = r->flags & ROLE_ACCOUNTS && role_wanted(s, r);
		for (size_t k = 0; r->flags & ROLE_ACCOUNTS && k < PROCS_MAX; k++) {
			if (!s->procs[k].used || s->procs[k].role != r)
				continue;
			there = true;
			/* one that still ends, since an earlier reload had no use for it, comes
			 * back */
			if (!wanted || s->procs[k].state == PROC_STOPPING)
				proc_stop(&s->procs[k], 10000, wanted);
		}
		if (wanted && !there && proc_start_role(s, r) < 0)
			log_error(NULL, "%s cannot be started", r->name);
	}
}

void supervisor_reload(
    struct supervisor *s, bool (*which)(const struct supervisor *s, const struct role *r))
{
	if (s->stopping)
		return;
	if (!supervisor_checked(s)) {
		log_error(NULL, "the new configuration has faults (courier check names them); the "
				"old one stays in force");
		return;
	}
	log_info(NULL, "reloading the configuration");
	bool was_there[PROCS_MAX]; /* replacements are new already */
	for (size_t i = 0; i < PROCS_MAX; i++)
		was_there[i] = s->procs[i].used && s->procs[i].control && !s->procs[i].retired;
	for (size_t i = 0; i < PROCS_MAX; i++)
		if (was_there[i] && (!which || which(s, s->procs[i].role)))
			reload_process(&s->procs[i], which ? NO_LISTENER : NULL);
	if (!which) {
		follow_modules(s);
		at_once_taken(s);
	}
}

static void on_signal(void *ctx, int signo)
{
	struct supervisor *s = ctx;
	if (signo == SIGCHLD)
		proc_reap(s);
	else if (signo == SIGHUP)
		supervisor_reload(s, NULL);
	else
		supervisor_stop(s);
}

static int lock_instance(struct supervisor *s, char **why)
{
	char text[24];
	char *path = instance_path(s->instance.run, "courierd.pid");
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		*why = s->lock_fd >= 0 && errno == EWOULDBLOCK
			   ? mem_strdup("it is already running")
			   : mem_printf("cannot lock '%s': %s", path, strerror(errno));
		free(path);
		return -1;
	}
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(s->lock_fd, 0) < 0 || write(s->lock_fd, text, (size_t)n) < 0)
		log_warning(NULL, "cannot write '%s': %m", path);
	free(path);
	return 0;
}

/* Standard error is where every process logs: the instance's log file, or syslog with none. */
static int open_log(struct supervisor *s, bool foreground, char **why)
{
	if (foreground)
		return 0;
	if (!s->instance.log) {
		s->syslog = true;
		log_open("courierd", LOG_TO_SYSLOG, -1);
		return 0;
	}
	char *path = instance_path(s->instance.log, "mail.log");
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 || dup2(fd, 2) < 0) {
		*why = mem_printf("cannot write the log '%s': %s", path, strerror(errno));
		free(path);
		return -1;
	}
	close(fd);
	free(path);
	log_open("courierd", LOG_TO_FD, 2);
	return 0;
}

static int load_settings(struct supervisor *s, char **why)
{
	const struct config_component *all[16] = {&supervisor_settings, &config_identity};
	size_t n = 2;
	for (size_t i = 0; i < n_port_settings; i++)
		all[n++] = &port_settings[i];
	s->config = config_load(&s->instance, all, n, NULL);
	if (!s->config) {
		*why = mem_strdup("the configuration has faults; courier check names them");
		return -1;
	}
	return roles_load(&s->roles, &s->instance);
}

static void raise_descriptor_limit(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		rlim_t want = geteuid() == 0 && r.rlim_max < 65536 ? 65536 : r.rlim_max;
		if (want > 65536)
			want = 65536;
		r.rlim_cur = want;
		if (r.rlim_max < want)
			r.rlim_max = want;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* An installation that is older than the role has no folder for it. */
static void make_jails(const struct supervisor *s)
{
	for (size_t i = 0; i < s->roles.n; i++) {
		const struct role *r = &s->roles.v[i];
		char *path = r->jail ? instance_path(s->instance.var, r->jail) : NULL;
		struct passwd *pw = path && s->root ? getpwnam(r->user) : NULL;
		if (path && mkdir(path, 0755) == 0 && pw &&
		    lchown(path, pw->pw_uid, pw->pw_gid) < 0)
			log_error(NULL, "cannot give '%s' to '%s': %m", path, r->user);
		free(path);
	}
}

static int prepare(struct supervisor *s, const char *dir, bool foreground, char **why)
{
	s->root = geteuid() == 0;
	s->started_at = clock_now();
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	if (instance_find(&s->instance, dir, why) < 0)
		return -1;
	s->empty_dir = instance_path(s->instance.run, "empty");
	if (open_log(s, foreground, why) < 0 || load_settings(s, why) < 0)
		return -1;
	if (file_mkdirs(-1, s->empty_dir, 0755) < 0) {
		*why = mem_printf("cannot make '%s': %s", s->empty_dir, strerror(errno));
		return -1;
	}
	make_jails(s);
	if (lock_instance(s, why) < 0)
		return -1;
	s->loop = loop_new();
	if (!s->loop || admin_open(s) < 0) {
		*why = mem_printf(
		    "cannot open the control socket in '%s': %s", s->instance.run, strerror(errno));
		return -1;
	}
	return listeners_open(s, why);
}

static int run(struct supervisor *s)
{
	static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (!signal_watch_new(s->loop, signals[i], on_signal, s))
			return EXIT_FAILURE;
	s->start_timer = timer_new(s->loop, start_too_long, s);
	if (!s->start_timer || watchdog_start(s) < 0)
		return EXIT_FAILURE;
	timer_set(s->start_timer, START_MAX_MS);
	title_set(
	    "courierd: supervisor of %s", s->instance.home ? s->instance.home : s->instance.etc);
	log_info(NULL, "starting");
	if (at_once_start(s) < 0 || clock_step_start(s) < 0)
		log_error(NULL, "cannot watch the configuration: %m");
	if (proc_start_all(s) < 0)
		supervisor_give_up(s, "a process cannot be started; the log tells why");
	if (loop_run(s->loop) < 0)
		log_error(NULL, "the event loop failed: %m");
	log_info(NULL, "stopped");
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *dir = NULL;
	char *why = NULL;
	bool foreground = false;
	int c;
	title_init(argc, argv);
	while ((c = getopt(argc, argv, "C:fr:")) != -1) {
		uint64_t fd;
		if (c == 'C')
			dir = optarg;
		else if (c == 'f')
			foreground = true;
		else if (c == 'r' && str_u64(str_of(optarg), &fd) && fd < 1024)
			sup.ready_fd = (int)fd;
		else
			return 64;
	}
	if (sup.ready_fd >= 0)
		fcntl(sup.ready_fd, F_SETFD, FD_CLOEXEC);
	log_open("courierd", LOG_TO_STDERR, 2);
	if (prepare(&sup, dir, foreground, &why) < 0) {
		log_error(NULL, "%s", why ? why : "cannot start");
		tell(&sup, why ? why : "cannot start; the log tells why");
		return EX_CONFIG_;
	}
	return run(&sup);
}
