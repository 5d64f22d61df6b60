#include "config.h"

#include "submit/filter-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SLICE = 1024 * 1024, /* bytes copied before others get their turn */
	PIECE = 64 * 1024,
	FOLDER_SECONDS = 10000,
	LEFT_FOLDERS = 9, /* a little more than a day */
	MAKE_TRIES = 5,
};

struct filter_files {
	struct gate_process *gate;
	const struct spool *spool;
	char *folder, *data, *control; /* paths */
	int from, to;                  /* the copy under way; to -1: ended */
	int first;                     /* the first control file, until it is written */
	off_t at;
	size_t controls;
	struct timer *timer;
	void (*done)(void *ctx, enum reply_id id);
	void *ctx;
};

static char *top_folder(const struct gate_process *g)
{
	return instance_path(service_instance(g->service)->var, "tmp");
}

/* A name that no other message has; others may remove the folder while it is empty. */
static int make_control(struct filter_files *f)
{
	static uint32_t last;
	int64_t now = clock_now();
	char *top = top_folder(f->gate);
	f->folder = mem_printf("%s/%lld", top, (long long)(now / FOLDER_SECONDS));
	f->control = mem_printf("%s/%lld.%d%05u.%.*s", f->folder, (long long)now, (int)getpid(),
	    last++ % 100000, STR_FMT(f->gate->policy->names.me));
	int fd = -1;
	for (int i = 0; fd < 0 && i < MAKE_TRIES; i++) {
		if (mkdir(f->folder, 0750) == 0 && chmod(f->folder, 0750) < 0)
			break;
		fd = file_create(-1, f->control, 0660);
		if (fd < 0 && errno != ENOENT)
			break;
	}
	free(top);
	return fd;
}

static int open_files(struct filter_files *f)
{
	struct stat st;
	f->first = make_control(f);
	if (f->first < 0 || fchmod(f->first, 0660) < 0 || fstat(f->first, &st) < 0)
		return -1;
	char *data = mem_printf("%s/D%llu", f->folder, (unsigned long long)st.st_ino);
	f->to = file_create(-1, data, 0640);
	if (f->to < 0) {
		int saved = errno;
		free(data);
		errno = saved;
		return -1;
	}
	f->data = data;
	return fchmod(f->to, 0640);
}

static enum reply_id fault(const char *what, const char *path)
{
	int saved = errno;
	log_error(NULL, "cannot %s '%s' for filters: %m", what, path);
	return saved == ENOSPC || saved == EDQUOT ? REPLY_DISK_FULL : REPLY_FILTER_DOWN;
}

static void copy_ended(struct filter_files *f, enum reply_id id)
{
	close(f->to);
	f->to = -1;
	f->done(f->ctx, id);
}

/* 1 more to come, 0 all there, -1 errno. */
static int copy_slice(struct filter_files *f)
{
	char piece[PIECE];
	for (size_t n = 0; n < SLICE;) {
		ssize_t got = pread(f->from, piece, sizeof piece, f->at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		if (file_write_all(f->to, piece, (size_t)got) < 0)
			return -1;
		f->at += got;
		n += (size_t)got;
	}
	return 1;
}

static void on_turn(void *ctx)
{
	struct filter_files *f = ctx;
	const struct spool *s = f->spool;
	int more;
	if (s->fd < 0)
		more = file_write_all(f->to, s->done.p, s->done.n);
	else
		more = copy_slice(f);
	if (more > 0)
		timer_set(f->timer, 0);
	else
		copy_ended(f, more < 0 ? fault("write", f->data) : REPLY_OK);
}

struct filter_files *filter_files_new(struct gate_process *g, const struct spool *s,
    void (*done)(void *ctx, enum reply_id id), void *ctx)
{
	struct filter_files *f = mem_new(struct filter_files);
	*f = (struct filter_files){
	    .gate = g, .spool = s, .from = s->fd, .to = -1, .first = -1, .done = done, .ctx = ctx};
	f->timer = timer_new(service_loop(g->service), on_turn, f);
	if (open_files(f) < 0 || !f->timer) {
		fault("make", f->folder);
		filter_files_free(f);
		return NULL;
	}
	timer_set(f->timer, 0);
	return f;
}

static void remove_file(const char *path)
{
	if (unlink(path) < 0 && errno != ENOENT)
		log_warning(NULL, "cannot remove '%s': %m", path);
}

void filter_files_free(struct filter_files *f)
{
	if (!f)
		return;
	timer_free(f->timer);
	if (f->to >= 0)
		close(f->to);
	if (f->first >= 0)
		close(f->first);
	if (f->data)
		remove_file(f->data);
	if (f->control)
		remove_file(f->control);
	for (size_t i = 1; i < f->controls; i++) {
		char *path = filter_files_control_path(f, i);
		remove_file(path);
		free(path);
	}
	free(f->folder);
	free(f->data);
	free(f->control);
	free(f);
}

const char *filter_files_data(const struct filter_files *f)
{
	return f->data;
}

int filter_files_open(const struct filter_files *f)
{
	return file_open_read(-1, f->data);
}

char *filter_files_control_path(const struct filter_files *f, size_t i)
{
	return i ? mem_printf("%s.%zu", f->control, i) : mem_strdup(f->control);
}

size_t filter_files_controls(const struct filter_files *f)
{
	return f->controls;
}

int filter_files_control(struct filter_files *f, struct str text)
{
	char *path = filter_files_control_path(f, f->controls);
	int fd = f->controls ? file_create(-1, path, 0660) : f->first;
	int r = fd < 0 || fchmod(fd, 0660) < 0 ? -1 : file_write_all(fd, text.p, text.n);
	if (r < 0)
		fault("write", path);
	if (fd >= 0)
		close(fd);
	f->first = -1;
	f->controls++;
	free(path);
	return r;
}

int filter_files_read(const struct filter_files *f, size_t i, struct buf *out)
{
	char *path = filter_files_control_path(f, i);
	int r = file_read(-1, path, out);
	free(path);
	return r;
}

/* ---- what is left ---------------------------------------------------------------------------- */

static void sweep_folder(int top, const char *name)
{
	int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && unlinkat(fd, e->d_name, 0) == 0)
			log_warning(
			    NULL, "removed '%s/%s', which a crash has left", name, e->d_name);
	closedir(d);
}

void filter_files_sweep(struct gate_process *g)
{
	char *path = top_folder(g);
	DIR *d = opendir(path);
	uint64_t number, now = (uint64_t)(clock_now() / FOLDER_SECONDS);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		if (!str_u64(str_of(e->d_name), &number) || number >= now)
			continue;
		if (number + LEFT_FOLDERS < now)
			sweep_folder(dirfd(d), e->d_name);
		unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR); /* when it is empty */
	}
	if (d)
		closedir(d);
	free(path);
}
