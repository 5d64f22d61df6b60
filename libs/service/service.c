#include "config.h"

#include "service/service-private.h"
#include "service/title.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Descriptors 0-2 exist, whatever we were started with: a file opened later must not become one. */
static void standard_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 2);
	if (fd > 2)
		close(fd);
}

static int prepare(struct service *s)
{
	char *why = NULL;
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	log_open(s->desc->role, LOG_TO_FD, 2);
	if (fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC) < 0 || service_control_init(s) < 0)
		return -1;
	if (s->flags & CONTROL_SYSLOG)
		log_open(s->desc->role, LOG_TO_SYSLOG, -1);
	if (s->flags & CONTROL_DEBUG)
		log_threshold(LOG_LEVEL_DEBUG);
	if (instance_find(&s->instance, NULL, &why) < 0) {
		log_error(NULL, "%s", why);
		free(why);
		return -1;
	}
	s->config = config_load(&s->instance, s->desc->components, s->desc->n_components, NULL);
	return s->config ? 0 : -1;
}

/* Ctrl-C at a terminal reaches the whole group: only the supervisor acts on it. */
static void quiet_signal(void *ctx, int signo) {}

static void on_term(void *ctx, int signo)
{
	service_begin_drain(ctx, 10000, false, STR_NONE);
}

static int watch_signals(struct service *s)
{
	return signal_watch_new(s->loop, SIGINT, quiet_signal, s) &&
		       signal_watch_new(s->loop, SIGHUP, quiet_signal, s) &&
		       signal_watch_new(s->loop, SIGTERM, on_term, s)
		   ? 0
		   : -1;
}

static int run(struct service *s)
{
	if (prepare(s) < 0)
		return EXIT_FAILURE;
	title_set("%s: starting", s->role);
	s->loop = loop_new();
	if (!s->loop)
		return EXIT_FAILURE;
	if (s->desc->setup && s->desc->setup(s) < 0)
		return EXIT_FAILURE;
	if (service_drop_privileges(s) < 0 || watch_signals(s) < 0 || service_control_start(s) < 0)
		return EXIT_FAILURE;
	title_set("courier %s %u", s->role, s->number);
	if (loop_run(s->loop) < 0) {
		log_error(NULL, "the event loop failed: %m");
		return EXIT_FAILURE;
	}
	return s->exit_status;
}

int service_main(const struct service_desc *desc, int argc, char **argv)
{
	struct service s = {.desc = desc};
	title_init(argc, argv);
	standard_descriptors();
	if (argc > 1) {
		fprintf(stderr, "%s takes no arguments: courier start runs it\n", argv[0]);
		return 64;
	}
	return run(&s);
}

struct loop *service_loop(struct service *s)
{
	return s->loop;
}

const struct instance *service_instance(struct service *s)
{
	return &s->instance;
}

struct config *service_config(struct service *s)
{
	return s->config;
}

const char *service_role(struct service *s)
{
	return s->role;
}

unsigned service_number(struct service *s)
{
	return s->number;
}

bool service_jailed(struct service *s)
{
	return s->jailed;
}

bool service_draining(struct service *s)
{
	return s->draining;
}

bool service_retired(struct service *s)
{
	return s->retired;
}

const char *service_retired_for(struct service *s)
{
	return s->retired_for;
}

void *service_data(struct service *s)
{
	return s->data;
}

void service_set_data(struct service *s, void *data)
{
	s->data = data;
}

void service_exit(struct service *s, int status)
{
	s->exit_status = status;
	loop_stop(s->loop);
}

static void grace_over(void *ctx)
{
	struct service *s = ctx;
	log_warning(NULL, "the time for a graceful stop is over; ending");
	service_exit(s, EXIT_SUCCESS);
}

void service_begin_drain(struct service *s, int64_t grace_ms, bool retired, struct str listener)
{
	if (s->draining && !s->retired)
		return;
	s->draining = true;
	s->retired = retired;
	free(s->retired_for);
	s->retired_for = listener.n ? mem_strndup(listener.p, listener.n) : NULL;
	if (!s->grace)
		s->grace = timer_new(s->loop, grace_over, s);
	if (s->grace)
		timer_set(s->grace, grace_ms);
	if (s->desc->drain && s->started)
		s->desc->drain(s);
	else
		service_exit(s, EXIT_SUCCESS);
}
