#include "config.h"

#include "maildir/deliver.h"
#include "maildir/folder-private.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int maildir_put_begin(int folderfd, struct str text, bool sync, char tmp[MAILDIR_NAME_MAX])
{
	char token[13];
	random_token(token, 12);
	snprintf(tmp, MAILDIR_NAME_MAX, "tmp/%lld.P%ld_%s.%s", (long long)clock_now(),
	    (long)getpid(), token, maildir_host());
	int fd = file_create(folderfd, tmp, 0600);
	if (fd < 0)
		return -1;
	int r = maildir_share(folderfd, fd);
	if (r == 0)
		r = file_write_all(fd, text.p, text.n);
	if (r == 0 && sync)
		r = file_sync_full(fd);
	if (file_close(fd) < 0)
		r = -1;
	return r < 0 ? maildir_put_abort(folderfd, tmp) : 0;
}

int maildir_put_abort(int folderfd, const char *tmp)
{
	int saved = errno;
	file_unlink(folderfd, tmp);
	errno = saved;
	return -1;
}

int maildir_put_file(int folderfd, const char *name, struct str text, bool sync)
{
	char tmp[MAILDIR_NAME_MAX];
	if (maildir_put_begin(folderfd, text, sync, tmp) < 0)
		return -1;
	if (file_rename(folderfd, tmp, folderfd, name) < 0)
		return maildir_put_abort(folderfd, tmp);
	return sync ? file_sync_dir(folderfd, ".") : 0;
}
