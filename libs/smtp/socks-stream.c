#include "config.h"

#include "smtp/socks-stream.h"

void socks_stream_begin(struct socks *s, const struct socks_proxy *p,
    const struct sockaddr_storage *to, struct stream *st)
{
	struct buf out;
	buf_init(&out, SOCKS_OUT_MAX);
	socks_begin(s, p, to, &out);
	stream_put(st, buf_str(&out));
	buf_free(&out);
}

int socks_stream_feed(struct socks *s, struct stream *st, const char **why)
{
	struct buf out;
	size_t used;
	buf_init(&out, SOCKS_OUT_MAX);
	int r = socks_feed(s, stream_input(st), &used, &out, why);
	stream_consume(st, used);
	if (out.n)
		stream_put(st, buf_str(&out));
	mem_wipe(out.p, out.n); /* a password may have been in it */
	buf_free(&out);
	return r;
}
