/* pw2userdb: the system's accounts as userdb text. */
#include "config.h"

#include "authdaemon/tool.h"
#include "authdaemon/userdb.h"

#include <pwd.h>
#include <shadow.h>
#include <stdio.h>

static void field(const char *name, const char *value)
{
	if (value && value[0] && userdb_value_ok(str_of(value)))
		printf("|%s=%s", name, value);
}

static const char *password_of(const struct passwd *pw)
{
	const struct spwd *sp = getspnam(pw->pw_name); /* NULL unless root runs it */
	return sp ? sp->sp_pwdp : pw->pw_passwd;
}

static void print(const struct passwd *pw)
{
	const char *hash = password_of(pw);
	printf("%s\tuid=%lu|gid=%lu", pw->pw_name, (unsigned long)pw->pw_uid,
	    (unsigned long)pw->pw_gid);
	field("home", pw->pw_dir);
	field("shell", pw->pw_shell);
	if (hash && strcmp(hash, "x") != 0)
		field("systempw", hash);
	field("gecos", pw->pw_gecos);
	printf("\n%lu=\t%s\n", (unsigned long)pw->pw_uid, pw->pw_name);
}

int main(int argc, char **argv UNUSED)
{
	const struct passwd *pw;
	if (argc != 1)
		tool_usage("usage: pw2userdb\n");
	setpwent();
	while ((pw = getpwent()))
		if (userdb_name_ok(str_of(pw->pw_name)))
			print(pw);
	endpwent();
	if (fflush(stdout) != 0)
		tool_die("cannot write standard output");
	return 0;
}
