/* userdbpw: a stored password from a line of standard input. */
#include "config.h"

#include "authdaemon/tool.h"
#include "sasl/password.h"
#include "sasl/sasl.h"

#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: userdbpw [-md5 | -hmac-md5 | -hmac-sha1 | -hmac-sha256 | -p SCHEME]\n";

static const char *const hmacs[][2] = {
    {"hmac-md5", "md5"}, {"hmac-sha1", "sha1"}, {"hmac-sha256", "sha256"}};

/* What the options ask for: a scheme, or a hash for an HMAC context. */
static void parse(char **argv, const char **scheme, const char **hmac)
{
	int i = 1;
	while (argv[i]) {
		bool known = false;
		for (size_t k = 0; !known && k < ARRAY_LEN(hmacs); k++)
			if (tool_flag(argv, &i, hmacs[k][0])) {
				*hmac = hmacs[k][1];
				known = true;
			}
		if (known)
			continue;
		if (tool_flag(argv, &i, "md5"))
			*scheme = "md5-crypt";
		else if (!tool_option(argv, &i, "p", scheme))
			tool_usage(usage);
	}
	if (password_scheme_known(*scheme))
		return;
	fputs(usage, stderr);
	fputs("schemes:", stderr);
	for (const char *const *s = password_schemes(); *s; s++)
		fprintf(stderr, " %s", *s);
	fputc('\n', stderr);
	exit(64);
}

int main(int argc UNUSED, char **argv)
{
	const char *scheme = "crypt", *hmac = NULL;
	struct buf out;
	parse(argv, &scheme, &hmac);
	char *password = tool_secret("Password: ", true);
	buf_init(&out, PASSWORD_STORED_MAX);
	bool ok = hmac ? sasl_hmac_context(hmac, str_of(password), &out)
		       : password_make(scheme, str_of(password), &out);
	mem_wipe(password, strlen(password));
	free(password);
	if (!ok)
		tool_die("this password can't be stored as %s", hmac ? "HMAC context" : scheme);
	if (puts(out.p) < 0 || fflush(stdout) != 0)
		tool_die("cannot write standard output");
	buf_free(&out);
	return 0;
}
