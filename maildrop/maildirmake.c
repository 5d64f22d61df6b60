/* maildirmake: makes Maildirs and folders, and sets their quota. */
#include "config.h"

#include "maildir/maildir.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: maildirmake MAILDIR\n"
    "       maildirmake -f FOLDER MAILDIR      make a folder\n"
    "       maildirmake -F FOLDER MAILDIR      the same, named in the locale's characters\n"
    "       maildirmake -q QUOTA MAILDIR       set the quota, such as 10000000S,1000C\n"
    "       maildirmake -S MAILDIR             a Maildir for shared folders\n"
    "       maildirmake -s MODE -f FOLDER MAILDIR\n"
    "                   a shared folder: read, write, [write,]group\n"
    "       maildirmake --add NAME=PATH MAILDIR, --del NAME MAILDIR\n"
    "                   subscribe to a Maildir of shared folders, or end that\n"
    "       maildirmake --checkutf8 MAILDIR, --convutf8 MAILDIR\n"
    "                   folders that old servers have named in UTF-7\n";

enum { SHARED_FILE_MAX = 1024 * 1024 };

struct want {
	const char *make, *quota, *mode, *add, *del;
	bool shared, check_names, convert_names;
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

/* A name as the terminal writes it, in UTF-8. */
static const char *from_locale(const char *name)
{
	const char *set = getenv("MM_CHARSET");
	if (!set || !*set)
		set = getenv("CHARSET");
	if (!set || !*set)
		set = setlocale(LC_CTYPE, "") ? nl_langinfo(CODESET) : "US-ASCII";
	struct arena *a = arena_new(1 << 20); /* lives as long as the process */
	charset_allow_iconv(true);
	struct str utf8 = a ? charset_to_utf8(a, str_of(set), str_of(name)) : STR_NONE;
	if (!utf8.p || !utf8_valid(utf8)) {
		fprintf(stderr, "maildirmake: '%s' cannot be read as %s\n", name, set);
		exit(1);
	}
	return arena_strz(a, utf8);
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

/* ---- names of old servers ----------------------------------------------------------------------
 */

/* "R&AOk-sum&AOk-" as UTF-8.  False: it is no such name. */
static bool old_name(const char *name, struct buf *utf8)
{
	buf_clear(utf8);
	if (str_has_8bit(str_of(name)))
		return buf_addz(utf8, name); /* it is new already */
	return utf7_imap_decode(str_of(name), utf8);
}

static bool convert_one(const char *dir, const char *name, bool now, struct buf *utf8)
{
	struct stat st;
	if (!old_name(name, utf8) || !maildir_folder_ok(buf_str(utf8))) {
		fprintf(stderr, "maildirmake: INBOX.%s is no name in modified UTF-7; rename it\n",
		    name);
		return false;
	}
	if (str_is(buf_str(utf8), name))
		return true;
	char *to = maildir_folder_path(dir, utf8->p);
	bool taken = lstat(to, &st) == 0;
	free(to);
	if (taken) {
		fprintf(
		    stderr, "maildirmake: INBOX.%s: there is INBOX.%s already\n", name, utf8->p);
		return false;
	}
	if (!now)
		printf("Rename INBOX.%s to INBOX.%s\n", name, utf8->p);
	if (now && maildir_rename_folder(dir, name, utf8->p) < 0)
		fail("cannot rename folder", name);
	return true;
}

static bool convert_subscription(const char *dir, const char *name, bool now, struct buf *utf8)
{
	if (!old_name(name, utf8)) {
		fprintf(
		    stderr, "maildirmake: subscription to %s is no name in modified UTF-7\n", name);
		return false;
	}
	if (str_is(buf_str(utf8), name))
		return true;
	if (!now)
		printf("Subscription to %s changed to %s\n", name, utf8->p);
	if (now &&
	    (maildir_subscribe(dir, utf8->p, true) < 0 || maildir_subscribe(dir, name, false) < 0))
		fail("cannot change the subscription to", name);
	return true;
}

/* A look at everything comes first: nothing is renamed unless all can be. */
static bool convert_names(const char *dir, bool now)
{
	maildir_list folders = {0}, subscribed = {0};
	struct buf utf8;
	bool good = true;
	buf_init(&utf8, 4096);
	if (maildir_list_folders(dir, &folders) < 0 || maildir_subscriptions(dir, &subscribed) < 0)
		fail("cannot read", dir);
	for (int round = 0; round < (now ? 2 : 1) && good; round++) {
		for (size_t i = 0; i < folders.n; i++)
			good &= convert_one(dir, folders.v[i], round > 0, &utf8);
		for (size_t i = 0; i < subscribed.n; i++)
			good &= convert_subscription(dir, subscribed.v[i], round > 0, &utf8);
	}
	maildir_list_free(&folders);
	maildir_list_free(&subscribed);
	buf_free(&utf8);
	return good;
}

int main(int argc, char **argv)
{
	static const struct option words[] = {{"add", required_argument, NULL, 'a'},
	    {"del", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'},
	    {"checkutf8", no_argument, NULL, 'k'}, {"convutf8", no_argument, NULL, 'K'}, {0}};
	struct want w = {0};
	int c;
	log_open("maildirmake", LOG_TO_STDERR, -1);
	while ((c = getopt_long(argc, argv, "f:F:q:s:Sh", words, NULL)) != -1) {
		switch (c) {
		case 'f':
			w.make = optarg;
			break;
		case 'F':
			w.make = from_locale(optarg);
			break;
		case 'k':
			w.check_names = true;
			break;
		case 'K':
			w.convert_names = true;
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
	if (w.check_names || w.convert_names)
		return convert_names(dir, w.convert_names) ? 0 : 1;
	if ((w.make || w.quota || w.add || w.del) && !maildir_exists(dir)) {
		errno = ENOENT;
		if (!w.quota || w.make || w.add || w.del)
			fail("no Maildir at", dir);
		make(&w, dir);
	}
	if (w.make)
		make_folder(&w, dir);
	if (w.quota)
		set_quota(w.quota, dir);
	if (w.add)
		add_shared(w.add, dir);
	if (w.del)
		change_shared(dir, str_of(w.del), STR_NONE);
	if (!w.make && !w.quota && !w.add && !w.del)
		make(&w, dir);
	return 0;
}
