#include "config.h"

#include "module/module-program.h"
#include "rewrite/rewrite.h"
#include "uucp/uucp-job.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	JOB_ARENA_MAX = 16 * 1024 * 1024,
	HEADER_MAX = 1024 * 1024, /* of a message whose header is rewritten */
	ARGV_FIXED = 12 + UUCP_FLAG_WORDS_MAX,
	OUTPUT_MAX = 16 * 1024,
};

struct job {
	struct uucp *u;
	struct module_delivery *d;
	struct module_body *body;
	void *handle;
	struct arena *arena;
	struct rewrite_bang bang;
};

static void finish(struct job *j, enum module_outcome o, struct str status, struct str why)
{
	struct module_result r = {.outcome = o, .status = status, .diagnostic = why};
	for (size_t i = 0; i < j->d->n_rcpts; i++)
		module_result(j->handle, j->d->rcpts[i].num, &r);
	module_done(j->handle);
	arena_free(j->arena);
	free(j);
}

static void put_off(struct job *j, const char *what)
{
	char *z = arena_printf(j->arena, "%s: %s", what, strerror(errno));
	finish(j, MODULE_DEFERRED, STR("4.3.0"), str_of(z));
}

/* ---- the message ----------------------------------------------------------------------------- */

static bool own_domain(void *ctx, struct str domain)
{
	struct uucp *u = ctx;
	const struct names *n = &u->names;
	return str_ieq(domain, n->me) || str_ieq(domain, n->defaultdomain) ||
	       domains_match(n->locals, domain, NULL) > 0;
}

static ssize_t read_header(struct job *j, struct buf *out)
{
	size_t want = j->d->size < HEADER_MAX ? (size_t)j->d->size : HEADER_MAX;
	char *room = buf_reserve(out, want);
	if (!room)
		return -1;
	for (size_t got = 0; got < want;) {
		ssize_t n = module_body_read(j->body, room + got, want - got, got);
		if (n <= 0)
			return n < 0 ? -1 : 0;
		got += (size_t)n;
	}
	out->n += want;
	room[want] = 0;
	return (ssize_t)want;
}

static int copy_rest(struct job *j, int fd, uint64_t at)
{
	char chunk[65536];
	ssize_t n;
	while ((n = module_body_read(j->body, chunk, sizeof chunk, at)) > 0) {
		if (file_write_all(fd, chunk, (size_t)n) < 0)
			return -1;
		at += (uint64_t)n;
	}
	return n < 0 ? -1 : 0;
}

/* The message with the neighbours' addresses, in memory; a descriptor at its beginning. */
static int rewritten(struct job *j)
{
	struct buf head;
	struct str out = STR_NONE;
	size_t body = 0;
	struct rewrite rw = {.map = rewrite_bang_out, .ctx = &j->bang};
	buf_init(&head, HEADER_MAX + 1);
	int fd = -1, r = read_header(j, &head) < 0 ? -1 : 0;
	if (r == 0) {
		size_t n = header_length(buf_str(&head), &body);
		r = rewrite_header(j->arena, str_head(buf_str(&head), n), &rw, &out);
		body = n;
	}
	if (r == 0 && (fd = memfd_create("uucp", MFD_CLOEXEC)) >= 0 &&
	    (file_write_all(fd, out.p ? out.p : "", out.n) < 0 || copy_rest(j, fd, body) < 0 ||
		lseek(fd, 0, SEEK_SET) < 0)) {
		int e = errno;
		close(fd);
		errno = e;
		fd = -1;
	}
	buf_free(&head);
	return fd;
}

/* ---- uux ------------------------------------------------------------------------------------- */

/* uux takes a word in parentheses as it is. */
static const char *quoted(struct job *j, struct str word)
{
	return arena_printf(j->arena, "(%.*s)", STR_FMT(word));
}

static bool add_sender(struct job *j, const char **argv, size_t *n)
{
	ptrdiff_t at = str_rchr(j->d->sender, '@');
	struct str local = at < 0 ? j->d->sender : str_head(j->d->sender, (size_t)at);
	struct str domain = at < 0 ? STR_NONE : str_skip(j->d->sender, (size_t)at + 1);
	struct rewrite_bang b = j->bang;
	b.node = STR_NONE;
	struct str path = bang_path(j->arena, &b, local, domain);
	if (!uucp_safe_word(path))
		return false;
	argv[(*n)++] = "-z";
	argv[(*n)++] = "-a";
	argv[(*n)++] = arena_strz(j->arena, path);
	return true;
}

