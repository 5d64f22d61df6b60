/* pop3d: a POP3 session of somebody who has logged in. */
#include "config.h"

#include "base/child.h"
#include "base/sandbox.h"

#include "pop3d/pop3d.h"
#include "pop3d/pop3-settings.h"
#include "config/config.h"
#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sessions run as their users, who may not be let into the configuration: then defaults hold. */
static void configure(struct pop3_session *s)
{
	static const struct config_component *const components[] = {&pop3d_component};
	static struct instance in;
	char *why = NULL;
	struct config *c = NULL;
	s->unicode_type = "message/global";
	s->maildir = "Maildir";
	if (instance_find(&in, NULL, &why) == 0) {
		char *file = instance_path(in.etc, "pop3d");
		if (access(file, R_OK) == 0)
			c = config_load(&in, components, 1, NULL);
		free(file);
	}
	free(why);
	if (!c)
		return;
	s->unicode_type = config_z(c, "pop3d-session", "MIME_UNICODE_MESSAGE_TYPE", NULL);
	s->maildir = config_z(c, "pop3d-session", "MAILDIRPATH", NULL);
	if (config_bool(c, "pop3d-session", "MAILDIR_SKIP_SYMLINK_CHECKS", NULL))
		maildir_follow_links(true);
	s->log_deletions = config_bool(c, "pop3d-session", "POP3_LOG_DELETIONS", NULL);
}

static void take_initial(struct pop3_io *io)
{
	const char *text = getenv("POP3_INITIAL");
	if (text && !base64_decode(str_of(text), &io->input))
		buf_clear(&io->input);
	unsetenv("POP3_INITIAL");
}

/* The hook of a mailbox: run once after a login, and gone when it ends well. */
static void login_hook(const char *dir)
{
	char *hook = mem_printf("%s/loginexec", dir);
	int status = 1;
	if (access(hook, X_OK) == 0) {
		pid_t pid = fork();
		if (pid == 0) {
			int null = open("/dev/null", O_RDWR);
			if (dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && chdir(dir) == 0)
				execl("./loginexec", "./loginexec", (char *)NULL);
			_exit(127);
		}
		if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
			unlink(hook);
	}
	free(hook);
}

static const char *of_tls(void)
{
	return getenv("POP3_TLS") ? ", stls=1" : "";
}

static void log_begin(const struct pop3_session *s)
{
	log_info(NULL, "LOGIN, user=%s, ip=[%s], port=[%s], protocol=POP3%s", s->user, s->peer_ip,
	    s->peer_port, of_tls());
}

static void log_end(struct pop3_session *s, const char *how)
{
	log_info(NULL,
	    "%s, user=%s, ip=[%s], port=[%s], top=%llu, retr=%llu, rcvd=%llu, sent=%llu, "
	    "time=%lld%s",
	    how, s->user, s->peer_ip, s->peer_port, (unsigned long long)s->top_bytes,
	    (unsigned long long)s->retr_bytes, (unsigned long long)s->io.received,
	    (unsigned long long)s->io.sent, (long long)(clock_now() - s->started), of_tls());
}

static void serve(struct pop3_session *s)
{
	struct pop3_command c;
	struct str line;
	const char *how = "DISCONNECTED";
	bool going = true;
	while (going && !s->io.failed) {
		int r = pop3_io_line(&s->io, &line);
		if (r == 1) {
			pop3_parse(line, &c);
			going = pop3_run(s, &c);
			if (!going)
				how = "LOGOUT";
		} else if (r == -1) {
			pop3_io_put(&s->io, "-ERR the line is too long\r\n");
		} else {
			if (r == -2) {
				pop3_io_put(
				    &s->io, "-ERR [SYS/TEMP] you were silent for too long\r\n");
				how = "TIMEOUT";
			}
			break;
		}
	}
	pop3_io_flush(&s->io);
	log_end(s, how);
}

static const char *from_env(const char *name, const char *otherwise)
{
	const char *value = getenv(name);
	return value && value[0] ? value : otherwise;
}

int main(int argc, char **argv)
{
	static struct pop3_session s;
	const char *dir = from_env("MAILDIR", argc > 1 ? argv[1] : NULL);
	if ((!dir && !getenv("AUTHENTICATED")) || argc > 2) {
		fprintf(stderr, "usage: pop3d MAILDIR\n");
		return 64;
	}
	process_shut();
	signal(SIGPIPE, SIG_IGN);
	log_open("pop3d", LOG_TO_FD, 2);
	s.started = clock_now();
	s.utf8 = getenv("POP3_UTF8") != NULL;
	s.user = from_env("AUTHENTICATED", from_env("USER", "-"));
	s.peer_ip = from_env("TCPREMOTEIP", "127.0.0.1");
	s.peer_port = from_env("TCPREMOTEPORT", "0");
	configure(&s);
	if (!dir)
		dir = s.maildir;
	pop3_io_init(&s.io, 0, 1);
	take_initial(&s.io);
	login_hook(dir);
	if (pop3_box_open(&s.box, dir) < 0) {
		log_error(NULL, "cannot open the mailbox '%s' of %s: %m", dir, s.user);
		pop3_io_put(&s.io, "-ERR [SYS/TEMP] the mailbox can't be opened\r\n");
		pop3_io_flush(&s.io);
		return 1;
	}
	if (sandbox_folders(&dir, 1) < 0)
		log_warning(NULL, "cannot confine the session to '%s': %m", dir);
	log_begin(&s);
	pop3_io_put(&s.io, "+OK logged in\r\n");
	serve(&s);
	pop3_box_close(&s.box);
	return 0;
}
