#include "config.h"

#include "imapd/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FILE_NAME "courierimapspecialuse"

enum { FILE_MAX = 1 << 20 };

int special_use_open(struct special_use *u)
{
	buf_init(&u->file, FILE_MAX);
	if (file_read(AT_FDCWD, FILE_NAME, &u->file) == 0)
		return 0;
	buf_clear(&u->file);
	return errno == ENOENT ? 0 : -1;
}

void special_use_close(struct special_use *u)
{
	buf_free(&u->file);
}

static bool in_file(const struct special_use *u, const char *folder, struct str *use)
{
	struct str rest = buf_str(&u->file), line, name;
	while (str_split(&rest, '\n', &line))
		if (str_split(&line, '\t', &name) && str_is(name, folder) &&
		    special_use_known(line)) {
			*use = line;
			return true;
		}
	return false;
}

bool special_use_of(
    struct session *s, const struct special_use *u, const char *folder, struct str *use)
{
	struct str rest = str_of(s->cfg.special_use), item, name;
	*use = STR("Trash");
	if (strcmp(folder, s->cfg.trash) == 0)
		return true;
	if (in_file(u, folder, use))
		return true;
	while (str_split(&rest, ',', &item))
		if (str_split(&item, ':', &name) && str_is(name, folder) && item.n) {
			*use = item;
			return true;
		}
	return false;
}

bool special_use_known(struct str use)
{
	static const char *const known[] = {"Archive", "Drafts", "Junk", "Sent"};
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_iis(use, known[i]))
			return true;
	return false;
}

static int write_file(struct str text)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int r = maildir_put_file(fd, FILE_NAME, text, true);
	int saved = errno;
	close(fd);
	errno = saved;
	return r;
}

int special_use_add(const char *folder, struct str use)
{
	struct special_use u;
	int r = special_use_open(&u);
	buf_addf(&u.file, "%s\t%.*s\n", folder, STR_FMT(use));
	if (r == 0) {
		errno = EFBIG;
		r = u.file.failed ? -1 : write_file(buf_str(&u.file));
	}
	special_use_close(&u);
	return r;
}

int special_use_move(const char *from, const char *to)
{
	struct special_use u;
	struct buf out;
	bool changed = false;
	int r = special_use_open(&u);
	buf_init(&out, FILE_MAX);
	for (struct str rest = buf_str(&u.file), line, name; str_split(&rest, '\n', &line);) {
		struct str use = line;
		if (!str_split(&use, '\t', &name))
			continue;
		bool hit = str_is(name, from);
		changed |= hit;
		if (!hit)
			buf_addf(&out, "%.*s\n", STR_FMT(line));
		else if (to)
			buf_addf(&out, "%s\t%.*s\n", to, STR_FMT(use));
	}
	if (r == 0 && changed) {
		errno = EFBIG;
		r = out.failed ? -1 : write_file(out.n ? buf_str(&out) : STR(""));
	}
	buf_free(&out);
	special_use_close(&u);
	return r;
}
