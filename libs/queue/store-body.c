/* Reading bodies; the gate's temporary files; what cannot be read. */
#include "config.h"

#include "queue/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int open_data(struct store *s, uint64_t seq)
{
	char name[STORE_NAME_SIZE];
	store_name(name, 'D', seq);
	return file_open_read(s->msgs_dir, name);
}

static int body_of_file(struct store *s, uint64_t seq, size_t max, struct buf *out)
{
	struct stat st;
	int fd = open_data(s, seq);
	if (fd < 0)
		return -1;
	int r = -1;
	if (fstat(fd, &st) == 0) {
		r = 0;
		if ((uint64_t)st.st_size <= max)
			r = file_read_fd(fd, out) ? -1 : 1;
	}
	int e = errno;
	close(fd);
	errno = e;
	return r;
}

int store_body(struct queue *q, uint64_t seq, size_t max, struct buf *out)
{
	struct store *s = (struct store *)q;
	struct stored *m = store_get(s, seq);
	if (!m || m->datafile || m->state == STORED_FILE)
		return body_of_file(s, seq, max, out);
	if (m->body_n > max)
		return 0;
	char *p = buf_reserve(out, m->body_n);
	if (!p) {
		errno = ENOMEM;
		return -1;
	}
	if (file_pread_all(segment_fd(m->segment), p, m->body_n, (off_t)(m->at + m->control_n)))
		return -1;
	out->n += m->body_n;
	out->p[out->n] = 0;
	return 1;
}

int store_body_fd(struct queue *q, uint64_t seq)
{
	struct store *s = (struct store *)q;
	struct stored *m = store_get(s, seq);
	if (!m || m->datafile || m->state == STORED_FILE)
		return open_data(s, seq);
	struct buf b;
	buf_init(&b, (size_t)m->body_n + 1);
	int fd = store_body(q, seq, m->body_n, &b) == 1 ? memfd_create("message", MFD_CLOEXEC) : -1;
	if (fd >= 0 && (file_write_all(fd, b.p, b.n) || lseek(fd, 0, SEEK_SET))) {
		close(fd);
		fd = -1;
	}
	buf_free(&b);
	return fd;
}

int store_tmpfile(struct queue *q, char *name, size_t size)
{
	struct store *s = (struct store *)q;
	snprintf(name, size, "%llx.%llx", (unsigned long long)s->next_seq,
	    (unsigned long long)++s->tmp_count);
	return file_create(s->tmp_dir, name, 0600);
}

void store_tmpdrop(struct queue *q, const char *name)
{
	struct store *s = (struct store *)q;
	if (!strchr(name, '/') && name[0] && name[0] != '.')
		file_unlink(s->tmp_dir, name);
}

void store_broken(struct queue *q, uint64_t seq)
{
	struct store *s = (struct store *)q;
	char from[STORE_NAME_SIZE], to[STORE_NAME_SIZE + 16];
	mkdirat(s->dir, "broken", 0700);
	for (const char *letter = "CD"; *letter; letter++) {
		store_name(from, *letter, seq);
		snprintf(to, sizeof to, "broken/%c%llu", *letter, (unsigned long long)seq);
		file_rename(s->msgs_dir, from, s->dir, to);
	}
	struct stored *m = store_get(s, seq);
	if (m && m->state == STORED_FILE && !m->appends)
		store_forget(s, m);
}
