/*
 * filter-rate: deliveries through a filter, one after the other, and what they cost.
 *
 *	filter-rate worker PROGRAM HOME DELIVERY MESSAGE N   a delivery worker
 *(local/worker-proto.h) filter-rate run MESSAGE N PROGRAM ARGUMENT...        a process for each
 *	filter-rate lmtp SOCKET RECIPIENT MESSAGE N PID...   a server; PIDs whose memory counts
 *
 * One line: deliveries per second, CPU seconds per 1000 (with children), the largest private memory
 * (anonymous and shared-memory pages, sampled every millisecond) and the largest resident size,
 *KiB.
 */
#include "config.h"

#include "tests/lib/worker-edge.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_MAX = 200 << 20, TIME_LIMIT_MS = 300 * 1000 };

extern char **environ;

static struct {
	long private_kb, resident_kb;
} most;

static _Noreturn void stop(const char *what)
{
	fprintf(stderr, "filter-rate: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long number(const char *text)
{
	uint64_t n = 0;
	if (!str_u64(str_of(text), &n) || n < 1 || n > 10000000)
		stop("not a number of deliveries");
	return (long)n;
}

static void sample(pid_t pid)
{
	struct buf b;
	struct str rest, line, word;
	long anonymous = 0;
	char path[64];
	buf_init(&b, 65536);
	snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	if (file_read(AT_FDCWD, path, &b) == 0)
		for (rest = buf_str(&b); rest.n && str_split(&rest, '\n', &line);) {
			uint64_t n = 0;
			if (!str_word(&line, &word))
				continue;
			struct str name = word;
			if (!str_word(&line, &word) || !str_u64(word, &n))
				continue;
			if (str_is(name, "RssAnon:") || str_is(name, "RssShmem:"))
				anonymous += (long)n;
			if (str_is(name, "VmHWM:") && (long)n > most.resident_kb)
				most.resident_kb = (long)n;
		}
	if (anonymous > most.private_kb)
		most.private_kb = anonymous;
	buf_free(&b);
}

static double cpu_of_children(void)
{
	struct rusage u;
	getrusage(RUSAGE_CHILDREN, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void tell(long n, int64_t took_us, double cpu)
{
	printf("%.0f/s cpu %.2f private %ld resident %ld\n", (double)n * 1e6 / (double)took_us,
	    cpu * 1000 / (double)n, most.private_kb, most.resident_kb);
}

/* ---- a worker -------------------------------------------------------------------------------- */

static void one_delivery(struct ipc *c, const struct worker_delivery *d, int fd, pid_t pid)
{
	struct ipc_msg m;
	struct worker_result r;
	int64_t until = clock_mono_ms() + TIME_LIMIT_MS;
	int got;
	if (worker_send_delivery(c, 1, d, fd) < 0)
		stop("cannot send a delivery");
	while ((got = ipc_recv(c, &m, fd < 0 ? 60000 : 1)) < 0 && errno == ETIMEDOUT &&
	       clock_mono_ms() < until)
		sample(pid);
	if (got != 1 || !worker_read_result(&m, &r))
		stop("no answer");
	if (r.outcome != WORKER_OK) {
		fprintf(stderr, "filter-rate: %.*s\n", STR_FMT(r.text));
		exit(1);
	}
}

static int worker_mode(char **arg)
{
	int file = open(arg[3], O_RDONLY | O_CLOEXEC);
	long n = number(arg[4]);
	struct buf text, env;
	buf_init(&text, FILE_MAX);
	buf_init(&env, 4096);
	struct stat st;
	if (file < 0 || fstat(file, &st) < 0)
		stop(arg[3]);
	bool inlined = st.st_size <= WORKER_INLINE_MAX; /* a large one is not ours to hold */
	if (inlined && file_read_fd(file, &text) < 0)
		stop(arg[3]);
	buf_addf(&env, "SHELL=/bin/sh\nPATH=" BINDIR ":/bin:/usr/bin\nMAILDROPDEFAULT=./Maildir\n");
	struct worker_delivery d = {.rules = {.dot = STR("courier"), .seps = STR("+")},
	    .flags = WORKER_FRESH | WORKER_NO_SYNC,
	    .uid = geteuid(),
	    .program_seconds = 300,
	    .size = (uint64_t)st.st_size,
	    .user = STR("joe"),
	    .home = str_of(arg[1]),
	    .delivery = str_of(arg[2]),
	    .address = STR("joe@example.com"),
	    .sender = STR("from@example.net"),
	    .id = STR("1.2.3"),
	    .maildrop = STR(BINDIR "/maildrop"),
	    .env = buf_str(&env),
	    .body = inlined ? buf_str(&text) : STR_NONE};
	pid_t pid;
	struct ipc *c = worker_edge_start(arg[0], false, &pid);
	if (!c)
		stop(arg[0]);
	int64_t begin = clock_mono_us();
	for (long i = 0; i < n; i++)
		one_delivery(c, &d, inlined ? -1 : file, pid);
	int64_t took = clock_mono_us() - begin;
	sample(pid);
	ipc_free(c);
	waitpid(pid, NULL, 0);
	tell(n, took, cpu_of_children());
	return 0;
}

/* ---- a process for each ---------------------------------------------------------------------- */

static int run_mode(char **arg)
{
	long n = number(arg[1]);
	int64_t begin = clock_mono_us();
	for (long i = 0; i < n; i++) {
		posix_spawn_file_actions_t a;
		pid_t pid;
		int status = 0;
		posix_spawn_file_actions_init(&a);
		posix_spawn_file_actions_addopen(&a, 0, arg[0], O_RDONLY, 0);
		if (posix_spawnp(&pid, arg[2], &a, NULL, arg + 2, environ) != 0)
			stop(arg[2]);
		posix_spawn_file_actions_destroy(&a);
		while (n == 1 && waitpid(pid, &status, WNOHANG) == 0) {
			sample(pid);
			usleep(1000);
		}
		if (n > 1)
			waitpid(pid, &status, 0);
		if (status != 0) {
			fprintf(stderr, "filter-rate: status %d\n", status);
			return 1;
		}
	}
	tell(n, clock_mono_us() - begin, cpu_of_children());
	return 0;
}

/* ---- LMTP ------------------------------------------------------------------------------------ */

static void expect(FILE *in, char first)
{
	char line[1024];
	do {
		if (!fgets(line, sizeof line, in))
			stop("the server has gone");
	} while (line[3] == '-');
	if (line[0] != first) {
		fprintf(stderr, "filter-rate: %s", line);
		exit(1);
	}
}

static FILE *connect_to(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		stop(path);
	return fdopen(fd, "r+");
}

static void send_message(FILE *s, struct str text)
{
	struct str line;
	while (text.n && str_split(&text, '\n', &line)) {
		if (line.n && line.p[0] == '.')
			fputc('.', s);
		fwrite(line.p, 1, line.n, s);
		fputs("\r\n", s);
	}
	fputs(".\r\n", s);
	fflush(s);
}

static void say(FILE *s, const char *line)
{
	fprintf(s, "%s\r\n", line);
	fflush(s);
}

static int lmtp_mode(char **arg)
{
	struct buf text;
	char rcpt[512];
	long n = number(arg[3]);
	buf_init(&text, FILE_MAX);
	if (file_read(AT_FDCWD, arg[2], &text) < 0)
		stop(arg[2]);
	snprintf(rcpt, sizeof rcpt, "RCPT TO:<%s>", arg[1]);
	FILE *s = connect_to(arg[0]);
	expect(s, '2');
	say(s, "LHLO bench");
	expect(s, '2');
	int64_t begin = clock_mono_us();
	for (long i = 0; i < n; i++) {
		say(s, "MAIL FROM:<from@example.net>");
		expect(s, '2');
		say(s, rcpt);
		expect(s, '2');
		say(s, "DATA");
		expect(s, '3');
		send_message(s, buf_str(&text));
		expect(s, '2');
		for (char **p = arg + 4; *p && n < 10; p++)
			sample((pid_t)strtol(*p, NULL, 10));
	}
	int64_t took = clock_mono_us() - begin;
	tell(n, took, 0); /* a server's CPU is known to whoever waits for it */
	return 0;
}

int main(int argc, char **argv)
{
	log_open("filter-rate", LOG_TO_STDERR, 2);
	if (argc == 7 && !strcmp(argv[1], "worker"))
		return worker_mode(argv + 2);
	if (argc >= 5 && !strcmp(argv[1], "run"))
		return run_mode(argv + 2);
	if (argc >= 6 && !strcmp(argv[1], "lmtp"))
		return lmtp_mode(argv + 2);
	fputs("usage: filter-rate worker|run|lmtp ..., see the head of its source\n", stderr);
	return 64;
}
