/* rmail: mail that arrives over UUCP. */
#include "config.h"

#include "submit/sendmail.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* Only uucp may bring in mail under another system's name. */
static bool allowed(void)
{
	const struct passwd *pw = getpwuid(getuid());
	return pw && strcmp(pw->pw_name, "uucp") == 0 && getenv("UU_MACHINE") && getenv("UU_USER");
}

static int refuse(const char *why, int code)
{
	fprintf(stderr, "rmail: %s\n", why);
	return code;
}

int main(int argc, char **argv)
{
	struct sendmail_options o;
	struct sendmail_user user;
	struct sendmail_message m = {0};
	struct instance in;
	struct buf raw;
	const char *why = "";
	char *reason;
	log_open("rmail", LOG_TO_STDERR, -1);
	if (sendmail_parse_options(argc, argv, &o, &why) < 0)
		return refuse(why, EX_USAGE);
	if (o.mode != SENDMAIL_DELIVER || o.n_rcpts == 0)
		return refuse("recipients are wanted on the command line", EX_USAGE);
	if (!allowed())
		return refuse("only uucp may run this, with UU_MACHINE and UU_USER set", EX_NOPERM);
	if (instance_find(&in, NULL, &reason) < 0)
		return refuse(reason, EX_CONFIG);
	struct arena *a = arena_new(SENDMAIL_MAX);
	buf_init(&raw, SENDMAIL_MAX);
	if (!a || file_read_fd(STDIN_FILENO, &raw) < 0)
		return refuse("the message can't be read", EX_IOERR);
	sendmail_find_user(a, str_of(getenv("UU_MACHINE")), &user);
	user.user = str_of(getenv("UU_USER"));
	int r = sendmail_compose(a, &o, &user, buf_str(&raw), &m, &why);
	r = r == EX_OK ? sendmail_submit(&in, &o, &m) : refuse(why, r);
	buf_free(&raw);
	buf_free(&m.text);
	arena_free(a);
	instance_free(&in);
	return r;
}
