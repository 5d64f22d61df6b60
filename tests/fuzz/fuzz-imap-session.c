/* A whole session: the input is what a client sends to a small Maildir. */
#include "config.h"

#include "imapd/session.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char message[] =
    "From: \"A\" <a@example.com>\nTo: g: b@example.com;\nSubject: =?utf-8?q?x=C3=BC?=\n"
    "Message-ID: <1@x>\nReferences: <0@x>\nDate: Mon, 02 Nov 2026 10:00:00 +0100\n"
    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: "
    "message/rfc822\n\n"
    "Subject: in\n\nbody\n--b--\n";

static char dir[] = "/tmp/fuzz-imap.XXXXXX";

static void remove_dir(void)
{
	if (fork() == 0) {
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
		_exit(1);
	}
}

static void fill(void)
{
	static bool made;
	if (!made && (!mkdtemp(dir) || maildir_make(dir, 0700) < 0))
		abort();
	if (chdir(dir) < 0)
		abort();
	if (!made)
		atexit(remove_dir);
	made = true;
	static const char *const names[] = {"cur/1.a:2,S", "cur/2.b:2,", "new/3.c"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int fd = open(names[i], O_CREAT | O_WRONLY | O_TRUNC, 0600);
		if (fd < 0 || file_write_all(fd, message, sizeof message - 1) < 0)
			abort();
		close(fd);
	}
}

static void run(struct session *s)
{
	s->io.timeout_ms = 0;
	s->user = "fuzz";
	s->arena = arena_new(COMMAND_ARENA_MAX);
	buf_init(&s->line, s->cfg.line_max + 16);
	buf_init(&s->text, 2 << 20);
	while (command_next(s))
		;
	io_flush(&s->io);
	mailbox_close(s);
	io_free(&s->io);
	buf_free(&s->line);
	buf_free(&s->text);
	arena_free(s->arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int out = -1, home = -1;
	static struct session s;
	struct instance in = {.etc = dir};
	memset(&s, 0, sizeof s);
	s.outbox = -1;
	if (out < 0) {
		out = open("/dev/null", O_WRONLY);
		home = open(".", O_RDONLY | O_DIRECTORY);
	}
	int fd = memfd_create("input", MFD_CLOEXEC);
	fill();
	if (out < 0 || fd < 0 || file_write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    settings_load(&s.cfg, &in) < 0)
		abort();
	s.cfg.idle_timeout = 0;
	io_init(&s.io, fd, out);
	run(&s);
	settings_free(&s.cfg);
	close(fd);
	if (fchdir(home) < 0) /* the fuzzer's own paths are relative */
		abort();
	return 0;
}
