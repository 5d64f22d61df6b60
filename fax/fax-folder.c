#include "config.h"

#include "fax/fax-folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void fax_folder_remove(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d))) {
		if (str_is(str_of(e->d_name), ".") || str_is(str_of(e->d_name), ".."))
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) < 0 && errno == EISDIR)
			unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	}
	closedir(d);
	if (rmdir(path) < 0)
		log_warning(NULL, "cannot remove the work folder '%s': %m", path);
}

int fax_folder_put(const char *path, const char *name, struct str data)
{
	char *file = mem_printf("%s/%s", path, name);
	int fd = file_create(-1, file, 0600);
	int r = fd < 0 || file_write_all(fd, data.p ? data.p : "", data.n) < 0 ? -1 : 0;
	int e = errno;
	if (fd >= 0 && file_close(fd) < 0)
		r = -1;
	free(file);
	if (r < 0 && fd >= 0)
		errno = e;
	return r;
}

/* "001.002" */
static int is_page(const struct dirent *e)
{
	struct str n = str_of(e->d_name);
	if (n.n != 7 || n.p[3] != '.')
		return 0;
	for (size_t i = 0; i < n.n; i++)
		if (i != 3 && !ascii_digit((unsigned char)n.p[i]))
			return 0;
	return 1;
}

int fax_folder_pages(struct arena *a, const char *path, const char ***names)
{
	struct dirent **list;
	int n = scandir(path, &list, is_page, alphasort);
	if (n < 0)
		return -1;
	*names = arena_zero(a, ((size_t)n + 1) * sizeof **names);
	bool good = *names != NULL;
	for (int i = 0; i < n; i++) {
		if (good && !((*names)[i] = arena_strz(a, str_of(list[i]->d_name))))
			good = false;
		free(list[i]);
	}
	free(list);
	errno = ENOMEM;
	return good ? n : -1;
}
