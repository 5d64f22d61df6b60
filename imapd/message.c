#include "config.h"

#include "imapd/message.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MESSAGE_ARENA_MAX = 256 << 20 };

void message_init(struct message *m, struct session *s)
{
	*m = (struct message){.s = s, .fd = -1, .arena = arena_new(MESSAGE_ARENA_MAX)};
	buf_init(&m->buffer, MESSAGE_MAP_FROM + MESSAGE_HEAD);
}

static void forget(struct message *m)
{
	if (m->map)
		munmap(m->map, (size_t)m->st.st_size);
	if (m->fd >= 0)
		close(m->fd);
	m->map = NULL;
	m->fd = -1;
	m->text = STR_NONE;
	m->whole = m->parsed = false;
	buf_clear(&m->buffer);
	arena_reset(m->arena);
}

void message_free(struct message *m)
{
	forget(m);
	buf_free(&m->buffer);
	arena_free(m->arena);
}

void message_start(struct message *m, size_t index)
{
	forget(m);
	m->index = index;
}

static int open_it(struct message *m)
{
	if (m->fd >= 0)
		return 0;
	m->fd = maildir_folder_open_msg(m->s->box->f, m->index);
	if (m->fd < 0)
		return -1;
	return fstat(m->fd, &m->st);
}

int message_stat(struct message *m)
{
	if (m->fd >= 0)
		return 0;
	return maildir_folder_stat_msg(m->s->box->f, m->index, &m->st);
}

static int read_up_to(struct message *m, size_t n)
{
	while (m->buffer.n < n) {
		char *to = buf_reserve(&m->buffer, n - m->buffer.n);
		ssize_t got = to ? pread(m->fd, to, n - m->buffer.n, (off_t)m->buffer.n) : -1;
		if (got < 0 && to && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		m->buffer.n += (size_t)got;
	}
	m->text = buf_str(&m->buffer);
	m->whole = m->buffer.n >= (size_t)m->st.st_size || m->buffer.n < n;
	return 0;
}

int message_all(struct message *m)
{
	if (open_it(m) < 0)
		return -1;
	if (m->whole)
		return 0;
	if (m->st.st_size <= MESSAGE_MAP_FROM)
		return read_up_to(m, (size_t)m->st.st_size);
	void *p = mmap(NULL, (size_t)m->st.st_size, PROT_READ, MAP_PRIVATE, m->fd, 0);
	if (p == MAP_FAILED)
		return -1;
	m->map = p;
	m->text = str_at(p, (size_t)m->st.st_size);
	m->whole = true;
	return 0;
}

int message_header(struct message *m, struct str *block)
{
	size_t body, n;
	if (open_it(m) < 0)
		return -1;
	if (!m->whole && m->text.n == 0 && read_up_to(m, MESSAGE_HEAD) < 0)
		return -1;
	n = header_length(m->text, &body);
	if (!m->whole && body >= m->text.n) { /* no empty line yet */
		if (message_all(m) < 0)
			return -1;
		n = header_length(m->text, &body);
	}
	*block = str_head(m->text, n);
	return 0;
}

const struct mime_part *message_mime(struct message *m)
{
	if (message_all(m) < 0)
		return NULL;
	if (!m->parsed && mime_parse(m->arena, m->text, &mime_default_limits, &m->mime) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	m->parsed = true;
	return m->mime.root;
}

uint64_t message_size(const struct message *m)
{
	return crlf_size(m->text);
}
