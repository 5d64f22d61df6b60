/* courier import-queue DIR: see import.h.  The scheduler does not run meanwhile. */
#include "config.h"

#include "courierd/courier.h"
#include "courierd/import.h"
#include "queue/queue-client.h"
#include "queue/queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LEDGER_MAX = 256 * 1024 * 1024, COPY_AT_ONCE = 128 * 1024, TMP_NAME = 256 };

struct import {
	struct queue *q;
	struct loop *loop;
	struct map *known; /* ids that were imported before */
	int ledger, error;
	int64_t queuetime;
	bool look_only;
	unsigned done, again, faulty;
};

static int fail(const char *what, const char *subject)
{
	fprintf(stderr, "courier: cannot %s '%s': %s\n", what, subject, strerror(errno));
	return -1;
}

/* The queue's files belong to the queue's user; those of the original to whoever sent the mail:
 * to read them is the one right of root's that is kept. */
static int become_owner(const char *dir)
{
	struct stat st;
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2] = {
	    {.effective = 1U << CAP_DAC_READ_SEARCH, .permitted = 1U << CAP_DAC_READ_SEARCH}};
	if (stat(dir, &st))
		return fail("find the queue", dir);
	if (geteuid() != 0 || st.st_uid == 0)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) || setgroups(0, NULL) ||
	    setresgid(st.st_gid, st.st_gid, st.st_gid) ||
	    setresuid(st.st_uid, st.st_uid, st.st_uid) || syscall(SYS_capset, &head, caps))
		return fail("become the owner of", dir);
	return 0;
}

static void answered(void *ctx, int error)
{
	struct import *x = ctx;
	x->error = error;
	loop_stop(x->loop);
}

static int copy(int from, int to)
{
	static char block[COPY_AT_ONCE];
	ssize_t n;
	while ((n = read(from, block, sizeof block)) > 0)
		if (file_write_all(to, block, (size_t)n))
			return -1;
	return n < 0 ? -1 : file_sync_full(to);
}

/* Durable when it returns 0. */
static int store(struct import *x, uint64_t seq, struct str control, int body, uint64_t size)
{
	char name[TMP_NAME] = "";
	struct buf text;
	struct queue_commit c = {.seq = seq, .control = control};
	int r = 0, to = -1;
	buf_init(&text, QUEUE_INLINE_MAX + 1);
	if (size <= QUEUE_INLINE_MAX) {
		r = file_read_fd(body, &text);
		c.body = buf_str(&text);
	} else {
		to = queue_tmpfile_make(x->q, name, sizeof name);
		r = to < 0 ? -1 : copy(body, to);
		c.file = name;
	}
	if (!r)
		r = queue_store(x->q, &c, answered, x);
	if (!r) {
		loop_run(x->loop);
		errno = x->error;
		r = x->error ? -1 : 0;
	}
	if (r && name[0])
		queue_tmpfile_remove(x->q, name);
	if (to >= 0)
		close(to);
	buf_free(&text);
	return r;
}

static int remember(struct import *x, struct str old)
{
	char *line = mem_printf("%.*s\n", STR_FMT(old));
	int r = file_write_all(x->ledger, line, strlen(line)) || fdatasync(x->ledger) ? -1 : 0;
	free(line);
	return r;
}

static int take(struct import *x, const char *path, struct str text, int body,
    struct import_facts *f, struct arena *a)
{
	struct buf out;
	struct str old;
	int64_t next;
	const char *why;
	char id[QUEUE_ID_SIZE];
	int r = 1;
	buf_init(&out, ENVELOPE_TEXT_MAX);
	if (!import_convert(text, f, a, &out, &old, &next, &why)) {
		fprintf(stderr, "courier: '%s' is left out: %s\n", path, why);
		x->faulty++;
	} else if (map_get(x->known, old))
		x->again++;
	else if (x->look_only) {
		printf("%.*s\n", STR_FMT(old));
		x->done++;
	} else if (store(x, f->id.seq, buf_str(&out), body, f->size) || remember(x, old)) {
		r = fail("put into the queue", path);
	} else {
		queue_settle(x->q, f->id.seq, next);
		queue_id_format(&f->id, id);
		printf("%.*s %s\n", STR_FMT(old), id);
		x->done++;
	}
	buf_free(&out);
	return r < 0 ? -1 : 0;
}

