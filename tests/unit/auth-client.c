/*
 * libs/auth: the client of the private channel, with links and timers of our own in place of the
 * service skeleton's: what is sent, what is asked again after authdaemond's death, and what is not.
 */
#include "config.h"

#include "auth/auth-proto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

struct service_link {
	const struct ipc_handlers *h;
	void (*on_up)(void *ctx), (*on_down)(void *ctx);
	void *ctx;
	struct ipc *ipc;
	unsigned dropped;
};

static struct loop *loop;
static struct service_link link_of_test;
static struct ipc *far; /* authdaemond's end, blocking */
static struct auth_client *client;

struct loop *service_loop(struct service *s)
{
	return loop;
}

struct service_link *service_link_new(struct service *s, const char *role, unsigned number,
    const struct ipc_handlers *h, void (*on_up)(void *ctx), void (*on_down)(void *ctx), void *ctx)
{
	assert_string_equal(role, "auth");
	link_of_test = (struct service_link){h, on_up, on_down, ctx, NULL, 0};
	return &link_of_test;
}

struct ipc *service_link_ipc(struct service_link *k)
{
	return k->ipc;
}

void service_link_drop(struct service_link *k)
{
	k->dropped++;
}

void service_link_free(struct service_link *k)
{
	ipc_free(k->ipc);
	k->ipc = NULL;
}

static void ignore_close(void *ctx, struct ipc *c) {}

static void pass_on(void *ctx, struct ipc *c, struct ipc_msg *m)
{
	link_of_test.h->on_msg(link_of_test.ctx, c, m);
}

static void up(void)
{
	static const struct ipc_handlers handlers = {pass_on, ignore_close, NULL};
	int fds[2];
	assert_int_equal(ipc_pair(fds), 0);
	far = ipc_new(NULL, fds[1], NULL, NULL);
	link_of_test.ipc = ipc_new(loop, fds[0], &handlers, NULL);
	link_of_test.on_up(link_of_test.ctx);
}

static void down(void)
{
	ipc_free(link_of_test.ipc);
	ipc_free(far);
	link_of_test.ipc = NULL;
	far = NULL;
	link_of_test.on_down(link_of_test.ctx);
}

static void stop(void *ctx)
{
	loop_stop(loop);
}

static void turn(void)
{
	struct timer *t = timer_new(loop, stop, NULL);
	timer_set(t, 20);
	assert_int_equal(loop_run(loop), 0);
	timer_free(t);
}

static int setup(void **state)
{
	loop = loop_new();
	client = auth_client_new(NULL);
	return loop && client ? 0 : -1;
}

static int teardown(void **state)
{
	auth_client_free(client);
	ipc_free(far);
	far = NULL;
	loop_free(loop);
	return 0;
}

/* The next request at authdaemond's end. */
static uint32_t request(uint16_t type, struct ipc_msg *m)
{
	assert_int_equal(ipc_recv(far, m, 1000), 1);
	assert_int_equal(m->type, type);
	return m->id;
}

static void nothing_more(void)
{
	struct ipc_msg m;
	assert_int_equal(ipc_recv(far, &m, 30), -1);
}

static void answer_sasl(uint32_t id, enum auth_verdict v, const char *data)
{
	ipc_compose(far, AUTH_SASL_ANSWER, id);
	ipc_put_u8(far, (uint8_t)v);
	ipc_put_z(far, data);
	ipc_put_z(far, "tim");
	ipc_put_z(far, "TICKET");
	ipc_put_z(far, "a=b");
	assert_int_equal(ipc_send(far, -1), 0);
}

struct got {
	unsigned calls;
	enum auth_verdict verdict;
	char data[100], login[100], ticket[100];
	uint32_t uid;
};

static void on_done(void *ctx, const struct auth_result *r)
{
	struct got *g = ctx;
	g->calls++;
	g->verdict = r->verdict;
	snprintf(g->data, sizeof g->data, "%.*s", STR_FMT(r->data));
	snprintf(g->login, sizeof g->login, "%.*s", STR_FMT(r->login));
	snprintf(g->ticket, sizeof g->ticket, "%.*s", STR_FMT(r->ticket));
}

static void on_found(void *ctx, enum auth_verdict v, const struct auth_account *a)
{
	struct got *g = ctx;
	g->calls++;
	g->verdict = v;
	g->uid = a ? a->uid : 0;
}

