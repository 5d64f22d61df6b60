/* mkesmtpdcert, mkimapdcert, mkpop3dcert: a self-signed certificate for a start. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "tls/tls.h"

enum { NAME_MAX_BYTES = 255, NAMES_MAX = 100 };

static int usage(void)
{
	fprintf(stderr, "usage: mk%.*scert [-C DIR] [NAME ...]\n",
	    (int)(sizeof CERTIFICATE - sizeof ".pem"), CERTIFICATE);
	return EX_USAGE;
}

/* The name in etc/me, else the system's. */
static char *own_name(const struct instance *in)
{
	char host[NAME_MAX_BYTES + 1] = "";
	char *path = instance_path(in->etc, "me");
	struct buf b;
	struct str me;
	char *name;

	buf_init(&b, 4096);
	if (file_read(AT_FDCWD, path, &b) < 0)
		gethostname(host, sizeof host - 1);
	me = str_trim(buf_str(&b));
	name = me.n ? mem_strndup(me.p, me.n) : mem_strdup(host[0] ? host : "localhost");
	buf_free(&b);
	free(path);
	return name;
}

/* Root makes it for the process that will read it. */
static int hand_over(const char *path)
{
	struct passwd *pw = geteuid() == 0 ? getpwnam("courier-key") : NULL;

	if (pw && lchown(path, pw->pw_uid, pw->pw_gid) < 0) {
		fprintf(stderr, "cannot give '%s' to courier-key: %s\n", path, strerror(errno));
		return EX_OSERR;
	}
	return 0;
}

static int make(const char *path, const char *const *names, size_t n)
{
	char *why;

	if (access(path, F_OK) == 0) {
		fprintf(stderr, "'%s' already exists\n", path);
		return 1;
	}
	if (tls_make_self_signed(path, names, n, &why) < 0) {
		fprintf(stderr, "%s\n", why);
		free(why);
		return EX_CANTCREAT;
	}
	return hand_over(path);
}

int main(int argc, char **argv)
{
	const char *names[NAMES_MAX], *dir = NULL;
	struct instance in;
	char *why, *path, *own = NULL;
	size_t n = 0;
	int opt, r;

	while ((opt = getopt(argc, argv, "C:")) != -1) {
		if (opt != 'C')
			return usage();
		dir = optarg;
	}
	while (optind < argc && n < NAMES_MAX)
		names[n++] = argv[optind++];
	if (instance_find(&in, dir, &why) < 0) {
		fprintf(stderr, "%s\n", why);
		free(why);
		return EX_CONFIG;
	}
	if (n == 0)
		names[n++] = own = own_name(&in);
	path = instance_path(in.etc, CERTIFICATE);
	r = make(path, names, n);
	free(path);
	free(own);
	instance_free(&in);
	return r;
}
