/* The blocking client: the same frames over the socket var/run/submit, one transaction. */
#include "gate/gate-proto.h"
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct gate_sync {
	struct ipc *ipc;
	struct buf body;
	char *held; /* memory of the last reply */
};

enum { TXN = 1, ANSWER_MS = 10 * 60 * 1000 };

static int dial(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(sa.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

static int say(struct gate_sync *g, uint16_t type)
{
	if (g->body.failed) {
		errno = EMSGSIZE;
		return -1;
	}
	ipc_compose(g->ipc, type, TXN);
	ipc_put_rest(g->ipc, buf_str(&g->body));
	return ipc_send(g->ipc, -1);
}

static struct buf *fresh(struct gate_sync *g)
{
	buf_clear(&g->body);
	return &g->body;
}

/* The next frame of that type, with its body kept until the next call. */
static int hear(struct gate_sync *g, uint16_t type, struct str *body)
{
	struct ipc_msg m;
	int n = ipc_recv(g->ipc, &m, ANSWER_MS);
	if (n == 0)
		errno = EPIPE;
	if (n <= 0)
		return -1;
	if (m.type != type || m.id != TXN) {
		errno = EPROTO;
		return -1;
	}
	free(g->held);
	g->held = mem_strndup(m.body.p ? m.body.p : "", m.body.n);
	*body = str_at(g->held, m.body.n);
	return 0;
}

static int ask(struct gate_sync *g, uint16_t type, struct gate_reply *r)
{
	struct str body;
	if (say(g, type) < 0 || hear(g, GATE_REPLY, &body) < 0)
		return -1;
	if (!gate_decode_reply(body, r)) {
		errno = EPROTO;
		return -1;
	}
	return 0;
}

struct gate_sync *gate_sync_open_policy(
    const struct instance *in, const struct gate_origin *o, struct gate_policy *p)
{
	char *path = instance_path(in->run, "submit");
	int fd = dial(path);
	free(path);
	if (fd < 0)
		return NULL;
	struct gate_sync *g = mem_new(struct gate_sync);
	buf_init(&g->body, GATE_FRAME_MAX);
	g->ipc = ipc_new(NULL, fd, NULL, NULL);
	struct str body;
	if (!g->ipc || !gate_encode_open(fresh(g), o) || say(g, GATE_OPEN) < 0 ||
	    hear(g, GATE_POLICY, &body) < 0 || !gate_decode_policy(body, p)) {
		gate_sync_close(g);
		errno = ECONNREFUSED;
		return NULL;
	}
	return g;
}

struct gate_sync *gate_sync_open(const struct instance *in, const struct gate_origin *o)
{
	struct gate_policy p;
	struct gate_sync *g = gate_sync_open_policy(in, o, &p);
	if (!g || !p.deny)
		return g;
	gate_sync_close(g);
	errno = ECONNREFUSED;
	return NULL;
}

void gate_sync_close(struct gate_sync *g)
{
	if (!g)
		return;
	ipc_free(g->ipc);
	buf_free(&g->body);
	free(g->held);
	free(g);
}

int gate_sync_mail(struct gate_sync *g, const struct gate_mail *m, struct gate_reply *r)
{
	gate_encode_mail(fresh(g), m);
	return ask(g, GATE_MAIL, r);
}

int gate_sync_rcpt(struct gate_sync *g, const struct gate_rcpt *rcpt, struct gate_reply *r)
{
	gate_encode_rcpt(fresh(g), rcpt);
	return ask(g, GATE_RCPT, r);
}

int gate_sync_vrfy(struct gate_sync *g, struct str address, bool expand, struct gate_reply *r)
{
	gate_encode_vrfy(fresh(g), address, expand);
	return ask(g, GATE_VRFY, r);
}

int gate_sync_data(struct gate_sync *g, struct str chunk)
{
	while (chunk.n) {
		ipc_compose(g->ipc, GATE_DATA, TXN);
		ipc_put_rest(g->ipc, str_head(chunk, IPC_CHUNK));
		if (ipc_send(g->ipc, -1) < 0)
			return -1;
		chunk = str_skip(chunk, IPC_CHUNK);
	}
	return 0;
}

int gate_sync_end(struct gate_sync *g, struct gate_reply *r)
{
	fresh(g);
	return ask(g, GATE_END, r);
}

int gate_sync_reset(struct gate_sync *g)
{
	fresh(g);
	return say(g, GATE_RESET);
}
