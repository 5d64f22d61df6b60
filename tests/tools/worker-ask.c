/*
 * Gives deliveries to one worker of an account, for tests that are not written in C.
 *
 *	worker-ask WORKER
 *
 * Each line of standard input is a delivery: home TAB file of the message TAB instructions TAB
 *quota, then TAB NAME=value ... for the environment; a large message goes by descriptor.  Each
 *answer is a line "OUTCOME STATUS BYTES PLACE" and so many bytes of text and a line end; OUTCOME
 *"gone" when the worker has died of it, and the next delivery has a new one.
 */
#include "config.h"

#include "tests/lib/worker-edge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_SIZE = 64 * 1024, TIME_LIMIT_MS = 120 * 1000 };

static const char *const outcomes[] = {[WORKER_OK] = "ok",
    [WORKER_DEFER] = "defer",
    [WORKER_FAIL] = "fail",
    [WORKER_NEED_FRESH] = "fresh",
    [WORKER_NO_HOME] = "home",
    [WORKER_BOUNCE] = "bounce"};

static struct {
	const char *program;
	struct ipc *c;
	pid_t pid;
} worker;

static void show(const char *outcome, struct str status, struct str text, struct str place)
{
	printf("%s %.*s %zu %.*s\n%.*s\n", outcome, STR_FMT(status.n ? status : STR("-")), text.n,
	    STR_FMT(place), STR_FMT(text));
	fflush(stdout);
}

static void gone(void)
{
	int status = 0;
	char text[80];
	ipc_free(worker.c);
	kill(worker.pid, SIGKILL);
	waitpid(worker.pid, &status, 0);
	worker.c = NULL;
	snprintf(text, sizeof text, "%s %d", WIFSIGNALED(status) ? "signal" : "exit",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	show("gone", STR_NONE, str_of(text), STR_NONE);
}

static void ask(const struct worker_delivery *d, int fd)
{
	struct ipc_msg m;
	struct worker_result r;
	if (!worker.c && !(worker.c = worker_edge_start(worker.program, false, &worker.pid)))
		exit(1);
	if (worker_send_delivery(worker.c, 1, d, fd) < 0 ||
	    ipc_recv(worker.c, &m, TIME_LIMIT_MS) != 1 || !worker_read_result(&m, &r))
		gone();
	else
		show(outcomes[r.outcome], r.status, r.text, r.place);
}

static void deliver(struct str line)
{
	struct str home, file, delivery, quota, word;
	struct stat st;
	struct buf env, body;
	buf_init(&env, 4 * LINE_SIZE);
	buf_init(&body, WORKER_INLINE_MAX + 1);
	buf_addz(&env, "SHELL=/bin/sh\nPATH=" BINDIR ":/usr/bin:/bin\n");
	str_split(&line, '\t', &home);
	str_split(&line, '\t', &file);
	str_split(&line, '\t', &delivery);
	str_split(&line, '\t', &quota);
	while (line.n && str_split(&line, '\t', &word))
		buf_addf(&env, "%.*s\n", STR_FMT(word));
	char *path = mem_strndup(file.p, file.n);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		exit(2);
	bool inlined = st.st_size + (off_t)env.n <= WORKER_INLINE_MAX;
	if (inlined && file_read_fd(fd, &body) < 0)
		exit(2);
	struct worker_delivery d = {.rules = {.dot = STR("courier"), .seps = STR("+")},
	    .flags = WORKER_FRESH | WORKER_NO_SYNC,
	    .uid = geteuid(),
	    .program_seconds = 60,
	    .size = (uint64_t)st.st_size,
	    .user = STR("joe"),
	    .home = home,
	    .quota = quota,
	    .delivery = delivery,
	    .address = STR("joe@example.com"),
	    .sender = STR("from@example.net"),
	    .id = STR("1.2.3"),
	    .maildrop = STR(BINDIR "/maildrop"),
	    .env = buf_str(&env),
	    .body = inlined ? buf_str(&body) : STR_NONE};
	ask(&d, inlined ? -1 : fd);
	close(fd);
	free(path);
	buf_free(&env);
	buf_free(&body);
}

int main(int argc, char **argv)
{
	static char line[LINE_SIZE];
	log_open("worker-ask", LOG_TO_STDERR, 2);
	if (argc != 2) {
		fputs("usage: worker-ask WORKER\n", stderr);
		return 64;
	}
	worker.program = argv[1];
	while (fgets(line, sizeof line, stdin))
		deliver(str_trim(str_of(line)));
	return 0;
}
