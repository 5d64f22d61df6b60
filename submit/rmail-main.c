/* rmail: mail that arrives over UUCP. */
#include "config.h"

#include "submit/rmail.h"
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
	const char *node = getenv("UU_MACHINE"), *user = getenv("UU_USER");
	return pw && strcmp(pw->pw_name, "uucp") == 0 && node && *node && user && *user;
}

static int refuse(const char *why, int code)
{
	fprintf(stderr, "rmail: %s\n", why);
	return code;
}

/* Neither a mode nor a way to another instance: uuxqt hands on what a neighbour has written. */
static bool known_option(const char *word)
{
	static const char *const whole[] = {"-verp", "-t", "--", NULL};
	for (size_t i = 0; whole[i]; i++)
		if (strcmp(word, whole[i]) == 0)
			return true;
	return word[1] && strchr("fNRVo", word[1]);
}

static bool only_known(int argc, char **argv)
{
	for (int i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (!known_option(argv[i]))
			return false;
		if (strcmp(argv[i], "--") == 0)
			break;
		if (strchr("fNRV", argv[i][1]) && !argv[i][2])
			i++;
	}
	return true;
}

/* The message that uuxqt gives us; the sender out of its "From " lines when there is no -f. */
static int deliver(const struct instance *in, struct sendmail_options *o, struct arena *a)
{
	struct sendmail_user user = {
	    .from_user = str_of(getenv("UU_USER")), .from_host = str_of(getenv("UU_MACHINE"))};
	struct sendmail_message m = {0};
	struct buf raw;
	const char *why = "";
	buf_init(&raw, SENDMAIL_MAX);
	if (file_read_fd(STDIN_FILENO, &raw) < 0)
		return refuse("the message can't be read", errno == EFBIG ? EX_DATAERR : EX_IOERR);
	if (!o->sender)
		o->sender = arena_strz(a, rmail_sender(a, buf_str(&raw)));
	if (!o->sender)
		return refuse("out of memory", EX_TEMPFAIL);
	int r = sendmail_compose(a, o, &user, buf_str(&raw), &m, &why);
	r = r == EX_OK ? sendmail_submit(in, o, &m) : refuse(why, r);
	buf_free(&raw);
	buf_free(&m.text);
	return r;
}

int main(int argc, char **argv)
{
	struct sendmail_options o;
	struct instance in;
	const char *why = "";
	char *reason;
	log_open("rmail", LOG_TO_STDERR, -1);
	if (!allowed())
		return refuse("only uucp may run this, with UU_MACHINE and UU_USER set", EX_NOPERM);
	if (!only_known(argc, argv))
		return refuse("the options are -f, -verp, -N, -R, -V, -o and -t", EX_USAGE);
	if (sendmail_parse_options(argc, argv, &o, &why) < 0)
		return refuse(why, EX_USAGE);
	if (o.mode != SENDMAIL_DELIVER || o.n_rcpts == 0)
		return refuse("recipients are wanted on the command line", EX_USAGE);
	if (instance_find(&in, NULL, &reason) < 0)
		return refuse(reason, EX_CONFIG);
	struct arena *a = arena_new(SENDMAIL_MAX);
	if (!a)
		return refuse("out of memory", EX_TEMPFAIL);
	o.node = getenv("UU_MACHINE");
	int r = deliver(&in, &o, a);
	arena_free(a);
	instance_free(&in);
	return r;
}
