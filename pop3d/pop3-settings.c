#include "config.h"

#include "pop3d/pop3-settings.h"

static const struct config_setting settings[] = {
    {.name = "POP3_LOG_DELETIONS",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "1 logs the name of every message that a session deletes"},
    {.name = "MAILDIR_SKIP_SYMLINK_CHECKS",
	.type = CONFIG_BOOL,
	.def = "0",
	.help = "1: cur and new of Maildirs may be symbolic links"},
    {.name = "MAILDIRPATH",
	.type = CONFIG_STRING,
	.def = "Maildir",
	.help = "the Maildir below the home of accounts that name none"},
    {.name = "MIME_UNICODE_MESSAGE_TYPE",
	.type = CONFIG_STRING,
	.def = "message/global",
	.help = "type of the attachment that brings a message with a Unicode header to a client "
		"without UTF8"},
};
/* The login process has a table of its own for the same file. */
const struct config_component pop3d_component = {
    .name = "pop3d-session",
    .file = "pop3d",
    .settings = settings,
    .n = ARRAY_LEN(settings),
    .foreign_ok = true,
};