static int import_file(struct import *x, int dir, const char *folder, const char *name)
{
	char data[64], *path = mem_printf("msgs/%s/%s", folder, name);
	struct stat st, body_st;
	struct buf text;
	struct arena *a = arena_new(4 * ENVELOPE_TEXT_MAX);
	snprintf(data, sizeof data, "D%s", name + 1);
	int c = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW),
	    body = openat(dir, data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r = 0;
	buf_init(&text, ENVELOPE_TEXT_MAX);
	if (c < 0 || body < 0 || fstat(c, &st) || fstat(body, &body_st) || file_read_fd(c, &text)) {
		fail("read", path);
		x->faulty++;
	} else {
		struct import_facts f = {.uid = st.st_uid,
		    .size = (uint64_t)body_st.st_size,
		    .mtime = st.st_mtime,
		    .queuetime = x->queuetime};
		f.id.us = (uint64_t)clock_now_us();
		r = x->look_only ? 0 : queue_reserve(x->q, 1, &f.id.seq);
		r = r ? fail("number", path) : take(x, path, buf_str(&text), body, &f, a);
	}
	if (c >= 0)
		close(c);
	if (body >= 0)
		close(body);
	buf_free(&text);
	arena_free(a);
	free(path);
	return r;
}

static int import_folder(struct import *x, int msgs, const char *folder)
{
	int fd = openat(msgs, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint64_t n;
	if (!d)
		return fail("read", folder);
	for (struct dirent *e; !r && (e = readdir(d));)
		if (e->d_name[0] == 'C' && str_u64(str_of(e->d_name + 1), &n))
			r = import_file(x, fd, folder, e->d_name);
	closedir(d);
	return r;
}

static int import_all(struct import *x, const char *from)
{
	char *path = instance_path(from, "msgs");
	int msgs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = msgs < 0 ? NULL : fdopendir(msgs);
	uint64_t n;
	if (!d)
		r = fail("read the old queue in", path);
	for (struct dirent *e; d && !r && (e = readdir(d));)
		if (str_u64(str_of(e->d_name), &n))
			r = import_folder(x, msgs, e->d_name);
	if (d)
		closedir(d);
	free(path);
	return r;
}

static int open_ledger(struct import *x, const char *queue)
{
	char *path = instance_path(queue, "imported");
	struct buf b;
	struct str rest, line;
	buf_init(&b, LEDGER_MAX);
	x->known = map_new();
	int r = file_read(-1, path, &b) < 0 && errno != ENOENT ? fail("read", path) : 0;
	for (rest = buf_str(&b); str_split(&rest, '\n', &line);)
		if (line.n && !map_set(x->known, line, x))
			r = -1;
	x->ledger = r || x->look_only
			? -1
			: open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (!r && !x->look_only && x->ledger < 0)
		r = fail("write", path);
	buf_free(&b);
	free(path);
	return r;
}

static int open_queue(struct import *x, const char *dir)
{
	struct queue_disk_config c = {.dir = dir};
	struct queue_report report;
	buf_init(&report.text, 1024 * 1024);
	x->loop = loop_new();
	x->q = x->look_only ? NULL : queue_open_disk(x->loop, &c, &report);
	if (!x->q && !x->look_only)
		fprintf(stderr,
		    "courier: the queue in '%s' cannot be opened: %.*s; stop the "
		    "system first: courier stop\n",
		    dir, STR_FMT(str_trim(buf_str(&report.text))));
	buf_free(&report.text);
	return x->q || x->look_only ? 0 : -1;
}

static int run(struct import *x, const char *queue, const char *from)
{
	int r = become_owner(queue);
	if (!r)
		r = open_ledger(x, queue);
	if (!r)
		r = open_queue(x, queue);
	if (!r)
		r = import_all(x, from);
	if (x->q)
		queue_close(x->q);
	if (x->ledger >= 0)
		close(x->ledger);
	return r;
}

int cmd_import_queue(const struct instance *in, int argc, char **argv)
{
	struct import x = {.ledger = -1};
	const char *from = NULL;
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-n") == 0)
			x.look_only = true;
		else
			from = argv[i];
	struct config *c = from ? config_load(in, every_component, n_every_component, NULL) : NULL;
	if (!from)
		fprintf(stderr, "usage: %s\n", "courier import-queue [-n] DIR");
	if (!c)
		return from ? EXIT_FAILURE : EXIT_BAD_USAGE;
	x.queuetime = config_int(c, "sched", "queuetime", NULL);
	config_drop(c);
	char *queue = instance_path(in->var, "queue");
	int r = run(&x, queue, from);
	fprintf(stderr, "courier: %u messages %s, %u known already, %u faulty\n", x.done,
	    x.look_only ? "would be imported" : "imported", x.again, x.faulty);
	free(queue);
	return r || x.faulty ? EXIT_FAILURE : EXIT_SUCCESS;
}
