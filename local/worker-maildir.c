#include "config.h"

#include "local/worker.h"
#include "maildir/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A batch of at least SYNCFS_FROM files is made durable by syncfs: one journal commit instead of
 * one per file.  It also writes what other programs have left unwritten on that file system, so
 * when it turns out slow, files are synced one by one for a while.
 */
enum { SYNCFS_FROM = 3, SYNCFS_SLOW_US = 20000, SYNCFS_PAUSE_MS = 30000 };

int mailbox_kind(struct job *j, const char *path)
{
	struct stat st;
	size_t n = strlen(path);
	const char *slash = strrchr(path, '/');
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode);
	if (errno != ENOENT)
		return -1;
	bool named_so = path[n - 1] == '/' || !strcmp(slash ? slash + 1 : path, "Maildir");
	if (!named_so && !j->default_delivery)
		return 0;
	return maildir_make(path, 0700) < 0 ? -1 : 1;
}

static int write_message(struct job *j, struct maildir_delivery *md)
{
	char chunk[32768];
	struct buf head;
	uint64_t at = 0;
	ssize_t got = 0;
	buf_init(&head, JOB_HEADER_MAX);
	job_header(j, &head);
	int r = head.failed ? -1 : maildir_deliver_write(md, head.p, head.n);
	buf_free(&head);
	if (r == 0 && j->msg.fd < 0)
		return maildir_deliver_write(md, j->msg.bytes.p, j->msg.bytes.n);
	while (r == 0 && (got = message_read(&j->msg, chunk, sizeof chunk, at)) > 0) {
		r = maildir_deliver_write(md, chunk, (size_t)got);
		at += (uint64_t)got;
	}
	return r < 0 || got < 0 ? -1 : 0;
}

int maildir_start(struct job *j, const char *dir, struct started *out)
{
	struct maildir_deliver_options o = {
	    .flags = MAILDIR_NO_SYNC, /* commit does it for all */
	    .size_hint = (int64_t)j->d->size,
	    .quota = j->d->quota.n ? arena_strz(j->a, j->d->quota) : NULL,
	};
	*out = (struct started){.id = j->id, .size = j->d->size};
	out->md = maildir_deliver_begin(dir, &o);
	if (!out->md)
		return errno;
	if (write_message(j, out->md) < 0 || maildir_deliver_prepare(out->md, NULL) < 0) {
		int saved = errno ? errno : EIO;
		maildir_deliver_abort(&out->md);
		return saved;
	}
	struct stat st;
	int fd = maildir_deliver_fd(out->md);
	if ((j->d->flags & WORKER_NO_SYNC) && fstat(fd, &st) == 0 && place_may_wait(fd)) {
		out->no_sync = true;
		out->device = st.st_dev;
	}
	/* The worker's folder changes with the next account. */
	if (dir[0] == '/') {
		out->dir = mem_strdup(dir);
	} else {
		char *home = realpath(".", NULL);
		if (!home) {
			int saved = errno;
			maildir_deliver_abort(&out->md);
			return saved;
		}
		out->dir = mem_printf("%s/%s", home, dir);
		free(home);
	}
	return 0;
}

static int64_t syncfs_rests_until;

static bool sync_file_system(int fd)
{
	int64_t before = clock_mono_us();
	if (syncfs(fd) < 0)
		return false;
	if (clock_mono_us() - before > SYNCFS_SLOW_US)
		syncfs_rests_until = clock_mono_ms() + SYNCFS_PAUSE_MS;
	return true;
}

static void drop(struct started *s)
{
	s->error = errno ? errno : EIO;
	maildir_deliver_abort(&s->md);
}

struct devices { /* that have been synced whole in this step */
	dev_t v[WORKER_BATCH];
	size_t n;
};

/* True when everything on fd's file system is on the disk.  False: it must be synced by itself; an
 * error of syncfs may be another file's, and one sync per file then says whose. */
static bool device_synced(struct devices *d, int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i] == st.st_dev)
			return true;
	if (!sync_file_system(fd))
		return false;
	d->v[d->n++] = st.st_dev;
	return true;
}

static void sync_contents(struct batch *b, bool together)
{
	struct devices d = {.n = 0};
	for (size_t i = 0; i < b->n; i++) {
		struct started *s = &b->item[i];
		if (s->no_sync || s->error)
			continue;
		int fd = maildir_deliver_fd(s->md);
		if (!(together && device_synced(&d, fd)) && file_sync_full(fd) < 0)
			drop(s);
	}
}

/* An earlier message of the batch in the same folder: its sync, which came after all renames, holds
 * for this one too, and so does its failure, which the kernel tells only once. */
static const struct started *twin(const struct batch *b, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!b->item[k].no_sync && (!b->item[k].error || b->item[k].name_lost) &&
		    !strcmp(b->item[k].dir, b->item[i].dir))
			return &b->item[k];
	return NULL;
}

static int sync_new(const char *dir, struct devices *d)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int r = d && device_synced(d, fd) ? 0 : file_sync_dir(fd, "new");
	int saved = errno;
	close(fd);
	errno = saved;
	return r;
}

static void sync_names(struct batch *b, bool together)
{
	struct devices d = {.n = 0};
	for (size_t i = 0; i < b->n; i++) {
		struct started *s = &b->item[i];
		if (s->no_sync || s->error)
			continue;
		const struct started *same = twin(b, i);
		if (same)
			s->error = same->error;
		else if (sync_new(s->dir, together ? &d : NULL) < 0)
			s->error = errno ? errno : EIO;
		/* What can't be synced stays visible: at worst it is delivered again. */
		s->name_lost = s->error != 0;
	}
}

static size_t to_sync(const struct batch *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		n += !b->item[i].no_sync;
	return n;
}

static void publish(struct started *s)
{
	struct buf name;
	buf_init(&name, MAILDIR_NAME_MAX + 1);
	if (maildir_deliver_finish(&s->md, &name) < 0)
		s->error = errno ? errno : EIO;
	else if (s->no_sync)
		s->place = place_text(s->dir, name.p);
	buf_free(&name);
}

void maildir_commit(struct batch *b)
{
	bool together = to_sync(b) >= SYNCFS_FROM && clock_mono_ms() >= syncfs_rests_until;
	sync_contents(b, together);
	for (size_t i = 0; i < b->n; i++)
		if (!b->item[i].error)
			publish(&b->item[i]);
	sync_names(b, together);
	for (size_t i = 0; i < b->n; i++) {
		b->done(b->ctx, &b->item[i]);
		free(b->item[i].dir);
		free(b->item[i].place);
	}
	b->n = 0;
}

static void remember(void *ctx, const struct started *s)
{
	*(int *)ctx = s->error;
}

int maildir_now(struct job *j, const char *dir)
{
	int error = 0;
	struct batch *one = mem_new(struct batch);
	one->done = remember;
	one->ctx = &error;
	error = maildir_start(j, dir, &one->item[0]);
	if (!error) {
		one->n = 1;
		one->item[0].no_sync = false; /* more instructions follow: there is no one place */
		maildir_commit(one);
	}
	free(one);
	return error;
}

enum verdict maildir_verdict(struct job *j, int error, const char *dir)
{
	if (error == 0) {
		warning_send(dir);
		return GO_ON;
	}
	errno = error;
	if (error == EDQUOT) {
		bool fails = (j->d->flags & WORKER_QUOTA_FAILS) != 0;
		return job_verdict(j, fails ? FAILED : DEFERRED, fails ? "5.2.2" : "4.2.2",
		    "the mailbox is over its quota");
	}
	return job_errno(j, "cannot deliver to", dir);
}
