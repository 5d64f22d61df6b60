#include "config.h"

#include "queue/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FOREIGN_REPORTED = 10 };

struct scan {
	int msgs_dir;
	struct queue_report *report;
	void (*fn)(void *ctx, uint64_t seq, int64_t next);
	void *ctx;
	size_t foreign;
};

static void foreign(struct scan *s, const char *folder, const char *name)
{
	if (s->report && s->foreign++ < FOREIGN_REPORTED)
		report_line(s->report, "'msgs/%s%s%s' does not belong to the queue and is ignored",
		    folder, folder[0] ? "/" : "", name);
}

/* A data file alone is what a crash between the file and its record leaves: nobody was told yes. */
static void orphan(struct scan *s, int dir, uint64_t seq, const char *name)
{
	char control[32];
	struct stat st;
	snprintf(control, sizeof control, "C%llu", (unsigned long long)seq);
	if (s->report && fstatat(dir, control, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
		file_unlink(dir, name);
}

static void entry(struct scan *s, int dir, const char *folder, const char *name)
{
	char letter, expected[STORE_NAME_SIZE], got[600];
	uint64_t seq;
	struct stat st;
	bool ours = store_parse_name(name, &letter, &seq);
	if (ours) {
		store_name(expected, letter, seq);
		snprintf(got, sizeof got, "%s/%s", folder, name);
		ours = strcmp(expected, got) == 0;
	}
	if (!ours || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode)) {
		foreign(s, folder, name);
		return;
	}
	if (letter == 'D')
		orphan(s, dir, seq, name);
	else if (s->fn)
		s->fn(s->ctx, seq, st.st_mtime);
}

static int scan_folder(struct scan *s, const char *folder)
{
	int fd = openat(s->msgs_dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	bool empty = true;
	for (struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
			empty = false;
			entry(s, fd, folder, e->d_name);
		}
	closedir(d);
	if (empty && s->report)
		unlinkat(s->msgs_dir, folder, AT_REMOVEDIR);
	return 0;
}

int store_scan(int msgs_dir, struct queue_report *report,
    void (*fn)(void *ctx, uint64_t seq, int64_t next), void *ctx)
{
	struct scan s = {.msgs_dir = msgs_dir, .report = report, .fn = fn, .ctx = ctx};
	int fd = openat(msgs_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return -1;
	int r = 0;
	for (struct dirent *e; !r && (e = readdir(d));) {
		uint64_t n;
		if (e->d_name[0] == '.')
			continue;
		if (!str_u64(str_of(e->d_name), &n) || n >= STORE_FOLDERS)
			foreign(&s, "", e->d_name);
		else
			r = scan_folder(&s, e->d_name);
	}
	closedir(d);
	if (report && s.foreign > FOREIGN_REPORTED)
		report_line(report, "%zu more files in msgs do not belong to the queue",
		    s.foreign - FOREIGN_REPORTED);
	return r;
}

void store_sweep(int tmp_dir)
{
	int fd = openat(tmp_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			file_unlink(tmp_dir, e->d_name);
	closedir(d);
}
