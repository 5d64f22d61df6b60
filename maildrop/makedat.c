/* makedat: a table for filters from a text file. */
#include "config.h"

#include "config/folder.h"
#include "maildrop/makedat-net.h"
#include "table/table.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
    "usage: makedat -src=TEXT -tmp=FILE -file=TABLE [-cidr] [-hup=PIDFILE]\n"
    "       makedat TEXT FILE TABLE\n";

enum { TEXT_MAX = 256 << 20 };

static struct {
	const char *src, *tmp, *file, *hup;
	bool cidr;
} opt;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "makedat: %s: %s\n", what, strerror(errno));
	exit(EX_TEMPFAIL);
}

static _Noreturn void wrong_line(size_t line, const char *what)
{
	fprintf(stderr, "makedat: %s:%zu: %s\n", opt.src, line, what);
	exit(EX_DATAERR);
}

struct building {
	struct table_build *table;
	struct str value;
	size_t line;
};

static void put(struct building *b, struct str key)
{
	if (!key.n)
		wrong_line(b->line, "a line without key");
	int r = table_build_put(b->table, key, b->value, false);
	if (r > 0)
		wrong_line(b->line, "this key stands there already");
	if (r < 0)
		fail(opt.tmp);
}

static int put_one(void *ctx, struct str key)
{
	put(ctx, key);
	return 0;
}

/* The file, or all files of the folder. */
static void read_source(struct buf *text)
{
	struct stat st;
	int fd = strcmp(opt.src, "-") ? open(opt.src, O_RDONLY | O_CLOEXEC) : 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		fail(opt.src);
	if (S_ISDIR(st.st_mode)) {
		if (config_text_at(AT_FDCWD, opt.src, true, text) < 0)
			exit(EX_DATAERR);
	} else if (file_read_fd(fd, text) < 0)
		fail(opt.src);
	if (fd > 0)
		close(fd);
}

static void build(struct table_build *table)
{
	struct building b = {.table = table};
	struct buf text;
	struct str rest, line;
	buf_init(&text, TEXT_MAX);
	read_source(&text);
	rest = buf_str(&text);
	for (b.line = 1; rest.n && str_split(&rest, '\n', &line); b.line++) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!line.n || line.p[0] == '#')
			continue;
		ptrdiff_t tab = str_chr(line, '\t');
		struct str key = tab < 0 ? line : str_head(line, (size_t)tab);
		b.value = tab < 0 ? STR("1") : str_skip(line, (size_t)tab + 1);
		if (!opt.cidr)
			put(&b, key);
		else if (makedat_network(str_trim(key), put_one, &b) != 0)
			wrong_line(b.line, "not a network");
	}
	buf_free(&text);
}

static void tell_daemon(void)
{
	struct buf b;
	uint64_t pid = 0;
	buf_init(&b, 100);
	if (file_read(AT_FDCWD, opt.hup, &b) < 0 || !str_u64(str_trim(buf_str(&b)), &pid) ||
	    pid < 2 || pid > INT32_MAX || kill((pid_t)pid, SIGHUP) < 0)
		fprintf(stderr, "makedat: cannot signal the process of %s\n", opt.hup);
	buf_free(&b);
}

static bool option(const char *arg, const char *name, const char **value)
{
	size_t n = strlen(name);
	if (strncmp(arg, name, n) != 0)
		return false;
	*value = arg + n;
	return true;
}

static void read_arguments(int argc, char **argv)
{
	const char **places[] = {&opt.src, &opt.tmp, &opt.file};
	size_t n = 0;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-cidr")) {
			opt.cidr = true;
		} else if (option(argv[i], "-src=", &opt.src) ||
			   option(argv[i], "-tmp=", &opt.tmp) ||
			   option(argv[i], "-file=", &opt.file) ||
			   option(argv[i], "-hup=", &opt.hup)) {
			continue;
		} else if ((argv[i][0] != '-' || !argv[i][1]) && n < ARRAY_LEN(places)) {
			*places[n++] = argv[i];
		} else {
			n = ARRAY_LEN(places) + 1;
			break;
		}
	}
	if (n > ARRAY_LEN(places) || !opt.src || !opt.tmp || !opt.file) {
		fputs(usage, stderr);
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	struct stat st;
	log_open("makedat", LOG_TO_STDERR, -1);
	read_arguments(argc, argv);
	mode_t mode = stat(opt.file, &st) == 0 ? st.st_mode & 0777 : 0644;
	struct table_build *b = table_build_begin(opt.tmp, TABLE_HASH, mode);
	if (!b)
		fail(opt.tmp);
	build(b);
	if (table_build_commit(b) < 0)
		fail(opt.tmp);
	if (file_rename(AT_FDCWD, opt.tmp, AT_FDCWD, opt.file) < 0)
		fail(opt.file);
	if (opt.hup)
		tell_daemon();
	return 0;
}
