/* maildirmake: makes Maildirs and folders, and sets their quota. */
#include "config.h"

#include "maildir/maildir.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: maildirmake MAILDIR\n"
    "       maildirmake -f FOLDER MAILDIR      make a folder\n"
    "       maildirmake -F FOLDER MAILDIR      remove a folder\n"
    "       maildirmake -q QUOTA MAILDIR       set the quota, such as 10000000S,1000C\n"
    "       maildirmake -S MAILDIR             a Maildir for shared folders\n"
    "       maildirmake -s MODE -f FOLDER MAILDIR\n"
    "                   a shared folder: read, write, [write,]group\n"
    "       maildirmake --add NAME=PATH MAILDIR, --del NAME MAILDIR\n"
    "                   subscribe to a Maildir of shared folders, or end that\n";

enum { SHARED_FILE_MAX = 1024 * 1024 };

struct want {
	const char *make, *remove, *quota, *mode, *add, *del;
	bool shared;
};

static _Noreturn void fail(const char *what, const char *name)
{
	fprintf(stderr, "maildirmake: %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

static _Noreturn void refuse(void)
{
	fputs(usage, stderr);
	exit(1);
}

/* Permissions of a folder's parts: who may read, who may add. */
static mode_t shared_mode(const char *word)
{
	bool write = false, group = false;
	struct str rest = str_of(word), piece;
	while (rest.n && str_split(&rest, ',', &piece)) {
		if (str_is(piece, "write"))
			write = true;
		else if (str_is(piece, "group"))
			group = true;
		else if (!str_is(piece, "read"))
			refuse();
	}
	mode_t m = write ? 01777 : 0755;
	return group ? m & 07770 : m;
}

static void open_up(const char *dir, mode_t mode)
{
	static const char *const parts[] = {"tmp", "new", "cur"};
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		char *path = mem_printf("%s/%s", dir, parts[i]);
		if (chmod(path, mode) < 0)
			fail("cannot set permissions of", path);
		free(path);
	}
	if (chmod(dir, mode & 01755) < 0)
		fail("cannot set permissions of", dir);
}

static void make_folder(const struct want *w, const char *dir)
{
	char *path = maildir_folder_path(dir, w->make);
	if (!maildir_folder_ok(str_of(w->make))) {
		fprintf(stderr, "maildirmake: %s: not a folder's name\n", w->make);
		exit(1);
	}
	if (maildir_exists(path)) {
		errno = EEXIST;
		fail("cannot make folder", w->make);
	}
	if (maildir_make_folder(dir, w->make) < 0)
		fail("cannot make folder", w->make);
	if (w->mode)
		open_up(path, shared_mode(w->mode));
	free(path);
}

static void make(const struct want *w, const char *dir)
{
	struct stat st;
	if (lstat(dir, &st) == 0) {
		errno = EEXIST;
		fail("cannot make", dir);
	}
	if (maildir_make(dir, 0700) < 0)
		fail("cannot make", dir);
	if (w->shared && chmod(dir, 0755) < 0)
		fail("cannot set permissions of", dir);
}

/* The file shared-maildirs: NAME TAB PATH, a line each. */
static void change_shared(const char *dir, struct str name, struct str path)
{
	struct buf old, text;
	struct str rest, line, key;
	char *file = mem_printf("%s/shared-maildirs", dir);
	buf_init(&old, SHARED_FILE_MAX);
	buf_init(&text, SHARED_FILE_MAX);
	if (file_read(AT_FDCWD, file, &old) < 0 && errno != ENOENT)
		fail("cannot read", file);
	rest = buf_str(&old);
	while (rest.n && str_split(&rest, '\n', &line)) {
		struct str whole = line;
		if (!line.n || !str_split(&line, '\t', &key))
			continue;
		if (str_eq(key, name) && path.n) {
			errno = EEXIST;
			fail("cannot add to", file);
		}
		if (!str_eq(key, name)) {
			buf_adds(&text, whole);
			buf_addc(&text, '\n');
		}
	}
	if (path.n) {
		buf_adds(&text, name);
		buf_addc(&text, '\t');
		buf_adds(&text, path);
		buf_addc(&text, '\n');
	}
	if (text.failed || file_replace(AT_FDCWD, file, text.p, text.n, 0600) < 0)
		fail("cannot write", file);
	buf_free(&text);
	buf_free(&old);
	free(file);
}

static void add_shared(const char *arg, const char *dir)
{
	struct str path = str_of(arg), name;
	if (!str_split(&path, '=', &name) || !name.n || !path.n || path.p[0] != '/' ||
	    str_has_ctl(str_of(arg)) || str_chr(name, '.') >= 0 || str_chr(name, '/') >= 0)
		refuse();
	change_shared(dir, name, path);
}

static void set_quota(const char *quota, const char *dir)
{
	struct maildir_quota q;
	if (!maildir_quota_parse(str_of(quota), &q)) {
		fprintf(stderr, "maildirmake: %s: not a quota\n", quota);
		exit(1);
	}
	if (maildir_quota_set(dir, quota) < 0)
		fail("cannot set the quota of", dir);
}

int main(int argc, char **argv)
{
	static const struct option words[] = {{"add", required_argument, NULL, 'a'},
	    {"del", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct want w = {0};
	int c;
	log_open("maildirmake", LOG_TO_STDERR, -1);
	while ((c = getopt_long(argc, argv, "f:F:q:s:Sh", words, NULL)) != -1) {
		switch (c) {
		case 'f':
			w.make = optarg;
			break;
		case 'F':
			w.remove = optarg;
			break;
		case 'q':
			w.quota = optarg;
			break;
		case 's':
			w.mode = optarg;
			break;
		case 'S':
			w.shared = true;
			break;
		case 'a':
			w.add = optarg;
			break;
		case 'd':
			w.del = optarg;
			break;
		default:
			refuse();
		}
	}
	const char *dir = argv[optind];
	if (!dir || argv[optind + 1] || (w.mode && !w.make))
		refuse();
	if ((w.make || w.remove || w.quota || w.add || w.del) && !maildir_exists(dir)) {
		errno = ENOENT;
		if (!w.quota || w.make || w.remove || w.add || w.del)
			fail("no Maildir at", dir);
		make(&w, dir);
	}
	if (w.make)
		make_folder(&w, dir);
	else if (w.remove && maildir_delete_folder(dir, w.remove) < 0)
		fail("cannot remove folder", w.remove);
	if (w.quota)
		set_quota(w.quota, dir);
	if (w.add)
		add_shared(w.add, dir);
	if (w.del)
		change_shared(dir, str_of(w.del), STR_NONE);
	if (!w.make && !w.remove && !w.quota && !w.add && !w.del)
		make(&w, dir);
	return 0;
}
