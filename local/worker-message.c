#include "config.h"

#include "local/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void message_init(struct message *m, const struct worker_delivery *d, int fd)
{
	*m = (struct message){
	    .bytes = fd < 0 ? str_at(d->body.p ? d->body.p : "", d->body.n) : STR_NONE,
	    .fd = fd,
	    .copy = -1,
	    .size = d->size};
}

void message_release(struct message *m)
{
	if (m->copy >= 0)
		close(m->copy);
	m->copy = -1;
}

ssize_t message_read(struct message *m, void *p, size_t n, uint64_t at)
{
	if (at >= m->size)
		return 0;
	if (n > m->size - at)
		n = (size_t)(m->size - at);
	if (m->fd < 0) {
		memcpy(p, m->bytes.p + at, n);
		return (ssize_t)n;
	}
	ssize_t got = pread(m->fd, p, n, (off_t)at);
	if (got == 0) /* shorter than announced: half a message is none */
		errno = EIO;
	return got == 0 ? -1 : got;
}

static int make_copy(struct message *m)
{
	m->copy = memfd_create("message", MFD_CLOEXEC);
	if (m->copy < 0)
		return -1;
	if (file_write_all(m->copy, m->bytes.p, m->bytes.n) == 0)
		return 0;
	message_release(m);
	return -1;
}

int message_stdin(struct message *m)
{
	if (m->fd < 0 && m->copy < 0 && make_copy(m) < 0)
		return -1;
	int fd = m->fd < 0 ? m->copy : m->fd;
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : fd;
}

bool header_delivered_to(struct str head, struct str address)
{
	static const struct str name = STR_INIT("Delivered-To:");
	struct str line;
	while (head.n && str_split(&head, '\n', &line)) {
		if (!line.n || str_is(line, "\r"))
			return false;
		if (str_istarts(line, name) && str_ieq(str_trim(str_skip(line, name.n)), address))
			return true;
	}
	return false;
}

/* Looks only at what came after `seen`. */
static bool has_end(struct str head, size_t seen)
{
	return str_starts(head, STR("\n")) ||
	       str_find(str_skip(head, seen ? seen - 1 : 0), STR("\n\n")) >= 0;
}

int message_loops(struct message *m, struct str address)
{
	struct buf head;
	size_t seen = 0;
	ssize_t got = 1;
	if (m->fd < 0)
		return header_delivered_to(m->bytes, address);
	buf_init(&head, WORKER_HEAD_MAX);
	while (head.n < m->size && !has_end(buf_str(&head), seen)) {
		char *to = buf_reserve(&head, 16384);
		if (!to)
			break;
		got = message_read(m, to, 16384, head.n);
		if (got <= 0)
			break;
		seen = head.n;
		head.n += (size_t)got;
	}
	int r = got < 0 ? -1 : header_delivered_to(buf_str(&head), address);
	buf_free(&head);
	return r;
}
