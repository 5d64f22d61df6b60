/*
 * The gate as a whole, under a supervisor, scheduler and authdaemond that this test plays, with
 * clients on its edges that lie: who has logged in is authdaemond's word, never esmtpd's
 * (MTA-0842), and a scheduler that is just being started again costs no client a refusal.
 */
#include "config.h"

#include "auth/auth-proto.h"
#include "gate/gate-proto.h"
#include "queue/envelope.h"
#include "queue/queue-proto.h"
#include "service/control-proto.h"
#include "tests/unit/played.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { PATIENCE_MS = 20000 };
#define TICKET "0123456789abcdefghijklmnopqrstuv"

static char dir[64];
static pid_t gate_pid;
static struct ipc *control, *sched, *auth;
static bool ready, ticket_good, sched_down;
static uint32_t sched_asked; /* a request for an edge that was not answered */
static unsigned commits;
static char committed[8192], body[8192]; /* the last envelope and text that came */

static void put_file(const char *name, const char *text)
{
	char path[120];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), 0644), 0);
}

static void put_folder(const char *name)
{
	char path[120];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

/* ---- the supervisor -------------------------------------------------------------------------- */

static struct ipc *give_edge(uint32_t id)
{
	int fds[2];
	assert_int_equal(ipc_pair(fds), 0);
	ipc_compose(control, CONTROL_CONNECTED, id);
	assert_int_equal(ipc_send(control, fds[1]), 0);
	close(fds[1]);
	return ipc_new(NULL, fds[0], NULL, NULL);
}

static void on_control(struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	if (m->type == CONTROL_READY)
		ready = true;
	if (m->type != CONTROL_CONNECT)
		return;
	struct str role = ipc_get_str(&r);
	if (str_is(role, "auth"))
		auth = give_edge(m->id);
	else if (str_is(role, "sched") && sched_down)
		sched_asked = m->id;
	else if (str_is(role, "sched"))
		sched = give_edge(m->id);
	else { /* nobody there */
		ipc_compose(control, CONTROL_CONNECTED, m->id);
		assert_int_equal(ipc_send(control, -1), 0);
	}
}

/* ---- authdaemond: one ticket, good once ------------------------------------------------------ */

static void on_auth(struct ipc_msg *m)
{
	const struct auth_account a = {.name = STR("tim@example.com"), .home = STR("/home/tim")};
	struct ipc_reader r;
	ipc_read(m, &r);
	if (m->type == AUTH_LOOKUP) {
		ipc_get_str(&r);
		bool tim = str_is(ipc_get_str(&r), "tim@example.com");
		ipc_compose(auth, AUTH_ACCOUNT, m->id);
		ipc_put_u8(auth, tim ? AUTH_OK : AUTH_NO);
		if (tim)
			auth_put_account(auth, &a);
	} else {
		assert_int_equal(m->type, AUTH_REDEEM);
		bool good = str_is(ipc_get_str(&r), TICKET) && ticket_good;
		ticket_good &= !good;
		ipc_compose(auth, AUTH_ACCOUNT, m->id);
		ipc_put_u8(auth, good ? AUTH_OK : AUTH_NO);
		if (good)
			auth_put_account(auth, &a);
	}
	assert_int_equal(ipc_send(auth, -1), 0);
}

/* ---- the scheduler --------------------------------------------------------------------------- */

static void on_commit(struct ipc_msg *m, struct ipc_reader *r)
{
	ipc_get_str(r);
	ipc_get_str(r);
	ipc_get_u8(r);
	struct str envelope = ipc_get_str(r), text = ipc_get_rest(r);
	snprintf(committed, sizeof committed, "%.*s", STR_FMT(envelope));
	snprintf(body, sizeof body, "%.*s", STR_FMT(text));
	commits++;
	ipc_compose(sched, QUEUE_COMMITTED, m->id);
	ipc_put_u8(sched, 1);
	ipc_put_z(sched, "0000000000000001.0000000000000002.00000000");
	assert_int_equal(ipc_send(sched, -1), 0);
}

static void on_sched(struct ipc_msg *m)
{
	struct ipc_reader r;
	ipc_read(m, &r);
	if (m->type == QUEUE_COMMIT)
		on_commit(m, &r);
	if (m->type != QUEUE_IDS_ASK)
		return;
	ipc_compose(sched, QUEUE_IDS, 0);
	ipc_put_u64(sched, 1000);
	ipc_put_u32(sched, 512);
	assert_int_equal(ipc_send(sched, -1), 0);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void serve(struct ipc **c, void (*on)(struct ipc_msg *m))
{
	struct ipc_msg m;
	while (*c && ipc_recv(*c, &m, 1) == 1)
		on(&m);
}

static void serve_all(void)
{
	serve(&control, on_control);
	serve(&auth, on_auth);
	serve(&sched, on_sched);
}

/* 1 with the next frame of a client, 0 when its edge has ended, -1 when nothing came in ms. */
static int next(struct ipc *c, struct ipc_msg *m, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;
	int r;
	do {
		serve_all();
		r = ipc_recv(c, m, 5);
	} while (r < 0 && clock_mono_ms() < until);
	return r;
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/gate-test.XXXXXX");
	if (!mkdtemp(dir) || chmod(dir, 0755) < 0)
		return -1;
	put_folder("etc");
	put_folder("var");
	put_folder("var/tmp");
	put_file("etc/me", "mx.example.com\n");
	put_file("etc/hosteddomains", "example.com\n");
	put_file("etc/module.local", "NAME=local\nPRIORITY=10\nPROG=courierlocal\n");
	put_file("etc/module.esmtp", "NAME=esmtp\nPRIORITY=50\nPROG=courieresmtp\n");
	put_file("etc/esmtpd", "BOFHCHECKDNS=0\n");
	gate_pid = played_start("couriergate", dir, "gate", 1, &control);
	assert_int_equal(ipc_reply(control, CONTROL_START, 0), 0);
	for (int i = 0; i < 2000 && !ready; i++)
		serve_all();
	return ready ? 0 : -1;
}

static int teardown(void **state)
{
	int status = -1;
	char command[100];
	(void)state;
	ipc_free(control);
	ipc_free(auth);
	ipc_free(sched);
	waitpid(gate_pid, &status, 0); /* it ends with its supervisor */
	static const char *const names[] = {"etc/me", "etc/hosteddomains", "etc/module.local",
	    "etc/module.esmtp", "etc/esmtpd", "etc", "var/tmp", "var", ""};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(command, sizeof command, "%s/%s", dir, names[i]);
		remove(command);
	}
	return WIFEXITED(status) && access(dir, F_OK) < 0 ? 0 : -1;
}

/* ---- a client -------------------------------------------------------------------------------- */

static void say(struct ipc *c, uint16_t type, const struct buf *b)
{
	assert_false(b->failed);
	ipc_compose(c, type, 7);
	ipc_put_rest(c, buf_str(b));
	assert_int_equal(ipc_send(c, -1), 0);
}

/* The code of the answer; 0: the edge has ended; -1: no answer in ms. */
static int code(struct ipc *c, int64_t ms)
{
	struct ipc_msg m;
	struct gate_reply r;
	int got = next(c, &m, ms);
	if (got != 1)
		return got;
	assert_int_equal(m.type, GATE_REPLY);
	assert_true(gate_decode_reply(m.body, &r));
	return r.code;
}

static void open_session(struct ipc *c, const char *env)
{
	const struct gate_origin o = {.source = "esmtp",
	    .service = "submission",
	    .remote_ip = STR("192.0.2.7"),
	    .env = str_of(env),
	    .label = STR("authsmtp")};
	struct ipc_msg m;
	struct buf b;
	buf_init(&b, GATE_FRAME_MAX);
	assert_true(gate_encode_open(&b, &o));
	say(c, GATE_OPEN, &b);
	buf_free(&b);
	assert_int_equal(next(c, &m, PATIENCE_MS), 1);
	assert_int_equal(m.type, GATE_POLICY);
}

static void send_mail(struct ipc *c, const char *login)
{
	const struct gate_mail mail = {.sender = STR("tim@example.com"),
	    .helo = STR("client"),
	    .login = str_of(login),
	    .with = "ESMTPSA"};
	struct buf b;
	buf_init(&b, GATE_FRAME_MAX);
	assert_true(gate_encode_mail(&b, &mail));
	say(c, GATE_MAIL, &b);
	buf_free(&b);
}

static int mail(struct ipc *c, const char *login)
{
	send_mail(c, login);
	return code(c, PATIENCE_MS);
}

static int rcpt(struct ipc *c, const char *address)
{
	const struct gate_rcpt r = {.address = str_of(address)};
	struct buf b;
	buf_init(&b, GATE_FRAME_MAX);
	assert_true(gate_encode_rcpt(&b, &r));
	say(c, GATE_RCPT, &b);
	buf_free(&b);
	return code(c, PATIENCE_MS);
}

static int login(struct ipc *c, const char *ticket)
{
	struct buf b;
	buf_init(&b, GATE_FRAME_MAX);
	assert_true(gate_encode_auth(&b, str_of(ticket), STR("PLAIN")));
	say(c, GATE_AUTH, &b);
	buf_free(&b);
	return code(c, PATIENCE_MS);
}

static void plain(struct ipc *c, uint16_t type, const char *text)
{
	struct buf b;
	buf_init(&b, GATE_FRAME_MAX);
	buf_addz(&b, text);
	say(c, type, &b);
	buf_free(&b);
}

#define FAR "someone@far.example"

/* ---- tests ----------------------------------------------------------------------------------- */

/* An esmtpd that somebody has taken over says whatever it likes: nobody's name opens the relay. */
static void test_forged(void **state)
{
	struct ipc *c = played_edge(control, "esmtpd");
	(void)state;
	ticket_good = true;
	open_session(c, "RELAYCLIENT=\nFAXRELAYCLIENT=\nNOADDDATE=1\nRELAYCLIENT=1\n");
	assert_int_equal(mail(c, "tim@example.com"), 250);
	assert_int_equal(rcpt(c, FAR), 513);
	plain(c, GATE_RESET, "");
	/* tickets that it has made up, or had before */
	static const char *const bad[] = {
	    "x", "0123456789abcdefghijklmnopqrstux", "tim@example.com", TICKET "x"};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(login(c, bad[i]), 450);
		assert_int_equal(mail(c, "tim@example.com"), 250);
		assert_int_equal(rcpt(c, FAR), 513);
		plain(c, GATE_RESET, "");
	}
	ipc_free(c);
}

