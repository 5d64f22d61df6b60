/* The helper process: one fixed frame in, one out; a child for each check. */
#include "config.h"

#include "authdaemon/helper.h"
#include "authdaemon/spawn.h"
#include "ipc/ipc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 1024 };

struct request {
	enum helper_kind kind;
	char *service, *user, *password, *peer;
};

/* Names that end up in file names (PAM's) and log lines. */
static bool harmless(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alnum((unsigned char)s.p[i]) && !memchr("-_.:@+", s.p[i], 6))
			return false;
	return s.n <= TEXT_MAX;
}

static bool parse(struct ipc_msg *m, struct request *q)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	uint8_t kind = ipc_get_u8(&r);
	struct str service = ipc_get_str(&r), user = ipc_get_str(&r);
	struct str password = ipc_get_str(&r), peer = ipc_get_str(&r);
	if (m->type != HELPER_CHECK || !ipc_done(&r) || kind == HELPER_NOT || kind > HELPER_SHADOW)
		return false;
	if (!service.n || !user.n || service.p[0] == '.' || !harmless(service) || !harmless(user) ||
	    !harmless(peer) || password.n > TEXT_MAX || memchr(password.p, 0, password.n))
		return false;
	q->kind = (enum helper_kind)kind;
	q->service = mem_strndup(service.p, service.n);
	q->user = mem_strndup(user.p, user.n);
	q->password = mem_strndup(password.p, password.n);
	q->peer = mem_strndup(peer.p, peer.n);
	return true;
}

static bool secret(struct str s)
{
	return s.n && s.n <= TEXT_MAX && !str_has_ctl(s);
}

static int change(struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	struct str user = ipc_get_str(&r), old = ipc_get_str(&r), fresh = ipc_get_str(&r);
	if (!ipc_done(&r) || !user.n || !harmless(user) || !secret(old) || !secret(fresh))
		return 1;
	return system_change(
	    mem_strndup(user.p, user.n), mem_strndup(old.p, old.n), mem_strndup(fresh.p, fresh.n));
}

static int check(struct ipc_msg *m)
{
	struct request q;
	return parse(m, &q) ? system_check(q.kind, q.service, q.user, q.password, q.peer) : 1;
}

static int answer(struct ipc *c, uint32_t id, int verdict)
{
	ipc_compose(c, HELPER_ANSWER, id);
	ipc_put_u8(c, (uint8_t)verdict);
	return ipc_send(c, -1);
}

static _Noreturn void check_in_child(struct ipc *c, struct ipc_msg *m)
{
	alarm(HELPER_LIMIT_S); /* a module that hangs ends here; authdaemond has its own clock */
	int verdict = m->type == HELPER_CHANGE ? change(m) : check(m);
	_exit(answer(c, m->id, verdict) < 0);
}

static void reap(unsigned *running, bool wait)
{
	while (*running > 0 && waitpid(-1, NULL, wait ? 0 : WNOHANG) > 0) {
		--*running;
		wait = false;
	}
}

int helper_main(void)
{
	struct rlimit none = {0, 0};
	struct ipc_msg m;
	unsigned running = 0;
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NAME, "auth helper", 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	log_open("authdaemond", LOG_TO_STDERR, -1);
	struct ipc *c = ipc_new(NULL, STDIN_FILENO, NULL, NULL);
	if (!c)
		return EXIT_FAILURE;
	for (;;) {
		int r = ipc_recv(c, &m, running ? 1000 : -1);
		reap(&running, running >= HELPER_PARALLEL);
		if (r < 0 && errno == ETIMEDOUT)
			continue;
		if (r != 1)
			return EXIT_SUCCESS;
		pid_t pid = fork();
		if (pid == 0)
			check_in_child(c, &m);
		if (pid > 0)
			running++;
		else
			answer(c, m.id, 2);
		mem_wipe((void *)(uintptr_t)m.body.p, m.body.n);
	}
}
