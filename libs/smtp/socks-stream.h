/* SOCKS (socks.h) with a proxy at the other end of a stream. */
#ifndef COURIER_SMTP_SOCKS_STREAM_H
#define COURIER_SMTP_SOCKS_STREAM_H

#include "event/event.h"
#include "smtp/socks.h"

void socks_stream_begin(struct socks *s, const struct socks_proxy *p,
    const struct sockaddr_storage *to, struct stream *st);
/* What has come in; as socks_feed. */
int socks_stream_feed(struct socks *s, struct stream *st, const char **why);

#endif
