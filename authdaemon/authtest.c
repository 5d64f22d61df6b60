/* authtest: shows an account, tries a password, changes it. */
#include "config.h"

#include "auth/auth-text.h"
#include "authdaemon/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: authtest [-C DIR] [-s SERVICE] [-m MODULE] USER [PASSWORD [NEWPASSWORD]]\n";

static const struct {
	const char *attribute, *shown;
} names[] = {{"USERNAME", "System user name"}, {"UID", "UID"}, {"GID", "GID"},
    {"HOME", "Home directory"}, {"ADDRESS", "Authenticated as"}, {"NAME", "Full name"},
    {"MAILDIR", "Maildir"}, {"QUOTA", "Quota"}, {"PASSWD", "Encrypted password"},
    {"PASSWD2", "Clear password"}, {"OPTIONS", "Options"}};

static const char *shown(struct str attribute)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_is(attribute, names[i].attribute))
			return names[i].shown;
	return NULL;
}

static void print(struct str answer)
{
	struct str line, name;
	while (str_split(&answer, '\n', &line) && !str_is(line, ".")) {
		struct str value = line;
		str_split(&value, '=', &name);
		const char *label = shown(name);
		if (label)
			printf("%20s: %.*s\n", label, STR_FMT(value));
	}
}

static void ask(const struct instance *in, const struct buf *request, struct buf *answer)
{
	if (auth_text_ask(in, buf_str(request), answer) < 0)
		tool_die("cannot ask authdaemond of '%s': %s", in->var, strerror(errno));
	if (answer->n == 0)
		tool_die("authdaemond can't tell now; its log says why");
}

static void compose(struct buf *out, const char *service, const char *module, char **words)
{
	struct buf body;
	buf_init(&body, 8192);
	buf_addf(&body, "%s\nlogin\n%s\n%s\n", service, words[0], words[1] ? words[1] : "");
	if (!words[1])
		buf_addf(out, "PRE %s %s %s\n", module, service, words[0]);
	else if (words[2])
		buf_addf(out, "PASSWD %s\t%s\t%s\t%s\t\n", service, words[0], words[1], words[2]);
	else
		buf_addf(out, "AUTH %zu\n%s", body.n, body.p);
	if (body.failed || out->failed)
		tool_die("too long");
	buf_free(&body);
}

int main(int argc UNUSED, char **argv)
{
	const char *dir = NULL, *service = "login", *module = ".";
	struct instance in = {0};
	struct buf request, answer;
	int i = 1;
	while (argv[i] && argv[i][0] == '-')
		if (!tool_option(argv, &i, "C", &dir) && !tool_option(argv, &i, "s", &service) &&
		    !tool_option(argv, &i, "m", &module))
			tool_usage(usage);
	char **words = argv + i;
	if (!words[0] || (words[1] && words[2] && words[3]))
		tool_usage(usage);
	tool_instance(&in, dir);
	buf_init(&request, 16384);
	buf_init(&answer, 1024 * 1024);
	compose(&request, service, module, words);
	ask(&in, &request, &answer);
	if (str_is(buf_str(&answer), "FAIL\n"))
		tool_die("'%s': %s", words[0], words[1] ? "refused" : "no such account");
	if (str_is(buf_str(&answer), "OK\n"))
		puts("Password changed.");
	else
		print(buf_str(&answer));
	buf_free(&request);
	buf_free(&answer);
	instance_free(&in);
	return 0;
}
