/* authpasswd: a stored password, under the original's names of the methods. */
#include "config.h"

#include "authdaemon/tool.h"
#include "sasl/password.h"

#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "usage: authpasswd [METHOD]\nmethods:";

int main(int argc, char **argv)
{
	const char *method = argc > 1 ? argv[1] : "crypt"; /* whatever libcrypt thinks best */
	struct buf out;
	if (strcasecmp(method, "sha1") == 0) /* what the original makes of that word: with a salt */
		method = "ssha";
	if (argc > 2 || !password_scheme_known(method)) {
		fputs(usage, stderr);
		for (const char *const *s = password_schemes(); *s; s++)
			fprintf(stderr, " %s", *s);
		fputc('\n', stderr);
		return 64;
	}
	char *password = tool_secret("Password: ", true);
	buf_init(&out, PASSWORD_STORED_MAX);
	bool ok = password_make(method, str_of(password), &out);
	mem_wipe(password, strlen(password));
	free(password);
	if (!ok)
		tool_die("this password can't be stored as %s", method);
	if (puts(out.p) < 0 || fflush(stdout) != 0)
		tool_die("cannot write standard output");
	buf_free(&out);
	return 0;
}