static void test_ticket(void **state)
{
	struct ipc *c = played_edge(control, "esmtpd"), *other = played_edge(control, "esmtpd");
	(void)state;
	ticket_good = true;
	commits = 0;
	open_session(c, "");
	open_session(other, "");
	assert_int_equal(login(c, TICKET), 250);
	/* the account is the ticket's, not the one that MAIL names */
	assert_int_equal(mail(c, "boss@example.com"), 250);
	assert_int_equal(login(c, TICKET), 503); /* not within a message */
	assert_int_equal(rcpt(c, FAR), 250);
	plain(c, GATE_DATA, "Subject: x\n\nx\n");
	plain(c, GATE_END, "");
	assert_int_equal(code(c, PATIENCE_MS), 250);
	assert_int_equal(commits, 1);
	assert_non_null(strstr(committed, "\nitim@example.com\n"));
	assert_null(strstr(committed, "boss"));
	assert_non_null(strstr(body, "(AUTH: PLAIN tim@example.com)"));
	/* it was good once */
	assert_int_equal(login(other, TICKET), 450);
	assert_int_equal(mail(other, ""), 250);
	assert_int_equal(rcpt(other, FAR), 513);
	/* the login is forgotten (STARTTLS) */
	assert_int_equal(login(c, ""), 250);
	assert_int_equal(mail(c, "tim@example.com"), 250);
	assert_int_equal(rcpt(c, FAR), 513);
	ipc_free(c);
	ipc_free(other);
}

