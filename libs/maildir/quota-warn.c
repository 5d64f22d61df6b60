#include "config.h"

#include "maildir/maildir.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 86400, WARNING_MAX = 256 * 1024 };

/* A stamp from the future is one of a clock that was wrong: it must not silence us for years. */
static bool due(const char *stamp)
{
	struct stat st;
	int64_t now = clock_now();
	return stat(stamp, &st) < 0 || st.st_mtime + DAY <= now || st.st_mtime - DAY > now;
}

static void deliver(const char *dir, struct str text)
{
	char date[CLOCK_RFC5322_SIZE], token[17];
	struct maildir_deliver_options o = {.flags = MAILDIR_NO_QUOTA, .tag = "warn"};
	random_token(token, 16);
	char *head = mem_printf("Date: %s\nMessage-Id: <%s.quota@%s>\n",
	    clock_rfc5322(clock_now(), date), token, maildir_host());
	struct maildir_delivery *d = maildir_deliver_begin(dir, &o);
	maildir_deliver_write(d, head, strlen(head));
	maildir_deliver_write(d, text.p, text.n);
	if (maildir_deliver_finish(&d, NULL) < 0)
		log_warning(NULL, "cannot deliver the warning of a full mailbox to '%s': %m", dir);
	free(head);
}

void maildir_quota_warn(const char *dir, int percent, struct str text)
{
	struct maildir_quota q;
	char *mark = mem_printf("%s/maildirfolder", dir);
	char *top = access(mark, F_OK) == 0 ? mem_printf("%s/..", dir) : mem_strdup(dir);
	char *stamp = mem_printf("%s/quotawarn", top);
	if (text.n && maildir_quota_read(top, &q) == 0 && maildir_quota_percent(&q) >= percent &&
	    due(stamp) && file_replace(AT_FDCWD, stamp, "", 1, 0600) == 0)
		deliver(top, text);
	free(stamp);
	free(top);
	free(mark);
}

void maildir_quota_warn_file(const char *dir, int percent, const char *file)
{
	struct buf text;
	buf_init(&text, WARNING_MAX);
	if (file_read(AT_FDCWD, file, &text) == 0)
		maildir_quota_warn(dir, percent, buf_str(&text));
	buf_free(&text);
}
