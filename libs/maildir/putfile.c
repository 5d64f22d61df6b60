#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int maildir_put_file(int folderfd, const char *name, struct str text, bool sync)
{
	char tmp[MAILDIR_NAME_MAX], token[13];
	random_token(token, 12);
	snprintf(tmp, sizeof tmp, "tmp/%lld.P%ld_%s.%s", (long long)clock_now(), (long)getpid(),
	    token, maildir_host());
	int fd = file_create(folderfd, tmp, 0600);
	if (fd < 0)
		return -1;
	int r = file_write_all(fd, text.p, text.n);
	if (r == 0 && sync)
		r = file_sync_full(fd);
	if (file_close(fd) < 0)
		r = -1;
	if (r == 0)
		r = file_rename(folderfd, tmp, folderfd, name);
	if (r < 0) {
		int saved = errno;
		file_unlink(folderfd, tmp);
		errno = saved;
		return -1;
	}
	return sync ? file_sync_dir(folderfd, ".") : 0;
}
