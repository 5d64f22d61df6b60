#include "config.h"

#include "maildir/maildir.h"
#include "maildir/keywords.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

bool maildir_keyword_ok(struct str word)
{
	if (word.n == 0 || word.n > KEYWORD_LEN_MAX)
		return false;
	for (size_t i = 0; i < word.n; i++)
		if ((unsigned char)word.p[i] <= ' ' || word.p[i] == 0x7f)
			return false;
	return true;
}

static int write_tmp(int folderfd, const char *tmp, const struct buf *text)
{
	int fd = file_create(folderfd, tmp, 0600);
	if (fd < 0)
		return -1;
	int r = file_write_all(fd, text->p, text->n);
	if (r == 0 && text->n)
		r = file_sync(fd); /* else a crash could leave the name without its contents */
	if (file_close(fd) < 0)
		r = -1;
	if (r < 0)
		file_unlink(folderfd, tmp);
	return r;
}

static int into_place(int folderfd, const char *tmp, struct str base)
{
	char path[2 * MAILDIR_NAME_MAX];
	snprintf(path, sizeof path, "courierimapkeywords/%.*s", STR_FMT(base));
	int r = file_rename(folderfd, tmp, folderfd, path);
	if (r < 0 && errno == ENOENT) {
		if (mkdirat(folderfd, "courierimapkeywords", 0700) < 0 && errno != EEXIST)
			return -1;
		r = file_rename(folderfd, tmp, folderfd, path);
	}
	return r;
}

int maildir_keywords_write(int folderfd, struct str base, const struct str *words, size_t n)
{
	struct buf text;
	char tmp[MAILDIR_NAME_MAX], token[13];
	buf_init(&text, KEYWORDS_PER_FOLDER * (KEYWORD_LEN_MAX + 1));
	for (size_t i = 0; i < n; i++)
		if (maildir_keyword_ok(words[i]))
			buf_addf(&text, "%.*s\n", STR_FMT(words[i]));
	random_token(token, 12);
	snprintf(tmp, sizeof tmp, "tmp/%lld.P%ld_kw%s.%s", (long long)clock_now(), (long)getpid(),
	    token, maildir_host());
	int r = text.failed ? (errno = EFBIG, -1) : write_tmp(folderfd, tmp, &text);
	buf_free(&text);
	if (r == 0 && into_place(folderfd, tmp, base) < 0) {
		int saved = errno;
		file_unlink(folderfd, tmp);
		errno = saved;
		r = -1;
	}
	return r;
}
