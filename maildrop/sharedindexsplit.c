/* sharedindexsplit: makes an index of shared folders into several, by name or by group. */
#include "config.h"

#include "base/base.h"
#include "base/map.h"
#include "unicode/unicode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIELDS = 6, LETTERS_MAX = 16, KEY_MAX = 128 };

static const char *folder;
static uint64_t letters; /* 0: by the option sharedgroup */
static struct map *made; /* names of files; the value says nothing */
static FILE *file;       /* that of the last line: lines come sorted, as a rule */
static char *file_name;

static _Noreturn void fail(const char *what, const char *name)
{
	fprintf(stderr, "sharedindexsplit: %s '%s/%s': %s\n", what, folder, name, strerror(errno));
	exit(1);
}

static _Noreturn void refuse(size_t line, const char *why)
{
	fprintf(stderr, "sharedindexsplit: line %zu %s: nothing of it is of use, start anew\n",
	    line, why);
	exit(1);
}

static void finish(void)
{
	if (file && (fflush(file) != 0 || fclose(file) != 0))
		fail("cannot write", file_name);
	file = NULL;
}

/* The first time a file must not be there. */
static void choose(const char *name)
{
	bool fresh = !map_get(made, str_of(name));
	if (file && !strcmp(file_name, name))
		return;
	finish();
	char *path = mem_printf("%s/%s", folder, name);
	int fd = open(
	    path, O_WRONLY | O_APPEND | O_CLOEXEC | (fresh ? O_CREAT | O_EXCL : O_NOFOLLOW), 0644);
	file = fd < 0 ? NULL : fdopen(fd, "a");
	if (!file)
		fail(fresh ? "cannot make" : "cannot open", name);
	free(path);
	free(file_name);
	file_name = mem_strdup(name);
	if (fresh)
		map_set(made, str_of(name), made);
}

/* The first letters of a name; what cannot stand in the name of a file is "_", like what is
 * missing. */
static void initials(struct str name, struct buf *key)
{
	for (uint64_t i = 0; i < letters; i++) {
		uint32_t cp;
		size_t n = utf8_next(name, &cp);
		if (!n && name.n)
			n = 1;
		bool plain =
		    n > 1 || (n == 1 && name.p[0] > ' ' && name.p[0] != '/' && name.p[0] != 127);
		if (plain)
			buf_adds(key, str_head(name, n));
		else
			buf_addc(key, '_');
		name = str_skip(name, n);
	}
}

static bool group_of(struct str options, struct buf *key)
{
	struct str option, name;
	while (options.n && str_split(&options, ',', &option))
		if (str_split(&option, '=', &name) && str_is(name, "sharedgroup"))
			buf_adds(key, option);
	return str_chr(buf_str(key), '/') < 0 && !str_has_ctl(buf_str(key)) && !key->failed;
}

static void put(const struct str *field)
{
	for (size_t i = 0; i < FIELDS - 1; i++)
		fprintf(file, "%s%.*s", i ? "\t" : "", STR_FMT(field[i]));
	putc('\n', file);
	if (ferror(file))
		fail("cannot write", file_name);
}

static void one_line(size_t number, struct str line)
{
	struct str field[FIELDS] = {0};
	struct buf key;
	size_t n = 0;
	if (!str_trim(line).n || line.p[0] == '#')
		return;
	while (n < FIELDS && line.n && str_split(&line, '\t', &field[n]))
		n++;
	if (n < 4 || !field[0].n || str_is(field[1], "*"))
		refuse(number, "is no account");
	buf_init(&key, KEY_MAX);
	if (letters)
		initials(field[0], &key);
	else if (!group_of(field[5], &key))
		refuse(number, "has a sharedgroup that cannot be part of a file's name");
	char *name = mem_printf("index%.*s", STR_FMT(buf_str(&key)));
	if (letters && !map_get(made, str_of(name))) {
		choose("index");
		fprintf(file, "%.*s\t*\t%s\n", STR_FMT(buf_str(&key)), name);
	}
	choose(name);
	put(field);
	free(name);
	buf_free(&key);
}

static void split(void)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	for (size_t number = 1; (n = getline(&line, &room, stdin)) >= 0; number++) {
		if (memchr(line, '\0', (size_t)n))
			refuse(number, "has a NUL byte");
		one_line(number, str_head(str_of(line), (size_t)n - (line[n - 1] == '\n')));
	}
	if (ferror(stdin)) {
		fprintf(stderr, "sharedindexsplit: cannot read the index: %s\n", strerror(errno));
		exit(1);
	}
	finish();
	free(line);
}

int main(int argc, char **argv)
{
	bool good = argc == 2 || argc == 3;
	if (argc == 3)
		good = str_u64(str_of(argv[2]), &letters) && letters >= 1 && letters <= LETTERS_MAX;
	if (!good) {
		fprintf(stderr, "usage: sharedindexsplit DIR [NUMBER]   (1 to %d letters)\n",
		    LETTERS_MAX);
		return 1;
	}
	folder = argv[1];
	made = map_new();
	umask(022);
	split();
	map_free(made, NULL);
	return 0;
}
