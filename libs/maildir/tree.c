#include "config.h"

#include "maildir/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SUBSCRIPTIONS_MAX = 4 << 20 };

static const char *const parts[] = {"tmp", "new", "cur"};

int maildir_make(const char *dir, mode_t mode)
{
	if (file_mkdirs(AT_FDCWD, dir, mode) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char *path = mem_printf("%s/%s", dir, parts[i]);
		int r = mkdir(path, mode) == 0 || errno == EEXIST ? 0 : -1;
		free(path);
		if (r < 0)
			return -1;
	}
	return file_sync_dir(AT_FDCWD, dir);
}

char *maildir_folder_path(const char *maildir, const char *folder)
{
	return *folder ? mem_printf("%s/.%s", maildir, folder) : mem_strdup(maildir);
}

static int mark_folder(const char *path)
{
	char *marker = mem_printf("%s/maildirfolder", path);
	int fd = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(marker);
	return fd < 0 ? -1 : file_close(fd);
}

/* In a Maildir that a group shares its folders are the group's, too. */
static int share_folders(const char *maildir, const char *folder)
{
	int dirfd = open(maildir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *name = mem_printf(".%s", folder);
	int r = dirfd < 0 ? -1 : maildir_share_folder(dirfd, name);
	for (size_t i = 0; i < ARRAY_LEN(parts) && r == 0; i++) {
		char *part = mem_printf("%s/%s", name, parts[i]);
		r = maildir_share_folder(dirfd, part);
		free(part);
	}
	int saved = errno;
	if (dirfd >= 0)
		close(dirfd);
	free(name);
	errno = saved;
	return r;
}

int maildir_make_folder(const char *maildir, const char *folder)
{
	if (!maildir_folder_ok(str_of(folder))) {
		errno = EINVAL;
		return -1;
	}
	char *path = maildir_folder_path(maildir, folder);
	int r = mkdir(path, 0700);
	if (r == 0)
		r = mark_folder(path) < 0 || maildir_make(path, 0700) < 0 ||
			    share_folders(maildir, folder) < 0 ||
			    file_sync_dir(AT_FDCWD, maildir) < 0
			? -1
			: 0;
	free(path);
	return r;
}

static bool links = false, links_known = false;

void maildir_follow_links(bool yes)
{
	links = yes;
	links_known = true;
}

static bool links_followed(void)
{
	const char *value = links_known ? NULL : getenv("MAILDIR_SKIP_SYMLINK_CHECKS");
	if (!links_known)
		maildir_follow_links(value && *value && strcmp(value, "0") != 0);
	return links;
}

static bool is_link(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

bool maildir_rogue_link(const char *dir)
{
	const char *slash = strrchr(dir, '/'), *name = slash ? slash + 1 : dir;
	bool folder = name[0] == '.' && name[1] && strcmp(name, "..") != 0;
	bool rogue = false;
	if (links_followed())
		return false;
	if (folder)
		rogue = is_link(dir);
	for (size_t i = 0; i < ARRAY_LEN(parts) && !rogue; i++) {
		char *path = mem_printf("%s/%s", dir, parts[i]);
		rogue = is_link(path);
		free(path);
	}
	if (rogue)
		errno = ELOOP;
	return rogue;
}

bool maildir_exists(const char *dir)
{
	struct stat st;
	if (maildir_rogue_link(dir))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char *path = mem_printf("%s/%s", dir, parts[i]);
		bool is = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
		free(path);
		if (!is)
			return false;
	}
	return true;
}

static int remove_tree(int at, const char *name, int depth)
{
	struct dirent *e;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *h = fd < 0 ? NULL : fdopendir(fd);
	if (!h)
		return -1;
	while ((e = readdir(h))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) < 0 && (errno == EISDIR || errno == EPERM) &&
		    depth > 0)
			remove_tree(fd, e->d_name, depth - 1);
	}
	closedir(h);
	return unlinkat(at, name, AT_REMOVEDIR);
}

int maildir_delete_folder(const char *maildir, const char *folder)
{
	if (!maildir_folder_ok(str_of(folder))) {
		errno = EINVAL;
		return -1;
	}
	char *path = maildir_folder_path(maildir, folder);
	int r = maildir_remove_dir(maildir, path);
	free(path);
	return r;
}

