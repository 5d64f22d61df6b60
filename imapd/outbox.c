#include "config.h"

#include "imapd/append-binary.h"
#include "imapd/outbox.h"

#include "base/child-run.h"
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMMAND_WORDS = 16 };

struct outcome {
	int status; /* of waitpid, -1: it could not be run */
	size_t n;
	char said[OUTBOX_SAID_MAX];
};

static const char *sender(void)
{
	const char *a = getenv("AUTHADDR");
	return a && *a ? a : getenv("AUTHENTICATED");
}

bool name_is_outbox(const struct session *s, const char *name)
{
	const char *folder = name_folder(name);
	return *s->cfg.outbox && folder && *folder && strcmp(folder, s->cfg.outbox) == 0;
}

/* ---- the helper ---- */

static int receive_fd(int sock)
{
	char byte;
	int fd;
	bool cut;
	while (descriptor_receive(sock, &byte, sizeof byte, 0, &fd, &cut) < 0 && errno == EINTR)
		;
	return fd;
}

static void run_command(char **argv, int fd, struct outcome *o)
{
	struct buf said;
	extern char **environ;
	buf_init(&said, OUTBOX_SAID_MAX);
	struct child_run r = {.argv = argv,
	    .env = environ,
	    .in = fd,
	    .deadline = clock_mono_ms() + OUTBOX_WAIT_MS,
	    .out = &said,
	    .err = &said};
	o->status = child_run(&r) < 0 || r.late ? -1 : r.status;
	o->n = said.n;
	memcpy(o->said, said.n ? said.p : "", said.n);
	buf_free(&said);
}

static void words_of(const char *command, char *argv[COMMAND_WORDS + 6])
{
	struct str rest = str_of(command), word;
	size_t n = 0;
	while (n < COMMAND_WORDS && str_word(&rest, &word))
		argv[n++] = mem_strndup(word.p, word.n);
	argv[n++] = mem_strdup("-oi");
	argv[n++] = mem_strdup("-t");
	if (sender()) {
		argv[n++] = mem_strdup("-f");
		argv[n++] = mem_strdup(sender());
	}
	argv[n] = NULL;
}

/* Neither the client's connection nor anything else of the session is the command's. */
static void leave_session(int sock)
{
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(sock, 3) < 0)
		_exit(1);
	closefrom(4);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_DFL);
}

_Noreturn static void serve(int sock, const char *command)
{
	char *argv[COMMAND_WORDS + 6];
	static struct outcome o;
	int fd;
	leave_session(sock);
	words_of(command, argv);
	while ((fd = receive_fd(3)) >= 0) {
		run_command(argv, fd, &o);
		close(fd);
		if (send(3, &o, sizeof o, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

int outbox_start(struct session *s)
{
	int pair[2];
	s->outbox = -1;
	if (!*s->cfg.outbox)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	/* in between is a child that ends at once, so that the session has none to wait for */
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		pid_t helper = fork();
		if (helper == 0)
			serve(pair[1], s->cfg.sendmail);
		_exit(helper < 0);
	}
	close(pair[1]);
	int status = 1;
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		close(pair[0]);
		return -1;
	}
	s->outbox = pair[0];
	return 0;
}

/* ---- the session's side ---- */

/* The copy that is sent: says first who sends it. */
static int with_header(struct session *s, int fd)
{
	char *dir = arena_printf(s->arena, "./.%s", s->cfg.outbox);
	char *head = *s->cfg.header_from && sender()
			 ? arena_printf(s->arena, "%s: %s\n", s->cfg.header_from, sender())
			 : arena_printf(s->arena, "%s", "");
	char piece[16384];
	off_t at = 0;
	ssize_t n;
	int copy = dir && head ? binary_file(dir) : -1;
	if (copy < 0)
		return -1;
	int r = file_write_all(copy, head, strlen(head));
	while (r == 0 && (n = pread(fd, piece, sizeof piece, at)) != 0) {
		r = n < 0 ? -1 : file_write_all(copy, piece, (size_t)n);
		at += n;
	}
	if (r == 0 && lseek(copy, 0, SEEK_SET) == 0)
		return copy;
	close(copy);
	return -1;
}

/* One line of it, for the log. */
static struct str first_line(const struct outcome *o)
{
	struct str s = str_trim(str_at(o->said, o->n));
	size_t n = 0;
	while (n < s.n && s.p[n] >= ' ' && s.p[n] < 0x7f)
		n++;
	return n ? str_head(s, n) : STR("it said nothing");
}

static bool run_helper(struct session *s, int fd, struct outcome *o)
{
	return s->outbox >= 0 && descriptor_send(s->outbox, "", 1, fd) == 0 &&
	       recv(s->outbox, o, sizeof *o, 0) == (ssize_t)sizeof *o && o->status == 0;
}

bool outbox_send(struct session *s, int fd)
{
	static struct outcome o;
	o = (struct outcome){.status = -1};
	int copy = with_header(s, fd);
	bool sent = copy >= 0 && run_helper(s, copy, &o);
	if (copy >= 0)
		close(copy);
	if (sent) {
		log_info(NULL, "SENT, user=%s, mailbox=INBOX.%s", s->user, s->cfg.outbox);
		return true;
	}
	log_error(NULL, "cannot send a message of the Outbox, user=%s: %.*s", s->user,
	    STR_FMT(first_line(&o)));
	reply_no(s, "[ALERT] The message could not be sent: %.*s", STR_FMT(first_line(&o)));
	return false;
}

bool outbox_send_picked(struct session *s, const struct picked *set)
{
	if (set->n > 1 && !s->cfg.outbox_multiple) {
		reply_no(s, "[ALERT] Only one message can be sent at a time");
		return false;
	}
	for (size_t k = 0; k < set->n; k++) {
		int fd = maildir_folder_open_msg(s->box->f, set->v[k]);
		if (fd < 0) {
			reply_errno(s, "Cannot read the message to be sent");
			return false;
		}
		bool sent = outbox_send(s, fd);
		close(fd);
		if (!sent)
			return false;
	}
	return true;
}
