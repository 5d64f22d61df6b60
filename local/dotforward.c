/*
 * dotforward: for "||" instructions: prints what ~/.forward says as .courier instructions.  Ends
 * with 99, so that nothing else is done; or with 0 when the account itself is named there, or
 * there is nobody to forward to.
 */
#include "config.h"

#include "local/forward-file.h"
#include "rfc822/rfc822.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GO_ON = 0, STOP = 99, TEMPORARY = 75, ARENA_MAX = 8 * 1024 * 1024 };

static int fail(const char *path, const char *why)
{
	fprintf(stderr, "dotforward: '%s' %s\n", path, why);
	return TEMPORARY;
}

/* A header that is longer is looked at in part; the mail server's own check for loops is left. */
static int read_header(struct buf *out)
{
	char chunk[16384];
	ssize_t n;
	size_t body = 0;
	while ((n = read(0, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!buf_add(out, chunk, (size_t)n))
			break;
		if (header_length(buf_str(out), &body) < out->n && body < out->n)
			break;
	}
	out->n = header_length(buf_str(out), NULL);
	return 0;
}

/* Nobody but the user may have written what runs programs in the user's name. */
static const char *distrust(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "is no file";
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return "may be written by others than its user";
	return st.st_uid == geteuid() || st.st_uid == 0 ? NULL : "belongs to somebody else";
}

/* 1 read, 0 there is none, -1 *why. */
static int read_forward(const char *path, struct buf *out, const char **why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	*why = fd < 0 ? strerror(errno) : distrust(fd);
	if (!*why && file_read_fd(fd, out) < 0)
		*why = strerror(errno);
	if (fd >= 0)
		close(fd);
	return *why ? -1 : 1;
}

static int convert(const char *path, struct str file, struct str header)
{
	struct str line = str_of(getenv("DTLINE") ? getenv("DTLINE") : ""), name;
	struct forward_facts facts = {.header = header};
	struct arena *a = arena_new(ARENA_MAX);
	struct buf out;
	bool own;
	if (str_split(&line, ':', &name))
		facts.own = str_trim(line);
	buf_init(&out, FORWARD_FILE_MAX * 2);
	const char *fault = a ? forward_convert(file, &facts, a, &out, &own) : "is too large";
	if (!fault && file_write_all(1, out.p, out.n) < 0)
		fault = strerror(errno);
	int code = fault ? fail(path, fault) : own || !out.n ? GO_ON : STOP;
	buf_free(&out);
	arena_free(a);
	return code;
}

int main(int argc, char **argv UNUSED)
{
	const char *home = getenv("HOME"), *why = NULL;
	struct buf file, header;
	if (argc != 1 || !home) {
		fprintf(stderr, "usage: dotforward (run by a \"||\" instruction, HOME set)\n");
		return TEMPORARY;
	}
	buf_init(&file, FORWARD_FILE_MAX);
	buf_init(&header, FORWARD_HEADER_MAX);
	char *path = mem_printf("%s/.forward", home);
	int code = GO_ON, found = read_forward(path, &file, &why);
	if (found < 0)
		code = fail(path, why);
	else if (found && read_header(&header) < 0)
		code = fail("the message", strerror(errno));
	else if (found)
		code = convert(path, buf_str(&file), buf_str(&header));
	free(path);
	buf_free(&file);
	buf_free(&header);
	return code;
}