int maildir_remove_dir(const char *maildir, const char *path)
{
	struct stat st;
	/* A name no folder can have, so that a half-removed one is not seen (".." is hidden). */
	char *gone = mem_printf(
	    "%s/tmp/.gone.%lld.%ld", maildir, (long long)clock_unique_us(), (long)getpid());
	int r = lstat(path, &st);
	if (r == 0 && S_ISLNK(st.st_mode)) {
		errno = ELOOP;
		r = -1;
	}
	if (r == 0)
		r = rename(path, gone);
	if (r == 0 && remove_tree(AT_FDCWD, gone, 3) < 0)
		log_warning(NULL, "cannot remove all of '%s': %m", gone);
	free(gone);
	return r;
}

int maildir_rename_folder(const char *maildir, const char *from, const char *to)
{
	struct stat st;
	if (!maildir_folder_ok(str_of(from)) || !maildir_folder_ok(str_of(to))) {
		errno = EINVAL;
		return -1;
	}
	char *a = maildir_folder_path(maildir, from), *b = maildir_folder_path(maildir, to);
	int r = -1;
	if (lstat(b, &st) == 0)
		errno = EEXIST;
	else
		r = rename(a, b) < 0 ? -1 : file_sync_dir(AT_FDCWD, maildir);
	free(a);
	free(b);
	return r;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_list(maildir_list *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof *l->v, by_bytes);
}

static bool is_folder(int fd, const struct dirent *e)
{
	struct stat st;
	char path[MAILDIR_NAME_MAX + 8];
	if (e->d_name[0] != '.' || !maildir_folder_ok(str_of(e->d_name + 1)))
		return false;
	if (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN && e->d_type != DT_LNK)
		return false;
	int how = links_followed() ? 0 : AT_SYMLINK_NOFOLLOW;
	if (fstatat(fd, e->d_name, &st, how) < 0 || !S_ISDIR(st.st_mode))
		return false;
	snprintf(path, sizeof path, "%s/cur", e->d_name);
	return fstatat(fd, path, &st, how) == 0 && S_ISDIR(st.st_mode);
}

int maildir_list_folders(const char *maildir, maildir_list *out)
{
	struct dirent *e;
	DIR *h = opendir(maildir);
	if (!h)
		return -1;
	while ((e = readdir(h)))
		if (is_folder(dirfd(h), e))
			vec_push(out, mem_strdup(e->d_name + 1));
	closedir(h);
	sort_list(out);
	return 0;
}

void maildir_list_free(maildir_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	vec_free(l);
}

int maildir_subscriptions(const char *maildir, maildir_list *out)
{
	struct buf b;
	struct str rest, line;
	char *path = mem_printf("%s/courierimapsubscribed", maildir);
	buf_init(&b, SUBSCRIPTIONS_MAX);
	int r = file_read(AT_FDCWD, path, &b);
	if (r < 0 && errno == ENOENT)
		r = 0;
	rest = buf_str(&b);
	while (r == 0 && str_split(&rest, '\n', &line))
		if (line.n && !str_has_ctl(line))
			vec_push(out, mem_strndup(line.p, line.n));
	buf_free(&b);
	free(path);
	sort_list(out);
	return r;
}

static int write_subscriptions(const char *maildir, const maildir_list *l)
{
	struct buf b;
	int fd = open(maildir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	buf_init(&b, SUBSCRIPTIONS_MAX);
	for (size_t i = 0; i < l->n; i++)
		buf_addf(&b, "%s\n", l->v[i]);
	errno = EFBIG;
	int r = b.failed ? -1 : maildir_put_file(fd, "courierimapsubscribed", buf_str(&b), true);
	int saved = errno;
	close(fd);
	buf_free(&b);
	errno = saved;
	return r;
}

int maildir_subscribe(const char *maildir, const char *name, bool on)
{
	maildir_list l = {0};
	if (maildir_subscriptions(maildir, &l) < 0)
		return -1;
	size_t i = 0;
	while (i < l.n && strcmp(l.v[i], name) != 0)
		i++;
	bool have = i < l.n;
	int r = 0;
	if (have != on) {
		if (on) {
			vec_push(&l, mem_strdup(name));
			sort_list(&l);
		} else {
			free(l.v[i]);
			vec_remove(&l, i);
		}
		r = write_subscriptions(maildir, &l);
	}
	maildir_list_free(&l);
	return r;
}

bool maildir_has_new(const char *dir)
{
	struct dirent *e;
	char *path = mem_printf("%s/new", dir);
	DIR *h = opendir(path);
	bool found = false;
	free(path);
	while (h && !found && (e = readdir(h)))
		found = e->d_name[0] != '.';
	if (h)
		closedir(h);
	return found;
}
