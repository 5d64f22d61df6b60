#include "config.h"

#include "tests/unit/played.h"

#include "service/control-proto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

pid_t played_start(
    const char *program, const char *dir, const char *role, uint32_t number, struct ipc **control)
{
	int fds[2];
	assert_int_equal(ipc_pair(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		setenv("COURIER_HOME", dir, 1);
		if (dup2(fds[1], CONTROL_FD) == CONTROL_FD)
			execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	struct ipc *c = *control = ipc_new(NULL, fds[0], NULL, NULL);
	ipc_compose(c, CONTROL_INIT, 0);
	ipc_put_z(c, role);
	ipc_put_u32(c, number);
	ipc_put_z(c, "nobody");
	ipc_put_z(c, "nogroup");
	ipc_put_u8(c, CONTROL_KEEP_PRIVS);
	ipc_put_z(c, "");
	assert_int_equal(ipc_send(c, -1), 0);
	return pid;
}

struct ipc *played_edge(struct ipc *control, const char *role)
{
	int fds[2];
	assert_int_equal(ipc_pair(fds), 0);
	ipc_compose(control, CONTROL_EDGE, 0);
	ipc_put_z(control, role);
	ipc_put_u32(control, 0);
	assert_int_equal(ipc_send(control, fds[1]), 0);
	close(fds[1]);
	return ipc_new(NULL, fds[0], NULL, NULL);
}
