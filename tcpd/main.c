/* couriertcpd: options, rights, signals. */
#include "config.h"

#include "tcpd/tcpd.h"
#include "tcpd/words.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

struct given {
	const char *address, *group, *user, *pid, *errors, *logger, *logger_name;
	bool restart, stop;
	struct buf rules; /* options of access/options.h, each in quotes */
};

static bool in_background;

static int usage(void)
{
	fprintf(stderr, "usage: couriertcpd [-pid=FILE] [OPTION...] PORTS PROGRAM [ARGUMENT...]\n"
			"       couriertcpd -pid=FILE -stop | -restart\n");
	return EXIT_FAILURE;
}

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "couriertcpd: '%s': %s\n", what, why);
	return -1;
}

void log_alert(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (in_background)
		vsyslog(LOG_ALERT, fmt, ap);
	else
		log_vmsg(LOG_LEVEL_ERROR, NULL, fmt, ap);
	va_end(ap);
}

/* ---- options -------------------------------------------------------------------------------- */

static const char *rule(void *ctx, const char *word)
{
	struct given *g = ctx;
	if (strchr(word, '"') || str_has_ctl(str_of(word)))
		return "quotes and control characters cannot stand there";
	return buf_addf(&g->rules, "\"%s\" ", word) ? NULL : "the options are too long";
}

static int read_words(int argc, char **argv, struct tcpd *t, struct given *g)
{
	const struct word_option options[] = {
	    {"access", WORD_TEXT, &t->access_path},
	    {"address", WORD_TEXT, &g->address},
	    {"group", WORD_TEXT, &g->group},
	    {"user", WORD_TEXT, &g->user},
	    {"listen", WORD_NUMBER, &t->backlog},
	    {"pid", WORD_TEXT, &g->pid},
	    {"restart", WORD_FLAG, &g->restart},
	    {"stop", WORD_FLAG, &g->stop},
	    {"stderr", WORD_TEXT, &g->errors},
	    {"stderrlogger", WORD_TEXT, &g->logger},
	    {"stderrloggername", WORD_TEXT, &g->logger_name},
	    {"accesslocal", WORD_OTHER, NULL},
	    {"allow", WORD_OTHER, NULL},
	    {"block", WORD_OTHER, NULL},
	    {"denymsg", WORD_OTHER, NULL},
	    {"drop", WORD_OTHER, NULL},
	    {"haproxy", WORD_OTHER, NULL},
	    {"maxperc", WORD_OTHER, NULL},
	    {"maxperip", WORD_OTHER, NULL},
	    {"maxprocs", WORD_OTHER, NULL},
	    {"nodnslookup", WORD_OTHER, NULL},
	    {"noidentlookup", WORD_OTHER, NULL},
	    {"warn", WORD_OTHER, NULL},
	};
	const struct words w = {options, ARRAY_LEN(options), rule, g};
	const char *bad, *why;
	int at = words_take(&w, argc, argv, &bad, &why);
	return at < 0 ? complain(bad, why) : at;
}

static int read_rules(struct tcpd *t, const struct given *g)
{
	struct tcpd_options *o = &t->options;
	struct str word;
	const char *why = tcpd_options_parse(t->arena, buf_str(&g->rules), o, &word);
	if (why) {
		fprintf(stderr, "couriertcpd: '%.*s': %s\n", STR_FMT(word), why);
		return -1;
	}
	t->limits.all = o->max_procs ? o->max_procs : TCPD_PROCS;
	if (t->limits.all > TCPD_PROCS_MAX)
		t->limits.all = TCPD_PROCS_MAX;
	t->limits.per_ip = o->max_ip ? o->max_ip : TCPD_PER_IP;
	t->limits.per_net = o->max_net ? o->max_net : t->limits.all;
	t->warn = o->warn ? o->warn : t->limits.all * 9 / 10;
	return 0;
}

static uint16_t service_port(const char *name)
{
	const struct servent *s = getservbyname(name, "tcp");
	return s ? ntohs((uint16_t)s->s_port) : 0;
}

static int read_ports(struct tcpd *t, const struct given *g, const char *list)
{
	struct access_addr address;
	struct str bad;
	if (g->address && !access_addr_parse(str_of(g->address), &address))
		return complain(g->address, "this is no address");
	t->n_ports = tcpd_ports_parse(
	    str_of(list), g->address ? &address : NULL, service_port, t->ports, &bad);
	if (t->n_ports > 0)
		return 0;
	fprintf(stderr, "couriertcpd: '%.*s': this is no port, or one of too many\n", STR_FMT(bad));
	return -1;
}

/* ---- setup ---------------------------------------------------------------------------------- */

static int open_access(struct tcpd *t)
{
	struct table *fresh = table_open(t->access_path);
	if (fresh && table_prime(fresh) == 0) {
		table_close(t->access);
		t->access = fresh;
		return 0;
	}
	log_error(NULL, "cannot read the access file '%s': %m", t->access_path);
	table_close(fresh);
	return -1;
}

