/* A verifier process: reads a hash and a password, answers, forgets. */
#include "config.h"

#include "authdaemon/spawn.h"
#include "authdaemon/verifier-proto.h"
#include "ipc/ipc.h"
#include "sasl/password.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool answer(struct ipc *c, struct ipc_msg *m)
{
	struct ipc_reader r;
	struct buf made;
	ipc_read(m, &r);
	struct str what = ipc_get_str(&r), password = ipc_get_str(&r);
	if (!ipc_done(&r))
		return false;
	enum password_verdict v = PASSWORD_UNKNOWN;
	buf_init(&made, PASSWORD_STORED_MAX);
	if (m->type == VERIFIER_CHECK) {
		v = password_verify(what, password);
	} else {
		char *scheme = mem_strndup(what.p, what.n);
		if (!password_make(scheme, password, &made))
			buf_clear(&made);
		free(scheme);
	}
	mem_wipe((void *)(uintptr_t)m->body.p, m->body.n);
	ipc_compose(c, VERIFIER_VERDICT, m->id);
	ipc_put_u8(c, (uint8_t)v);
	ipc_put_str(c, buf_str(&made));
	buf_free(&made);
	return ipc_send(c, -1) == 0;
}

int verifier_main(void)
{
	struct rlimit none = {0, 0};
	struct ipc_msg m;
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NAME, "auth verifier", 0, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	log_open("authdaemond", LOG_TO_STDERR, -1);
	struct ipc *c = ipc_new(NULL, STDIN_FILENO, NULL, NULL);
	while (c && ipc_recv(c, &m, -1) == 1)
		if (!answer(c, &m))
			return EXIT_FAILURE;
	ipc_free(c);
	return EXIT_SUCCESS;
}
