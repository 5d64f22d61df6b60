#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <stdio.h>

bool maildir_keyword_ok(struct str word)
{
	if (word.n == 0 || word.n > KEYWORD_LEN_MAX)
		return false;
	for (size_t i = 0; i < word.n; i++)
		if ((unsigned char)word.p[i] <= ' ' || word.p[i] == 0x7f)
			return false;
	return true;
}

int maildir_keywords_write(int folderfd, struct str base, const struct str *words, size_t n)
{
	struct buf text;
	char path[2 * MAILDIR_NAME_MAX];
	buf_init(&text, KEYWORDS_PER_FOLDER * (KEYWORD_LEN_MAX + 1));
	for (size_t i = 0; i < n; i++)
		if (maildir_keyword_ok(words[i]))
			buf_addf(&text, "%.*s\n", STR_FMT(words[i]));
	snprintf(path, sizeof path, "courierimapkeywords/%.*s", STR_FMT(base));
	errno = EFBIG;
	/* Not synced: a keyword is worth no disk wait, and a torn update is an empty set. */
	int r = text.failed ? -1 : maildir_put_file(folderfd, path, buf_str(&text), false);
	if (r < 0 && errno == ENOENT &&
	    (mkdirat(folderfd, "courierimapkeywords", 0700) == 0
		    ? maildir_share_folder(folderfd, "courierimapkeywords") == 0
		    : errno == EEXIST))
		r = maildir_put_file(folderfd, path, buf_str(&text), false);
	buf_free(&text);
	return r;
}