static int open_errors(struct tcpd *t, const char *errors)
{
	t->stderr_fd = errors && strcmp(errors, "socket") == 0 ? -1 : -2;
	if (!errors || t->stderr_fd == -1)
		return 0;
	t->stderr_fd = open(errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
	return t->stderr_fd < 0 ? complain(errors, strerror(errno)) : 0;
}

static int open_dns(struct tcpd *t)
{
	struct instance in;
	char *why;
	if (t->options.no_names && t->options.n_lists == 0)
		return 0;
	if (instance_find(&in, NULL, &why) < 0) {
		fprintf(stderr, "couriertcpd: %s\n", why);
		free(why);
		return -1;
	}
	t->dns = dns_new(t->loop, &in);
	instance_free(&in);
	return t->dns ? 0 : -1;
}

static void on_child(void *ctx, int signo)
{
	(void)signo;
	tcpd_reap(ctx);
}

static void on_stop(void *ctx, int signo)
{
	struct tcpd *t = ctx;
	(void)signo;
	tcpd_kill_all(t);
	loop_stop(t->loop);
}

/* A new table that cannot be read leaves the old one in force. */
static void on_restart(void *ctx, int signo)
{
	struct tcpd *t = ctx;
	(void)signo;
	if (t->access_path && open_access(t) == 0)
		log_info(NULL, "the access file is read again");
}

static int watch_signals(struct tcpd *t)
{
	signal(SIGPIPE, SIG_IGN);
	return signal_watch_new(t->loop, SIGCHLD, on_child, t) &&
		       signal_watch_new(t->loop, SIGTERM, on_stop, t) &&
		       signal_watch_new(t->loop, SIGINT, on_stop, t) &&
		       signal_watch_new(t->loop, SIGHUP, on_restart, t)
		   ? 0
		   : -1;
}

/* Ports and files with the rights we came with, the rest without them. */
static int open_all(struct tcpd *t, const struct given *g)
{
	struct daemon_rights rights;
	const char *why = daemon_rights_find(g->user, g->group, &rights);
	if (why)
		return complain(g->user ? g->user : g->group, why);
	t->loop = loop_new();
	t->slots = slots_new();
	t->children = map_new();
	if (!t->loop || !t->slots || !t->children || open_errors(t, g->errors) < 0 ||
	    tcpd_listen(t) < 0)
		return -1;
	if (g->pid && daemon_number(g->pid) < 0)
		return complain(g->pid, strerror(errno));
	if (daemon_rights_take(&rights) < 0)
		return complain(g->user ? g->user : g->group, strerror(errno));
	free(rights.name);
	return (t->access_path && open_access(t) < 0) || open_dns(t) < 0 || watch_signals(t) < 0
		   ? -1
		   : 0;
}

static int serve(struct tcpd *t, const struct given *g)
{
	if (open_all(t, g) < 0)
		return EXIT_FAILURE;
	if (g->pid)
		log_open("couriertcpd", LOG_TO_SYSLOG, -1);
	in_background = g->pid != NULL;
	daemon_ready();
	if (g->logger) {
		t->logger =
		    logger_new(t->loop, g->logger, g->logger_name ? g->logger_name : t->program[0]);
		if (!t->logger)
			return EXIT_FAILURE;
	}
	tcpd_listening(t, true);
	return loop_run(t->loop) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the rest ------------------------------------------------------------------------------- */

static int send_signal(const struct given *g)
{
	if (!g->pid) {
		fprintf(stderr, "couriertcpd: -stop and -restart need -pid=FILE\n");
		return EXIT_FAILURE;
	}
	if (daemon_signal(g->pid, g->stop ? SIGTERM : SIGHUP, g->stop) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "couriertcpd: '%s': cannot %s it: %s\n", g->pid,
	    g->stop ? "stop" : "restart", strerror(errno));
	return EXIT_FAILURE;
}

static int begin(const struct given *g)
{
	if (!g->pid)
		return 0;
	int r = daemon_lock(g->pid);
	if (r == 0 && daemon_background() == 0)
		return 0;
	return r > 0 ? 1 : complain(g->pid, strerror(errno));
}

int main(int argc, char **argv)
{
	static struct tcpd t;
	struct given g = {0};
	log_open("couriertcpd", LOG_TO_STDERR, -1);
	buf_init(&g.rules, TCPD_TEXT_MAX);
	t.arena = arena_new(4 * TCPD_TEXT_MAX);
	int at = read_words(argc, argv, &t, &g);
	if (at < 0)
		return EXIT_FAILURE;
	if (g.stop || g.restart)
		return at == argc ? send_signal(&g) : usage();
	if (argc - at < 2)
		return usage();
	t.program = argv + at + 1;
	if (!t.arena || read_rules(&t, &g) < 0 || read_ports(&t, &g, argv[at]) < 0)
		return EXIT_FAILURE;
	at = begin(&g);
	return at < 0 ? EXIT_FAILURE : at > 0 ? EXIT_SUCCESS : serve(&t, &g);
}
