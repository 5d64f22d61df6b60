#include "config.h"

#include "tests/lib/worker-edge.h"

#include <sys/prctl.h>
#include <unistd.h>

enum { EDGE = 3 };

struct ipc *worker_edge_start(const char *program, bool plain, pid_t *pid)
{
	int ends[2];
	*pid = 0;
	if (ipc_pair(ends) < 0)
		return NULL;
	*pid = fork();
	if (*pid == 0) {
		dup2(ends[1], EDGE);
		if (plain)
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		execl(program, "courierlocal-worker", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (*pid < 0) {
		close(ends[0]);
		*pid = 0;
		return NULL;
	}
	return ipc_new(NULL, ends[0], NULL, NULL);
}
