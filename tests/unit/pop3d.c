/* pop3d: commands, the size list, bytes on the wire, and whole sessions on a Maildir. */
#include "config.h"

#include "pop3d/pop3d.h"
#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void test_commands(void **state)
{
	static const struct {
		const char *line;
		enum pop3_verb verb;
		bool bad;
	} cases[] = {
	    {"retr 1", POP3_RETR, false},
	    {"RETR", POP3_RETR, true},
	    {"RETR -1", POP3_RETR, true},
	    {"RETR 1 2", POP3_RETR, true},
	    {"RETR 99999999999999999999", POP3_RETR, true},
	    {"TOP 1 0", POP3_TOP, false},
	    {"TOP 1", POP3_TOP, true},
	    {"  LIST  ", POP3_LIST, false},
	    {"LIST x", POP3_LIST, true},
	    {"QUIT now", POP3_QUIT, true},
	    {"LANG en", POP3_LANG, false},
	    {"APOP a b", POP3_UNKNOWN, false},
	    {"", POP3_UNKNOWN, false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pop3_command c;
		pop3_parse(str_of(cases[i].line), &c);
		assert_int_equal(c.verb, cases[i].verb);
		assert_int_equal(c.bad, cases[i].bad);
	}
}

static void test_list(void **state)
{
	struct sizelist l;
	struct buf out;
	assert_true(sizelist_parse(
	    STR("/3 4 17\n1.a b:2,S 10 2:17:1\nbad\n2.c 5 9:17:0\n3.'d 1 0:0:0\n4.e 1 7:0:0\n"),
	    &l));
	assert_int_equal(l.entries.n, 4);
	assert_true(str_is(l.entries.v[0].base, "1.a b"));
	assert_int_equal(l.entries.v[0].utf8, 1);
	assert_int_equal(l.next, 10); /* past every number in use */
	buf_init(&out, 1000);
	for (size_t i = 0; i < 4; i++) {
		sizelist_uidl(&l.entries.v[i], &out);
		buf_addc(&out, ' ');
	}
	assert_string_equal(out.p, "UID2-17 UID9-17 3.+27d UID7 ");
	sizelist_free(&l);
	assert_true(sizelist_parse(STR("/2 4 17\n1.a 10 2:17\n"), &l));
	assert_true(l.old && l.entries.n == 1 && l.entries.v[0].utf8 == -1);
	sizelist_free(&l);
	assert_false(sizelist_parse(STR("/1 4 17\n"), &l));
	assert_false(sizelist_parse(STR("/3 4\n"), &l));
	assert_false(sizelist_parse(STR(""), &l));
	buf_free(&out);
}

static void wire_is(const char *in, uint64_t lines, const char *want)
{
	for (size_t cut = 0; cut <= strlen(in); cut++) {
		struct pop3_wire w;
		struct buf out;
		buf_init(&out, 1000);
		pop3_wire_init(&w, lines);
		pop3_wire_add(&w, str_at(in, cut), &out);
		pop3_wire_add(&w, str_of(in + cut), &out);
		pop3_wire_end(&w, &out);
		assert_string_equal(out.p, want);
		buf_free(&out);
	}
}

static void test_wire(void **state)
{
	wire_is("A: b\n\n.x\n..\n", UINT64_MAX, "A: b\r\n\r\n..x\r\n...\r\n.\r\n");
	wire_is("A: b\r\n\r\nx", UINT64_MAX, "A: b\r\n\r\nx\r\n.\r\n");
	wire_is("A\rb\r\r\n", UINT64_MAX, "A\rb\r\r\n.\r\n");
	wire_is("A: b\n\nx\ny\n", 0, "A: b\r\n\r\n.\r\n");
	wire_is("A: b\r\n\r\nx\ny\n", 1, "A: b\r\n\r\nx\r\n.\r\n");
	wire_is("A: b\n\nx\ny", 5, "A: b\r\n\r\nx\r\ny\r\n.\r\n");
	wire_is("", UINT64_MAX, ".\r\n");
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static bool has(const char *dir, const char *name)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

/* A whole session: all commands at once, all answers. */
static char *session(const char *dir, const char *input)
{
	static char out[65536];
	const char *program = access("pop3d/pop3d", X_OK) ? "../../pop3d/pop3d" : "pop3d/pop3d";
	int fds[2], status;
	size_t n = 0;
	ssize_t got;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[1], 0);
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		close(2);
		execl(program, "pop3d", dir, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	assert_int_equal(write(fds[0], input, strlen(input)), (ssize_t)strlen(input));
	shutdown(fds[0], SHUT_WR);
	while ((got = read(fds[0], out + n, sizeof out - 1 - n)) > 0)
		n += (size_t)got;
	out[n] = 0;
	close(fds[0]);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	return out;
}

static char *answer(const char *dir, const char *input, const char *after)
{
	char *out = session(dir, input);
	assert_int_equal(strncmp(out, "+OK logged in\r\n", 15), 0);
	char *at = strstr(out, after);
	assert_non_null(at);
	return at + strlen(after);
}

static void uidl_of(const char *dir, char *out, size_t size)
{
	char *at = answer(dir, "UIDL\r\nQUIT\r\n", "the list follows\r\n");
	snprintf(out, size, "%.*s", (int)(strstr(at, "\r\n.\r\n") - at), at);
}

static void test_session(void **state)
{
	char dir[] = "/tmp/pop3d-test.XXXXXX", before[512], after[512], *at;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(maildir_make(dir, 0700), 0);
	put(dir, "cur/1.a:2,F", "Subject: one\n\n.dot\n");
	put(dir, "new/2.b", "Subject: two\n\nx");
	put(dir, "new/3.c", "Subject: \xc3\xa4\n\nx\n");
	at = answer(dir, "STAT\r\nlist\r\nRETR 1\r\nRETR 9\r\nNOOP\r\n", "+OK 3 59\r\n");
	assert_non_null(strstr(at, "\r\n1 22\r\n2 19\r\n3 18\r\n.\r\n"));
	assert_non_null(
	    strstr(at, "+OK 22 octets follow\r\nSubject: one\r\n\r\n..dot\r\n.\r\n-ERR"));
	assert_true(has(dir, "cur/1.a:2,FS") && has(dir, "new/2.b"));
	uidl_of(dir, before, sizeof before);
	/* Another number for each, the same after flags changed and messages left. */
	assert_true(!strncmp(before, "1 UID1-", 7));
	answer(dir, "DELE 1\r\nRETR 1\r\nDELE 2\r\nRSET\r\nDELE 1\r\nQUIT\r\n", "+OK bye\r\n");
	assert_false(has(dir, "cur/1.a:2,FS"));
	uidl_of(dir, after, sizeof after);
	assert_true(!strncmp(after, "1 UID2-", 7));
	*strchr(after, '\r') = 0;
	assert_non_null(strstr(before, after + 2));
	put(dir, "new/4.d", "\n\n");
	uidl_of(dir, after, sizeof after);
	assert_non_null(strstr(after, "3 UID4-"));
	/* Without QUIT nothing is deleted. */
	session(dir, "DELE 1\r\n");
	assert_true(has(dir, "new/2.b"));
	/* A Unicode header only for those who asked. */
	assert_non_null(strstr(session(dir, "RETR 2\r\nQUIT\r\n"), "Content-Type: message/global"));
	assert_non_null(
	    strstr(session(dir, "UTF8\r\nRETR 2\r\nQUIT\r\n"), "follow\r\nSubject: \xc3\xa4\r\n"));
	assert_non_null(
	    strstr(session(dir, "CAPA\r\nFOO\r\nTOP 1 0\r\nQUIT\r\n"), "UTF8 USER\r\n"));
	/* POP-0004: MAILDIR wins over the argument */
	setenv("MAILDIR", dir, 1);
	assert_non_null(strstr(session("/nonexistent", "STAT\r\nQUIT\r\n"), "+OK 3 "));
	unsetenv("MAILDIR");
	char line[2100];
	memset(line, 'x', sizeof line);
	snprintf(line + 2000, 100, "\r\nNOOP\r\nQUIT\r\n");
	assert_non_null(strstr(session(dir, line), "-ERR the line is too long\r\n+OK\r\n+OK bye"));
	pid_t pid = fork();
	if (pid == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_wire),
	    cmocka_unit_test(test_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