static void test_exchange(void **state)
{
	struct got g = {0};
	struct ipc_msg m;
	struct ipc_reader r;
	up();
	auth_default_domain(client, STR("@there.example"), STR("@%"));
	struct auth_sasl *x = auth_sasl_start(client, "imap", STR("LOGIN"), STR_NONE,
	    STR("192.0.2.1"), true, STR("bound"), on_done, &g);
	uint32_t id = request(AUTH_SASL_START, &m);
	ipc_read(&m, &r);
	assert_true(str_is(ipc_get_str(&r), "imap") && str_is(ipc_get_str(&r), "LOGIN"));
	assert_true(str_is(ipc_get_str(&r), "192.0.2.1") && str_is(ipc_get_str(&r), "bound"));
	assert_true(str_is(ipc_get_str(&r), "@there.example") && str_is(ipc_get_str(&r), "@%"));
	assert_true(ipc_get_str(&r).n == 0); /* nobody by certificate */
	assert_true(ipc_get_u8(&r) == 1 && ipc_get_u8(&r) == 0 && ipc_get_rest(&r).n == 0);
	answer_sasl(id, AUTH_CONTINUE, "Username:");
	turn();
	assert_int_equal(g.verdict, AUTH_CONTINUE);
	assert_string_equal(g.data, "Username:");
	auth_sasl_step(x, STR("tim"));
	assert_int_equal(request(AUTH_SASL_STEP, &m), id);
	answer_sasl(id, AUTH_OK, "");
	turn();
	assert_int_equal(g.calls, 2);
	assert_int_equal(g.verdict, AUTH_OK);
	assert_string_equal(g.login, "tim");
	assert_string_equal(g.ticket, "TICKET");
	answer_sasl(id, AUTH_OK, ""); /* once more: there is nobody to tell */
	turn();
	assert_int_equal(g.calls, 2);
}

static void test_cancel(void **state)
{
	struct got g = {0};
	struct ipc_msg m;
	up();
	struct auth_sasl *x =
	    auth_login(client, "imap", STR("tim"), STR("secret"), STR_NONE, false, on_done, &g);
	uint32_t id = request(AUTH_SASL_START, &m);
	auth_sasl_cancel(x);
	assert_int_equal(request(AUTH_SASL_CANCEL, &m), id);
	answer_sasl(id, AUTH_OK, "");
	turn();
	assert_int_equal(g.calls, 0);
}

/* A NUL in a name must not become the border between name and password. */
static void test_nul(void **state)
{
	struct got g = {0};
	struct ipc_msg m;
	up();
	auth_login(client, "imap", STR("tim\0x"), STR("secret"), STR_NONE, false, on_done, &g);
	request(AUTH_SASL_START, &m);
	assert_true(str_find(m.body, STR("tim")) < 0 && str_find(m.body, STR("secret")) < 0);
}

static void test_waits_for_daemon(void **state)
{
	struct got g = {0};
	struct ipc_msg m;
	auth_login(client, "imap", STR("tim"), STR("secret"), STR_NONE, false, on_done, &g);
	turn();
	assert_int_equal(g.calls, 0);
	up();
	answer_sasl(request(AUTH_SASL_START, &m), AUTH_NO, "");
	turn();
	assert_int_equal(g.calls, 1);
	assert_int_equal(g.verdict, AUTH_NO);
}

static void answer_account(uint32_t id)
{
	struct auth_account a = {.name = STR("tim"), .home = STR("/home/tim"), .uid = 7};
	ipc_compose(far, AUTH_ACCOUNT, id);
	ipc_put_u8(far, AUTH_OK);
	auth_put_account(far, &a);
	assert_int_equal(ipc_send(far, -1), 0);
}

/* authdaemond dies with a question and an exchange open: one is asked again, the other is over. */
static void test_daemon_dies(void **state)
{
	struct got found = {0}, done = {0};
	struct ipc_msg m;
	up();
	auth_lookup(client, "courier", STR("tim"), on_found, &found);
	auth_login(client, "imap", STR("tim"), STR("secret"), STR_NONE, false, on_done, &done);
	uint32_t id = request(AUTH_LOOKUP, &m);
	request(AUTH_SASL_START, &m);
	down();
	turn();
	assert_int_equal(done.calls, 1);
	assert_int_equal(done.verdict, AUTH_TEMPFAIL);
	assert_int_equal(found.calls, 0);
	up();
	assert_int_equal(request(AUTH_LOOKUP, &m), id);
	nothing_more();
	answer_account(id);
	turn();
	assert_int_equal(found.calls, 1);
	assert_int_equal(found.verdict, AUTH_OK);
	assert_int_equal(found.uid, 7);
}

static void test_lookup_cancelled(void **state)
{
	struct got found = {0};
	struct ipc_msg m;
	up();
	uint32_t number = auth_redeem(client, STR("TICKET"), on_found, &found);
	uint32_t id = request(AUTH_REDEEM, &m);
	auth_cancel(client, number);
	assert_int_equal(request(AUTH_CANCEL, &m), id);
	answer_account(id);
	turn();
	assert_int_equal(found.calls, 0);
}

static void test_nonsense(void **state)
{
	struct got g = {0}, found = {0};
	struct ipc_msg m;
	up();
	auth_login(client, "imap", STR("tim"), STR("secret"), STR_NONE, false, on_done, &g);
	uint32_t id = request(AUTH_SASL_START, &m);
	answer_account(id); /* of the wrong kind */
	turn();
	assert_int_equal(g.calls, 0);
	assert_int_equal(link_of_test.dropped, 1);
	auth_lookup(client, "courier", STR("tim"), on_found, &found);
	id = request(AUTH_LOOKUP, &m);
	ipc_compose(far, AUTH_ACCOUNT, id); /* a yes without an account */
	ipc_put_u8(far, AUTH_OK);
	assert_int_equal(ipc_send(far, -1), 0);
	turn();
	assert_int_equal(found.calls, 1);
	assert_int_equal(found.verdict, AUTH_TEMPFAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_exchange, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nul, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_waits_for_daemon, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_daemon_dies, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lookup_cancelled, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
