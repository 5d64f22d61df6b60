/* libs/ipc: fields, descriptors, back-pressure, broken peers. */
#include "config.h"

#include "ipc/ipc.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static void test_fields(void **state)
{
	int fds[2];
	struct ipc_msg m;
	struct ipc_reader r;
	assert_int_equal(ipc_pair(fds), 0);
	struct ipc *a = ipc_new(NULL, fds[0], NULL, NULL), *b = ipc_new(NULL, fds[1], NULL, NULL);
	ipc_compose(a, 7, 42);
	ipc_put_u8(a, 200);
	ipc_put_u32(a, 1u << 31);
	ipc_put_u64(a, UINT64_MAX);
	ipc_put_str(a, STR("x\0y"));
	ipc_put_z(a, NULL);
	ipc_put_rest(a, STR("tail"));
	assert_int_equal(ipc_send(a, 1), 0);
	assert_int_equal(ipc_recv(b, &m, 1000), 1);
	assert_int_equal(m.type, 7);
	assert_int_equal(m.id, 42);
	assert_true(m.fd > 2);
	close(ipc_take_fd(&m));
	ipc_read(&m, &r);
	assert_int_equal(ipc_get_u8(&r), 200);
	assert_true(ipc_get_u32(&r) == 1u << 31);
	assert_true(ipc_get_u64(&r) == UINT64_MAX);
	assert_true(str_eq(ipc_get_str(&r), STR("x\0y")));
	assert_false(ipc_done(&r));
	assert_int_equal(ipc_get_str(&r).n, 0);
	assert_true(str_is(ipc_get_rest(&r), "tail"));
	assert_true(ipc_done(&r));
	ipc_get_u8(&r);
	assert_false(ipc_done(&r));
	assert_int_equal(ipc_recv(b, &m, 10), -1);
	assert_int_equal(errno, ETIMEDOUT);
	ipc_free(a);
	assert_int_equal(ipc_recv(b, &m, 1000), 0);
	ipc_free(b);
}

static void test_short_string(void **state)
{
	uint32_t n = 1000;
	struct ipc_msg m = {.body = str_at(&n, sizeof n)};
	struct ipc_reader r;
	ipc_read(&m, &r);
	assert_null(ipc_get_str(&r).p);
	assert_false(ipc_done(&r));
}

static void test_too_large(void **state)
{
	int fds[2];
	static char big[IPC_BODY_MAX];
	assert_int_equal(ipc_pair(fds), 0);
	struct ipc *a = ipc_new(NULL, fds[0], NULL, NULL);
	ipc_compose(a, 1, 1);
	ipc_put_str(a, str_at(big, sizeof big));
	assert_int_equal(ipc_send(a, -1), -1);
	assert_int_equal(errno, EMSGSIZE);
	ipc_free(a);
	close(fds[1]);
}

struct talk {
	struct loop *loop;
	struct ipc *sender, *receiver;
	unsigned sent, got;
	bool drained, closed;
};

static void on_msg(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	struct talk *t = ctx;
	assert_int_equal(m->id, t->got);
	assert_int_equal(m->body.n, IPC_CHUNK);
	t->got++;
	if (t->got == t->sent) {
		ipc_free(t->receiver); /* inside its own callback */
		t->receiver = NULL;
	}
}

static void on_close(void *ctx, struct ipc *c)
{
	struct talk *t = ctx;
	t->closed = true;
	ipc_free(c);
	loop_stop(t->loop);
}

static void on_drain(void *ctx, struct ipc *c)
{
	struct talk *t = ctx;
	t->drained = true;
}

static const struct ipc_handlers handlers = {on_msg, on_close, on_drain};

static void test_backpressure(void **state)
{
	static char chunk[IPC_CHUNK];
	int fds[2];
	struct talk t = {.loop = loop_new()};
	assert_int_equal(ipc_pair(fds), 0);
	t.sender = ipc_new(t.loop, fds[0], &handlers, &t);
	t.receiver = ipc_new(t.loop, fds[1], &handlers, &t);
	for (unsigned i = 0; i < 200; i++) {
		ipc_compose(t.sender, 3, i);
		ipc_put_rest(t.sender, str_at(chunk, sizeof chunk));
		assert_int_equal(ipc_send(t.sender, -1), 0);
		t.sent++;
	}
	assert_true(ipc_pending(t.sender) > 0);
	assert_int_equal(loop_run(t.loop), 0);
	assert_int_equal(t.got, 200);
	assert_true(t.drained);
	assert_true(t.closed); /* the sender saw the receiver go */
	loop_free(t.loop);
}

static void test_foreign_frame(void **state)
{
	int fds[2];
	struct talk t = {.loop = loop_new()};
	assert_int_equal(ipc_pair(fds), 0);
	t.receiver = ipc_new(t.loop, fds[1], &handlers, &t);
	log_threshold(LOG_LEVEL_FATAL);
	assert_int_equal(send(fds[0], "garbage garbage garbage", 23, 0), 23);
	assert_int_equal(loop_run(t.loop), 0);
	log_threshold(LOG_LEVEL_INFO);
	assert_true(t.closed);
	assert_int_equal(t.got, 0);
	close(fds[0]);
	loop_free(t.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_short_string),
	    cmocka_unit_test(test_too_large),
	    cmocka_unit_test(test_backpressure),
	    cmocka_unit_test(test_foreign_frame),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
