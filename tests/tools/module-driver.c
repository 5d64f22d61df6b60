/*
 * Runs a module without the rest of the house: plays supervisor and scheduler for it, hands it
 * deliveries and prints what it answers.  For tests and measurements.
 *
 *	module-driver [-n COUNT] [-c AT-ONCE] [-p PAUSE-MS] [-8] [-u] [-H] [-f] [-e ENVID] [-N
 *NOTIFY]
 *		[-R RET] [-s SOURCE] [-S SECURITY] [-a AGE] [-A] [-Q] [-B SECONDS;MODE[T]]
 *		[-o ORCPT] HOME PROGRAM ROLE FILE HOST SENDER
 *RCPT...
 *
 * Each result is a line: delivery TAB rcpt TAB outcome TAB code TAB status TAB remote TAB command
 * TAB diagnostic TAB flags, in field_encode form; with -n above 100 only the sum is printed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "module/module-proto.h"
#include "service/control-proto.h"

enum { FILE_MAX = 64 * 1024 * 1024, INLINE_MAX = 48 * 1024, QUIET_ABOVE = 100 };

static struct {
	struct loop *loop;
	struct ipc *control, *edge;
	struct timer *pause;
	int64_t pause_ms, age;
	bool arrives_now;
	struct buf text;
	bool as_file;
	int text_fd;
	struct module_delivery d;
	struct module_rcpt *rcpts;
	unsigned long count, at_once, sent, done, outcomes[4];
	int64_t began;
	struct str orcpt;
	pid_t pid;
} t = {.count = 1, .at_once = 1, .text_fd = -1};

static const char *const outcome_words[] = {"delivered", "relayed", "deferred", "failed"};

static void die(const char *what)
{
	fprintf(stderr, "module-driver: %s: %s\n", what, strerror(errno));
	if (t.pid > 0)
		kill(t.pid, SIGKILL);
	exit(1);
}

static void send_one(void)
{
	struct buf out;
	char id[64];
	bool inside = !t.as_file && t.text.n <= INLINE_MAX;
	buf_init(&out, IPC_BODY_MAX);
	snprintf(id, sizeof id, "%016lX.0000000000000001.00000001", t.sent + 1);
	t.d.delid = ++t.sent;
	if (t.arrives_now)
		t.d.arrived = clock_now();
	t.d.id = str_of(id);
	if (!module_encode_delivery(&t.d, inside ? (int64_t)t.text.n : -1, 0, &out))
		die("encode");
	if (inside)
		buf_adds(&out, buf_str(&t.text));
	ipc_compose(t.edge, MODULE_FRAME_DELIVER, 0);
	ipc_put_rest(t.edge, buf_str(&out));
	if (ipc_send(t.edge, inside ? -1 : t.text_fd))
		die("send");
	buf_free(&out);
}

static void finish(void)
{
	double s = (double)(clock_mono_us() - t.began) / 1e6;
	if (t.count > QUIET_ABOVE)
		printf("%lu relayed, %lu deferred, %lu failed in %.3f s: %.0f/s\n", t.outcomes[1],
		    t.outcomes[2], t.outcomes[3], s, (double)t.count / s);
	loop_stop(t.loop);
}

static void one_done(void)
{
	if (++t.done == t.count)
		finish();
	else if (t.sent < t.count && t.pause_ms)
		timer_set(t.pause, t.pause_ms);
	else if (t.sent < t.count)
		send_one();
}

static void pause_over(void *ctx UNUSED)
{
	send_one();
}

static void print_result(uint64_t delid, uint32_t num, const struct module_result *r)
{
	struct buf line;
	const struct str fields[] = {r->status, r->remote, r->command, r->diagnostic};
	buf_init(&line, 256 * 1024);
	buf_addf(&line, "%llu\t%u\t%s\t%u", (unsigned long long)delid, (unsigned)num,
	    outcome_words[r->outcome], r->code);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		buf_addc(&line, '\t');
		field_encode(fields[i], &line);
	}
	buf_addf(
	    &line, "\t%s%s", r->peer_dsn ? "peer-dsn " : "", r->connection ? "connection" : "");
	puts(line.p);
	buf_free(&line);
}

static void on_edge(void *ctx UNUSED, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct arena *a = arena_new(1024 * 1024);
	struct module_result r;
	uint64_t delid;
	uint32_t num;
	bool done = false;
	if (m->type == MODULE_FRAME_RESULT) {
		if (module_decode_result(m->body, a, &delid, &num, &r, &done))
			die("result not understood");
		t.outcomes[r.outcome]++;
		if (t.count <= QUIET_ABOVE)
			print_result(delid, num, &r);
	} else if (m->type == MODULE_FRAME_DONE) {
		done = true;
	}
	arena_free(a);
	if (done)
		one_done();
}

static void on_gone(void *ctx UNUSED, struct ipc *c UNUSED)
{
	errno = EPIPE;
	die("the module is gone");
}

static const struct ipc_handlers edge_handlers = {.on_msg = on_edge, .on_close = on_gone};

static void module_is_ready(void)
{
	int fds[2];
	if (ipc_pair(fds))
		die("socketpair");
	t.edge = ipc_new(t.loop, fds[0], &edge_handlers, NULL);
	ipc_compose(t.control, CONTROL_EDGE, 0);
	ipc_put_z(t.control, "sched");
	ipc_put_u32(t.control, 0);
	ipc_send(t.control, fds[1]);
	close(fds[1]);
	t.began = clock_mono_us();
	while (t.sent < t.count && t.sent < t.at_once)
		send_one();
}

static void on_control(void *ctx UNUSED, struct ipc *c UNUSED, struct ipc_msg *m)
{
	struct ipc_reader r;
	if (m->type == CONTROL_READY)
		module_is_ready();
	/* there is no key process, which is waited for, and none for policies, which is not */
	ipc_read(m, &r);
	if (m->type == CONTROL_CONNECT && str_is(ipc_get_str(&r), "sts"))
		ipc_reply(t.control, CONTROL_CONNECTED, m->id);
}

