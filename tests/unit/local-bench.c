#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "local-bench.h"
#include "tests/lib/worker-edge.h"

const char bench_body[] = "Subject: x\n\nFrom here\nend\n";

void bench_start(struct bench *b)
{
	const char *program = access("courierlocal-worker", X_OK) ? "../../courierlocal-worker"
								  : "./courierlocal-worker";
	b->c = worker_edge_start(program, !b->fresh, &b->pid);
	assert_non_null(b->c);
}

int bench_stop(struct bench *b)
{
	int status = 0;
	ipc_free(b->c);
	waitpid(b->pid, &status, 0);
	return status;
}

static int setup_for(void **state, bool fresh)
{
	struct bench *b = mem_new(struct bench);
	b->fresh = fresh;
	snprintf(b->home, sizeof b->home, "/tmp/local-worker.XXXXXX");
	assert_non_null(mkdtemp(b->home));
	bench_start(b);
	*state = b;
	return 0;
}

int bench_setup(void **state)
{
	return setup_for(state, false);
}

int bench_setup_fresh(void **state)
{
	return setup_for(state, true);
}

int bench_teardown(void **state)
{
	struct bench *b = *state;
	assert_int_equal(bench_stop(b), 0);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", b->home, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	free(b);
	return 0;
}

void bench_put(struct bench *b, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", b->home, name);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

char *bench_get(struct bench *b, const char *name)
{
	char path[512];
	struct buf out;
	snprintf(path, sizeof path, "%s/%s", b->home, name);
	buf_init(&out, 1 << 20);
	if (file_read(AT_FDCWD, path, &out) < 0)
		return NULL;
	return out.p;
}

unsigned bench_count(struct bench *b, const char *sub, char *name, size_t size)
{
	char path[256];
	unsigned n = 0;
	snprintf(path, sizeof path, "%s/Maildir/%s", b->home, sub);
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.') {
			n++;
			if (name)
				snprintf(name, size, "Maildir/%s/%s", sub, e->d_name);
		}
	if (d)
		closedir(d);
	return n;
}

struct worker_delivery bench_delivery(struct bench *b)
{
	return (struct worker_delivery){.rules = {.dot = STR("courier"), .seps = STR("+")},
	    .uid = geteuid(),
	    .program_seconds = 20,
	    .size = strlen(bench_body),
	    .user = STR("joe"),
	    .home = str_of(b->home),
	    .delivery = STR("./Maildir"),
	    .address = STR("joe-ext@example.com"),
	    .sender = STR("from@example.net"),
	    .id = STR("1.2.3"),
	    .body = str_of(bench_body)};
}

int bench_answer(struct bench *b)
{
	struct worker_result r;
	struct ipc_msg m;
	assert_int_equal(ipc_recv(b->c, &m, 20000), 1);
	assert_true(worker_read_result(&m, &r));
	snprintf(b->text, sizeof b->text, "%.*s", STR_FMT(r.text));
	snprintf(b->forwards, sizeof b->forwards, "%.*s", STR_FMT(r.forwards));
	snprintf(b->status, sizeof b->status, "%.*s", STR_FMT(r.status));
	snprintf(b->place, sizeof b->place, "%.*s", STR_FMT(r.place));
	b->device = r.device;
	return (int)r.outcome;
}

int bench_deliver(struct bench *b, const struct worker_delivery *d)
{
	assert_int_equal(worker_send_delivery(b->c, 1, d, -1), 0);
	return bench_answer(b);
}
