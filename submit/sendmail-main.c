/* sendmail: what users and programs of this machine send mail with. */
#include "config.h"

#include "submit/sendmail.h"
#include "submit/settings.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* The host's name out of the configuration; without one bare names are left to the gate. */
static struct str find_me(const struct instance *in, struct arena *a)
{
	static const struct config_component *const components[] = {&config_identity};
	struct config_faults faults;
	config_faults_init(&faults);
	struct config *c = config_load(in, components, ARRAY_LEN(components), &faults);
	struct str me = c ? names_me(c, NULL, a) : STR_NONE;
	config_drop(c);
	config_faults_free(&faults);
	return me;
}

static int deliver(const struct instance *in, const struct sendmail_options *o, struct arena *a)
{
	struct sendmail_user user;
	struct sendmail_message m = {0};
	struct buf raw;
	const char *why = "";
	buf_init(&raw, SENDMAIL_MAX);
	sendmail_find_user(a, STR_NONE, &user); /* the gate adds the default domain */
	if (file_read_fd(STDIN_FILENO, &raw) < 0) {
		fprintf(stderr, "sendmail: cannot read the message: %s\n", strerror(errno));
		return errno == EFBIG ? EX_DATAERR : EX_IOERR;
	}
	int r = sendmail_compose(a, o, &user, buf_str(&raw), &m, &why);
	buf_free(&raw);
	if (r != EX_OK)
		fprintf(stderr, "sendmail: %s\n", why);
	else if (o->mode == SENDMAIL_SHOW)
		r = fwrite(m.text.p, 1, m.text.n, stdout) == m.text.n && fflush(stdout) == 0
			? EX_OK
			: EX_IOERR;
	else
		r = sendmail_submit(in, o, &m);
	buf_free(&m.text);
	return r;
}

static void give_up_group(void)
{
	if (setresgid(getgid(), getgid(), getgid()) < 0) {
		perror("sendmail: cannot give up the group");
		exit(EX_OSERR);
	}
}

/* Another program has no use for our group, and would believe no COURIER_HOME with it. */
static int become(const char *program)
{
	give_up_group();
	execl(program, program, (char *)NULL);
	fprintf(stderr, "sendmail: cannot start '%s': %s\n", program, strerror(errno));
	return EX_UNAVAILABLE;
}

/*
 * Our group is that of the installation's own drop folder.  Who names another instance gives it up:
 * then the name needs no trust, and the kernel decides what may be written there.
 */
static const char *other_instance(void)
{
	const char *home = getenv("COURIER_HOME");
	if (getegid() == getgid() || !home || !*home)
		return NULL;
	give_up_group();
	return home;
}

static bool called(const char *path, const char *name)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	return path && strcmp(slash ? slash + 1 : path, name) == 0;
}

int main(int argc, char **argv)
{
	struct sendmail_options o;
	struct instance in;
	const char *why;
	char *reason;
	log_open("sendmail", LOG_TO_STDERR, -1);
	if (sendmail_parse_options(argc, argv, &o, &why) < 0) {
		fprintf(stderr, "sendmail: %s\n", why);
		return EX_USAGE;
	}
	if (called(argv[0], "newaliases"))
		o.mode = SENDMAIL_ALIASES;
	if (o.mode == SENDMAIL_QUEUE)
		return become(BINDIR "/mailq");
	if (o.mode == SENDMAIL_ALIASES)
		return become(SBINDIR "/makealiases");
	if (instance_find(&in, other_instance(), &reason) < 0) {
		fprintf(stderr, "sendmail: %s\n", reason);
		free(reason);
		return EX_CONFIG;
	}
	struct arena *a = arena_new(SENDMAIL_MAX);
	if (!a)
		return EX_TEMPFAIL;
	int r = o.mode == SENDMAIL_SMTP ? sendmail_smtp(&in, find_me(&in, a)) : deliver(&in, &o, a);
	arena_free(a);
	instance_free(&in);
	return r;
}