/* The options; reports about reports go nowhere, so a message without a sender names none. */
static bool add_options(struct job *j, const char **argv, size_t *n)
{
	struct str words[UUCP_FLAG_WORDS_MAX];
	const struct config *c = service_config(j->u->service);
	argv[(*n)++] = config_z(c, "uucp", "UUX", NULL);
	argv[(*n)++] = "-p";
	if (j->d->sender.n == 0 || str_is(j->d->sender, "#@[]"))
		argv[(*n)++] = "-n";
	else if (!add_sender(j, argv, n))
		return false;
	int flags = uux_flags(config_str(c, "uucp", "UUXFLAGS", NULL), words);
	for (int i = 0; i < flags; i++)
		argv[(*n)++] = arena_strz(j->arena, words[i]);
	return true;
}

/* NULL: the sender cannot be named there. */
static const char **arguments(struct job *j)
{
	const char **argv = arena_zero(j->arena, (ARGV_FIXED + j->d->n_rcpts + 1) * sizeof *argv);
	size_t n = 0;
	if (!argv || !add_options(j, argv, &n))
		return NULL;
	argv[n++] = arena_printf(j->arena, "%.*s!rmail", STR_FMT(j->d->host));
	if (str_is(str_of(argv[2]), "-z")) {
		argv[n++] = "-f";
		argv[n++] = quoted(j, str_of(argv[4]));
	}
	for (size_t i = 0; i < j->d->n_rcpts; i++)
		argv[n++] = quoted(j, j->d->rcpts[i].address);
	return argv;
}

static void on_end(void *ctx, const struct program_result *r)
{
	static const unsigned char permanent[] = {65, 67, 68};
	struct job *j = ctx;
	struct buf why;
	buf_init(&why, 4096);
	if (r->end == PROGRAM_EXITED && r->code == 0) {
		buf_addf(&why, "queued for UUCP node %.*s", STR_FMT(j->d->host));
		finish(j, MODULE_RELAYED, STR("2.0.0"), buf_str(&why));
		buf_free(&why);
		return;
	}
	enum module_outcome o = r->end == PROGRAM_MISSING ? MODULE_FAILED : MODULE_DEFERRED;
	for (size_t i = 0; r->end == PROGRAM_EXITED && i < ARRAY_LEN(permanent); i++)
		if (r->code == permanent[i])
			o = MODULE_FAILED;
	program_explain(r, config_z(service_config(j->u->service), "uucp", "UUX", NULL), &why);
	finish(j, o,
	    r->end == PROGRAM_MISSING ? STR("5.3.5")
	    : o == MODULE_FAILED      ? STR("5.3.0")
				      : STR("4.3.0"),
	    buf_str(&why));
	buf_free(&why);
}

static void run(struct job *j, int message)
{
	static const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", NULL};
	const char **argv = arguments(j);
	if (!argv) {
		finish(j, MODULE_FAILED, STR("5.1.7"),
		    STR("the sender's address holds characters that cannot go through UUCP"));
		return;
	}
	struct program_spec spec = {
	    .argv = argv,
	    .env = env,
	    .in = message,
	    .time_ms = config_int(service_config(j->u->service), "uucp", "UUXTIME", NULL) * 1000,
	    .output_max = OUTPUT_MAX,
	};
	if (!program_start(service_loop(j->u->service), &spec, on_end, j))
		put_off(j, "uux cannot be started");
}

void uucp_job_start(struct uucp *u, struct module_delivery *d, struct module_body *b, void *handle)
{
	struct job *j = mem_new(struct job);
	j->u = u;
	j->d = d;
	j->body = b;
	j->handle = handle;
	j->arena = arena_new(JOB_ARENA_MAX);
	if (!j->arena) {
		module_done(handle);
		free(j);
		return;
	}
	j->bang = (struct rewrite_bang){
	    .me = u->names.uucpme, .node = d->host, .own = own_domain, .ctx = u};
	int fd = config_is_set(service_config(u->service), "uucp", "uucprewriteheaders")
		     ? rewritten(j)
		     : module_body_fd(b);
	if (fd < 0) {
		put_off(j, "the message cannot be read");
		return;
	}
	run(j, fd);
	close(fd);
}