static const struct ipc_handlers control_handlers = {.on_msg = on_control, .on_close = on_gone};

static void start(const char *home, char *program, const char *role)
{
	int fds[2];
	char *argv[] = {program, NULL};
	if (ipc_pair(fds))
		die("socketpair");
	t.pid = fork();
	if (t.pid < 0)
		die("fork");
	if (!t.pid) {
		if (fds[1] != CONTROL_FD)
			dup2(fds[1], CONTROL_FD);
		else
			fcntl(CONTROL_FD, F_SETFD, 0);
		setenv("COURIER_HOME", home, 1);
		execv(program, argv);
		_exit(127);
	}
	close(fds[1]);
	t.control = ipc_new(t.loop, fds[0], &control_handlers, NULL);
	ipc_compose(t.control, CONTROL_INIT, 0);
	ipc_put_z(t.control, role);
	ipc_put_u32(t.control, 0);
	ipc_put_z(t.control, "");
	ipc_put_z(t.control, "");
	ipc_put_u8(t.control, CONTROL_KEEP_PRIVS);
	ipc_put_z(t.control, "");
	ipc_send(t.control, -1);
	ipc_reply(t.control, CONTROL_START, 0);
}

static unsigned long number(const char *s)
{
	uint64_t v;
	errno = EINVAL;
	if (!str_u64(str_of(s), &v))
		die(s);
	return (unsigned long)v;
}

static void deliver_by(struct str s)
{
	struct str seconds;
	errno = EINVAL;
	if (!str_split(&s, ';', &seconds) || !s.n || !str_i64(seconds, &t.d.by))
		die("-B");
	t.d.by += clock_now();
	t.d.by_mode = s.p[0];
	t.d.by_trace = s.n > 1;
}

static unsigned options(int argc, char **argv)
{
	unsigned notify = 0;
	int c;
	while ((c = getopt(argc, argv, "n:c:p:8uHfe:N:s:R:S:a:AQB:o:")) != -1) {
		switch (c) {
		case 'n':
			t.count = number(optarg);
			break;
		case 'c':
			t.at_once = number(optarg);
			break;
		case 'p':
			t.pause_ms = (int64_t)number(optarg);
			break;
		case '8':
			t.d.body8 = true;
			break;
		case 'u':
			t.d.smtputf8 = t.d.headers8 = true;
			break;
		case 'H':
			t.d.headers8 = true;
			break;
		case 'f':
			t.as_file = true;
			break;
		case 'e':
			t.d.envid = str_of(optarg);
			break;
		case 'N':
			notify = (unsigned)number(optarg);
			break;
		case 's':
			t.d.source = str_of(optarg);
			break;
		case 'R':
			t.d.ret = optarg[0];
			break;
		case 'S':
			t.d.security = str_of(optarg);
			break;
		case 'Q':
			t.d.requiretls = true;
			break;
		case 'B':
			deliver_by(str_of(optarg));
			break;
		case 'o':
			t.orcpt = str_of(optarg);
			break;
		case 'A': /* each message arrives when it is sent */
			t.arrives_now = true;
			break;
		case 'a':
			t.age = (int64_t)number(optarg);
			break;
		default:
			exit(2);
		}
	}
	return notify;
}

int main(int argc, char **argv)
{
	unsigned notify = options(argc, argv);
	argv += optind;
	argc -= optind;
	errno = EINVAL;
	if (argc < 7)
		die("too few arguments");
	buf_init(&t.text, FILE_MAX);
	t.text_fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	if (t.text_fd < 0 || file_read_fd(t.text_fd, &t.text))
		die(argv[3]);
	t.d.host = str_of(argv[4]);
	t.d.sender = str_of(argv[5]);
	t.d.size = t.text.n;
	t.d.arrived = clock_now() - t.age;
	t.d.expires = t.d.arrived + 86400;
	t.d.n_rcpts = (size_t)argc - 6;
	t.rcpts = mem_zero(t.d.n_rcpts * sizeof *t.rcpts);
	for (size_t i = 0; i < t.d.n_rcpts; i++)
		t.rcpts[i] = (struct module_rcpt){.num = (uint32_t)i,
		    .address = str_of(argv[6 + i]),
		    .orcpt = t.orcpt,
		    .notify = (uint8_t)notify};
	t.d.rcpts = t.rcpts;
	t.loop = loop_new();
	t.pause = timer_new(t.loop, pause_over, NULL);
	signal(SIGPIPE, SIG_IGN);
	start(argv[0], argv[1], argv[2]);
	loop_run(t.loop);
	kill(t.pid, SIGTERM);
	return 0;
}
