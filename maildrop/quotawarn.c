#include "config.h"

#include "maildrop/quotawarn.h"
#include "maildir/maildir.h"

#include <fcntl.h>

enum { WARNING_MAX = 256 * 1024 };

void quota_warn(const char *dir, int percent, const char *file)
{
	struct buf text;
	buf_init(&text, WARNING_MAX);
	if (file_read(AT_FDCWD, file, &text) == 0)
		maildir_quota_warn(dir, percent, buf_str(&text));
	buf_free(&text);
}
