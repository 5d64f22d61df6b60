/* Where the lists of folders lie. */
#include "config.h"

#include "maildir/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define ACL_FILE "courierimapacl"
#define ACL_TREE "courierimaphieracl" /* of names that are no folders themselves */

static int read_list(const char *path, struct maildir_acl *out)
{
	struct buf text;
	buf_init(&text, MAILDIR_ACL_FILE_MAX);
	int r = file_read(AT_FDCWD, path, &text);
	if (r == 0)
		maildir_acl_parse(buf_str(&text), out);
	int saved = errno;
	buf_free(&text);
	errno = saved;
	return r;
}

/* The folder's own list, or -1 with ENOENT. */
static int read_own(const char *maildir, const char *folder, struct maildir_acl *out)
{
	char *dir = maildir_folder_path(maildir, folder);
	char *path = mem_printf("%s/" ACL_FILE, dir);
	int r = read_list(path, out);
	free(path);
	if (r < 0 && (errno == ENOENT || errno == ENOTDIR) && *folder) {
		path = mem_printf("%s/" ACL_TREE "/%s", maildir, folder);
		r = read_list(path, out);
		free(path);
	}
	free(dir);
	return r;
}

int maildir_acl_load(const char *maildir, const char *folder, struct maildir_acl *out)
{
	if (*folder && !maildir_folder_ok(str_of(folder))) {
		errno = EINVAL;
		return -1;
	}
	char *name = mem_strdup(folder);
	int r;
	while ((r = read_own(maildir, name, out)) < 0 && errno == ENOENT && *name) {
		char *dot = strrchr(name, '.');
		*(dot ? dot : name) = 0;
	}
	free(name);
	if (r < 0 && errno != ENOENT)
		return -1;
	if (r < 0) {
		maildir_acl_change(out, STR("owner"), '=', MAILDIR_RIGHTS_MASK);
		maildir_acl_change(out, STR("administrators"), '=', MAILDIR_RIGHTS_MASK);
	}
	return 0;
}

int maildir_acl_save(const char *maildir, const char *folder, const struct maildir_acl *acl)
{
	struct buf text;
	if (*folder && !maildir_folder_ok(str_of(folder))) {
		errno = EINVAL;
		return -1;
	}
	char *dir = maildir_folder_path(maildir, folder);
	bool there = maildir_exists(dir);
	char *file = there ? mem_strdup(ACL_FILE) : mem_printf(ACL_TREE "/%s", folder);
	int fd = open(there ? dir : maildir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = -1;
	buf_init(&text, MAILDIR_ACL_FILE_MAX);
	maildir_acl_print(acl, ' ', &text);
	if (text.failed)
		errno = EFBIG;
	else if (fd >= 0 && (there || mkdirat(fd, ACL_TREE, 0700) == 0 || errno == EEXIST))
		r = maildir_put_file(fd, file, buf_str(&text), true);
	int saved = errno;
	if (fd >= 0)
		close(fd);
	buf_free(&text);
	free(file);
	free(dir);
	errno = saved;
	return r;
}

/* The folder has come meanwhile: the list moves into it, unless it has one. */
static void settle(const char *maildir, const char *folder)
{
	struct stat st;
	char *dir = maildir_folder_path(maildir, folder);
	char *own = mem_printf("%s/" ACL_FILE, dir);
	char *path = mem_printf("%s/" ACL_TREE "/%s", maildir, folder);
	if (maildir_exists(dir) && lstat(own, &st) < 0 && errno == ENOENT)
		file_rename(AT_FDCWD, path, AT_FDCWD, own);
	free(path);
	free(own);
	free(dir);
}

/* A list of use: there are folders below the name. */
static bool wanted(const maildir_list *folders, struct str name)
{
	for (size_t i = 0; i < folders->n; i++) {
		struct str f = str_of(folders->v[i]);
		if (f.n > name.n && str_starts(f, name) && f.p[name.n] == '.')
			return true;
	}
	return false;
}

int maildir_acl_reset(const char *maildir)
{
	maildir_list folders = {0};
	struct dirent *e;
	if (maildir_list_folders(maildir, &folders) < 0)
		return -1;
	char *path = mem_printf("%s/" ACL_TREE, maildir);
	DIR *h = opendir(path);
	int r = h || errno == ENOENT ? 0 : -1;
	while (h && (e = readdir(h))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		settle(maildir, e->d_name);
		if (!wanted(&folders, str_of(e->d_name)) && unlinkat(dirfd(h), e->d_name, 0) < 0 &&
		    errno != ENOENT)
			r = -1;
	}
	if (h)
		closedir(h);
	free(path);
	maildir_list_free(&folders);
	return r;
}