/* Logins are for esmtpd's clients. */
static void test_others(void **state)
{
	static const char *const roles[] = {"local", "dsn"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		struct ipc *c = played_edge(control, roles[i]);
		open_session(c, "");
		assert_int_equal(login(c, TICKET), 0);
		ipc_free(c);
	}
}

static void lose_scheduler(void)
{
	sched_down = true;
	sched_asked = 0;
	ipc_free(sched);
	sched = NULL;
	for (int i = 0; i < 2000 && !sched_asked; i++)
		serve_all();
	assert_int_not_equal(sched_asked, 0);
}

static void scheduler_back(void)
{
	sched_down = false;
	sched = give_edge(sched_asked);
}

static void test_scheduler_comes_back(void **state)
{
	struct ipc *c = played_edge(control, "esmtpd");
	(void)state;
	open_session(c, "");
	lose_scheduler();
	send_mail(c, "");
	assert_int_equal(code(c, 300), -1);
	scheduler_back();
	assert_int_equal(code(c, PATIENCE_MS), 250);
	plain(c, GATE_RESET, "");
	/* the end of a message waits too */
	ticket_good = true;
	assert_int_equal(login(c, TICKET), 250);
	assert_int_equal(mail(c, ""), 250);
	assert_int_equal(rcpt(c, FAR), 250);
	commits = 0;
	lose_scheduler();
	plain(c, GATE_DATA, "Subject: x\n\nx\n");
	plain(c, GATE_END, "");
	assert_int_equal(code(c, 300), -1);
	assert_int_equal(commits, 0);
	scheduler_back();
	assert_int_equal(code(c, PATIENCE_MS), 250);
	assert_int_equal(commits, 1);
	ipc_free(c);
}

static void test_scheduler_stays_away(void **state)
{
	struct ipc *c = played_edge(control, "esmtpd"), *gone = played_edge(control, "esmtpd");
	(void)state;
	open_session(c, "");
	open_session(gone, "");
	lose_scheduler();
	int64_t start = clock_mono_ms();
	send_mail(c, "");
	send_mail(gone, "");
	ipc_free(gone); /* leaves while it waits */
	assert_int_equal(code(c, PATIENCE_MS), 451);
	assert_in_range(clock_mono_ms() - start, 1500, 10000);
	scheduler_back();
	assert_int_equal(mail(c, ""), 250);
	ipc_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forged),
	    cmocka_unit_test(test_ticket),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_scheduler_comes_back),
	    cmocka_unit_test(test_scheduler_stays_away),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
