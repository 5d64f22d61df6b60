#include "config.h"

#include "submit/pickup.h"
#include "submit/drop.h"
#include "submit/transaction.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FIRST_LOOK_MS = 1000,
	LOOK_MS = 60 * 1000,
	AGAIN_MS = 5000,  /* after "not now" */
	NAMES_MAX = 1000, /* taken up at one look */
	UNFINISHED_S = 36 * 3600,
	PICKUP_ARENA_MAX = 64 * 1024 * 1024,
};

/* One file after the other; STEP_* says which answer of the transaction is awaited. */
enum step { STEP_IDLE, STEP_MAIL, STEP_RCPT, STEP_END };

struct pickup {
	struct gate_process *gate;
	struct timer *timer;
	char *folder;
	VEC(char *) names;
	/* the file at hand */
	enum step step;
	char *name;
	int fd;
	struct stat st;
	struct arena *arena;
	struct drop drop;
	size_t body, rcpt, good_rcpts;
	struct transaction *t;
	bool temporary; /* something will work later */
	bool again;     /* something could not be taken now */
};

static void next_file(void *ctx);
static void next_rcpt(void *ctx);

static void close_file(struct pickup *p)
{
	transaction_free(p->t);
	p->t = NULL;
	arena_free(p->arena);
	p->arena = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	free(p->name);
	p->name = NULL;
	p->step = STEP_IDLE;
}

/* On with the next one, from the loop: the transaction that has just answered is freed then. */
static void leave(struct pickup *p)
{
	loop_defer(service_loop(p->gate->service), next_file, p);
}

