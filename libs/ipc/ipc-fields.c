/* Composing and reading of message bodies: mirror images of each other. */
#include "config.h"

#include "ipc/ipc-private.h"

static void put(struct ipc *c, const void *p, size_t n)
{
	buf_add(&c->out, p, n);
}

void ipc_compose(struct ipc *c, uint16_t type, uint32_t id)
{
	struct ipc_header h = {.magic = IPC_MAGIC, .type = type, .id = id};
	buf_clear(&c->out);
	put(c, &h, sizeof h);
}

void ipc_put_u8(struct ipc *c, uint8_t v)
{
	put(c, &v, sizeof v);
}

void ipc_put_u32(struct ipc *c, uint32_t v)
{
	put(c, &v, sizeof v);
}

void ipc_put_u64(struct ipc *c, uint64_t v)
{
	put(c, &v, sizeof v);
}

void ipc_put_str(struct ipc *c, struct str s)
{
	if (s.n > IPC_BODY_MAX) {
		c->out.failed = true;
		return;
	}
	ipc_put_u32(c, (uint32_t)s.n);
	put(c, s.p, s.n);
}

void ipc_put_z(struct ipc *c, const char *z)
{
	ipc_put_str(c, str_of(z));
}

void ipc_put_rest(struct ipc *c, struct str s)
{
	put(c, s.p, s.n);
}

void ipc_read(const struct ipc_msg *m, struct ipc_reader *r)
{
	*r = (struct ipc_reader){.left = m->body};
}

static bool take(struct ipc_reader *r, void *to, size_t n)
{
	if (r->bad || r->left.n < n) {
		r->bad = true;
		memset(to, 0, n);
		return false;
	}
	memcpy(to, r->left.p, n);
	r->left = str_skip(r->left, n);
	return true;
}

uint8_t ipc_get_u8(struct ipc_reader *r)
{
	uint8_t v;
	take(r, &v, sizeof v);
	return v;
}

uint32_t ipc_get_u32(struct ipc_reader *r)
{
	uint32_t v;
	take(r, &v, sizeof v);
	return v;
}

uint64_t ipc_get_u64(struct ipc_reader *r)
{
	uint64_t v;
	take(r, &v, sizeof v);
	return v;
}

struct str ipc_get_str(struct ipc_reader *r)
{
	uint32_t n = ipc_get_u32(r);
	if (r->bad || n > r->left.n) {
		r->bad = true;
		return STR_NONE;
	}
	struct str s = str_head(r->left, n);
	r->left = str_skip(r->left, n);
	return s;
}

struct str ipc_get_rest(struct ipc_reader *r)
{
	struct str s = r->bad ? STR_NONE : r->left;
	r->left = str_skip(r->left, r->left.n);
	return s;
}

bool ipc_done(const struct ipc_reader *r)
{
	return !r->bad && r->left.n == 0;
}

int ipc_take_fd(struct ipc_msg *m)
{
	int fd = m->fd;
	m->fd = -1;
	return fd;
}
