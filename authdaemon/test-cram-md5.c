/* userdb-test-cram-md5: answers a server's CRAM-MD5 challenge, for logins by hand. */
#include "config.h"

#include "authdaemon/tool.h"
#include "sasl/sasl.h"

#include <stdio.h>
#include <stdlib.h>

static char *ask_line(const char *prompt)
{
	char line[TOOL_LINE_MAX + 2];
	fputs(prompt, stdout);
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin))
		tool_die("no more input");
	line[strcspn(line, "\r\n")] = 0;
	return mem_strdup(line);
}

/* As it comes from the server: "+ BASE64", or the base64 alone, or SMTP's "334 BASE64". */
static struct str challenge_of(struct str line)
{
	line = str_trim(line);
	if (str_starts(line, STR("+ ")))
		line = str_skip(line, 2);
	else if (str_starts(line, STR("334 ")))
		line = str_skip(line, 4);
	return str_trim(line);
}

static void respond(struct str user, struct str password, struct str challenge)
{
	struct buf raw, out, text;
	buf_init(&raw, SASL_STEP_MAX);
	buf_init(&out, SASL_STEP_MAX);
	buf_init(&text, 2 * SASL_STEP_MAX);
	if (!challenge.n || !base64_decode(challenge, &raw))
		tool_die("that is no challenge: it should be base64");
	struct sasl_client *c =
	    sasl_client_new(STR("CRAM-MD5"), user, STR_NONE, password, STR_NONE);
	if (!c || sasl_client_step(c, buf_str(&raw), &out) == SASL_FAILED ||
	    !base64_encode(buf_str(&out), &text))
		tool_die("this name and password cannot be used");
	printf("Send this response:\n%s\n", text.p);
	sasl_client_free(c);
	mem_wipe(out.p, out.n);
	buf_free(&raw);
	buf_free(&out);
	buf_free(&text);
}

int main(int argc, char **argv UNUSED)
{
	if (argc != 1)
		tool_usage("usage: userdb-test-cram-md5\n");
	char *user = ask_line("Username? ");
	char *password = ask_line("Password? ");
	puts("Send: AUTH CRAM-MD5 (or for IMAP: a AUTHENTICATE CRAM-MD5)");
	char *challenge = ask_line("Paste the challenge here:\n");
	respond(str_of(user), str_of(password), challenge_of(str_of(challenge)));
	mem_wipe(password, strlen(password));
	free(user);
	free(password);
	free(challenge);
	return fflush(stdout) == 0 ? 0 : 1;
}