static int folder_fd(struct pickup *p)
{
	return open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void remove_file(struct pickup *p)
{
	int dir = folder_fd(p);
	if (dir < 0 || file_unlink(dir, p->name) < 0)
		log_error(NULL,
		    "cannot remove '%s/%s', whose message is queued: %m; it will be queued again",
		    p->folder, p->name);
	if (dir >= 0)
		close(dir);
}

/* What can never be queued is kept under a name that is not looked at, for the administrator. */
static void set_aside(struct pickup *p, const char *why)
{
	char *to = mem_printf(".refused-%s", p->name);
	int dir = folder_fd(p);
	log_error(NULL, "mail of uid %u in '%s/%s' can't be queued (%s); it is kept as '%s'",
	    (unsigned)p->st.st_uid, p->folder, p->name, why, to);
	if (dir >= 0) {
		if (file_rename(dir, p->name, dir, to) < 0)
			log_error(NULL, "cannot rename '%s/%s': %m", p->folder, p->name);
		close(dir);
	}
	free(to);
}

/* ---- the message ----------------------------------------------------------------------------- */

static void next_rcpt(void *ctx)
{
	struct pickup *p = ctx;
	p->step = STEP_RCPT;
	transaction_rcpt(p->t, &p->drop.rcpts[p->rcpt]);
}

static bool send_body(struct pickup *p)
{
	static char chunk[IPC_CHUNK];
	uint64_t left = p->drop.bytes;
	off_t at = (off_t)p->body;
	while (left) {
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		if (file_pread_all(p->fd, chunk, n, at) < 0)
			return false;
		transaction_data(p->t, str_at(chunk, n));
		left -= n;
		at += (off_t)n;
	}
	return true;
}

static void after_rcpts(struct pickup *p)
{
	if (p->temporary) {
		leave(p);
	} else if (p->good_rcpts == 0) {
		set_aside(p, "no usable recipient");
		leave(p);
	} else if (!send_body(p)) {
		log_error(NULL, "cannot read '%s/%s': %m", p->folder, p->name);
		leave(p);
	} else {
		p->step = STEP_END;
		transaction_end(p->t);
	}
}

static void on_rcpt(struct pickup *p, const struct gate_reply *r)
{
	if (r->code < 300)
		p->good_rcpts++;
	else if (r->code < 500)
		p->temporary = true;
	else
		log_warning(NULL, "recipient <%.*s> of '%s/%s' is refused: %u %.*s",
		    STR_FMT(p->drop.rcpts[p->rcpt].address), p->folder, p->name, r->code,
		    STR_FMT(r->text));
	p->rcpt++;
	/* From the loop: answers come from inside the question, and a file has many recipients. */
	if (p->rcpt < p->drop.n)
		loop_defer(service_loop(p->gate->service), next_rcpt, p);
	else
		after_rcpts(p);
}

static void on_end(struct pickup *p, const struct gate_reply *r)
{
	if (r->code < 300)
		remove_file(p);
	else if (r->code >= 500)
		set_aside(p, "refused");
	leave(p);
}

static void on_answer(void *ctx, const struct gate_reply *r)
{
	struct pickup *p = ctx;
	p->again = p->again || (r->code >= 400 && r->code < 500);
	if (p->step == STEP_MAIL && r->code < 300)
		next_rcpt(p);
	else if (p->step == STEP_MAIL) {
		if (r->code >= 500)
			set_aside(p, "its sender is refused");
		leave(p);
	} else if (p->step == STEP_RCPT)
		on_rcpt(p, r);
	else if (p->step == STEP_END)
		on_end(p, r);
}

static void submit(struct pickup *p)
{
	char *who = arena_printf(p->arena, "uid %u", (unsigned)p->st.st_uid);
	struct gate_open_frame o = {.source = STR("local"), .sender_id = str_of(who)};
	struct gate_mail_frame m = {
	    .mail = {.sender = p->drop.sender,
		.envid = p->drop.envid,
		.ret = p->drop.ret,
		.verp = p->drop.verp,
		.smtputf8 = true,
		.size = p->drop.bytes},
	    .with = STR("local"),
	};
	p->t = transaction_new(p->gate, &o, SOURCE_PROGRAM, p->st.st_uid, on_answer, p);
	if (!p->t) {
		leave(p);
		return;
	}
	p->step = STEP_MAIL;
	transaction_mail(p->t, &m);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* 1 the envelope is read, 0 the file is not finished, -1 it is none. */
static int read_head(struct pickup *p, const char **why)
{
	struct buf head;
	int r = 0;
	buf_init(&head, DROP_HEAD_MAX);
	while (r == 0) {
		char *room = buf_reserve(&head, IPC_CHUNK);
		*why = "its envelope is too long";
		if (!room) {
			r = -1;
			break;
		}
		ssize_t n = pread(p->fd, room, IPC_CHUNK, (off_t)head.n);
		if (n <= 0)
			break;
		head.n += (size_t)n;
		head.p[head.n] = 0;
		r = drop_decode(buf_str(&head), p->arena, &p->drop, &p->body, why);
	}
	buf_free(&head);
	return r;
}

static void unfinished(struct pickup *p)
{
	if (clock_now() - p->st.st_mtim.tv_sec > UNFINISHED_S) {
		log_warning(NULL, "'%s/%s' was never finished by uid %u and is removed", p->folder,
		    p->name, (unsigned)p->st.st_uid);
		remove_file(p);
	}
}

static bool open_file(struct pickup *p)
{
	int dir = folder_fd(p);
	if (dir < 0)
		return false;
	p->fd = openat(dir, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	close(dir);
	if (p->fd < 0 || fstat(p->fd, &p->st) < 0) {
		if (errno != ENOENT)
			log_warning(NULL, "cannot open '%s/%s': %m", p->folder, p->name);
		return false;
	}
	/* A second name could be somebody else's file that the sender may not read. */
	return S_ISREG(p->st.st_mode) && p->st.st_nlink == 1;
}

static void take_file(struct pickup *p)
{
	const char *why = "";
	if (!open_file(p)) {
		leave(p);
		return;
	}
	p->arena = arena_new(PICKUP_ARENA_MAX);
	if (!p->arena) {
		leave(p);
		return;
	}
	int r = (uint64_t)p->st.st_size > p->gate->policy->drop_max_size ? -1 : read_head(p, &why);
	if (r > 0 && (uint64_t)p->st.st_size - p->body != p->drop.bytes)
		r = 0;
	if (r > 0) {
		submit(p);
		return;
	}
	if (r < 0)
		set_aside(p, *why ? why : "too large");
	else
		unfinished(p);
	leave(p);
}

static void next_file(void *ctx)
{
	struct pickup *p = ctx;
	close_file(p);
	p->rcpt = p->good_rcpts = 0;
	p->temporary = false;
	if (p->names.n == 0) {
		timer_set(p->timer, p->again ? AGAIN_MS : LOOK_MS);
		p->again = false;
		return;
	}
	p->name = p->names.v[--p->names.n];
	take_file(p);
}

static void look(void *ctx)
{
	struct pickup *p = ctx;
	DIR *d = queue_client_up(p->gate->queue) ? opendir(p->folder) : NULL;
	struct dirent *e;
	while (d && p->names.n < NAMES_MAX && (e = readdir(d)))
		if (e->d_name[0] != '.')
			vec_push(&p->names, mem_strdup(e->d_name));
	bool waiting = !queue_client_up(p->gate->queue);
	if (d)
		closedir(d);
	if (waiting)
		timer_set(p->timer, FIRST_LOOK_MS);
	else
		next_file(p);
}

struct pickup *pickup_new(struct gate_process *g)
{
	struct pickup *p = mem_new(struct pickup);
	p->gate = g;
	p->fd = -1;
	p->folder = instance_path(service_instance(g->service)->var, "drop");
	p->timer = timer_new(service_loop(g->service), look, p);
	if (!p->timer) {
		pickup_free(p);
		return NULL;
	}
	timer_set(p->timer, FIRST_LOOK_MS);
	return p;
}

void pickup_free(struct pickup *p)
{
	if (!p)
		return;
	loop_defer_cancel(service_loop(p->gate->service), next_file, p);
	loop_defer_cancel(service_loop(p->gate->service), next_rcpt, p);
	close_file(p);
	while (p->names.n)
		free(p->names.v[--p->names.n]);
	vec_free(&p->names);
	timer_free(p->timer);
	free(p->folder);
	free(p);
}
