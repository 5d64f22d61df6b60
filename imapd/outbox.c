#include "config.h"

#include "imapd/outbox.h"

#include "base/child-run.h"
#include "base/child.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEND_MS = 5 * 60 * 1000, ANSWER_MAX = 400, COPY_STEP = 64 * 1024 };

extern char **environ;

/* ---- the child ---- */

static const char *account(void)
{
	const char *address = getenv("AUTHADDR");
	if (!address || !*address)
		address = getenv("AUTHENTICATED");
	return address && *address ? address : NULL;
}

/* How it went, for the client: nothing when all is well. */
static void run(const char *program, int file, struct buf *answer)
{
	char *argv[] = {mem_strdup(program), mem_strdup("-oi"), mem_strdup("-t"), NULL, NULL, NULL};
	struct buf said;
	struct str text, line;
	buf_init(&said, 4096);
	if (account()) {
		argv[3] = mem_strdup("-f");
		argv[4] = mem_strdup(account());
	}
	struct child_run r = {.argv = argv,
	    .env = environ,
	    .in = file,
	    .deadline = clock_mono_ms() + SEND_MS,
	    .out = &said,
	    .err = &said};
	int started = child_run(&r);
	text = buf_str(&said);
	bool told = str_split(&text, '\n', &line) && str_trim(line).n;
	if (started < 0)
		buf_addf(answer, "cannot run it: %s", strerror(errno));
	else if (r.late)
		buf_addz(answer, "it took too long");
	else if (!WIFEXITED(r.status) || WEXITSTATUS(r.status) != 0)
		printable(told ? str_trim(line) : STR("it failed"), ANSWER_MAX - 50, answer);
	for (size_t i = 0; i < ARRAY_LEN(argv); i++)
		free(argv[i]);
	buf_free(&said);
}

static _Noreturn void serve(const char *program, int edge, int file)
{
	char go;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(1);
	while (recv(edge, &go, 1, 0) == 1) {
		struct buf answer;
		buf_init(&answer, ANSWER_MAX);
		if (lseek(file, 0, SEEK_SET) < 0)
			buf_addf(&answer, "%s", strerror(errno));
		else
			run(program, file, &answer);
		char line[ANSWER_MAX];
		int n = snprintf(line, sizeof line, ".%s", answer.n ? answer.p : "");
		buf_free(&answer);
		if (send(edge, line, (size_t)n, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* ---- the session ---- */

static int scratch(void)
{
	int fd = open("tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[] = "tmp/outbox.XXXXXX";
	if (fd >= 0)
		return fd;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

int outbox_start(struct session *s)
{
	int ends[2];
	s->outbox = s->outbox_file = -1;
	if (!*s->cfg.outbox)
		return 0;
	s->outbox_file = scratch();
	if (s->outbox_file < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		serve(s->cfg.sendmail, ends[1], s->outbox_file);
	}
	close(ends[1]);
	s->outbox = ends[0];
	return pid < 0 ? -1 : 0;
}

void outbox_end(struct session *s)
{
	if (s->outbox >= 0)
		close(s->outbox);
	if (s->outbox_file >= 0)
		close(s->outbox_file);
	s->outbox = s->outbox_file = -1;
}

bool outbox_is(const struct session *s, const char *name)
{
	const char *folder = name_folder(name);
	return *s->cfg.outbox && folder && *folder && strcmp(folder, s->cfg.outbox) == 0;
}

bool outbox_takes(struct session *s, const char *name, size_t n)
{
	if (n <= 1 || s->cfg.outbox_multiple || !outbox_is(s, name))
		return true;
	reply_no(s, "[CANNOT] Messages are sent one by one");
	return false;
}

/* The message with the account's address in front of it. */
static int fill(struct session *s, int fd)
{
	char piece[COPY_STEP];
	const char *address = account();
	off_t at = 0;
	ssize_t n;
	if (ftruncate(s->outbox_file, 0) < 0 || lseek(s->outbox_file, 0, SEEK_SET) < 0)
		return -1;
	if (address && *s->cfg.header_from &&
	    dprintf(s->outbox_file, "%s: %s\n", s->cfg.header_from, address) < 0)
		return -1;
	while ((n = pread(fd, piece, sizeof piece, at)) > 0) {
		if (file_write_all(s->outbox_file, piece, (size_t)n) < 0)
			return -1;
		at += n;
	}
	return n < 0 ? -1 : 0;
}

int outbox_send(struct session *s, const char *name, int fd)
{
	char answer[ANSWER_MAX + 1];
	if (!outbox_is(s, name))
		return 0;
	io_flush(&s->io);
	if (s->outbox < 0 || fill(s, fd) < 0 || send(s->outbox, "s", 1, MSG_NOSIGNAL) != 1) {
		reply_errno(s, "Cannot send this message");
		return -1;
	}
	ssize_t n = recv(s->outbox, answer, ANSWER_MAX, 0);
	(void)!ftruncate(s->outbox_file, 0);
	if (n == 1) {
		log_info(NULL, "SENT, user=%s, mailbox=%s", s->user, name);
		return 0;
	}
	answer[n > 0 ? n : 0] = 0;
	log_error(NULL, "a message was not sent, user=%s, program '%s': %s", s->user,
	    s->cfg.sendmail, n > 0 ? answer + 1 : "the session's child is gone");
	reply_no(s, "The message was not sent: %s", n > 0 ? answer + 1 : "a fault of the server");
	return -1;
}

int outbox_send_selected(struct session *s, const char *name, size_t i)
{
	if (!outbox_is(s, name))
		return 0;
	int fd = maildir_folder_open_msg(s->box->f, i);
	if (fd < 0) {
		reply_errno(s, "Cannot read the message");
		return -1;
	}
	int r = outbox_send(s, name, fd);
	close(fd);
	return r;
}

void outbox_capability(const struct session *s, struct buf *out)
{
	if (!*s->cfg.outbox)
		return;
	buf_addz(out, " XCOURIEROUTBOX=INBOX.");
	(void)utf7_imap_encode(str_of(s->cfg.outbox), out);
}
