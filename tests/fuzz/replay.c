/*
 * Runs a fuzz target over its corpus, without a fuzzer: what once was found is tested for ever.
 * The program replay-NAME takes tests/fuzz/corpus/NAME, or the files given.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void replay(int dir, const char *file)
{
	struct buf b;
	buf_init(&b, 16 << 20);
	if (file_read(dir, file, &b) < 0) {
		fprintf(stderr, "cannot read '%s'\n", file);
		exit(1);
	}
	uint8_t *exact = mem_alloc(b.n ? b.n : 1); /* so that a sanitizer sees its end */
	memcpy(exact, b.p, b.n);
	fprintf(stderr, "%s\n", file); /* the last one named is the one that failed */
	LLVMFuzzerTestOneInput(exact, b.n);
	free(exact);
	buf_free(&b);
}

static size_t replay_folder(const char *path)
{
	size_t n = 0;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		fprintf(stderr, "cannot open folder '%s'\n", path);
		exit(1);
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		replay(fd, e->d_name);
		n++;
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = strrchr(argv[0], '-');
	for (int i = 1; i < argc; i++)
		replay(AT_FDCWD, argv[i]);
	if (argc > 1)
		return 0;
	char *path =
	    mem_printf("%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", name ? name + 1 : "");
	size_t n = replay_folder(path);
	free(path);
	return n ? 0 : 1;
}
