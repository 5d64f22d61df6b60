/*
 * authdaemond as a whole, under a supervisor that this test plays: the private channel with its
 * rights, SASL exchanges, tickets, the text socket.
 */
#include "config.h"

#include "auth/auth-proto.h"
#include "sasl/password.h"
#include "sasl/sasl.h"
#include "service/control-proto.h"
#include "tests/unit/played.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

static char dir[64], socket_path[100];
static pid_t daemon_pid;
static struct ipc *control;

static void put_file(const char *name, const char *text, mode_t mode)
{
	char path[120];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), mode), 0);
}

static void make_accounts(void)
{
	struct buf text, hash, scram, hmac;
	buf_init(&text, 10000);
	buf_init(&hash, 500);
	buf_init(&scram, 500);
	buf_init(&hmac, 500);
	assert_true(password_make("sha512-crypt", STR("pencil"), &hash));
	assert_true(sasl_scram_record("sha256", STR("pencil"), STR("some salt"), 4096, &scram));
	assert_true(sasl_hmac_context("md5", STR("pencil"), &hmac));
	buf_addf(&text,
	    "tim@example.com\tuid=1001|gid=1002|home=/home/tim|mail=./Box|quota=1000S|"
	    "gecos=Tim T,room 5|options=disablepop3=1|systempw=%s|scram-sha-256pw=%s|"
	    "hmac-md5pw=%s|pop3pw={PLAIN}other\n",
	    hash.p, scram.p, hmac.p);
	buf_addz(&text, "anna\tuid=1003|gid=1003|home=/home/anna|systempw={PLAIN}anna's\n");
	buf_clear(&hash);
	assert_true(password_make("argon2id", STR("slow"), &hash));
	buf_addf(&text, "slow\tuid=1004|gid=1004|home=/home/slow|systempw=%s\n", hash.p);
	buf_addz(&text, "broken\thome=/home/broken|systempw={PLAIN}x\n");
	put_file("etc/userdb", text.p, 0600);
	buf_free(&text);
	buf_free(&hash);
	buf_free(&scram);
	buf_free(&hmac);
}

static void give_listener(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	memcpy(a.sun_path, socket_path, strlen(socket_path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 20), 0);
	ipc_compose(control, CONTROL_LISTENER, 0);
	ipc_put_z(control, "authsocket");
	ipc_put_z(control, socket_path);
	assert_int_equal(ipc_send(control, fd), 0);
	close(fd);
	assert_int_equal(ipc_reply(control, CONTROL_START, 0), 0);
}

