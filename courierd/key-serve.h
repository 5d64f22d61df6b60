/* The key process's edges. */
#ifndef COURIERD_KEY_SERVE_H
#define COURIERD_KEY_SERVE_H

#include "courierd/key.h"

struct key_peer;
struct key_server {
	struct key_store store;
	unsigned char tickets[KEY_TICKETS]; /* shared by all processes of all services */
	struct key_peer *peers;
	uint64_t signatures;
};

/* Takes the descriptor over. */
void key_server_edge(struct key_server *s, struct loop *loop, const char *role, int fd);
/* Sends the pairs anew to the users of the components whose bits are set. */
void key_server_push(struct key_server *s, unsigned changed);
size_t key_server_peers(const struct key_server *s);

#endif
