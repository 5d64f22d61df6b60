/* deliverquota: delivers standard input to a Maildir, within its quota. */
#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] = "usage: deliverquota [-c] [-w PERCENT] [-W FILE] MAILDIR [QUOTA]\n";

static int deliver(const char *dir, const struct maildir_deliver_options *o)
{
	static char chunk[65536];
	ssize_t n;
	struct maildir_delivery *d = maildir_deliver_begin(dir, o);
	while ((n = read(0, chunk, sizeof chunk)) > 0)
		if (maildir_deliver_write(d, chunk, (size_t)n) < 0)
			break;
	if (n == 0)
		return maildir_deliver_finish(&d, NULL);
	int saved = errno;
	maildir_deliver_abort(&d);
	errno = saved;
	return -1;
}

int main(int argc, char **argv)
{
	struct maildir_deliver_options o = {0};
	uint64_t percent = 0;
	bool warn = false, create = false;
	const char *text = SYSCONFDIR "/quotawarnmsg";
	int c;
	log_open("deliverquota", LOG_TO_STDERR, -1);
	while ((c = getopt(argc, argv, "cw:W:")) != -1) {
		if (c == 'c')
			create = true;
		else if (c == 'w' && str_u64(str_of(optarg), &percent) && percent <= 100)
			warn = true;
		else if (c == 'W')
			text = optarg;
		else
			optind = argc;
	}
	if (optind >= argc || argc - optind > 2) {
		fputs(usage, stderr);
		return EX_TEMPFAIL;
	}
	const char *dir = argv[optind];
	o.quota = argv[optind + 1];
	if (create && !maildir_exists(dir) && maildir_make(dir, 0700) < 0) {
		fprintf(stderr, "deliverquota: cannot make %s: %s\n", dir, strerror(errno));
		return EX_TEMPFAIL;
	}
	if (deliver(dir, &o) < 0) {
		if (errno == EDQUOT) {
			fputs("deliverquota: Mail quota exceeded.\n", stderr);
			return EX_NOPERM;
		}
		fprintf(stderr, "deliverquota: cannot deliver to %s: %s\n", dir, strerror(errno));
		return EX_TEMPFAIL;
	}
	if (warn)
		maildir_quota_warn_file(dir, (int)percent, text);
	return 0;
}