static int setup(void **state)
{
	struct ipc_msg m;
	char path[100];
	snprintf(dir, sizeof dir, "/tmp/authdaemond-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/etc", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/var", dir);
	mkdir(path, 0700);
	snprintf(socket_path, sizeof socket_path, "%s/var/socket", dir);
	put_file("etc/authdaemonrc",
	    "authmodulelist=\"authuserdb\"\ndaemons=2\nAUTH_FAIL_DELAY=1\n"
	    "DEFAULTOPTIONS=\"disablepop3=0,sharedgroup=x\"\n",
	    0600);
	put_file("etc/defaultdomain", "example.com\n", 0600);
	put_file("etc/esmtpd", "TLS_EXTERNAL=emailaddress\n", 0644);
	make_accounts();
	daemon_pid = played_start("authdaemon/authdaemond", dir, "auth", 0, &control);
	give_listener();
	assert_int_equal(ipc_recv(control, &m, PATIENCE_MS), 1);
	assert_int_equal(m.type, CONTROL_READY);
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = {"etc/userdb", "etc/.lock.userdb", "etc/authdaemonrc",
	    "etc/defaultdomain", "etc/esmtpd", "var/socket", "etc", "var", ""};
	char path[100];
	int status = -1;
	ipc_free(control);
	waitpid(daemon_pid, &status, 0); /* it ends with its supervisor */
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		remove(path);
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 && access(dir, F_OK) < 0 ? 0 : -1;
}

struct answer {
	enum auth_verdict verdict;
	char data[1000], login[100], ticket[64], options[200];
};

static void copy(char *to, size_t size, struct str s)
{
	snprintf(to, size, "%.*s", STR_FMT(s));
}

static void next_answer(struct ipc *c, uint32_t id, struct answer *a)
{
	struct ipc_msg m;
	struct ipc_reader r;
	assert_int_equal(ipc_recv(c, &m, PATIENCE_MS), 1);
	assert_int_equal(m.type, AUTH_SASL_ANSWER);
	assert_int_equal(m.id, id);
	ipc_read(&m, &r);
	a->verdict = ipc_get_u8(&r);
	copy(a->data, sizeof a->data, ipc_get_str(&r));
	copy(a->login, sizeof a->login, ipc_get_str(&r));
	copy(a->ticket, sizeof a->ticket, ipc_get_str(&r));
	copy(a->options, sizeof a->options, ipc_get_str(&r));
	assert_true(ipc_done(&r));
}

static const char *default_domain = ""; /* what the front appends */
static const char *certified = "";      /* what it says a certificate is for */

static void send_start(struct ipc *c, uint32_t id, const char *service, const char *mechanism,
    const char *peer, struct str initial)
{
	ipc_compose(c, AUTH_SASL_START, id);
	ipc_put_z(c, service);
	ipc_put_z(c, mechanism);
	ipc_put_z(c, peer);
	ipc_put_z(c, "");
	ipc_put_z(c, default_domain);
	ipc_put_z(c, "");
	ipc_put_z(c, certified);
	ipc_put_u8(c, 0);
	ipc_put_u8(c, initial.p != NULL);
	ipc_put_rest(c, initial);
	assert_int_equal(ipc_send(c, -1), 0);
}

static struct answer plain(struct ipc *c, const char *service, const char *peer, struct str initial)
{
	static uint32_t id = 100;
	struct answer a;
	send_start(c, ++id, service, "PLAIN", peer, initial);
	next_answer(c, id, &a);
	return a;
}

static void test_login(void **state)
{
	struct ipc *c = played_edge(control, "imaplogin");
	struct answer a = plain(c, "imap", "192.0.2.1", STR("\0tim@example.com\0pencil"));
	assert_int_equal(a.verdict, AUTH_OK);
	assert_string_equal(a.login, "tim@example.com");
	assert_string_equal(a.options, "disablepop3=1,sharedgroup=x");
	assert_int_equal(strlen(a.ticket), AUTH_TICKET_SIZE);
	/* without the domain, and out of the cache this time */
	a = plain(c, "imap", "192.0.2.1", STR("\0tim\0pencil"));
	assert_int_equal(a.verdict, AUTH_OK);
	assert_string_equal(a.login, "tim@example.com");
	/* the service's own password wins over the general one */
	a = plain(c, "pop3", "192.0.2.1", STR("\0tim\0other"));
	assert_int_equal(a.verdict, AUTH_OK);
	a = plain(c, "imap", "192.0.2.1", STR("\0anna\0anna's"));
	assert_int_equal(a.verdict, AUTH_OK);
	a = plain(c, "imap", "192.0.2.1", STR("\0broken\0x"));
	assert_int_equal(a.verdict, AUTH_TEMPFAIL);
	/* a front with a domain of its own */
	default_domain = "@elsewhere.example";
	a = plain(c, "imap", "192.0.2.1", STR("\0tim\0pencil"));
	assert_int_equal(a.verdict, AUTH_NO);
	a = plain(c, "imap", "192.0.2.1", STR("\0tim@example.com\0pencil"));
	assert_int_equal(a.verdict, AUTH_OK);
	default_domain = "";
	ipc_free(c);
}

static int64_t refusal_ms(struct ipc *c, struct str initial)
{
	int64_t start = clock_mono_ms();
	struct answer a = plain(c, "imap", "192.0.2.7", initial);
	assert_int_equal(a.verdict, AUTH_NO);
	assert_string_equal(a.ticket, "");
	return clock_mono_ms() - start;
}

/* Refused: after the delay, and whether the name exists or not makes no difference. */
static void test_refusals(void **state)
{
	struct ipc *c = played_edge(control, "imaplogin");
	int64_t known = refusal_ms(c, STR("\0tim\0penci1"));
	int64_t unknown = refusal_ms(c, STR("\0nobody\0penci1"));
	assert_in_range(known, 990, 3000);
	assert_in_range(unknown, 990, 3000);
	struct answer a;
	send_start(c, 1, "imap", "NONSUCH", "", STR_NONE);
	next_answer(c, 1, &a);
	assert_int_equal(a.verdict, AUTH_NO);
	ipc_free(c);
}

static void test_steps(void **state)
{
	struct ipc *c = played_edge(control, "esmtpd");
	struct answer a;
	struct buf out;
	buf_init(&out, 5000);
	struct sasl_client *s =
	    sasl_client_new(STR("SCRAM-SHA-256"), STR("tim"), STR_NONE, STR("pencil"), STR_NONE);
	sasl_client_step(s, STR_NONE, &out);
	send_start(c, 5, "smtp", "SCRAM-SHA-256", "2001:db8::1", buf_str(&out));
	next_answer(c, 5, &a);
	assert_int_equal(a.verdict, AUTH_CONTINUE);
	assert_int_equal(sasl_client_step(s, str_of(a.data), &out), SASL_MORE);
	ipc_compose(c, AUTH_SASL_STEP, 5);
	ipc_put_rest(c, buf_str(&out));
	assert_int_equal(ipc_send(c, -1), 0);
	next_answer(c, 5, &a);
	assert_int_equal(a.verdict, AUTH_OK);
	assert_int_equal(sasl_client_step(s, str_of(a.data), &out), SASL_MORE);
	assert_true(sasl_client_done(s));
	assert_int_equal(strlen(a.ticket), AUTH_TICKET_SIZE);
	sasl_client_free(s);
	buf_free(&out);
	ipc_free(c);
}

/* Asked first, answered last: a hash that takes its time holds up nobody else. */
static void test_slow_hash(void **state)
{
	struct ipc *c = played_edge(control, "imaplogin");
	struct answer a;
	send_start(c, 1, "imap", "PLAIN", "", STR("\0slow\0slow"));
	send_start(c, 2, "imap", "PLAIN", "", STR("\0anna\0anna's"));
	next_answer(c, 2, &a);
	assert_int_equal(a.verdict, AUTH_OK);
	next_answer(c, 1, &a);
	assert_int_equal(a.verdict, AUTH_OK);
	assert_string_equal(a.login, "slow");
	ipc_free(c);
}

/* The first child of authdaemond, out of /proc. */
static pid_t verifier_pid(void)
{
	char path[64];
	struct buf list;
	buf_init(&list, 4096);
	uint64_t pid = 0;
	struct str word, rest;
	snprintf(
	    path, sizeof path, "/proc/%ld/task/%ld/children", (long)daemon_pid, (long)daemon_pid);
	if (file_read(AT_FDCWD, path, &list) == 0) {
		rest = buf_str(&list);
		if (str_word(&rest, &word))
			str_u64(word, &pid);
	}
	buf_free(&list);
	return (pid_t)pid;
}

/* A verifier dies over a password: that one can't be told, and the next is checked again. */
static void test_verifier_dies(void **state)
{
	struct ipc *c = played_edge(control, "imaplogin");
	struct answer a;
	unsigned wrong = 0;
	if (verifier_pid() <= 0)
		skip();                    /* no list of children in this kernel */
	for (uint32_t i = 0; i < 4; i++) { /* both of them, twice */
		pid_t pid = verifier_pid();
		for (int wait = 0; pid <= 0 && wait < 100; wait++, pid = verifier_pid())
			usleep(50000);
		assert_true(pid > 0);
		send_start(c, 10 + i, "imap", "PLAIN", "", STR("\0slow\0sloth"));
		usleep(10000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		next_answer(c, 10 + i, &a);
		assert_in_range(a.verdict, AUTH_NO, AUTH_TEMPFAIL);
		wrong += a.verdict == AUTH_TEMPFAIL;
	}
	assert_true(wrong > 0);
	a = plain(c, "imap", "", STR("\0anna\0anna's"));
	assert_int_equal(a.verdict, AUTH_OK);
	ipc_free(c);
}

static void test_cancel(void **state)
{
	struct ipc *c = played_edge(control, "pop3login");
	struct answer a;
	send_start(c, 7, "pop3", "CRAM-MD5", "", STR_NONE);
	next_answer(c, 7, &a);
	assert_int_equal(a.verdict, AUTH_CONTINUE);
	assert_int_equal(ipc_reply(c, AUTH_SASL_CANCEL, 7), 0);
	/* the id is free again, and nothing of the first exchange is left */
	send_start(c, 7, "pop3", "PLAIN", "", STR("\0anna\0anna's"));
	next_answer(c, 7, &a);
	assert_int_equal(a.verdict, AUTH_OK);
	ipc_free(c);
}

static enum auth_verdict account(struct ipc *c, uint32_t id, struct auth_account *a)
{
	struct ipc_msg m;
	struct ipc_reader r;
	assert_int_equal(ipc_recv(c, &m, PATIENCE_MS), 1);
	assert_int_equal(m.type, AUTH_ACCOUNT);
	assert_int_equal(m.id, id);
	ipc_read(&m, &r);
	enum auth_verdict v = ipc_get_u8(&r);
	if (v == AUTH_OK)
		auth_get_account(&r, a);
	assert_true(ipc_done(&r));
	return v;
}

static enum auth_verdict redeem(struct ipc *c, const char *ticket, struct auth_account *a)
{
	ipc_compose(c, AUTH_REDEEM, 3);
	ipc_put_z(c, ticket);
	assert_int_equal(ipc_send(c, -1), 0);
	return account(c, 3, a);
}

static void test_ticket(void **state)
{
	struct ipc *login = played_edge(control, "imaplogin"),
		   *broker = played_edge(control, "broker");
	struct auth_account acc;
	struct answer a = plain(login, "imap", "", STR("\0tim\0pencil"));
	assert_int_equal(redeem(broker, a.ticket, &acc), AUTH_OK);
	assert_true(str_is(acc.name, "tim@example.com") && str_is(acc.home, "/home/tim"));
	assert_true(str_is(acc.maildir, "./Box") && str_is(acc.quota, "1000S"));
	assert_true(str_is(acc.fullname, "Tim T") && acc.uid == 1001 && acc.gid == 1002);
	assert_int_equal(redeem(broker, a.ticket, &acc), AUTH_NO); /* once only */
	assert_int_equal(redeem(broker, "", &acc), AUTH_NO);
	ipc_free(login);
	ipc_free(broker);
}

/* Tickets of esmtpd are the gate's, those of imaplogin the broker's. */
static void test_whose_tickets(void **state)
{
	struct ipc *esmtpd = played_edge(control, "esmtpd"),
		   *login = played_edge(control, "imaplogin");
	struct ipc *gate = played_edge(control, "gate"), *broker = played_edge(control, "broker");
	struct auth_account acc;
	struct answer a = plain(esmtpd, "smtp", "192.0.2.1", STR("\0tim\0pencil"));
	assert_int_equal(redeem(broker, a.ticket, &acc), AUTH_NO);
	assert_int_equal(redeem(gate, a.ticket, &acc), AUTH_OK);
	assert_true(str_is(acc.name, "tim@example.com"));
	assert_int_equal(redeem(gate, a.ticket, &acc), AUTH_NO);
	a = plain(login, "imap", "192.0.2.1", STR("\0tim\0pencil"));
	assert_int_equal(redeem(gate, a.ticket, &acc), AUTH_NO);
	assert_int_equal(redeem(broker, a.ticket, &acc), AUTH_OK);
	ipc_free(esmtpd);
	ipc_free(login);
	ipc_free(gate);
	ipc_free(broker);
}

static enum auth_verdict external(struct ipc *c, const char *name, struct str initial)
{
	static uint32_t id = 5000;
	struct answer a;
	certified = name;
	send_start(c, ++id, "smtp", "EXTERNAL", "192.0.2.33", initial);
	certified = "";
	next_answer(c, id, &a);
	if (a.verdict == AUTH_OK)
		assert_string_equal(a.login, "tim@example.com");
	return a.verdict;
}

/* EXTERNAL: esmtpd's word about a certificate counts, nobody else's (MTA-0836). */
static void test_external(void **state)
{
	struct ipc *esmtpd = played_edge(control, "esmtpd"),
		   *login = played_edge(control, "imaplogin");
	assert_int_equal(external(esmtpd, "tim@example.com", STR("")), AUTH_OK);
	assert_int_equal(external(esmtpd, "tim", STR("")), AUTH_OK);
	assert_int_equal(external(esmtpd, "tim@example.com", STR("tim@example.com")), AUTH_OK);
	assert_int_equal(external(esmtpd, "tim@example.com", STR("anna")), AUTH_NO);
	assert_int_equal(external(esmtpd, "nobody@example.com", STR("")), AUTH_NO);
	assert_int_equal(external(esmtpd, "", STR("tim@example.com")), AUTH_NO);
	assert_int_equal(external(login, "tim@example.com", STR("")), AUTH_NO);
	ipc_free(esmtpd);
	ipc_free(login);
}

static void test_lookup(void **state)
{
	struct ipc *gate = played_edge(control, "gate");
	struct auth_account acc;
	static const struct {
		const char *name;
		enum auth_verdict v;
	} t[] = {{"anna", AUTH_OK}, {"tim@EXAMPLE.com", AUTH_OK}, {"tim", AUTH_OK},
	    {"anna@example.com", AUTH_NO}, {"", AUTH_NO}, {"broken", AUTH_TEMPFAIL}};
	for (uint32_t i = 0; i < ARRAY_LEN(t); i++) {
		ipc_compose(gate, AUTH_LOOKUP, i);
		ipc_put_z(gate, "courier");
		ipc_put_z(gate, t[i].name);
		assert_int_equal(ipc_send(gate, -1), 0);
		assert_int_equal(account(gate, i, &acc), t[i].v);
	}
	ipc_free(gate);
}

static void is_closed(struct ipc *c)
{
	struct ipc_msg m;
	assert_int_equal(ipc_recv(c, &m, PATIENCE_MS), 0);
	ipc_free(c);
}

/* Every role, every request: what is not in the table costs the edge. */
static void test_rights(void **state)
{
	struct ipc *c = played_edge(control, "imaplogin");
	ipc_compose(c, AUTH_LOOKUP, 1);
	ipc_put_z(c, "imap");
	ipc_put_z(c, "tim");
	ipc_send(c, -1);
	is_closed(c);
	c = played_edge(control, "local");
	ipc_compose(c, AUTH_REDEEM, 1);
	ipc_put_z(c, "x");
	ipc_send(c, -1);
	is_closed(c);
	c = played_edge(control, "broker");
	send_start(c, 1, "imap", "PLAIN", "", STR("\0tim\0pencil"));
	is_closed(c);
	c = played_edge(control, "imaplogin");
	ipc_reply(c, AUTH_SASL_START, 1); /* nothing in it */
	is_closed(c);
	c = played_edge(control, "imaplogin");
	ipc_reply(c, 999, 1);
	is_closed(c);
	is_closed(played_edge(control, "webmail"));
}

static void text(const char *request, const char *want)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char got[4096];
	size_t n = 0;
	memcpy(a.sun_path, socket_path, strlen(socket_path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	for (const char *p = request; *p; p++) /* every split there is */
		assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
	for (ssize_t r; (r = read(fd, got + n, sizeof got - 1 - n)) > 0; n += (size_t)r)
		;
	got[n] = 0;
	close(fd);
	/* the hash is of a new salt each time */
	char *hash = strstr(got, "PASSWD=$6$"), *end = hash ? strchr(hash, '\n') : NULL;
	if (end)
		memmove(hash, end + 1, strlen(end + 1) + 1);
	assert_string_equal(got, want);
}

static const char tim[] = "UID=1001\nGID=1002\nHOME=/home/tim\nADDRESS=tim@example.com\n"
			  "NAME=Tim T\nMAILDIR=./Box\nQUOTA=1000S\n"
			  "OPTIONS=disablepop3=1,sharedgroup=x\n.\n";

static void test_text(void **state)
{
	text("PRE . imap tim\n", tim);
	text("TCPREMOTEIP=192.0.2.1\nUNKNOWN=x\nPRE  authuserdb   imap tim@example.com\n", tim);
	text("PRE authpam imap tim\n", "FAIL\n");
	text("PRE . imap broken\n", "");
}

static void test_text_auth(void **state)
{
	text("AUTH 21\nimap\nlogin\ntim\npencil", tim);
	text("AUTH 22\nimap\nlogin\ntim\npencil\n", tim);
	text("AUTH 21\nimap\nlogin\ntim\npenciL", "FAIL\n");
	/* RFC 2195's challenge, answered with "pencil" */
	struct buf digest, b64, request;
	buf_init(&digest, 200);
	buf_init(&b64, 400);
	buf_init(&request, 1000);
	struct sasl_client *s =
	    sasl_client_new(STR("CRAM-MD5"), STR("tim"), STR_NONE, STR("pencil"), STR_NONE);
	sasl_client_step(s, STR("<1896.697170952@postoffice.reston.mci.net>"), &digest);
	base64_encode(buf_str(&digest), &b64);
	const char *challenge = "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
	buf_addf(&request, "AUTH %zu\nimap\ncram-md5\n%s\n%s\n", strlen(challenge) + b64.n + 16,
	    challenge, b64.p);
	text(request.p, tim);
	sasl_client_free(s);
	buf_free(&digest);
	buf_free(&b64);
	buf_free(&request);
}

static void test_text_others(void **state)
{
	text("NONSENSE\n", "FAIL\n");
	text("PASSWD imap\tanna\twrong\tnew one\t\n", "FAIL\n");
	text("PASSWD imap\tanna\tanna's\tnew one\t\n", "OK\n");
	text("AUTH 24\nimap\nlogin\nanna\nnew one\n",
	    "UID=1003\nGID=1003\nHOME=/home/anna\nADDRESS=anna\nPASSWD={PLAIN}new one\n"
	    "PASSWD2=new one\nOPTIONS=disablepop3=0,sharedgroup=x\n.\n");
	/* The digests follow the password: CRAM works with the new one. */
	text("PASSWD imap\ttim\tpencil\tcrayon\t\n", "OK\n");
	text("AUTH 22\nimap\nlogin\ntim\ncrayon\n", tim);
}

static void test_reads_changes(void **state)
{
	struct ipc *gate = played_edge(control, "gate");
	struct auth_account acc;
	put_file("etc/userdb", "new@example.com\tuid=5|gid=6|home=/h\n", 0600);
	ipc_compose(gate, AUTH_LOOKUP, 1);
	ipc_put_z(gate, "courier");
	ipc_put_z(gate, "new");
	assert_int_equal(ipc_send(gate, -1), 0);
	assert_int_equal(account(gate, 1, &acc), AUTH_OK);
	text("ENUMERATE\n", "# authuserdb\n\nnew@example.com\t5\t6\t/h\t\t\n.\n");
	ipc_free(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_login),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_steps),
	    cmocka_unit_test(test_slow_hash),
	    cmocka_unit_test(test_verifier_dies),
	    cmocka_unit_test(test_cancel),
	    cmocka_unit_test(test_ticket),
	    cmocka_unit_test(test_whose_tickets),
	    cmocka_unit_test(test_external),
	    cmocka_unit_test(test_lookup),
	    cmocka_unit_test(test_rights),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_text_auth),
	    cmocka_unit_test(test_text_others),
	    cmocka_unit_test(test_reads_changes),
	};
	log_open("test", LOG_TO_STDERR, -1);
	return cmocka_run_group_tests(tests, setup, teardown);
}
